// SPDX-License-Identifier: BSD-3-Clause
// score: every request gets its own rows' outputs, whatever was in the burst beside it.
#include "dataplane/score.h"

#include "tests/unit/frame.h"
#include "tests/unit/stand_in_model.h"

#include <rte_cycles.h>
// cmocka wants the three above first

// Under test, calling the stand-in model.
#include "dataplane/lane.c"
#include "dataplane/registry.c"
#include "dataplane/score.c"
#include "dataplane/watch.c"
#include "tests/cmocka.h"

#include <float.h>

#define SCRATCH_BYTES 8192

static struct registry *registry;
static struct frame frames[BURST_MAX];
static struct rte_mbuf *mbufs[BURST_MAX];
static struct dataplane_counters counters;
static struct clock clk;
static uint8_t *scratch;
static struct watches *watches;
static struct lane lane;
static uint64_t lane_memory[512];

static void publish(uint16_t id, uint32_t n_features, uint32_t n_outputs, float mark, bool missing)
{
	struct deployment_request request = { .id = id, .name = "m", .version = 5 };
	char name[16];
	struct error err;

	snprintf(name, sizeof(name), "m%u", id);
	request.name = name;
	request.model = stand_in_model(n_features, n_outputs, mark);
	request.model->info.accepts_missing = missing;
	if (n_outputs > n_features)
		request.model->scratch_bytes_per_row = 1500; // so that few rows fit
	assert_int_equal(registry_publish(registry, &request, &err), 0);
}

static float *row_values(int i)
{
	return (float *)(frame_wire(&frames[i]) + 1);
}

// A request of `rows` for model `id`, as admit leaves it; its values count up from `first`.
static void request(int i, uint16_t id, uint16_t rows, float first)
{
	const struct deployment *deployment = registry_lookup(registry, id);
	uint32_t n = rows * deployment->n_features;
	uint32_t longest = RTE_MAX(deployment->n_features, deployment->n_outputs);
	struct packet *p = &frames[i].p;

	frame_request(&frames[i], false, false, WIRE_TYPE_SCORE, rows,
		(uint16_t)deployment->n_features, 32 + rows * longest * 4);
	for (uint32_t v = 0; v < n; v++) {
		float value = first + (float)v;

		memcpy((uint8_t *)row_values(i) + 4 * v, &value, 4);
	}
	p->kind = PACKET_SCORE;
	p->payload_offset = 42;
	p->payload_bytes = 32 + rows * longest * 4;
	p->rows = rows;
	p->outputs = (uint16_t)deployment->n_outputs;
	p->deployment = deployment;
	p->stats = deployment->stats[0];
	p->done = false;
	mbufs[i] = &frames[i].m;
}

static void score(uint16_t n)
{
	counters = (struct dataplane_counters){ 0 };
	stand_in_score_calls = 0;
	stand_in_longest_call = 0;
	score_burst(mbufs, n, scratch, &clk, &counters, &lane);
}

static void check_outputs(int i, float first, float mark)
{
	const struct packet *p = &frames[i].p;
	uint32_t n_features = p->deployment->n_features;

	assert_int_equal(p->kind, PACKET_RESULT);
	assert_int_equal(p->status, WIRE_STATUS_OK);
	for (uint32_t row = 0; row < p->rows; row++) {
		for (uint32_t o = 0; o < p->outputs; o++) {
			float expected = mark + (float)o, value;

			for (uint32_t f = 0; f < n_features; f++)
				expected += first + (float)(row * n_features + f);
			memcpy(&value, (uint8_t *)row_values(i) + 4 * (row * p->outputs + o), 4);
			assert_true(value == expected);
		}
	}
}

static void one_request_is_scored(void **state)
{
	request(0, 1, 1, 3);
	score(1);
	check_outputs(0, 3, 1000);
	assert_int_equal(counters.rows_scored, 1);
}

static void burst_of_one_model_is_one_batch(void **state)
{
	for (int i = 0; i < 20; i++)
		request(i, 1, (uint16_t)(1 + i % 3), (float)i);
	score(20);
	for (int i = 0; i < 20; i++)
		check_outputs(i, (float)i, 1000);
	assert_int_equal(stand_in_score_calls, 1);
	assert_int_equal(stand_in_longest_call, 39);
	assert_int_equal(counters.rows_scored, 39);
}

static void mixed_models_are_grouped(void **state)
{
	for (int i = 0; i < 30; i++)
		request(i, (uint16_t)(1 + i % 3), (uint16_t)(1 + i % 2), (float)i);
	score(30);
	for (int i = 0; i < 30; i++)
		check_outputs(i, (float)i, (float)(1000 * (1 + i % 3)));
	assert_int_equal(stand_in_score_calls, 3);
}

// The scratch holds fewer rows than came: several batches, none larger than fits.
static void burst_larger_than_scratch_is_split(void **state)
{
	uint32_t fits = registry_lookup(registry, 4)->batch_rows;

	assert_true(fits >= 2 && fits < 30);
	for (int i = 0; i < BURST_MAX; i++)
		request(i, 4, 1, (float)i);
	score(BURST_MAX);
	for (int i = 0; i < BURST_MAX; i++)
		check_outputs(i, (float)i, 4000);
	assert_true(stand_in_longest_call <= fits);
	assert_true(stand_in_score_calls >= 3);
}

// More outputs than features: written early, they would overwrite rows not yet read.
static void request_larger_than_scratch_is_sliced(void **state)
{
	uint32_t fits = registry_lookup(registry, 5)->batch_rows;
	uint16_t rows = (uint16_t)(fits * 2 + 1);

	request(0, 1, 1, 1);
	request(1, 5, rows, 7);
	request(2, 5, 1, 9);
	score(3);
	check_outputs(0, 1, 1000);
	check_outputs(1, 7, 5000);
	check_outputs(2, 9, 5000);
	assert_true(stand_in_longest_call <= fits);
	assert_int_equal(counters.rows_scored, rows + 2);
}

static void not_finite_spoils_only_its_own_request(void **state)
{
	static const float BAD[] = { NAN, INFINITY, -INFINITY };

	for (size_t b = 0; b < RTE_DIM(BAD); b++) {
		for (int i = 0; i < 5; i++)
			request(i, 1, 2, (float)i);
		memcpy((uint8_t *)row_values(2) + 4 * 7, &BAD[b], 4);
		score(5);
		assert_int_equal(frames[2].p.kind, PACKET_RESULT);
		assert_int_equal(frames[2].p.status, WIRE_STATUS_NOT_FINITE);
		for (int i = 0; i < 5; i++)
			if (i != 2)
				check_outputs(i, (float)i, 1000);
		assert_int_equal(counters.rows_scored, 8);
	}
}

static void not_finite_in_a_late_slice_refuses_the_whole(void **state)
{
	uint16_t rows = (uint16_t)(registry_lookup(registry, 5)->batch_rows * 2 + 1);
	const float nan_value = NAN;

	request(0, 5, rows, 7);
	memcpy((uint8_t *)row_values(0) + 4 * (rows - 1), &nan_value, 4);
	score(1);
	assert_int_equal(frames[0].p.status, WIRE_STATUS_NOT_FINITE);
	assert_int_equal(counters.rows_scored, 0);
}

static void missing_values_go_to_models_that_accept_them(void **state)
{
	const float nan_value = NAN;

	request(0, 6, 1, 1);
	memcpy(row_values(0), &nan_value, 4);
	score(1);
	assert_int_equal(frames[0].p.status, WIRE_STATUS_OK);
	assert_int_equal(counters.rows_scored, 1);
}

// A sum beyond the largest float: counted by row, and sent or refused as the deployment says.
static void scores_that_are_not_finite_are_counted_and_refused_on_demand(void **state)
{
	struct deployment *deployment =
		(struct deployment *)(uintptr_t)registry_lookup(registry, 2);
	struct slot_stats *stats = deployment->stats[0];
	const uint64_t before = stats->not_finite, rows = stats->rows;

	for (int refuses = 0; refuses < 2; refuses++) {
		deployment->refuses_not_finite = refuses;
		request(0, 2, 3, 0);
		for (uint32_t f = 0; f < deployment->n_features; f++) {
			const float large = FLT_MAX;

			memcpy((uint8_t *)row_values(0) + 4 * f, &large, 4);
		}
		request(1, 2, 2, 0);
		score(2);
		assert_int_equal(
			frames[0].p.status, refuses ? WIRE_STATUS_NOT_FINITE : WIRE_STATUS_OK);
		assert_int_equal(frames[1].p.status, WIRE_STATUS_OK);
		assert_int_equal(stats->not_finite, before + 1 + (uint64_t)refuses);
		assert_int_equal(stats->rows, rows + (refuses ? 7 : 5));
	}
	deployment->refuses_not_finite = false;
}

static void spent_budget_expires(void **state)
{
	for (int i = 0; i < 3; i++) {
		request(i, 1, 1, (float)i);
		frames[i].p.arrival_tsc = rte_rdtsc() - 100 * clk.us_cycles;
	}
	frame_wire(&frames[0])->budget_us = 99;
	frame_wire(&frames[1])->budget_us = UINT32_MAX;
	score(3);
	assert_int_equal(frames[0].p.kind, PACKET_RESULT);
	assert_int_equal(frames[0].p.status, WIRE_STATUS_EXPIRED);
	check_outputs(1, 1, 1000);
	check_outputs(2, 2, 1000); // 0: never
}

static void requests_and_rows_are_counted_by_slot(void **state)
{
	const struct slot_stats *stats = registry_lookup(registry, 2)->stats[0];
	uint64_t requests = stats->requests, rows = stats->rows;

	request(0, 2, 3, 0);
	request(1, 2, 1, 0);
	request(2, 1, 1, 0);
	score(3);
	assert_int_equal(stats->requests, requests + 2);
	assert_int_equal(stats->rows, rows + 4);
}

// What the lane is offered are the rows and the scores that were sent, of long requests the last slice;
// of a full burst nothing. The edges are the first features and the first scores to come.
static void what_was_answered_is_offered_to_the_lane(void **state)
{
	static const uint32_t FIRST[] = { 0, 5, 7, 9, 11, 16, 18, 20 };
	static const float EDGES[] = { 3, 7, 40, 1018, 1034, 1166 };
	static const struct drift_reference REFERENCE = {
		.n_columns = 7, .first = FIRST, .edges = EDGES
	};
	const struct watch_request drift = {
		.kind = WATCH_DRIFT,
		.id = 1,
		.every = 1,
		.live = (struct deployment *)(uintptr_t)registry_lookup(registry, 1),
	};
	struct watch_rows sum;
	const struct watch *watch;
	const uint32_t *counts;
	struct error err;

	((struct model *)(uintptr_t)drift.live->model)->info.reference = &REFERENCE;
	assert_int_equal(watches_publish(watches, &drift, &err), 0);
	watch = watches_find(watches, 1, WATCH_DRIFT);
	counts = watch_counts(watch, 0);
	request(0, 1, 2, 3);
	request(1, 2, 2, 3); // another model's
	request(2, 1, 1, 40);
	score(3);
	assert_int_equal(counts[0], 0);
	while (lane_work(&lane, scratch))
		;
	for (uint32_t bin = 0; bin < 3; bin++) {
		assert_int_equal(counts[bin], 1);
		assert_int_equal(counts[11 + bin], 1);
	}
	assert_int_equal(counts[5], 3); // a column without edges
	for (int i = 0; i < BURST_MAX; i++)
		request(i, 1, 1, 0);
	score(BURST_MAX);
	assert_false(lane_work(&lane, scratch));
	watch_sum_rows(watch, &sum);
	assert_int_equal(sum.seen, 3 + BURST_MAX);
	assert_int_equal(sum.shed, BURST_MAX);
	assert_int_equal(sum.done, 3);
	watches_withdraw(watches, 1, WATCH_DRIFT);
}

static int set_up(void **state)
{
	struct error err;

	clock_init(&clk, 2600000000u);
	scratch = aligned_alloc(64, SCRATCH_BYTES); // ASan watches its end
	if (registry_create(1, SCRATCH_BYTES, 1024, NULL, &registry, &err) ||
		watches_create(registry, &watches, &err))
		return -1;
	lane_init(&lane, watches, &clk, 0, lane_memory, sizeof(lane_memory));
	publish(1, 4, 3, 1000, false);
	publish(2, 2, 2, 2000, false);
	publish(3, 7, 1, 3000, false);
	publish(4, 60, 2, 4000, false);
	publish(5, 1, 8, 5000, false);
	publish(6, 4, 1, 6000, true);
	return 0;
}

static int tear_down(void **state)
{
	watches_destroy(watches);
	registry_destroy(registry);
	free(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request_is_scored),
		cmocka_unit_test(burst_of_one_model_is_one_batch),
		cmocka_unit_test(mixed_models_are_grouped),
		cmocka_unit_test(burst_larger_than_scratch_is_split),
		cmocka_unit_test(request_larger_than_scratch_is_sliced),
		cmocka_unit_test(not_finite_spoils_only_its_own_request),
		cmocka_unit_test(not_finite_in_a_late_slice_refuses_the_whole),
		cmocka_unit_test(missing_values_go_to_models_that_accept_them),
		cmocka_unit_test(scores_that_are_not_finite_are_counted_and_refused_on_demand),
		cmocka_unit_test(spent_budget_expires),
		cmocka_unit_test(requests_and_rows_are_counted_by_slot),
		cmocka_unit_test(what_was_answered_is_offered_to_the_lane),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
