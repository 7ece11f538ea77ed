// SPDX-License-Identifier: BSD-3-Clause
// One frame on one port, parsed, and answered as what is not scored: what the tests of neighbours, MLD and ICMP errors
// share.
#pragma once

#include "dataplane/neighbour.h"
#include "dataplane/parse.h"
#include "tests/cmocka.h"
#include "tests/unit/frame.h"

static struct port port;
static struct frame frame;

// The reason that was counted; DROP_NONE: none was.
static inline enum drop dropped(const struct dataplane_counters *counters)
{
	for (int i = 0; i < DROP_COUNT; i++)
		if (counters->drops[i])
			return (enum drop)i;
	return DROP_NONE;
}

// DROP_NONE: the frame is a reply now.
static inline enum drop answer_at(uint64_t now, struct dataplane_counters *counters)
{
	struct rte_mbuf *m = &frame.m;
	enum drop drop = parse_packet(&port, m);

	if (drop != DROP_NONE)
		return drop;
	frame.p.arrival_tsc = now;
	if (neighbour_burst(&m, 1, counters))
		return DROP_NONE;
	drop = dropped(counters);
	assert_int_not_equal(drop, DROP_NONE);
	assert_int_equal(rte_mbuf_refcnt_read(&frame.m), 1);
	return drop;
}
