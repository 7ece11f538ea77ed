// SPDX-License-Identifier: BSD-3-Clause
// Who asks: the key that authenticates a datagram or, where none does, its source address with the port and the
// VLAN that it came by. A key is the same client wherever its datagrams come from. An address is not: in another VLAN, or
// behind another port, it may be another customer's host, and neither is to pay for the other. Of IPv6 the
// first 64 bits count, for a host can take any address of its own /64.
#pragma once

#include "config/settings.h"
#include "dataplane/packet.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <string.h>

enum client_kind { CLIENT_NONE, CLIENT_IPV4, CLIENT_IPV6, CLIENT_KEY };

struct client {
	uint64_t
		where; // CLIENT_WHERE() of its kind, port and CONFIG_VLAN(); of a key its kind alone
	uint64_t who;  // the key, or the address (IPv6: its /64) in host byte order
};

#define CLIENT_WHERE(kind, port, vlan)                                                             \
	((uint64_t)(vlan) << 32 | (uint64_t)(port) << 8 | (uint64_t)(kind))
#define CLIENT_KIND(where) ((enum client_kind)((where)&0xff))
#define CLIENT_PORT(where) ((uint32_t)((where) >> 8 & 0xffff))
#define CLIENT_VLAN(where) ((uint32_t)((where) >> 32))

static inline bool client_is(const struct client *a, const struct client *b)
{
	return a->who == b->who && a->where == b->where;
}

// As parse.c found the frame's tags: `l2_bytes` says how many there are. VLAN id 0 is none.
static inline uint32_t client_vlan(const uint8_t *frame, uint32_t l2_bytes)
{
	uint32_t vlan = 0;

	for (uint32_t at = RTE_ETHER_HDR_LEN; at < l2_bytes; at += RTE_VLAN_HLEN) {
		const uint32_t id = (frame[at] & 0xfu) << 8 | frame[at + 1];

		if (id)
			vlan = CONFIG_VLAN(vlan, id);
	}
	return vlan;
}

// Of a request that parse.c has parsed, and that came in by the port of that index.
static inline struct client client_of(
	const struct rte_mbuf *m, const struct packet *p, uint16_t port)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t vlan = 0, ipv4;
	uint64_t ipv6;

	if (p->key)
		return (struct client){ .where = CLIENT_WHERE(CLIENT_KEY, 0, 0), .who = p->key };
	if (unlikely(p->l2_bytes > RTE_ETHER_HDR_LEN))
		vlan = client_vlan(frame, p->l2_bytes);
	if (p->is_ipv6) {
		memcpy(&ipv6, frame + p->l2_bytes + offsetof(struct rte_ipv6_hdr, src_addr),
			sizeof(ipv6));
		return (struct client){ .where = CLIENT_WHERE(CLIENT_IPV6, port, vlan),
			.who = rte_be_to_cpu_64(ipv6) };
	}
	memcpy(&ipv4, frame + p->l2_bytes + offsetof(struct rte_ipv4_hdr, src_addr), sizeof(ipv4));
	return (struct client){ .where = CLIENT_WHERE(CLIENT_IPV4, port, vlan),
		.who = rte_be_to_cpu_32(ipv4) };
}
