// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/lane.h"

#include "base/align.h"
#include "infer/infer.h"

#include <math.h>
#include <rte_cycles.h>
#include <string.h>

struct lane_item { // before its row and its outputs
	uint64_t generation;
	uint32_t bytes; // of all of it
	uint32_t n_features, n_outputs;
	uint16_t id;
	uint8_t kind;
	bool by_other; // the other version has answered it, not live
};

_Static_assert(sizeof(struct lane_item) % 8 == 0, "items follow each other");

void lane_init(struct lane *lane, const struct watches *watches, const struct clock *clock,
	uint32_t lcore, void *memory, size_t bytes)
{
	*lane = (struct lane){
		.watches = watches,
		.clock = clock,
		.lcore = lcore,
		.memory = memory,
		.bytes = bytes,
		.n_kinds = WATCH_KINDS,
	};
}

static const struct watch *lane_watch(const struct lane *lane, uint16_t id, unsigned kind)
{
	return atomic_load_explicit(&lane->watches->of[id][kind], memory_order_acquire);
}

// Room for an item in one piece; NULL: the lane is full. An item never lies across the memory's end.
static struct lane_item *lane_allocate(struct lane *lane, size_t bytes)
{
	struct lane_item *item;

	if (lane->n_items == 0)
		lane->head = lane->tail = 0;
	if (lane->n_items > 0 && lane->head <= lane->tail) { // wrapped around
		if (lane->tail - lane->head < bytes)
			return NULL;
	} else if (lane->bytes - lane->head < bytes) {
		if (lane->tail < bytes)
			return NULL;
		lane->end = lane->head;
		lane->head = 0;
	}
	item = (struct lane_item *)(lane->memory + lane->head);
	item->bytes = (uint32_t)bytes;
	lane->head += bytes;
	lane->n_items++;
	return item;
}

static struct lane_item *lane_first(const struct lane *lane)
{
	return lane->n_items ? (struct lane_item *)(lane->memory + lane->tail) : NULL;
}

static void lane_pop(struct lane *lane)
{
	lane->tail += lane_first(lane)->bytes;
	lane->n_items--;
	lane->n_counted = 0;
	if (lane->n_items > 0 && lane->tail > lane->head && lane->tail == lane->end)
		lane->tail = 0;
}

void lane_move(struct lane *from, struct lane *to, uint32_t most)
{
	const struct lane_item *item;
	struct lane_item *copy;

	for (; most > 0 && (item = lane_first(from)); most--) {
		copy = lane_allocate(to, item->bytes);
		if (!copy)
			return;
		memcpy(copy, item, item->bytes);
		lane_pop(from);
	}
}

static float *lane_item_row(struct lane_item *item)
{
	return (float *)(item + 1);
}

static bool lane_put(struct lane *lane, const struct watch *watch, bool by_other, const float *row,
	const float *outputs)
{
	const uint32_t n_features = watch->live->n_features, n_outputs = watch->live->n_outputs;
	const size_t row_bytes = n_features * sizeof(float), out_bytes = n_outputs * sizeof(float);
	struct lane_item *item =
		lane_allocate(lane, align_up(sizeof(*item) + row_bytes + out_bytes, 8));

	if (!item)
		return false;
	item->generation = watch->generation;
	item->id = watch->id;
	item->kind = (uint8_t)watch->kind;
	item->by_other = by_other;
	item->n_features = n_features;
	item->n_outputs = n_outputs;
	memcpy(lane_item_row(item), row, row_bytes);
	memcpy(lane_item_row(item) + n_features, outputs, out_bytes);
	return true;
}

// Takes 1 of `every` rows, counted across bursts. Most bursts are passed over.
static void lane_sample(struct lane *lane, const struct watch *watch, const float *rows,
	const float *outputs, uint32_t n, bool by_other, bool is_busy)
{
	const uint32_t n_features = watch->live->n_features, n_outputs = watch->live->n_outputs;
	const uint32_t every = by_other ? 1 : watch->every;
	struct watch_rows *to = &watch->rows[lane->lcore];
	uint32_t row = to->due[by_other], missed = 0;
	size_t room = 0;

	to->seen += n;
	if (likely(row >= n)) {
		to->due[by_other] = row - n;
		return;
	}
	if (!is_busy)
		room = LANE_TAKE_BYTES / ((n_features + n_outputs) * sizeof(float)) + 1;
	for (; row < n && room > 0; row += every, room--) {
		if (!lane_put(lane, watch, by_other, rows + (size_t)row * n_features,
			    outputs + (size_t)row * n_outputs))
			break; // nor do the others fit
		to->sampled++;
	}
	if (row < n)
		missed = (n - row - 1) / every + 1;
	to->shed += missed;
	to->due[by_other] = row + missed * every - n;
}

void lane_take(struct lane *lane, const struct deployment *by, const float *rows,
	const float *outputs, uint32_t n, bool is_busy)
{
	for (unsigned kind = 0; kind < lane->n_kinds; kind++) {
		const struct watch *watch = lane_watch(lane, by->id, kind);

		if (!watch)
			continue;
		if (by == watch->live)
			lane_sample(lane, watch, rows, outputs, n, false, is_busy);
		else if (by == watch->other && kind == WATCH_CANARY)
			lane_sample(lane, watch, rows, outputs, n, true, is_busy);
	}
}

static void lane_remember(struct watch_figures *f, const float *row, const float *live,
	const float *other, uint32_t n_features, uint32_t n_outputs)
{
	struct watch_row *to = &f->last[f->n_last % WATCH_LAST_ROWS];
	const uint32_t features = RTE_MIN(n_features, WATCH_LAST_FEATURES);
	const uint32_t outputs = RTE_MIN(n_outputs, WATCH_LAST_OUTPUTS);
	const uint32_t writes = atomic_load_explicit(&f->last_writes, memory_order_relaxed);

	atomic_store_explicit(&f->last_writes, writes + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	to->tsc = rte_rdtsc();
	to->n_features = n_features;
	to->n_outputs = n_outputs;
	memcpy(to->features, row, features * sizeof(float));
	memcpy(to->live, live, outputs * sizeof(float));
	memcpy(to->other, other, outputs * sizeof(float));
	atomic_store_explicit(&f->last_writes, writes + 2, memory_order_release);
	__atomic_store_n(&f->n_last, f->n_last + 1, __ATOMIC_RELEASE);
}

static void lane_compare(const struct watch *watch, struct watch_figures *f, const float *row,
	const float *live, const float *other)
{
	const uint32_t n_outputs = watch->live->n_outputs;
	bool only_one, differs;
	double apart;

	if (decision_distance(live, other, n_outputs, &apart, &only_one)) {
		f->measured++;
		f->sum += apart;
		f->sum_of_squares += apart * apart;
		f->largest = apart > f->largest ? apart : f->largest;
		differs = decision_differs(&watch->decision, live, other);
	} else {
		f->not_finite += only_one;
		differs = only_one;
	}
	if (differs) {
		f->differ++;
		lane_remember(f, row, live, other, watch->live->n_features, n_outputs);
	}
}

// Scores what lies at the scratch's beginning; returns the cycles that took.
static uint64_t lane_score(const struct deployment *by, uint8_t *scratch, uint32_t n)
{
	const uint64_t begin = rte_rdtsc();

	model_score(by->model, (const float *)scratch, (float *)(scratch + by->outputs_offset), n,
		scratch + by->model_offset, by->batch_rows);
	return rte_rdtsc() - begin;
}

static void lane_time(const struct lane *lane, const struct watch *watch, struct watch_figures *f,
	uint64_t live_cycles, uint64_t other_cycles, uint32_t n)
{
	n = n ? n : 1;
	f->timed++;
	f->slower += (double)other_cycles > (double)live_cycles * watch->latency_ratio;
	histogram_record(&f->live_ns, clock_ns(lane->clock, live_cycles) / n);
	histogram_record(&f->other_ns, clock_ns(lane->clock, other_cycles) / n);
}

// How many of the oldest items are of one kind and belong together; their rows are copied to `to`.
static uint32_t lane_gather(const struct lane *lane, float *to, uint32_t most)
{
	const struct lane_item *first = lane_first(lane);
	struct lane peek = *lane;
	struct lane_item *item;
	uint32_t n = 0;

	while (n < most && (item = lane_first(&peek)) && item->generation == first->generation &&
		item->by_other == first->by_other) {
		memcpy(to + (size_t)n * item->n_features, lane_item_row(item),
			item->n_features * sizeof(float));
		n++;
		lane_pop(&peek);
	}
	return n;
}

// Both versions score the rows, one after the other, so that their times can be compared; the one that has
// answered them for its time alone: what it answered with is what is compared.
static void lane_work_pair(struct lane *lane, const struct watch *watch, uint8_t *scratch)
{
	struct watch_figures *f = &watch->figures[lane->lcore];
	const bool by_other = lane_first(lane)->by_other;
	const struct deployment *again = by_other ? watch->other : watch->live;
	const struct deployment *now = by_other ? watch->live : watch->other;
	const uint32_t most = RTE_MIN(again->batch_rows, now->batch_rows);
	const uint32_t n = lane_gather(lane, (float *)scratch, RTE_MIN(most, LANE_SLICE_ROWS));
	const bool again_first = f->other_first == by_other;
	const float *outputs = (const float *)(scratch + now->outputs_offset);
	uint64_t again_cycles = 0, now_cycles;

	if (again_first)
		again_cycles = lane_score(again, scratch, n);
	now_cycles = lane_score(now, scratch, n);
	for (uint32_t i = 0; i < n; i++, lane_pop(lane)) {
		const float *row = lane_item_row(lane_first(lane));
		const float *answered = row + watch->live->n_features;
		const float *scored = outputs + (size_t)i * watch->live->n_outputs;

		lane_compare(
			watch, f, row, by_other ? scored : answered, by_other ? answered : scored);
		watch->rows[lane->lcore].done++;
	}
	if (!again_first)
		again_cycles = lane_score(again, scratch, n);
	f->other_first = !f->other_first;
	lane_time(lane, watch, f, by_other ? now_cycles : again_cycles,
		by_other ? again_cycles : now_cycles, n);
}

// Columns [first, first + n) of a row: features, then scores. Others read meanwhile what this lcore counts.
static void lane_count(const struct drift_reference *reference, uint32_t *counts,
	struct lane_item *item, uint32_t first, uint32_t n)
{
	// The scores lie behind the features, as the columns do.
	const float *values = lane_item_row(item);

	for (uint32_t c = first; c < first + n; c++) {
		uint32_t *count = &counts[reference->first[c] + drift_bin(reference, c, values[c])];

		__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
	}
}

static void lane_work_counts(struct lane *lane, const struct watch *watch)
{
	const uint32_t n_columns = watch->reference->n_columns;
	uint32_t *counts = watch_counts(watch, lane->lcore);
	struct lane_item *item;

	for (uint32_t left = LANE_SLICE_COLUMNS; left > 0;) {
		uint32_t n;

		item = lane_first(lane);
		if (!item || item->generation != watch->generation)
			return;
		n = RTE_MIN(left, n_columns - lane->n_counted);
		lane_count(watch->reference, counts, item, lane->n_counted, n);
		lane->n_counted += n;
		left -= n;
		if (lane->n_counted == n_columns) {
			lane_pop(lane);
			watch->rows[lane->lcore].done++;
		}
	}
}

bool lane_work(struct lane *lane, uint8_t *scratch)
{
	const struct lane_item *item = lane_first(lane);
	const struct watch *watch;

	if (!item)
		return false;
	watch = lane_watch(lane, item->id, item->kind);
	if (!watch || watch->generation != item->generation)
		lane_pop(lane);
	else if (watch->kind >= WATCH_PAIRS)
		lane_work_counts(lane, watch);
	else
		lane_work_pair(lane, watch, scratch);
	return true;
}
