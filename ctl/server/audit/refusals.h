// SPDX-License-Identifier: BSD-3-Clause
// How many refusals of one source, and of all, are worth a line: those that come fast are counted instead. A
// source has REFUSALS_BURST at once and one more every REFUSALS_SECONDS; all of them together
// REFUSALS_BURST_ALL, and one more every REFUSALS_SECONDS_ALL. Memory is fixed: where there are more
// sources than places, the one that was silent longest is forgotten. Any thread, one at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_SOURCES     64
#define REFUSALS_BURST       8
#define REFUSALS_SECONDS     60
#define REFUSALS_BURST_ALL   64
#define REFUSALS_SECONDS_ALL 10
#define REFUSALS_TEXT_BYTES  96

struct refusals_bucket {
	uint64_t full_ns; // when it is full again; 0: it is
};

struct refusals_source {
	char text[REFUSALS_TEXT_BYTES]; // "": free
	uint64_t seen_ns;
	struct refusals_bucket bucket;
	uint64_t omitted; // since the last report
};

struct refusals {
	struct refusals_source sources[REFUSALS_SOURCES];
	struct refusals_bucket all;
	uint64_t omitted; // since the last report, of whomever
	uint64_t reported_ns;
};

// Whether a refusal of that source gets a line at this time; else it is counted.
bool refusals_admit(struct refusals *refusals, const char *source, uint64_t now_ns);
// What was counted, once in REFUSALS_SECONDS, or at once where `all`; 0: nothing to tell yet. *most is the source that
// was counted most, of use until the next call; "": it is forgotten.
uint64_t refusals_report(
	struct refusals *refusals, uint64_t now_ns, bool all, char most[REFUSALS_TEXT_BYTES]);
