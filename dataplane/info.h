// SPDX-License-Identifier: BSD-3-Clause
// What the control plane and the dataplane tell each other, as plain structs: what is to be
// deployed, and how it stands with lcores, ports, slots and buffers.
#pragma once

#include "config/settings.h"
#include "dataplane/drop.h"
#include "dataplane/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;

#define ROUTE_PINNED_MAX   4 // versions of a model in service beside live and canary
#define ROUTE_VERSIONS_MAX (ROUTE_PINNED_MAX + 3) // of all roles
#define PORT_TROUBLE_BYTES 320 // of the sentence that says what is wrong with a port

// What was kept over a restart of the counters of keys: dataplane_seen()'s text, which a NUL follows.
struct dataplane_kept {
	const char *text;
	size_t size;
	char said
		[512]; // what is wrong with it, as a clause that follows its name; "" where nothing is
};

struct deployment_request {
	uint16_t id;         // on the wire, 1..65535
	const char *name;    // model's name
	uint16_t version;    // the live one, 1..65535
	struct model *model; // handed over: the dataplane closes it after quiescence
};

// The requests that a canary answers: so many of 1000, by the hash of the request's id, or, sticky to
// what is scored, by the hash of one feature of its first row.
struct route_share {
	uint16_t permille; // 0..1000
	bool by_feature;
	uint32_t feature; // its index, where it goes by one
};

// What is to answer for an id: deployments that were prepared, or that are in service there already.
struct route_request {
	uint16_t id;
	struct deployment *live;
	struct deployment *canary; // NULL: none
	struct route_share share;
	struct deployment *shadow; // NULL: none
	struct deployment *pinned[ROUTE_PINNED_MAX];
	uint32_t n_pinned;
};

enum route_role { ROUTE_LIVE, ROUTE_CANARY, ROUTE_SHADOW, ROUTE_PINNED };

// Of one lcore, which alone writes them. Every packet received is in the end counted once, as
// replied or as one of the drops.
struct dataplane_counters {
	uint64_t received;
	uint64_t received_bytes;
	uint64_t replied; // replies of every kind that the NIC has taken
	uint64_t replied_bytes;
	uint64_t status[WIRE_STATUS_COUNT]; // RESULTs sent, by status
	uint64_t pongs;
	uint64_t neighbour_replies; // ARP and NDP
	uint64_t icmp_replies;
	uint64_t icmp_errors;
	uint64_t mld_reports;        // in answer to queries
	uint64_t neighbour_defences; // of our addresses
	uint64_t drops[DROP_COUNT];
	uint64_t unfinished_checksums; // of drops[DROP_BAD_L4_CHECKSUM]: left to a card's offload
	uint64_t rows_scored;
	uint64_t bursts;       // that held at least one packet
	uint64_t busy_cycles;  // TSC cycles in iterations that had work
	uint64_t total_cycles; // TSC cycles since start
	uint64_t sleeps;
	uint64_t ring_full;        // requests shed with BUSY because a worker's ring was full
	uint64_t over_rate;        // requests shed with BUSY because their client asked too much
	uint64_t over_share;       // ... because others were to get their share, too
	uint64_t announced;        // frames sent that nothing received had asked for
	uint64_t announced_unsent; // such frames that the NIC did not take
};

enum lcore_role {
	LCORE_IO,       // polls queues and hands requests to workers
	LCORE_WORKER,   // scores
	LCORE_COMPLETE, // does everything: run to completion
};

struct lcore_info {
	uint32_t cpu;
	enum lcore_role role;
	struct dataplane_counters counters;
	uint64_t busy_ns; // with packets, since the start
};

struct port_traffic { // counted by the lcores
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t drops;                // of what came in by the port, whatever the reason
	uint64_t unfinished_checksums; // as in dataplane_counters
};

struct port_conflict { // another host claims one of our addresses
	const struct config_address *address;
	uint8_t mac[6];       // the last one's
	uint64_t packets;     // that said so
	uint64_t defences;    // that we answered with
	uint64_t seconds_ago; // the last packet
};

struct port_info {
	const char *name, *device, *driver;
	uint8_t mac[6];
	bool link_up;
	uint32_t link_mbps;               // 0: unknown
	char trouble[PORT_TROUBLE_BYTES]; // what is wrong with it; "": nothing
	int64_t trouble_since;            // seconds since 1970; 0: nothing is wrong
	uint16_t mtu, udp_port, rx_queues, tx_queues;
	bool rx_checksum_offload, tx_checksum_offload;
	const struct config_port *config; // addresses
	struct port_traffic traffic;
	uint64_t rx_missed, rx_errors, tx_errors, rx_nombuf;
	uint64_t peers_turned_away; // of memif
	struct port_conflict conflicts[CONFIG_ADDRESSES_MAX];
	uint32_t n_conflicts;
	uint64_t address_conflicts, address_defences; // of all addresses
};

// What became of a request that came by the API, and how long it took.
struct api_outcome {
	enum wire_status status;
	uint32_t rows, not_finite; // scored, and those of them with a score that is NaN or infinite
	uint64_t total_ns, queue_ns, input_ns, infer_ns,
		output_ns; // input: to read it, output: to write
};

// The sums of these, of one slot.
struct api_figures {
	uint64_t requests, rows, not_finite; // scored
	uint64_t refused[WIRE_STATUS_COUNT]; // by status
	uint64_t n_refused, refused_ns;
	uint64_t total_ns, queue_ns, input_ns, infer_ns, output_ns; // of those scored
	uint64_t last_ms; // when the last one was scored, since 1970
};

// A deployment and its model that stay as they are until they are given back. Where a canary may answer,
// both are held until dataplane_choose() takes one of them; both have the same interface.
struct deployment_hold {
	struct deployment *deployment; // NULL: none
	struct deployment *other;      // held, too; NULL: there is nothing to choose
	struct route_share share;      // of `other`, until it is chosen
	uint64_t turn;                 // the key of a request without an id
	const struct model *model;
	const char *name;
	uint16_t id, version;
};

// What one of a model's versions in service has done.
struct slot_version {
	uint16_t version;
	enum route_role role;
	const struct model *model;
	uint64_t requests, rows, not_finite; // scored by it since it came into service
};

struct slot_info {
	uint16_t id, version;
	const char *name;
	const struct model *model; // valid until this slot is published or retired again
	// Scored by all versions since the id was last free, by the lcores and by the API.
	uint64_t requests, rows;
	uint64_t refused[WIRE_STATUS_COUNT]; // requests answered with another status than OK
	uint64_t not_finite;                 // rows with a score that is NaN or infinite
	struct api_figures api;              // of all of these, what came by the API
	struct route_share share;            // of the canary, if there is one
	struct slot_version versions[ROUTE_VERSIONS_MAX]; // in service: the live one first
	uint32_t n_versions;
};

// One of the busiest clients: a key or, where that is 0, an address.
struct client_info {
	uint16_t key;
	bool is_ipv6;
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6; // its first 64 bits
	};
	uint32_t port;           // index, of an address
	uint32_t vlan;           // CONFIG_VLAN(), of an address
	bool is_known;           // has asked often enough to be told apart from invented addresses
	uint64_t requests, rows; // since it is in the table, those refused among them
	uint64_t over_rate, over_share; // requests answered BUSY
	uint64_t a_second;              // requests, of late
	uint32_t limit;                 // of them; 0: none
};

struct clients_info {
	bool has_rates, has_shares; // limits that there are
	uint32_t n;                 // clients in the tables
	uint32_t n_busy;            // lcores on which clients are held to their shares now
	uint64_t displaced;         // clients that others took the place of
	uint64_t rest_requests, rest_refused; // of those without a place
};

struct mempool_info {
	uint32_t size, in_use;
};
