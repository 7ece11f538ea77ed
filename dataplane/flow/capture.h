// SPDX-License-Identifier: BSD-3-Clause
// Flows out of a capture file (pcap or pcapng, through libpcap).
//
// One thread; nothing is kept between calls.
#pragma once

#include "base/error.h"
#include "dataplane/flow/order.h"
#include "dataplane/flow/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct capture_stats {
	uint64_t packets;
	uint64_t verdicts[PACKET_VERDICTS];
	struct flow_table_stats table;
	struct order_stats order;
	bool cut; // the file ended in the middle of its packet `packets` + 1
};

struct capture_packet {
	const uint8_t *bytes; // [captured], from the link's header on
	uint32_t captured;
	uint64_t number; // of the file's packets, from 1
	struct flow_packet packet;
};

struct capture_taker {
	// Not 0: reading ends with that, and `err` says why.
	int (*take)(void *context, const struct capture_packet *packet, struct error *err);
	void *context;
};

// Reads the whole file and hands over each packet that is PACKET_OK, in the file's order. Of `stats` packets,
// verdicts and cut. Errors and `file` as capture_read().
int capture_each(FILE *file, const char *name, bool partial, const struct capture_taker *taker,
	struct capture_stats *stats, struct error *err);

#define CAPTURE_HELD_BACK 16384 // packets: what comes later than so many is not put in order

// Reads the whole file and hands every flow in it to options->emit. Packets are put in the order of
// their times first, since the first of a flow gives it its direction. A file cut mid-record is an
// error unless `partial`; flows may have been emitted before the cut was found.
// -ENOENT, -EINVAL (not a capture, cut, a link type not understood, several), -ENOMEM. Takes `file` over;
// `name` is for the sentence.
int capture_read(FILE *file, const char *name, const struct flow_table_options *options,
	bool partial, struct capture_stats *stats, struct error *err);
// Opens a capture file; "-" is standard input. What opening it says, or -EINVAL for a folder.
int capture_open(const char *path, FILE **out, struct error *err);
