// SPDX-License-Identifier: BSD-3-Clause
// The dataplane, as the control plane sees it: start, stop, publish, counters.
//
// One dataplane a process (EAL is a process-wide thing). Every function here is called by the one
// control thread only, and never by an lcore. What lcores write is read here without stopping them.
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "base/histogram.h"
#include "dataplane/wire.h"
#include "infer/infer.h"

#include <stdbool.h>
#include <stdint.h>

// Everything that can become of a packet that gets no reply, by name.
// X(DROP, "name", "what it means")
#define DROP_LIST(X)                                                                               \
	X(DROP_NOT_OUR_MAC, "not_our_mac", "destination MAC is another's")                         \
	X(DROP_NOT_OUR_ADDRESS, "not_our_address", "destination address is another's")             \
	X(DROP_NOT_HANDLED, "not_handled", "an ethertype, protocol or port nobody here serves")    \
	X(DROP_TRUNCATED, "truncated", "shorter than its own headers say")                         \
	X(DROP_BAD_IP_HEADER, "bad_ip_header", "IP version, header length or total length wrong")  \
	X(DROP_BAD_IP_CHECKSUM, "bad_ip_checksum", "IPv4 header checksum wrong")                   \
	X(DROP_BAD_UDP_LENGTH, "bad_udp_length", "UDP length does not fit the packet")             \
	X(DROP_BAD_L4_CHECKSUM, "bad_l4_checksum", "UDP, ICMP or ICMPv6 checksum wrong")           \
	X(DROP_FRAGMENT, "fragment", "an IP fragment")                                             \
	X(DROP_BAD_SOURCE_ADDRESS, "bad_source_address",                                           \
		"source is broadcast, multicast, loopback, zero or our own")                       \
	X(DROP_BAD_SOURCE_PORT, "bad_source_port", "source port 0 or our service port")            \
	X(DROP_SHORT_HEADER, "short_header", "UDP payload shorter than the 32-byte header")        \
	X(DROP_BAD_MAGIC, "bad_magic", "first two bytes are not 4D 4C")                            \
	X(DROP_BAD_VERSION, "bad_version", "protocol version is not 1")                            \
	X(DROP_RESERVED_NOT_ZERO, "reserved_not_zero", "a reserved field or flag is not zero")     \
	X(DROP_BAD_NEIGHBOUR, "bad_neighbour",                                                     \
		"ARP or neighbour solicitation that is malformed or not for us")                   \
	X(DROP_BAD_ICMP, "bad_icmp", "ICMP that is malformed or not an echo request")              \
	X(DROP_TOO_LONG, "too_long", "longer than the port's MTU, or in several segments")         \
	X(DROP_TX_FULL, "tx_full", "reply made, but the NIC's transmit queue stayed full")         \
	X(DROP_STOPPING, "stopping", "still queued when the dataplane stopped")

enum drop {
#define X(drop, name, text) drop,
	DROP_LIST(X)
#undef X
		DROP_COUNT
};
const char *drop_name(enum drop drop);
const char *drop_text(enum drop drop);

struct dataplane;

// Initialises EAL, mempools, ports, rings and lcores, and starts polling. Slots start empty.
// On failure everything begun is undone. -ENODEV, -EINVAL, -ENOMEM with a sentence.
int dataplane_start(const struct config *config, struct dataplane **out, struct error *err);
// Answers NOT_READY to new requests until stopped; what is queued is still scored.
void dataplane_drain(struct dataplane *dp);
bool dataplane_drained(const struct dataplane *dp); // nothing queued between stages any more
// Joins the lcores, frees models, ports and EAL. NULL is fine.
void dataplane_stop(struct dataplane *dp);

// --- Deployments --------------------------------------------------------------------------------

struct deployment_request {
	uint16_t id;         // on the wire, 1..65535
	const char *name;    // model's name
	uint16_t version;    // the live one, 1..65535
	struct model *model; // handed over: the dataplane closes it after quiescence
};
// Builds a new deployment (warms it on this thread, checks the golden rows, checks that its scratch
// fits) and publishes it by one pointer. On error nothing has changed and the caller still owns the
// model. A name already published under another id is refused, and so is an id another name holds.
int dataplane_publish(
	struct dataplane *dp, const struct deployment_request *request, struct error *err);
// Takes a slot out of service: requests get NO_MODEL. -ENOENT where there is none.
int dataplane_retire(struct dataplane *dp, uint16_t id, struct error *err);
// An id without a deployment answers NOT_READY instead of NO_MODEL while its model is being loaded.
// At start that holds for every model in the configuration; publish and retire end it.
void dataplane_loading(struct dataplane *dp, uint16_t id, bool loading);
// Frees what has become unreachable and is past its grace period. Call now and then (100 ms).
void dataplane_reclaim(struct dataplane *dp);

// --- What is going on ---------------------------------------------------------------------------

struct dataplane_counters { // of one lcore; every packet received lands in exactly one of: replied,
			    // drops
	uint64_t received;
	uint64_t received_bytes;
	uint64_t replied; // handed to the NIC, of every kind
	uint64_t replied_bytes;
	uint64_t status[WIRE_STATUS_COUNT]; // RESULTs sent, by status
	uint64_t pongs;
	uint64_t neighbour_replies; // ARP and NDP
	uint64_t icmp_replies;
	uint64_t drops[DROP_COUNT];
	uint64_t rows_scored;
	uint64_t bursts;       // that held at least one packet
	uint64_t busy_cycles;  // TSC cycles in iterations that had work
	uint64_t total_cycles; // TSC cycles since start
	uint64_t sleeps;
	uint64_t ring_full; // requests shed with BUSY because a worker's ring was full
};

enum lcore_role { LCORE_IO, LCORE_WORKER, LCORE_COMPLETE };
const char *lcore_role_name(enum lcore_role role); // "io", "worker", "run-to-completion"

struct lcore_info {
	uint32_t cpu;
	enum lcore_role role;
	struct dataplane_counters counters;
};
uint32_t dataplane_n_lcores(const struct dataplane *dp);
void dataplane_lcore(const struct dataplane *dp, uint32_t index, struct lcore_info *info);
// Sum over all lcores.
void dataplane_counters(const struct dataplane *dp, struct dataplane_counters *sum);

struct port_info {
	const char *name, *device, *driver;
	uint8_t mac[6];
	bool link_up;
	uint32_t link_mbps; // 0: unknown
	uint16_t mtu, udp_port, rx_queues, tx_queues;
	bool rx_checksum_offload, tx_checksum_offload;
	const struct config_port *config;                    // addresses
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; // that lcores took and sent
	uint64_t rx_missed, rx_errors, tx_errors, rx_nombuf;
};
uint32_t dataplane_n_ports(const struct dataplane *dp);
void dataplane_port(const struct dataplane *dp, uint32_t index, struct port_info *info);

struct slot_info {
	uint16_t id, version;
	const char *name;
	const struct model *model; // valid until this slot is published or retired again
	uint64_t requests, rows;   // scored since start, all versions
};
// Slots in service, in order of id. Returns how many; fills at most `max`.
uint32_t dataplane_slots(const struct dataplane *dp, struct slot_info *slots, uint32_t max);
// Arrival (rx burst) to transmit (tx burst), ns, all lcores merged; id 0: PING/PONG.
int dataplane_latency(const struct dataplane *dp, uint16_t id, struct histogram *out);

struct mempool_info {
	uint32_t size, in_use;
};
void dataplane_mempool(const struct dataplane *dp, struct mempool_info *info);
