// SPDX-License-Identifier: BSD-3-Clause
// lane, watch: what is sampled, shed, compared and kept; no item outlives what it is about.
#include "dataplane/lane.h"

#include "base/random.h"
#include "tests/unit/stand_in_model.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
// cmocka wants the three above first

// Under test, calling the stand-in model.
#include "dataplane/aside.c"
#include "dataplane/compare.c"
#include "dataplane/drift.c"
#include "dataplane/lane.c"
#include "dataplane/registry.c"
#include "dataplane/watch.c"
#include "tests/cmocka.h"

#define SCRATCH_BYTES 16384
#define LANE_BYTES    1408
#define FEATURES      4
#define OUTPUTS       3

static struct registry *registry;
static struct watches *watches;
static struct rte_rcu_qsbr *qsbr;
static struct lane lane;
static struct clock clk;
static uint8_t *scratch, *lane_memory;
static struct error err;
static float rows[256 * FEATURES], outputs[256 * OUTPUTS];

static int set_up(void **state)
{
	qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(1));
	if (rte_rcu_qsbr_init(qsbr, 1) != 0)
		return -1;
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	clock_init(&clk, 2600000000u);
	scratch = aligned_alloc(64, SCRATCH_BYTES);
	lane_memory = aligned_alloc(64, LANE_BYTES); // ASan watches its end
	if (registry_create(1, SCRATCH_BYTES, 1500, qsbr, &registry, &err) ||
		watches_create(registry, &watches, &err))
		return -1;
	lane_init(&lane, watches, &clk, 0, lane_memory, LANE_BYTES);
	stand_in_models_closed = 0;
	return 0;
}

static int tear_down(void **state)
{
	watches_destroy(watches);
	registry_destroy(registry);
	free(qsbr);
	free(scratch);
	free(lane_memory);
	return 0;
}

// Puts a version into service and returns it; the mark is what its scores begin at.
static struct deployment *publish(uint16_t id, uint16_t version, uint32_t n_outputs, float mark)
{
	char name[16];
	const struct deployment_request request = {
		.id = id,
		.name = name,
		.version = version,
		.model = stand_in_model(FEATURES, n_outputs, mark),
	};

	snprintf(name, sizeof(name), "m%u", id);
	assert_int_equal(registry_publish(registry, &request, &err), 0);
	return (struct deployment *)(uintptr_t)registry_lookup(registry, id);
}

static const struct watch *watch_pair(enum watch_kind kind, uint32_t every, struct deployment *live,
	struct deployment *other, enum decision_rule rule)
{
	static const float ALLOWED[OUTPUTS] = { 0.5f, 0.5f, 0.5f };
	const struct watch_request request = {
		.kind = kind,
		.id = live->id,
		.every = every,
		.live = live,
		.other = other,
		.decision = { .rule = rule, .threshold = 100, .allowed = ALLOWED },
		.latency_ratio = 1e9,
	};

	assert_int_equal(watches_publish(watches, &request, &err), 0);
	return watches_find(watches, live->id, kind);
}

// Answers `n` rows, each of `value` and zeros, by `by`.
static void answer(const struct deployment *by, uint32_t n, float value, bool is_busy)
{
	memset(rows, 0, sizeof(rows));
	for (uint32_t i = 0; i < n; i++)
		rows[i * FEATURES] = value + (float)i;
	model_score(by->model, rows, outputs, n, scratch, 1);
	lane_offer(&lane, by, rows, outputs, n, is_busy);
}

static void work_off(void)
{
	while (lane_work(&lane, scratch))
		;
	rte_rcu_qsbr_quiescent(qsbr, 0);
}

static void nothing_is_taken_where_nothing_is_watched(void **state)
{
	answer(publish(1, 1, OUTPUTS, 0), 5, 1, false);
	assert_false(lane_work(&lane, scratch));
}

static void equal_versions_do_not_differ(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 10), *shadow = publish(2, 2, OUTPUTS, 10);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_WITHIN);
	struct watch_figures sum;
	struct watch_rows n;

	answer(live, 7, 1, false);
	work_off();
	watch_sum(watch, &sum);
	watch_sum_rows(watch, &n);
	assert_int_equal(n.seen, 7);
	assert_int_equal(n.sampled, 7);
	assert_int_equal(n.done, 7);
	assert_int_equal(sum.differ, 0);
	assert_int_equal(sum.measured, 7);
	assert_true(sum.largest == 0);
	assert_int_equal(sum.timed, 2); // of 4 rows and of 3
	assert_int_equal(sum.live_ns.count, 2);
	assert_int_equal(sum.other_ns.count, 2);
	assert_int_equal(sum.n_last, 0);
}

// The threshold is 100; the shadow's scores are by 2 larger.
static void rows_that_differ_are_counted_and_kept(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 2);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_SIDE);
	struct watch_figures sum;
	struct watch_rows n;

	answer(live, 20, 90, false); // 98 and 99 become 100 and 101
	work_off();
	watch_sum(watch, &sum);
	watch_sum_rows(watch, &n);
	assert_int_equal(n.done, 20);
	assert_int_equal(sum.differ, 2);
	assert_true(sum.sum == 40 && sum.sum_of_squares == 80 && sum.largest == 2);
	assert_int_equal(sum.n_last, 2);
	assert_true(sum.last[0].features[0] == 99 && sum.last[1].features[0] == 98);
	assert_int_equal(sum.last[0].n_features, FEATURES);
	assert_true(sum.last[0].live[1] == 100 && sum.last[0].other[1] == 102);
	for (int i = 0; i < 5; i++) {
		answer(live, 4, 98, false);
		work_off();
	}
	watch_sum(watch, &sum);
	watch_sum_rows(watch, &n);
	assert_int_equal(sum.differ, 12);
	assert_int_equal(sum.n_last, WATCH_LAST_ROWS);
}

static void the_largest_score_decides(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	const float a[OUTPUTS] = { 1, 3, 2 }, b[OUTPUTS] = { 2, 9, 8 }, c[OUTPUTS] = { 4, 3, 2 };

	assert_false(decision_differs(&watch->decision, a, b));
	assert_true(decision_differs(&watch->decision, a, c));
}

static void scores_that_are_not_finite_differ_from_those_that_are(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, NAN);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	struct watch_figures sum;

	answer(live, 3, 1, false);
	work_off();
	watch_sum(watch, &sum);
	assert_int_equal(sum.differ, 3);
	assert_int_equal(sum.not_finite, 3);
	assert_int_equal(sum.measured, 0);
}

// A canary's rows are all taken and scored by live; of live's, one of `every`. Differences keep their sides.
static void canary_and_live_score_each_others_rows(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *canary;
	const struct watch *watch;
	struct watch_figures sum;
	struct watch_rows n;

	live->n_holds++; // stays, when the canary takes its slot below
	canary = publish(1, 2, OUTPUTS, 2);
	watch = watch_pair(WATCH_CANARY, 4, live, canary, DECISION_SIDE);
	answer(live, 8, 99, false); // 99 and 103 are taken
	work_off();
	answer(canary, 3, 98, false); // 98, 99 and 100; by live: 98 and 99 are below
	work_off();
	watch_sum(watch, &sum);
	watch_sum_rows(watch, &n);
	assert_int_equal(n.seen, 11);
	assert_int_equal(n.sampled, 5);
	assert_int_equal(n.done, 5);
	assert_int_equal(sum.differ, 3);
	for (uint64_t i = 0; i < sum.n_last; i++)
		assert_true(sum.last[i].other[0] == sum.last[i].live[0] + 2);
	live->n_holds--;
}

static void one_of_every_is_counted_across_bursts(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 10, live, shadow, DECISION_LARGEST);
	struct watch_rows n;

	for (int i = 0; i < 100; i++) {
		answer(live, 1 + i % 3, 1, false);
		work_off();
	}
	watch_sum_rows(watch, &n);
	assert_int_equal(n.seen, 199);
	assert_int_equal(n.sampled, 20);
	assert_int_equal(n.done, 20);
}

static void load_sheds_and_is_counted(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	const size_t fit = LANE_BYTES /
		align_up(sizeof(struct lane_item) + (FEATURES + OUTPUTS) * sizeof(float), 8);
	struct watch_rows n;

	answer(live, 30, 1, true); // a full burst
	assert_false(lane_work(&lane, scratch));
	answer(live, 30, 1, false); // a full lane
	watch_sum_rows(watch, &n);
	assert_int_equal(n.sampled, fit);
	assert_int_equal(n.shed, 60 - fit);
	work_off();
	watch_sum_rows(watch, &n);
	assert_int_equal(n.done, fit);
}

static void versions_of_other_shapes_are_refused(void **state)
{
	struct deployment *live = publish(1, 3, OUTPUTS, 0), *other = publish(2, 4, 2, 0);
	const struct watch_request request = {
		.kind = WATCH_SHADOW, .id = 1, .live = live, .other = other
	};

	assert_int_equal(watches_publish(watches, &request, &err), -EINVAL);
	assert_string_equal(err.text,
		"model m1: version 3 takes 4 features and gives 3 scores, version 4 takes 4 and "
		"gives "
		"2: the two cannot be compared");
	assert_null(watches_find(watches, 1, WATCH_SHADOW));
}

// What waits is dropped with its watch, and a version goes only after the watch that names it.
static void what_waits_is_dropped_with_its_watch(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	struct watch_rows n;

	answer(live, 5, 1, false);
	watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	work_off();
	watch_sum_rows(watch, &n);
	assert_int_equal(n.done, 0);
	answer(live, 5, 1, false);
	registry_retire(registry, 1, &err);
	registry_retire(registry, 2, &err);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 0); // the watch holds both
	watches_withdraw(watches, 1, WATCH_SHADOW);
	watches_reclaim(watches);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 0); // this lcore has not been quiescent since
	work_off();
	watches_reclaim(watches);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 2);
}

// Live's and the canary's rows, told version by version, also what was counted before a change.
static uint32_t told[3][16]; // by version

static void tell(void *context, uint16_t id, uint16_t version, const struct model *model,
	const uint32_t *counts)
{
	assert_ptr_equal(context, told);
	assert_int_equal(id, 1);
	for (uint32_t c = 0; c < 16; c++)
		told[version][c] += counts[c];
}

// Edges at 1 and 2 of the first feature, none of the others.
static void refer(const struct deployment *deployment)
{
	static const uint32_t FIRST[] = { 0, 4, 6, 8, 10, 12, 14, 16 };
	static const float EDGES[] = { 1, 2 };
	static const struct drift_reference REFERENCE = {
		.n_columns = FEATURES + OUTPUTS, .first = FIRST, .edges = EDGES
	};

	((struct model *)(uintptr_t)deployment->model)->info.reference = &REFERENCE;
}

static void rows_are_counted_by_version(void **state)
{
	struct dataplane dp = { .registry = registry, .watches = watches };
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *next;
	struct drifted drifted;

	memset(told, 0, sizeof(told));
	assert_int_equal(dataplane_drift(&dp, 2, tell, told, &err), 0);
	assert_false(dataplane_drifted(&dp, 1, WATCH_DRIFT, &drifted)); // it has no reference
	refer(live);
	assert_int_equal(dataplane_drift(&dp, 2, tell, told, &err), 0);
	answer(live, 6, 1, false); // 1, 3 and 5 are taken
	answer(live, 4, 1, true);
	work_off();
	rows[0] = NAN;
	lane_offer(&lane, live, rows, outputs, 1, false);
	work_off();
	assert_true(dataplane_drifted(&dp, 1, WATCH_DRIFT, &drifted));
	assert_int_equal(drifted.version, 1);
	assert_int_equal(drifted.rows.seen, 11);
	assert_int_equal(drifted.rows.sampled, 4);
	assert_int_equal(drifted.rows.shed, 2);
	assert_int_equal(drifted.rows.done, 4);
	next = publish(1, 2, OUTPUTS, 0);
	refer(next);
	assert_int_equal(
		dataplane_drift(&dp, 2, tell, told, &err), 0); // of the version before, too
	assert_int_equal(told[1][0], 1);
	assert_int_equal(told[1][1], 0);
	assert_int_equal(told[1][2], 2);
	assert_int_equal(told[1][3], 1); // missing
	assert_int_equal(told[1][4], 4);
	answer(next, 2, 2, false);
	work_off();
	assert_int_equal(dataplane_drift(&dp, 2, tell, told, &err), 0);
	assert_int_equal(dataplane_drift(&dp, 2, tell, told, &err), 0); // nothing is told twice
	assert_int_equal(told[2][1], 1);
	assert_int_equal(told[2][4], 1);
	assert_int_equal(dataplane_drift(&dp, 0, tell, told, &err), 0);
	assert_false(dataplane_drifted(&dp, 1, WATCH_DRIFT, &drifted));
	assert_int_equal(watches->n, 0);
}

// A row of more columns than a slice is counted in several, once.
static void a_wide_row_is_counted_in_slices(void **state)
{
	enum { WIDE = LANE_SLICE_COLUMNS + 20 };
	static uint32_t first[WIDE + 2];
	static float row[WIDE], score;
	const struct drift_reference reference = { .n_columns = WIDE + 1, .first = first };
	const struct deployment_request request = {
		.id = 1, .name = "wide", .version = 1, .model = stand_in_model(WIDE, 1, 0)
	};
	struct deployment *live;
	struct watch_request drift = { .kind = WATCH_DRIFT, .id = 1, .every = 1 };
	const struct watch *watch;

	for (uint32_t c = 0; c <= WIDE + 1; c++)
		first[c] = 2 * c;
	assert_int_equal(registry_publish(registry, &request, &err), 0);
	live = drift.live = (struct deployment *)(uintptr_t)registry_lookup(registry, 1);
	request.model->info.reference = &reference;
	assert_int_equal(watches_publish(watches, &drift, &err), 0);
	watch = watches_find(watches, 1, WATCH_DRIFT);
	lane_offer(&lane, live, row, &score, 1, false);
	assert_true(lane_work(&lane, scratch));
	assert_int_equal(watch_counts(watch, 0)[2 * (LANE_SLICE_COLUMNS - 1)], 1);
	assert_int_equal(watch_counts(watch, 0)[2 * LANE_SLICE_COLUMNS], 0);
	lane_offer(&lane, live, row, &score, 1, false); // it does not fit any more
	assert_true(lane_work(&lane, scratch));
	assert_false(lane_work(&lane, scratch));
	for (uint32_t c = 0; c <= WIDE; c++)
		assert_int_equal(watch_counts(watch, 0)[2 * c], 1);
	assert_int_equal(watch->rows[0].done, 1);
	assert_int_equal(watch->rows[0].shed, 1);
}

static void a_version_without_a_reference_is_not_counted(void **state)
{
	const struct watch_request drift = {
		.kind = WATCH_DRIFT, .id = 1, .live = publish(1, 3, OUTPUTS, 0)
	};

	assert_int_equal(watches_publish(watches, &drift, &err), -EINVAL);
	assert_string_equal(err.text, "version 3 of model m1 has no reference to count rows by");
}

// A model that is unloaded while it is compared: nobody asks for the comparison any more, and it goes.
static void comparisons_go_with_their_roles(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);

	watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	watches_sweep(watches);
	assert_null(watches_find(watches, 1, WATCH_SHADOW)); // it is another slot's
	watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	registry_retire(registry, 1, &err);
	watches_sweep(watches);
	assert_null(watches_find(watches, 1, WATCH_SHADOW));
	work_off();
	watches_reclaim(watches);
	registry_reclaim(registry);
	assert_int_equal(stand_in_models_closed, 1);
}

// What was answered beside the lcores is compared like what they have answered, and counted behind them; it is not
// counted for drift, which those who score it do.
static void rows_beside_the_lcores_are_compared(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 2);
	struct watch_request drift = { .kind = WATCH_DRIFT, .id = 1, .every = 1, .live = live };
	const struct watch *watch;
	struct watch_figures sum;
	struct watch_rows n;
	struct aside *aside;

	assert_int_equal(aside_create(watches, NULL, 0, LANE_BYTES, 2600000000u, &aside, &err), 0);
	assert_false(aside_offer(aside, live, rows, outputs, 3, false)); // nothing is compared
	refer(live);
	assert_int_equal(watches_publish(watches, &drift, &err), 0);
	watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_SIDE);
	for (uint32_t i = 0; i < 10; i++) {
		rows[i * FEATURES] = 90 + (float)i;
		memset(rows + i * FEATURES + 1, 0, (FEATURES - 1) * sizeof(float));
	}
	model_score(live->model, rows, outputs, 10, scratch, 1);
	assert_true(aside_offer(aside, live, rows, outputs, 10, false));
	assert_true(aside_offer(aside, live, rows, outputs, 10, true)); // what waited, waits
	while (aside_work(aside))
		;
	assert_false(aside_work(aside));
	watch_sum(watch, &sum);
	watch_sum_rows(watch, &n);
	assert_int_equal(watch->rows[1].done, 10);
	assert_int_equal(n.seen, 20);
	assert_int_equal(n.shed, 10);
	assert_int_equal(n.done, 10);
	assert_int_equal(sum.differ, 2);
	watch_sum_rows(watches_find(watches, 1, WATCH_DRIFT), &n);
	assert_int_equal(n.seen, 0);
	aside_destroy(aside);
}

// While one thread works off, another one finds nothing to do, and what comes meanwhile is left to the first.
static void one_works_off_at_a_time(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);
	struct aside *aside;

	watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_SIDE);
	assert_int_equal(aside_create(watches, NULL, 0, LANE_BYTES, 2600000000u, &aside, &err), 0);
	aside_offer(aside, live, rows, outputs, 1, false);
	pthread_mutex_lock(&aside->work);
	assert_false(aside_work(aside));
	pthread_mutex_unlock(&aside->work);
	assert_int_equal(aside->n_waiting, 1);
	assert_false(aside_work(aside)); // the last one
	assert_int_equal(aside->n_waiting, 0);
	aside_destroy(aside);
}

// Equal scores on both sides are no difference, whichever is largest; at the threshold is above it.
static void ties_are_decided_alike(void **state)
{
	struct deployment *live = publish(1, 1, OUTPUTS, 0), *shadow = publish(2, 2, OUTPUTS, 0);
	const struct watch *watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_LARGEST);
	const float tie[OUTPUTS] = { 1, 2, 2 }, first[OUTPUTS] = { 1, 3, 2 },
		    last[OUTPUTS] = { 1, 2, 3 };
	const float at[OUTPUTS] = { 100, 0, 0 }, below[OUTPUTS] = { 99.99f, 0, 0 };

	assert_false(decision_differs(&watch->decision, tie, tie));
	assert_false(decision_differs(&watch->decision, tie, first));
	assert_true(decision_differs(&watch->decision, tie, last));
	watch = watch_pair(WATCH_SHADOW, 1, live, shadow, DECISION_SIDE);
	assert_false(decision_differs(&watch->decision, at, at));
	assert_true(decision_differs(&watch->decision, at, below));
}

// Random schedules of changes, answers and work: ASan finds whatever is used after it was freed, and every
// comparison is one of equal scores, for a row is never compared by another watch than its own.
static void random_schedules_compare_only_what_is_alive(void **state)
{
	struct deployment *live[4];
	uint64_t seed = 7;
	uint16_t version = 2;

	for (uint16_t id = 1; id <= 3; id++)
		live[id] = publish(id, 1, OUTPUTS, id);
	publish(4, 1, OUTPUTS, 1);
	for (int step = 0; step < 20000; step++) {
		uint64_t draw = random_next(&seed) >> 16;
		uint16_t id = (uint16_t)(1 + draw % 3);
		enum watch_kind kind = (draw >> 4) % 2 ? WATCH_SHADOW : WATCH_CANARY;
		const struct watch *watch = watches_find(watches, id, kind);
		struct watch_figures sum;

		switch ((draw >> 8) % 8) {
		case 0: // another live version
			version = (uint16_t)(version % 60000 + 1);
			live[id] = publish(id, version, OUTPUTS, id);
			break;
		case 1:
			watch_pair(kind, 1 + (uint32_t)(draw >> 12) % 3, live[id], live[id],
				DECISION_WITHIN);
			break;
		case 2:
			watches_withdraw(watches, id, kind);
			break;
		case 3:
			rte_rcu_qsbr_quiescent(qsbr, 0);
			break;
		case 4:
			watches_reclaim(watches);
			registry_reclaim(registry);
			break;
		case 5:
			lane_work(&lane, scratch);
			break;
		default:
			answer(live[id], 1 + (uint32_t)(draw >> 12) % 5, (float)step, false);
		}
		watch = watches_find(watches, id, kind);
		if (!watch)
			continue;
		watch_sum(watch, &sum);
		assert_int_equal(sum.differ, 0);
		assert_true(sum.largest == 0);
	}
	work_off();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_taken_where_nothing_is_watched),
		CASE(equal_versions_do_not_differ),
		CASE(rows_that_differ_are_counted_and_kept),
		CASE(the_largest_score_decides),
		CASE(scores_that_are_not_finite_differ_from_those_that_are),
		CASE(canary_and_live_score_each_others_rows),
		CASE(one_of_every_is_counted_across_bursts),
		CASE(load_sheds_and_is_counted),
		CASE(versions_of_other_shapes_are_refused),
		CASE(what_waits_is_dropped_with_its_watch),
		CASE(rows_are_counted_by_version),
		CASE(a_wide_row_is_counted_in_slices),
		CASE(a_version_without_a_reference_is_not_counted),
		CASE(comparisons_go_with_their_roles),
		CASE(rows_beside_the_lcores_are_compared),
		CASE(one_works_off_at_a_time),
		CASE(ties_are_decided_alike),
		CASE(random_schedules_compare_only_what_is_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
