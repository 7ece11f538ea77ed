// SPDX-License-Identifier: BSD-3-Clause
// One frame on one port, parsed: what the tests of parse share.
#pragma once

#include "dataplane/parse.h"
#include "tests/unit/frame.h"

static struct port port;
static struct frame frame;

static inline enum drop parse(void)
{
	return parse_packet(&port, &frame.m);
}

static inline void request(bool is_ipv6, bool vlan)
{
	frame_request(&frame, is_ipv6, vlan, WIRE_TYPE_SCORE, 1, 4, 64);
}

static inline struct rte_ether_hdr *ethernet(void)
{
	return (struct rte_ether_hdr *)frame_at(&frame, 0);
}

static inline struct rte_udp_hdr *udp(void)
{
	return (struct rte_udp_hdr *)frame_l4(&frame);
}
