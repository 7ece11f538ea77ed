// SPDX-License-Identifier: BSD-3-Clause
// The client: its device, templates, payloads and counters, made and taken down here. exchange.h
// sends and receives by it; closed_loop.h and open_loop.h decide when. One thread; nothing
// allocates once it runs, but for the memory of the scores when the first of them come.
#pragma once

#include "base/histogram.h"
#include "ctl/load/device.h"
#include "ctl/load/frame.h"
#include "ctl/load/options.h"
#include "ctl/load/payload.h"
#include "ctl/load/request_table.h"
#include "ctl/load/verify.h"

#include <signal.h>
#include <stdint.h>

#define CLIENT_BURST        32
#define CLIENT_VERSIONS_MAX 64
#define CLIENT_QUEUES_MAX   16
#define CLIENT_STALL_US     100
#define CLIENT_LINK_MS      50 // between two looks at the link

struct client_counters {
	uint64_t sent, answered, lost;
	uint64_t late, duplicates, unknown; // replies that no outstanding request waits for
	uint64_t bad_checksum, malformed;   // replies
	uint64_t tx_full;                   // requests that had to wait for a full queue
	uint64_t unsent;                    // due before the end, but never sent
	uint64_t stalls;                    // times we were kept from polling for CLIENT_STALL_US
	uint64_t stalled_cycles, longest_stall_cycles;
	uint64_t other_packets;
	uint64_t wrong_fields, mismatches, unexpected_version; // of those answered
	uint64_t rows_scored;
	uint64_t status[WIRE_STATUS_COUNT + 1]; // the last one: of codes that we do not know
	struct {
		uint16_t version;
		uint64_t replies;
	} versions[CLIENT_VERSIONS_MAX]; // of RESULTs with status OK
	uint32_t n_versions;
};

struct client {
	const struct load_options *options;
	struct device device;
	struct frame_peer peer;                             // of queue 0
	struct frame_template templates[CLIENT_QUEUES_MAX]; // one a queue: source ports differ
	struct payloads payloads;
	struct request_table table;
	struct verifier verifier;
	struct client_counters counters;
	struct histogram rtt_ns, server_ns;
	// Open loop: from when a request should have left to when it did.
	struct histogram send_delay_ns;
	uint8_t reply_type;
	struct wire_keys *keys;     // NULL: requests are not authenticated
	const struct wire_key *key; // of these, the one in use
	uint64_t first_counter;     // of the key

	// Requests that a full queue did not take yet.
	struct rte_mbuf *pending[CLIENT_QUEUES_MAX][CLIENT_BURST];
	uint32_t n_pending[CLIENT_QUEUES_MAX];
	uint32_t send_queue;
	uint32_t next_payload;
	bool measuring;
	uint64_t ns_per_cycle_q32;
	uint64_t timeout_cycles;
	uint64_t polled_cycles, stall_cycles; // when we last polled; a gap this long is a stall
	uint64_t begin_cycles, end_cycles;    // of the time measured: end is when sending ended
	uint64_t answered_in_time;            // answered before end_cycles
	uint64_t link_cycles;                 // when the link is looked at next
	volatile sig_atomic_t stop; // set by a signal handler, and where there is no link any more
	bool link_lost;
};

// The counter of an authenticated request: its id, but for the slot, only grows.
static inline uint64_t client_counter(const struct client *client, uint64_t request_id)
{
	return client->first_counter + (request_id >> REQUEST_SLOT_BITS);
}

static inline uint64_t client_ns(const struct client *client, uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * client->ns_per_cycle_q32 >> 32);
}

// Makes everything but the device, before EAL starts. Reads rows and expectations.
int client_init(struct client *client, const struct load_options *options, struct error *err);
// Opens the device, finds the peer's MAC and makes the templates.
int client_connect(struct client *client, struct error *err);
void client_fini(struct client *client);

// Takes in a frame of ARP or neighbour discovery and answers it; true where it told the peer's MAC.
bool client_take_neighbour(
	struct client *client, uint16_t queue, const uint8_t *frame, uint32_t size);
// Forgets what was counted so far and counts from now on, but not the replies to requests that the
// warm-up has left outstanding.
void client_measure(struct client *client);
