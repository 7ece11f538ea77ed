// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/watch.h"

#include "base/align.h"
#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int watches_create(struct registry *registry, struct watches **out, struct error *err)
{
	struct watches *watches = calloc(1, sizeof(*watches));

	if (watches)
		watches->of = calloc(REGISTRY_SLOTS, sizeof(*watches->of));
	if (!watches || !watches->of) {
		free(watches);
		return error_set(err, -ENOMEM, "no memory for the table of comparisons");
	}
	watches->registry = registry;
	watches->n_lcores = registry->n_lcores;
	*out = watches;
	return 0;
}

static void watch_destroy(struct watch *watch)
{
	if (watch->live)
		watch->live->n_holds--;
	if (watch->other)
		watch->other->n_holds--;
	free((float *)(uintptr_t)watch->decision.allowed); // const to lcores only
	free(watch->rows);
	free(watch->figures);
	free(watch->counts);
	free(watch->told);
	free(watch);
}

void watches_destroy(struct watches *watches)
{
	struct watch *watch, *next;

	if (!watches)
		return;
	while ((watch = LIST_FIRST(&watches->published)) != NULL)
		watches_withdraw(watches, watch->id, watch->kind);
	for (watch = watches->retired; watch; watch = next) {
		next = watch->next_retired;
		watch_destroy(watch);
	}
	free(watches->of);
	free(watches);
}

static int watch_check(const struct watch_request *request, struct error *err)
{
	const struct deployment *live = request->live, *other = request->other;

	if (request->kind >= WATCH_PAIRS && !model_info(live->model)->reference)
		return error_set(err, -EINVAL,
			"version %u of model %s has no reference to count rows by", live->version,
			live->name);
	if (!other)
		return 0;
	if (live->n_features != other->n_features || live->n_outputs != other->n_outputs)
		return error_set(err, -EINVAL,
			"model %s: version %u takes %u features and gives %u scores, version %u "
			"takes %u and gives %u: the two cannot be compared",
			live->name, live->version, live->n_features, live->n_outputs,
			other->version, other->n_features, other->n_outputs);
	return 0;
}

static void *watch_zeroed(size_t bytes)
{
	void *memory = aligned_alloc(RTE_CACHE_LINE_SIZE, align_up(bytes, RTE_CACHE_LINE_SIZE));

	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

static bool watch_allocate_counts(struct watch *watch)
{
	const uint32_t n_counts = watch->reference->first[watch->reference->n_columns];

	watch->n_counts = n_counts;
	watch->stride = (uint32_t)align_up(n_counts, RTE_CACHE_LINE_SIZE / sizeof(uint32_t));
	watch->counts = watch_zeroed((size_t)watch->n_lcores * watch->stride * sizeof(uint32_t));
	watch->told = calloc(n_counts, sizeof(*watch->told));
	return watch->counts && watch->told;
}

static bool watch_allocate_pair(struct watch *watch, const struct watch_request *request)
{
	const size_t bytes = request->live->n_outputs * sizeof(float);
	float *allowed;

	watch->figures = watch_zeroed(watch->n_lcores * sizeof(struct watch_figures));
	if (!watch->figures)
		return false;
	for (uint32_t i = 0; i < watch->n_lcores; i++) {
		histogram_reset(&watch->figures[i].live_ns);
		histogram_reset(&watch->figures[i].other_ns);
	}
	if (!request->decision.allowed)
		return true;
	allowed = malloc(bytes);
	if (allowed)
		memcpy(allowed, request->decision.allowed, bytes);
	watch->decision.allowed = allowed;
	return allowed != NULL;
}

static bool watch_allocate(struct watch *watch, const struct watch_request *request)
{
	watch->rows = watch_zeroed(watch->n_lcores * sizeof(struct watch_rows));
	if (!watch->rows)
		return false;
	return watch->reference ? watch_allocate_counts(watch)
				: watch_allocate_pair(watch, request);
}

static int watch_create(struct watches *watches, const struct watch_request *request,
	struct watch **out, struct error *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return error_set(err, -ENOMEM, "no memory for a comparison of model %s",
			request->live->name);
	watch->kind = request->kind;
	watch->id = request->id;
	watch->every = request->every ? request->every : 1;
	watch->decision = request->decision;
	watch->decision.n_outputs = request->live->n_outputs;
	watch->decision.allowed = NULL; // its own copy, below
	watch->latency_ratio = request->latency_ratio;
	if (request->kind >= WATCH_PAIRS)
		watch->reference = model_info(request->live->model)->reference;
	watch->n_lcores = watches->n_lcores + 1;
	if (!watch_allocate(watch, request)) {
		watch_destroy(watch);
		return error_set(
			err, -ENOMEM, "no memory for the figures of model %s", request->live->name);
	}
	watch->generation = ++watches->generations;
	watch->live = request->live;
	watch->live->n_holds++;
	watch->other = request->other;
	if (watch->other)
		watch->other->n_holds++;
	*out = watch;
	return 0;
}

static void watches_swap(
	struct watches *watches, uint16_t id, enum watch_kind kind, struct watch *to)
{
	struct watch *before =
		(struct watch *)(uintptr_t)watches_find(watches, id, kind); // const to lcores only
	struct watch **tail = &watches->retired;

	// Release: whoever sees the pointer sees what it points to.
	atomic_store_explicit(&watches->of[id][kind], to, memory_order_release);
	if (to) {
		LIST_INSERT_HEAD(&watches->published, to, published);
		atomic_fetch_add_explicit(&watches->n, 1, memory_order_relaxed);
	}
	if (!before)
		return;
	LIST_REMOVE(before, published);
	atomic_fetch_sub_explicit(&watches->n, 1, memory_order_relaxed);
	if (watches->registry->qsbr)
		before->grace_token = rte_rcu_qsbr_start(watches->registry->qsbr);
	while (*tail)
		tail = &(*tail)->next_retired;
	*tail = before;
	watches_reclaim(watches);
}

int watches_publish(struct watches *watches, const struct watch_request *request, struct error *err)
{
	struct watch *watch;
	int rc = watch_check(request, err);

	if (rc == 0)
		rc = watch_create(watches, request, &watch, err);
	if (rc == 0)
		watches_swap(watches, request->id, request->kind, watch);
	return rc;
}

void watches_withdraw(struct watches *watches, uint16_t id, enum watch_kind kind)
{
	if (watches_find(watches, id, kind))
		watches_swap(watches, id, kind, NULL);
}

void watches_sweep(struct watches *watches)
{
	struct watch *watch, *next;

	for (watch = LIST_FIRST(&watches->published); watch; watch = next) {
		const struct model_route *route = registry_route(watches->registry, watch->id);

		next = LIST_NEXT(watch, published);
		if (watch->kind < WATCH_PAIRS &&
			(!route || route->live != watch->live ||
				watch->other !=
					(watch->kind == WATCH_CANARY ? route->canary
								     : route->shadow)))
			watches_withdraw(watches, watch->id, watch->kind);
	}
}

void watches_reclaim(struct watches *watches)
{
	struct rte_rcu_qsbr *qsbr = watches->registry->qsbr;
	struct watch *watch;

	// Tokens grow along the list.
	while ((watch = watches->retired) &&
		(!qsbr || rte_rcu_qsbr_check(qsbr, watch->grace_token, false) == 1)) {
		watches->retired = watch->next_retired;
		watch_destroy(watch);
	}
}

const struct watch *watches_find(const struct watches *watches, uint16_t id, enum watch_kind kind)
{
	return atomic_load_explicit(&watches->of[id][kind], memory_order_relaxed);
}

static uint64_t watch_load(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static double watch_load_double(const double *from)
{
	double value;

	__atomic_load(from, &value, __ATOMIC_RELAXED);
	return value;
}

// The lcore may be writing one of them: then it is looked at again, a few times, and else left out until
// the next look.
static bool watch_copy_row(const struct watch_figures *f, uint64_t number, struct watch_row *to)
{
	for (int tries = 0; tries < 16; tries++) {
		uint32_t before = atomic_load_explicit(&f->last_writes, memory_order_acquire);

		memcpy(to, &f->last[number % WATCH_LAST_ROWS], sizeof(*to));
		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 &&
			atomic_load_explicit(&f->last_writes, memory_order_relaxed) == before)
			return true;
	}
	return false;
}

static void watch_sum_last(const struct watch_figures *f, struct watch_figures *sum)
{
	const uint64_t n = watch_load(&f->n_last);

	for (uint64_t i = n; i > 0 && i + WATCH_LAST_ROWS > n; i--) {
		struct watch_row row;
		uint64_t at = sum->n_last;

		if (!watch_copy_row(f, i - 1, &row))
			continue;
		// Newest first.
		while (at > 0 && sum->last[at - 1].tsc < row.tsc)
			at--;
		if (at == WATCH_LAST_ROWS)
			return;
		if (sum->n_last < WATCH_LAST_ROWS)
			sum->n_last++;
		memmove(&sum->last[at + 1], &sum->last[at],
			(sum->n_last - at - 1) * sizeof(sum->last[0]));
		sum->last[at] = row;
	}
}

void watch_sum_rows(const struct watch *watch, struct watch_rows *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < watch->n_lcores; i++) {
		const struct watch_rows *rows = &watch->rows[i];

		sum->seen += watch_load(&rows->seen);
		sum->sampled += watch_load(&rows->sampled);
		sum->shed += watch_load(&rows->shed);
		sum->done += watch_load(&rows->done);
	}
}

bool watch_take_counts(struct watch *watch, uint32_t *counts)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < watch->n_lcores; i++)
		n += watch_load(&watch->rows[i].done);
	if (n == watch->n_told)
		return false;
	watch->n_told = n;
	for (uint32_t c = 0; c < watch->n_counts; c++) {
		uint32_t sum = 0; // modulo 2^32, as each of them is

		for (uint32_t i = 0; i < watch->n_lcores; i++)
			sum += __atomic_load_n(&watch_counts(watch, i)[c], __ATOMIC_RELAXED);
		counts[c] = sum - watch->told[c];
		watch->told[c] = sum;
	}
	return true;
}

void watch_sum(const struct watch *watch, struct watch_figures *sum)
{
	memset(sum, 0, sizeof(*sum));
	histogram_reset(&sum->live_ns);
	histogram_reset(&sum->other_ns);
	for (uint32_t i = 0; i < watch->n_lcores; i++) {
		const struct watch_figures *f = &watch->figures[i];
		double largest = watch_load_double(&f->largest);

		sum->differ += watch_load(&f->differ);
		sum->not_finite += watch_load(&f->not_finite);
		sum->measured += watch_load(&f->measured);
		sum->sum += watch_load_double(&f->sum);
		sum->sum_of_squares += watch_load_double(&f->sum_of_squares);
		sum->largest = largest > sum->largest ? largest : sum->largest;
		sum->timed += watch_load(&f->timed);
		sum->slower += watch_load(&f->slower);
		histogram_merge(&sum->live_ns, &f->live_ns);
		histogram_merge(&sum->other_ns, &f->other_ns);
		watch_sum_last(f, sum);
	}
}
