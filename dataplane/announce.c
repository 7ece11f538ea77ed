// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/announce.h"

#include "dataplane/mld.h"
#include "dataplane/neighbour.h"

#include <rte_byteorder.h>
#include <rte_errno.h>
#include <stdlib.h>

#define OUTBOX_FRAMES     8192 // more than all ports, VLANs and addresses at once
#define SECOND_NS         1000000000u
#define PROBE_SECONDS     1 // until what was probed for is announced: RFC 4861's RetransTimer
#define ANNOUNCE_INTERVAL 2 // seconds: RFC 5227, 1.1

enum announce_step { STEP_NONE, STEP_PROBE, STEP_ANNOUNCE, STEP_ANNOUNCE_AGAIN };

struct announce_port {
	const struct port *port;
	enum announce_step step; // that is due
	uint64_t due_ns;
	bool was_up;
};

struct announcer {
	struct lcore *sender;
	struct rte_ring *outbox;
	struct rte_mempool *pool;
	struct announce_port ports[CONFIG_PORTS_MAX];
	uint32_t n_ports;
};

// An L2 header's VLAN tags, as they lie in the frame.
struct announce_tags {
	uint8_t bytes[8];
	uint8_t size;
};

int announcer_create(struct lcore *sender, struct rte_mempool *pool, const struct port *ports,
	uint32_t n_ports, struct announcer **out, struct error *err)
{
	struct announcer *announcer = calloc(1, sizeof(*announcer));

	if (!announcer)
		return error_set(err, -ENOMEM, "no memory for announcements");
	announcer->outbox = rte_ring_create(
		"outbox", OUTBOX_FRAMES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!announcer->outbox) {
		free(announcer);
		return error_set(err, -ENOMEM,
			"no memory for announcements: %s: raise memory.megabytes",
			rte_strerror(rte_errno));
	}
	announcer->sender = sender;
	announcer->pool = pool;
	announcer->n_ports = n_ports;
	for (uint32_t i = 0; i < n_ports; i++)
		announcer->ports[i].port = &ports[i];
	sender->outbox = announcer->outbox;
	*out = announcer;
	return 0;
}

void announcer_destroy(struct announcer *announcer)
{
	void *m;

	if (!announcer)
		return;
	while (rte_ring_sc_dequeue(announcer->outbox, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(announcer->outbox);
	free(announcer);
}

// A frame with its L2 header, but for the addresses. NULL where no buffer is left: then that one is not
// said. The pool's own buffers are taken, not those of a cache for the control thread, which would keep
// some hundred from the lcores.
static struct rte_mbuf *announce_frame(struct announcer *announcer, const struct port *port,
	const struct announce_tags *tags, uint16_t type)
{
	const uint16_t type_be = rte_cpu_to_be_16(type);
	struct rte_mbuf *m;
	struct packet *p;
	uint8_t *at;

	if (rte_mempool_generic_get(announcer->pool, (void **)&m, 1, NULL) != 0)
		return NULL;
	rte_pktmbuf_reset(m);
	p = packet_of(m);
	memset(p, 0, sizeof(*p));
	p->port = port;
	p->l2_bytes = (uint8_t)(RTE_ETHER_HDR_LEN + tags->size);
	at = rte_pktmbuf_mtod_offset(m, uint8_t *, 2 * RTE_ETHER_ADDR_LEN);
	memcpy(at, tags->bytes, tags->size);
	memcpy(at + tags->size, &type_be, sizeof(type_be));
	return m;
}

static void announce_send(struct announcer *announcer, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(announcer->outbox, m) != 0) { // its lcore has not come round yet
		rte_pktmbuf_free(m);
		return;
	}
	atomic_fetch_or_explicit(&announcer->sender->orders, LCORE_SEND, memory_order_release);
}

static void announce_ipv4(struct announcer *announcer, const struct port *port,
	const struct announce_tags *tags, bool is_probe)
{
	for (uint32_t i = 0; i < port->n_ipv4; i++) {
		struct rte_mbuf *m = announce_frame(announcer, port, tags, RTE_ETHER_TYPE_ARP);

		if (!m)
			return;
		neighbour_write_arp(m, port->ipv4[i], is_probe);
		announce_send(announcer, m);
	}
}

static void announce_ipv6(struct announcer *announcer, const struct port *port,
	const struct announce_tags *tags, bool is_probe)
{
	struct rte_mbuf *m;

	// First of all the groups, or a switch that snoops would keep the answers to probes from us
	// (RFC 4862, 5.4.2).
	m = port->n_ipv6 ? announce_frame(announcer, port, tags, RTE_ETHER_TYPE_IPV6) : NULL;
	if (!m)
		return;
	mld_write_joined(m);
	announce_send(announcer, m);
	for (uint32_t i = 0; i < port->n_ipv6; i++) {
		m = announce_frame(announcer, port, tags, RTE_ETHER_TYPE_IPV6);
		if (!m)
			return;
		if (is_probe)
			neighbour_write_probe(m, &port->ipv6[i]);
		else
			neighbour_write_advertisement(m, &port->ipv6[i]);
		announce_send(announcer, m);
	}
}

static void announce_add_tag(struct announce_tags *tags, uint16_t type_be, uint32_t id)
{
	const uint16_t tag[2] = { type_be, rte_cpu_to_be_16((uint16_t)id) };

	memcpy(tags->bytes + tags->size, tag, sizeof(tag));
	tags->size += sizeof(tag);
}

// `vlan` is a CONFIG_VLAN(). Where the port takes either type of outer tag, one tag is 802.1Q's, and the
// outer one of two 802.1ad's.
static struct announce_tags announce_tags_of(const struct port *port, uint32_t vlan)
{
	const uint16_t inner_be = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	struct announce_tags tags = { .size = 0 };
	uint16_t outer_be = port->tag_type_be;

	if (vlan > UINT16_MAX) {
		announce_add_tag(
			&tags, outer_be ? outer_be : RTE_BE16(RTE_ETHER_TYPE_QINQ), vlan >> 16);
		announce_add_tag(&tags, inner_be, vlan & UINT16_MAX);
	} else if (vlan) {
		announce_add_tag(&tags, outer_be ? outer_be : inner_be, vlan);
	}
	return tags;
}

static void announce_say(struct announcer *announcer, const struct port *port, bool is_probe)
{
	for (uint32_t i = 0; i < port->n_vlans || i == 0; i++) {
		const struct announce_tags tags =
			announce_tags_of(port, port->n_vlans ? port->vlans[i] : 0);

		announce_ipv4(announcer, port, &tags, is_probe);
		announce_ipv6(announcer, port, &tags, is_probe);
	}
}

static void announce_step(struct announcer *announcer, struct announce_port *p, uint64_t now_ns)
{
	announce_say(announcer, p->port, p->step == STEP_PROBE);
	p->due_ns = now_ns +
		(uint64_t)SECOND_NS * (p->step == STEP_PROBE ? PROBE_SECONDS : ANNOUNCE_INTERVAL);
	p->step = p->step == STEP_ANNOUNCE_AGAIN ? STEP_NONE : p->step + 1;
}

// The reports of MLDv1 that an lcore left to us: all but that of the first group.
static void announce_mld1(struct announcer *announcer, const struct port *port)
{
	struct in6_addr groups[CONFIG_ADDRESSES_MAX];
	uint32_t n = mld_groups(port, groups);
	uint64_t word;
	struct announce_tags tags = { .size = 0 };

	if (!atomic_exchange_explicit(&port->presence->mld1_asked, false, memory_order_acquire))
		return;
	word = atomic_load_explicit(&port->presence->mld1_tags, memory_order_relaxed);
	memcpy(tags.bytes, &word, sizeof(tags.bytes));
	while (tags.size < sizeof(tags.bytes) &&
		(tags.bytes[tags.size] || tags.bytes[tags.size + 1]))
		tags.size += RTE_VLAN_HLEN;
	for (uint32_t i = 1; i < n; i++) {
		struct rte_mbuf *m = announce_frame(announcer, port, &tags, RTE_ETHER_TYPE_IPV6);

		if (!m)
			return;
		mld_write_report1(m, &groups[i]);
		announce_send(announcer, m);
	}
}

void announcer_tick(struct announcer *announcer, uint64_t now_ns)
{
	for (uint32_t i = 0; i < announcer->n_ports; i++) {
		struct announce_port *p = &announcer->ports[i];
		const bool is_up = port_link_is_up(p->port);

		if (is_up && !p->was_up && p->port->config->announce) {
			p->step = STEP_PROBE;
			p->due_ns = now_ns;
		}
		p->was_up = is_up;
		if (!is_up)
			p->step = STEP_NONE;
		if (p->step != STEP_NONE && now_ns >= p->due_ns)
			announce_step(announcer, p, now_ns);
		announce_mld1(announcer, p->port);
	}
}

int announcer_begin(struct announcer *announcer, uint32_t port, uint64_t now_ns, struct error *err)
{
	struct announce_port *p = &announcer->ports[port];

	if (!port_link_is_up(p->port))
		return error_set(err, -ENETDOWN, "port %s has no link: nobody would hear it",
			p->port->config->name);
	p->step = STEP_ANNOUNCE;
	announce_step(announcer, p, now_ns);
	return 0;
}
