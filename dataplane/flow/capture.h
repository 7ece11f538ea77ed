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
