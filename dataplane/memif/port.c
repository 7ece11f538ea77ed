// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/port.h"

#include <rte_mempool.h>
#include <stdlib.h>

#define SLOTS_A_BURST 128 // after so many a burst ends, however few frames they were

struct memif_port *memif_port_create(
	struct rte_mempool *pool, uint16_t n_rx, uint16_t n_tx, struct error *err)
{
	struct memif_port *port = aligned_alloc(_Alignof(struct memif_port), sizeof(*port));

	if (!port) {
		error_set(err, -ENOMEM, "no memory for a memif port");
		return NULL;
	}
	memset(port, 0, sizeof(*port));
	port->pool = pool;
	port->room = (uint32_t)rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
	port->n_rx = n_rx;
	port->n_tx = n_tx;
	return port;
}

void memif_port_destroy(struct memif_port *port)
{
	free(port);
}

void memif_port_stats(const struct memif_port *port, struct memif_port_stats *stats)
{
	*stats = (struct memif_port_stats){
		.peers_turned_away = atomic_load_explicit(&port->turned_away, memory_order_relaxed),
	};
	for (uint32_t i = 0; i < port->n_rx; i++) {
		stats->rx_missed += __atomic_load_n(&port->rx[i].missed, __ATOMIC_RELAXED);
		stats->rx_errors += __atomic_load_n(&port->rx[i].errors, __ATOMIC_RELAXED);
		stats->rx_nombuf += __atomic_load_n(&port->rx[i].no_mbuf, __ATOMIC_RELAXED);
	}
	for (uint32_t i = 0; i < port->n_tx; i++)
		stats->tx_errors += __atomic_load_n(&port->tx[i].errors, __ATOMIC_RELAXED);
}

// The link as long as it has not failed.
static inline struct memif_link *port_link(struct memif_port *port)
{
	struct memif_link *link = atomic_load_explicit(&port->link, memory_order_acquire);

	if (unlikely(link && atomic_load_explicit(&link->fault, memory_order_relaxed)))
		return NULL;
	return link;
}

// How many slots lie between our position and the peer's.
static inline uint16_t port_slots(const struct memif_ring *ring)
{
	return (uint16_t)(__atomic_load_n(&ring->memory->head, __ATOMIC_ACQUIRE) - ring->position);
}

// The peer has written over frames that were not read yet, as DPDK's memif client does where it
// chains buffers in a full ring. Of all that is there nobody knows where a frame begins.
static void port_pass_over(struct memif_queue *queue, struct memif_ring *ring, uint16_t slots)
{
	queue->missed += slots;
	ring->position = (uint16_t)(ring->position + slots);
	__atomic_store_n(&ring->memory->tail, ring->position, __ATOMIC_RELEASE);
}

static uint16_t port_rx_ring(struct memif_port *port, struct memif_queue *queue,
	struct memif_link *link, struct memif_ring *ring, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t slots = port_slots(ring), taken = 0, got;

	if (!slots)
		return 0;
	if (unlikely(slots > ring->size)) {
		port_pass_over(queue, ring, slots);
		return 0;
	}
	n = RTE_MIN(n, slots);
	if (unlikely(rte_pktmbuf_alloc_bulk(port->pool, mbufs, n) != 0)) {
		queue->no_mbuf += n;
		return 0;
	}
	for (got = 0; got < n && slots && taken < SLOTS_A_BURST; got++) {
		struct rte_mbuf *m = mbufs[got];
		uint32_t bytes = 0;
		const uint16_t used = memif_link_read(
			link, ring, slots, rte_pktmbuf_mtod(m, uint8_t *), port->room, &bytes);

		if (unlikely(!used)) {
			if (!atomic_load_explicit(&link->fault, memory_order_relaxed))
				port_pass_over(queue, ring, slots);
			else
				queue->errors++;
			break;
		}
		slots = (uint16_t)(slots - used);
		taken = (uint16_t)(taken + used);
		ring->position = (uint16_t)(ring->position + used);
		m->data_len = (uint16_t)RTE_MIN(bytes, port->room);
		m->pkt_len = bytes;
		if (unlikely(bytes > port->room))
			m->nb_segs = 2; // the second is not there: freeing goes by `next`
	}
	if (unlikely(got < n))
		rte_pktmbuf_free_bulk(mbufs + got, (unsigned)(n - got));
	__atomic_store_n(&ring->memory->tail, ring->position, __ATOMIC_RELEASE);
	return got;
}

// Begins each time with another of the queue's rings, so that none is always preferred.
static uint16_t port_rx_rings(struct memif_port *port, uint16_t queue, struct memif_link *link,
	struct rte_mbuf **mbufs, uint16_t n)
{
	struct memif_queue *own = &port->rx[queue];
	const uint32_t rings = (link->n_c2s - queue + port->n_rx - 1u) / port->n_rx;
	uint16_t got = 0;

	own->next++;
	for (uint32_t i = 0; i < rings && got < n; i++) {
		const uint32_t ring = queue + (own->next + i) % rings * port->n_rx;

		got += port_rx_ring(
			port, own, link, &link->c2s[ring], mbufs + got, (uint16_t)(n - got));
	}
	return got;
}

uint16_t memif_port_rx(struct memif_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct memif_link *link = port_link(port);

	if (unlikely(!link || queue >= link->n_c2s))
		return 0;
	if (unlikely(link->n_c2s > port->n_rx))
		return port_rx_rings(port, queue, link, mbufs, n);
	return port_rx_ring(port, &port->rx[queue], link, &link->c2s[queue], mbufs, n);
}

static uint16_t port_tx_ring(struct memif_queue *queue, struct memif_link *link,
	struct memif_ring *ring, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t slots = RTE_MIN(port_slots(ring), ring->size), sent;

	for (sent = 0; sent < n; sent++) {
		const uint16_t used = memif_link_write(link, ring, slots,
			rte_pktmbuf_mtod(mbufs[sent], const uint8_t *), mbufs[sent]->data_len);

		if (unlikely(!used))
			break;
		slots = (uint16_t)(slots - used);
		ring->position = (uint16_t)(ring->position + used);
	}
	if (unlikely(!sent)) {
		queue->errors += atomic_load_explicit(&link->fault, memory_order_relaxed) != NULL;
		return 0;
	}
	__atomic_store_n(&ring->memory->tail, ring->position, __ATOMIC_RELEASE);
	// The flag is read only after the tail can be seen: a peer that clears it and then finds
	// nothing goes to sleep.
	atomic_thread_fence(memory_order_seq_cst);
	if (unlikely(!(__atomic_load_n(&ring->memory->flags, __ATOMIC_RELAXED) &
		    MEMIF_RING_NO_INTERRUPT)) &&
		ring->interrupt >= 0)
		memif_link_call(link, (uint32_t)(ring - link->s2c));
	rte_pktmbuf_free_bulk(mbufs, sent);
	return sent;
}

uint16_t memif_port_tx(struct memif_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct memif_link *link = port_link(port);
	struct memif_ring *ring;
	uint16_t sent;

	if (unlikely(!link))
		return 0;
	if (likely(link->n_s2c >= port->n_tx))
		return port_tx_ring(&port->tx[queue], link, &link->s2c[queue], mbufs, n);
	ring = &link->s2c[queue % link->n_s2c];
	if (atomic_exchange_explicit(&ring->is_used, true, memory_order_acquire))
		return 0;
	sent = port_tx_ring(&port->tx[queue], link, ring, mbufs, n);
	atomic_store_explicit(&ring->is_used, false, memory_order_release);
	return sent;
}
