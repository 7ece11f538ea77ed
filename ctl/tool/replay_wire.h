// SPDX-License-Identifier: BSD-3-Clause
// Rows out of a capture of requests on the wire (docs/wire.md), and the scores that they were answered with. The
// capture may hold anything. One thread.
#pragma once

#include "ctl/tool/replay.h"

#include <stdio.h>

struct replay_wire_options {
	uint16_t id;      // of the model on the wire; 0: that of the first request to score
	bool answered;    // live's scores are those of the replies
	bool partial;     // what comes before a cut is taken
	uint32_t pending; // requests that may wait for their replies; 0: REPLAY_PENDING_MAX
	// What this version has answered is left out, for it would be beside itself; 0: none.
	uint16_t version;
};

// X(MEMBER, "text"): of packets, but for those that say so.
#define REPLAY_WIRE_COUNTS(X)                                                                      \
	X(packets, "packets")                                                                      \
	X(requests, "requests scored")                                                             \
	X(not_wire, "packets of others")                                                           \
	X(pings, "pings")                                                                          \
	X(replies, "replies")                                                                      \
	X(cut_short, "requests captured too short to hold their rows")                             \
	X(bad, "malformed requests")                                                               \
	X(other_model, "requests to other models")                                                 \
	X(bad_shape, "requests with another number of features")                                   \
	X(too_large, "requests shorter than their replies")                                        \
	X(not_finite, "requests with values that neither version takes")                           \
	X(unanswered, "requests without a reply")                                                  \
	X(not_answered, "requests that were answered with no scores")                              \
	X(odd_answers, "replies that do not fit their requests")                                   \
	X(by_itself, "requests that the version to compare had answered itself")

struct replay_wire_counts {
#define X(member, text) uint64_t member;
	REPLAY_WIRE_COUNTS(X)
#undef X
	uint16_t id;             // whose requests they were; 0: there was none
	uint64_t one_sided;      // rows that one version takes and the other refuses as not finite
	uint16_t answered_by[8]; // versions of the replies
	uint32_t n_answered_by;  // of these, and 9 where there were more
	bool cut;
};

// `live` NULL where options->answered. Takes `file` over; `name` is for sentences. Errors as capture_each().
int replay_wire(struct replay *replay, const struct model *live, const struct model *other,
	const struct replay_wire_options *options, FILE *file, const char *name,
	struct replay_wire_counts *counts, struct error *err);
