// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/aside.h"

#include "base/align.h"

#include <stdlib.h>

static uint8_t *aside_memory(size_t bytes)
{
	// Untouched pages cost nothing while nothing is compared.
	return aligned_alloc(RTE_CACHE_LINE_SIZE, align_up(bytes, RTE_CACHE_LINE_SIZE));
}

int aside_create(struct watches *watches, struct rte_rcu_qsbr *qsbr, uint32_t reader,
	size_t lane_bytes, uint64_t tsc_hz, struct aside **out, struct error *err)
{
	struct aside *aside = calloc(1, sizeof(*aside));
	uint8_t *in, *work;

	if (!aside)
		return error_set(err, -ENOMEM, "no memory for comparisons beside the lcores");
	aside->watches = watches;
	aside->qsbr = qsbr;
	aside->reader = reader;
	clock_init(&aside->clock, tsc_hz);
	pthread_mutex_init(&aside->lock, NULL);
	pthread_mutex_init(&aside->work, NULL);
	in = aside_memory(lane_bytes);
	work = aside_memory(lane_bytes);
	lane_init(&aside->in, watches, &aside->clock, watches->n_lcores, in, lane_bytes);
	lane_init(&aside->out, watches, &aside->clock, watches->n_lcores, work, lane_bytes);
	aside->in.n_kinds = WATCH_PAIRS; // drift of the API's rows is counted where they are scored
	aside->scratch = aside_memory(watches->registry->scratch_bytes);
	if (!in || !work || !aside->scratch) {
		aside_destroy(aside);
		return error_set(err, -ENOMEM, "no memory for comparisons beside the lcores");
	}
	*out = aside;
	return 0;
}

void aside_destroy(struct aside *aside)
{
	if (!aside)
		return;
	pthread_mutex_destroy(&aside->lock);
	pthread_mutex_destroy(&aside->work);
	free(aside->in.memory);
	free(aside->out.memory);
	free(aside->scratch);
	free(aside);
}

static void aside_begin_reading(struct aside *aside, uint32_t reader)
{
	if (aside->qsbr)
		rte_rcu_qsbr_thread_online(aside->qsbr, aside->reader + reader);
}

static void aside_end_reading(struct aside *aside, uint32_t reader)
{
	if (aside->qsbr)
		rte_rcu_qsbr_thread_offline(aside->qsbr, aside->reader + reader);
}

bool aside_offer(struct aside *aside, const struct deployment *by, const float *rows,
	const float *outputs, uint32_t n, bool is_busy)
{
	uint32_t n_waiting;

	if (!atomic_load_explicit(&aside->watches->n, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&aside->lock);
	aside_begin_reading(aside, 0);
	lane_take(&aside->in, by, rows, outputs, n, is_busy);
	aside_end_reading(aside, 0);
	n_waiting = aside->in.n_items;
	atomic_store(&aside->n_waiting, n_waiting);
	pthread_mutex_unlock(&aside->lock);
	return n_waiting > 0;
}

// Out of the way of those who offer: to score takes longer than they may wait.
static void aside_fetch(struct aside *aside)
{
	pthread_mutex_lock(&aside->lock);
	lane_move(&aside->in, &aside->out, LANE_SLICE_ROWS);
	atomic_store(&aside->n_waiting, aside->in.n_items);
	pthread_mutex_unlock(&aside->lock);
}

bool aside_work(struct aside *aside)
{
	if (!atomic_load(&aside->n_waiting) || pthread_mutex_trylock(&aside->work) != 0)
		return false;
	aside_fetch(aside);
	aside_begin_reading(aside, 1);
	while (lane_work(&aside->out, aside->scratch))
		;
	aside_end_reading(aside, 1);
	pthread_mutex_unlock(&aside->work);
	// Who came meanwhile, and was turned away, has left it to us.
	return atomic_load(&aside->n_waiting) > 0;
}
