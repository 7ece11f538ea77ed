// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/loop.h"

#include "dataplane/admit.h"
#include "dataplane/auth/check.h"
#include "dataplane/lcore.h"
#include "dataplane/neighbour.h"
#include "dataplane/parse.h"
#include "dataplane/reply.h"
#include "dataplane/score.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define TX_TRIES       256 // a reply is dropped that the NIC has not taken after so many tries
#define HAND_OVER_MAX  16  // requests that one worker gets at once, so that several share a burst
#define IDLE_POLLS     512 // empty polls before the first pause or sleep
#define IDLE_STEPS     8   // sleeps of one length before the next doubles it
#define SLEEP_MAX_US   50
#define TIMER_SLACK_NS 1000
#define OUTBOX_A_ROUND 32 // frames of the control thread's that are sent between two polls

// Returns how many bytes were dropped.
static uint64_t loop_drop_unsent(
	struct lcore *lcore, const struct port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	lcore->counters.drops[DROP_TX_FULL] += n;
	lcore->traffic[port->index].drops += n;
	rte_pktmbuf_free_bulk(mbufs, n);
	return bytes;
}

static void loop_transmit(
	struct lcore *lcore, const struct port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	sent = port_tx(port, (uint16_t)lcore->index, mbufs, n);
	for (unsigned tries = 0; unlikely(sent < n) && tries < TX_TRIES; tries++) {
		rte_pause();
		sent += port_tx(port, (uint16_t)lcore->index, mbufs + sent, (uint16_t)(n - sent));
	}
	if (unlikely(sent < n))
		bytes -= loop_drop_unsent(lcore, port, mbufs + sent, (uint16_t)(n - sent));
	lcore->counters.replied += sent;
	lcore->counters.replied_bytes += bytes;
	lcore->traffic[port->index].tx_packets += sent;
	lcore->traffic[port->index].tx_bytes += bytes;
}

// Sends what the control thread has made, some of it in each round: ports in many VLANs have much to say, and
// requests wait meanwhile. Frames that the NIC does not take are given up: they are said again in a while.
static __rte_noinline void loop_send_outbox(struct lcore *lcore)
{
	struct rte_mbuf *m;

	atomic_fetch_and_explicit(&lcore->orders, ~LCORE_SEND, memory_order_acquire);
	for (int i = 0; i < OUTBOX_A_ROUND; i++) {
		if (rte_ring_sc_dequeue(lcore->outbox, (void **)&m) != 0)
			return;
		const struct port *port = packet_of(m)->port;
		uint32_t bytes = m->pkt_len;

		if (port_tx(port, (uint16_t)lcore->index, &m, 1) == 1) {
			lcore->counters.announced++;
			lcore->traffic[port->index].tx_packets++;
			lcore->traffic[port->index].tx_bytes += bytes;
			continue;
		}
		lcore->counters.announced_unsent++;
		rte_pktmbuf_free(m);
	}
	atomic_fetch_or_explicit(&lcore->orders, LCORE_SEND, memory_order_relaxed);
}

// Writes and sends the replies to requests that all came in by `port`.
static inline void loop_answer(
	struct lcore *lcore, const struct port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	if (!n)
		return;
	reply_burst(mbufs, n, rte_rdtsc(), &lcore->clock, &lcore->counters, lcore->registry->auth);
	loop_transmit(lcore, port, mbufs, n);
}

// Takes requests from the worker's rings, beginning each time with the next one, so that none is
// always preferred.
static uint16_t loop_take(struct lcore *lcore, struct rte_mbuf **mbufs)
{
	uint16_t n = 0;

	for (uint32_t i = 0; i < lcore->n_rings && n < BURST_MAX; i++) {
		uint32_t ring = lcore->next_ring + i;

		if (ring >= lcore->n_rings)
			ring -= lcore->n_rings;
		n += (uint16_t)rte_ring_sc_dequeue_burst(
			lcore->rings[ring], (void **)(mbufs + n), BURST_MAX - (unsigned)n, NULL);
	}
	if (n && ++lcore->next_ring >= lcore->n_rings)
		lcore->next_ring = 0;
	return n;
}

// Gives requests to the workers in turn. What no worker's ring has room for is answered BUSY.
static void loop_hand_over(
	struct lcore *lcore, const struct port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t handed = 0;
	uint32_t full = 0;

	while (n && full < lcore->n_rings) {
		unsigned chunk = RTE_MIN(n, HAND_OVER_MAX);
		unsigned took = rte_ring_sp_enqueue_burst(
			lcore->rings[lcore->next_ring], (void *const *)mbufs, chunk, NULL);

		full = took ? 0 : full + 1;
		handed += took;
		mbufs += took;
		n -= (uint16_t)took;
		if (++lcore->next_ring >= lcore->n_rings)
			lcore->next_ring = 0;
	}
	if (handed)
		atomic_store_explicit(&lcore->handed,
			atomic_load_explicit(&lcore->handed, memory_order_relaxed) + handed,
			memory_order_release);
	if (likely(!n))
		return;
	lcore->counters.ring_full += n;
	for (uint16_t i = 0; i < n; i++) {
		packet_of(mbufs[i])->kind = PACKET_RESULT;
		packet_of(mbufs[i])->status = WIRE_STATUS_BUSY;
	}
	loop_answer(lcore, port, mbufs, n);
}

static inline void loop_account(struct lcore *lcore, uint64_t begin)
{
	lcore->counters.bursts++;
	lcore->counters.busy_cycles += rte_rdtsc() - begin;
}

// I/O lcores have little to do themselves: whether they hand over too much, their workers know.
static __rte_noinline void loop_look(struct lcore *lcore, uint64_t now)
{
	uint64_t busy = 0;

	if (lcore->role == LCORE_COMPLETE) {
		pressure_look(&lcore->fair->pressure, now, lcore->counters.busy_cycles,
			lcore->fair->scoring, 1);
		return;
	}
	for (uint32_t i = 0; i < lcore->n_rings; i++)
		busy += __atomic_load_n(&lcore->workers[i].counters.busy_cycles, __ATOMIC_RELAXED);
	pressure_look(&lcore->fair->pressure, now, busy, busy, lcore->n_rings);
}

// Answers what is beyond its client's limits. Returns how many of the requests are left.
static __rte_noinline uint16_t loop_limit(struct lcore *lcore, const struct rules *rules,
	const struct port *port, struct rte_mbuf **requests, uint16_t n, uint64_t now)
{
	struct rte_mbuf *refused[BURST_MAX];
	uint16_t n_refused;

	if (rules->has_shares && pressure_is_due(&lcore->fair->pressure, now))
		loop_look(lcore, now);
	n = fair_burst(lcore->fair, rules, port->index, requests, n, now, &lcore->counters, refused,
		&n_refused);
	loop_answer(lcore, port, refused, n_refused);
	return n;
}

// Takes at most `most` packets. Returns how many there were.
static uint16_t loop_poll_queue(struct lcore *lcore, const struct lcore_queue *queue,
	const struct rules *rules, uint16_t most)
{
	struct rte_mbuf *mbufs[BURST_MAX], *requests[BURST_MAX], *others[BURST_MAX];
	const struct port *port = queue->port;
	struct lcore_traffic *traffic = &lcore->traffic[port->index];
	uint16_t n = port_rx(port, queue->queue, mbufs, most);
	uint16_t n_requests, n_good, n_answers;
	struct parsed parsed;
	uint64_t arrival, bytes_before = lcore->counters.received_bytes;
	uint64_t unfinished_before = lcore->counters.unfinished_checksums;

	if (!n)
		return 0;
	arrival = rte_rdtsc();
	n_requests =
		parse_burst(port, mbufs, n, arrival, &lcore->counters, requests, others, &parsed);
	n_good = auth_burst(requests, n_requests, parsed.flags, lcore->registry->auth,
		lcore->registry, &lcore->counters);
	traffic->drops += n_requests - n_good;
	traffic->rx_packets += n;
	traffic->drops += (uint64_t)n - n_requests - parsed.n_others;
	traffic->rx_bytes += lcore->counters.received_bytes - bytes_before;
	traffic->unfinished_checksums += lcore->counters.unfinished_checksums - unfinished_before;
	if (unlikely(rules))
		n_good = loop_limit(lcore, rules, port, requests, n_good, arrival);
	n_requests = admit_burst(
		requests, n_good, lcore->registry, lcore->index, &lcore->pings, mbufs, &n_answers);
	loop_answer(lcore, port, mbufs, n_answers);
	if (n_requests && lcore->role == LCORE_COMPLETE) {
		const uint64_t begin = unlikely(rules) ? rte_rdtsc() : 0;

		score_burst(requests, n_requests, lcore->scratch, &lcore->clock, &lcore->counters,
			&lcore->lane);
		loop_answer(lcore, port, requests, n_requests);
		if (unlikely(rules))
			lcore->fair->scoring += rte_rdtsc() - begin;
	} else if (n_requests) {
		loop_hand_over(lcore, port, requests, n_requests);
	}
	if (unlikely(parsed.n_others)) {
		n_answers = neighbour_burst(others, parsed.n_others, &lcore->counters);
		traffic->drops += (uint64_t)parsed.n_others - n_answers;
		if (n_answers)
			loop_transmit(lcore, port, others, n_answers);
	}
	loop_account(lcore, arrival);
	return n;
}

// Where clients are limited, no queue's packets keep another queue's waiting for long.
static __rte_noinline bool loop_poll_in_turns(struct lcore *lcore, const struct rules *rules)
{
	const uint64_t now = rte_rdtsc();
	const uint16_t most = poll_turns_most(&lcore->turns, now);
	bool work = false;

	for (uint32_t i = 0; i < lcore->n_queues; i++) {
		if (loop_poll_queue(lcore, &lcore->queues[i], rules, most) == 0)
			continue;
		poll_turns_had(&lcore->turns, i, now);
		work = true;
	}
	return work;
}

static bool loop_poll_queues(struct lcore *lcore)
{
	const struct rules *rules = atomic_load_explicit(lcore->rules, memory_order_acquire);
	bool work = false;

	if (unlikely(rules) && lcore->n_queues > 1)
		return loop_poll_in_turns(lcore, rules);
	for (uint32_t i = 0; i < lcore->n_queues; i++)
		work |= loop_poll_queue(lcore, &lcore->queues[i], rules, BURST_MAX) > 0;
	return work;
}

// Each of a worker's replies leaves by the port that its request came in by.
static void loop_answer_by_port(struct lcore *lcore, struct rte_mbuf **mbufs, uint16_t n)
{
	if (lcore->n_ports == 1) {
		loop_answer(lcore, lcore->ports, mbufs, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct lcore_tx *tx = &lcore->tx[packet_of(mbufs[i])->port - lcore->ports];

		tx->mbufs[tx->n++] = mbufs[i];
	}
	for (uint32_t port = 0; port < lcore->n_ports; port++) {
		loop_answer(lcore, &lcore->ports[port], lcore->tx[port].mbufs, lcore->tx[port].n);
		lcore->tx[port].n = 0;
	}
}

static bool loop_work(struct lcore *lcore)
{
	struct rte_mbuf *mbufs[BURST_MAX], *answers[BURST_MAX];
	uint16_t n = loop_take(lcore, mbufs), n_scores, n_answers;
	uint64_t begin;

	if (!n)
		return false;
	begin = rte_rdtsc();
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(packet_of(mbufs[i]));
	n_scores = admit_burst_again(mbufs, n, lcore->registry, lcore->index, answers, &n_answers);
	if (n_answers)
		loop_answer_by_port(lcore, answers, n_answers);
	if (n_scores) {
		score_burst(mbufs, n_scores, lcore->scratch, &lcore->clock, &lcore->counters,
			&lcore->lane);
		loop_answer_by_port(lcore, mbufs, n_scores);
	}
	atomic_store_explicit(&lcore->finished,
		atomic_load_explicit(&lcore->finished, memory_order_relaxed) + n,
		memory_order_release);
	loop_account(lcore, begin);
	return true;
}

static void loop_sleep(struct lcore *lcore, uint32_t n_sleeps)
{
	uint32_t doublings = n_sleeps / IDLE_STEPS;
	uint32_t us = doublings < 6 ? 1u << doublings : SLEEP_MAX_US;
	struct timespec time = { .tv_nsec = (long)us * 1000 };

	rte_rcu_qsbr_thread_offline(lcore->qsbr, lcore->index);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
	rte_rcu_qsbr_thread_online(lcore->qsbr, lcore->index);
	lcore->counters.sleeps++;
}

int loop_run(void *argument)
{
	struct lcore *lcore = argument;
	uint32_t empty = 0, orders;
	bool stop, work;

	if (lcore->sleeps_when_idle)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	rte_rcu_qsbr_thread_online(lcore->qsbr, lcore->index);
	atomic_store_explicit(&lcore->start_tsc, rte_rdtsc(), memory_order_relaxed);
	do {
		orders = atomic_load_explicit(&lcore->orders, memory_order_acquire);
		stop = orders & LCORE_STOP;
		if (unlikely(orders & LCORE_SEND))
			loop_send_outbox(lcore);
		if (lcore->role == LCORE_WORKER)
			work = loop_work(lcore);
		else
			work = !stop && loop_poll_queues(lcore);
		rte_rcu_qsbr_quiescent(lcore->qsbr, lcore->index);
		if (work) {
			empty = 0;
			continue;
		}
		empty += empty < UINT32_MAX;
		// Between two polls of empty queues, one slice: what comes meanwhile waits for that.
		if (lane_work(&lcore->lane, lcore->scratch) && !stop)
			continue;
		// At first without a pause, which takes longer than a poll: the next request would
		// wait for it.
		if (empty <= IDLE_POLLS)
			continue;
		if (lcore->sleeps_when_idle && !stop)
			loop_sleep(lcore, empty - IDLE_POLLS);
		else
			rte_pause();
	} while (!stop || work);
	rte_rcu_qsbr_thread_offline(lcore->qsbr, lcore->index);
	return 0;
}
