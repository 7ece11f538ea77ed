// SPDX-License-Identifier: BSD-3-Clause
// The pool that scores what comes by the API: what it answers, what waits, what is refused, and that each
// job is ended once.
#include "tests/unit/stand_in_model.h"

// Under test, with the stand-in model and counts of its own.
#include "ctl/server/scoring/scoring.c"
#include "tests/cmocka.h"

#include <semaphore.h>

static struct event_base *base;
static struct scoring *scoring;
static struct model *model;
static struct api_outcome counted[WIRE_STATUS_COUNT];
static uint32_t n_counted[WIRE_STATUS_COUNT], n_held, n_done;
static struct scoring_job *order[64]; // in which they were done
static sem_t entered, may_go;
static bool holds_up; // decode() waits
static pthread_t decoder;

void dataplane_count(
	struct dataplane *dp, const struct deployment_hold *hold, const struct api_outcome *outcome)
{
	counted[outcome->status] = *outcome;
	n_counted[outcome->status]++;
}

void dataplane_choose(struct deployment_hold *hold, const uint64_t *id, const float *row)
{
}

void dataplane_release(struct dataplane *dp, struct deployment_hold *hold)
{
	n_held--;
	*hold = (struct deployment_hold){ 0 };
}

static _Atomic(uint32_t) n_offered, n_offered_busy, n_waiting, n_worked_off; // rows

bool dataplane_offer(struct dataplane *dp, const struct deployment_hold *held, const float *rows,
	const float *scores, uint32_t n, bool is_busy)
{
	n_offered += n;
	n_offered_busy += is_busy ? n : 0;
	n_waiting += is_busy ? 0 : n;
	return n_waiting > 0;
}

bool dataplane_work_aside(struct dataplane *dp)
{
	if (!n_waiting)
		return false;
	n_waiting--;
	n_worked_off++;
	return n_waiting > 0;
}

static int decode(struct scoring_job *job)
{
	decoder = pthread_self();
	if (holds_up) {
		sem_post(&entered);
		sem_wait(&may_go);
	}
	job->n_rows = 3;
	job->rows = calloc(3 * 2, sizeof(float));
	for (int i = 0; i < 6; i++)
		job->rows[i] = (float)i;
	return 0;
}

static int decode_missing(struct scoring_job *job)
{
	int rc = decode(job);

	job->rows[3] = NAN;
	return rc;
}

static int decode_many(struct scoring_job *job)
{
	job->n_rows = SCORING_ROWS_MAX + 1;
	return 0;
}

static int decode_refused(struct scoring_job *job)
{
	return error_set(&job->err, -EINVAL, "no");
}

static int encode(struct scoring_job *job)
{
	assert_true(job->scores[0] == 101 && job->scores[2] == 105 && job->scores[4] == 109);
	return 0;
}

static void done(struct scoring_job *job)
{
	order[n_done++] = job;
}

static const struct scoring_protocol PLAIN = { decode, encode, done };

static void start(uint32_t queue, bool refuse)
{
	const struct scoring_options options = {
		.threads = 1, .queue = queue, .refuse_not_finite = refuse
	};
	struct error err;

	assert_int_equal(scoring_create(base, NULL, &options, &scoring, &err), 0);
}

static int set_up(void **state)
{
	static const char *const NAMES[] = { "a", "b" };

	base = event_base_new();
	model = stand_in_model(2, 2, 100);
	model->info.feature_names = NAMES;
	model->info.name = "lab";
	memset(counted, 0, sizeof(counted));
	memset(n_counted, 0, sizeof(n_counted));
	n_held = n_done = 0;
	n_offered = n_offered_busy = n_waiting = n_worked_off = 0;
	holds_up = false;
	sem_init(&entered, 0, 0);
	sem_init(&may_go, 0, 0);
	return 0;
}

static int tear_down(void **state)
{
	scoring_destroy(scoring);
	scoring = NULL;
	free(model);
	event_base_free(base);
	return n_held == 0 ? 0 : -1; // what was held was given back
}

static void submit(struct scoring_job *job, const struct scoring_protocol *protocol)
{
	job->protocol = protocol;
	job->held.model = model;
	n_held++;
	scoring_submit(scoring, job);
}

static void run_until(uint32_t n)
{
	while (n_done < n)
		event_base_loop(base, EVLOOP_ONCE);
}

static void rows_are_scored_and_counted(void **state)
{
	struct scoring_job job = { 0 };

	start(4, false);
	assert_true(scoring_is_idle(scoring));
	submit(&job, &PLAIN);
	assert_false(scoring_is_idle(scoring));
	assert_int_equal(n_done, 0); // never from within
	run_until(1);
	assert_int_equal(job.err.code, 0);
	assert_true(scoring_is_idle(scoring));
	assert_int_equal(n_counted[WIRE_STATUS_OK], 1);
	assert_int_equal(counted[WIRE_STATUS_OK].rows, 3);
	assert_true(counted[WIRE_STATUS_OK].total_ns >= counted[WIRE_STATUS_OK].infer_ns);
	assert_null(job.rows);
	assert_null(job.scores);
}

// They wait for a worker without a job, and those of a request that others wait behind are offered as such.
static void rows_are_compared_by_who_has_no_job(void **state)
{
	struct scoring_job first = { 0 }, second = { 0 };

	start(4, false);
	holds_up = true;
	submit(&first, &PLAIN);
	sem_wait(&entered);
	submit(&second, &PLAIN);
	sem_post(&may_go);
	sem_wait(&entered);
	assert_int_equal(n_offered, 3);
	assert_int_equal(n_offered_busy, 3);
	sem_post(&may_go);
	run_until(2);
	while (n_worked_off < 3)
		sched_yield();
	assert_int_equal(n_offered, 6);
	assert_int_equal(n_offered_busy, 3);
}

static void queue_is_bounded_and_urgent_ones_go_first(void **state)
{
	struct scoring_job first = { 0 }, second = { 0 }, third = { 0 },
			   urgent = { .urgent = true };
	struct scoring_figures figures;

	start(1, false);
	holds_up = true;
	submit(&first, &PLAIN);
	sem_wait(&entered); // it is under way
	submit(&second, &PLAIN);
	submit(&third, &PLAIN);
	submit(&urgent, &PLAIN);
	scoring_figures(scoring, &figures);
	assert_int_equal(figures.waiting, 2);
	run_until(1);
	assert_ptr_equal(order[0], &third);
	assert_int_equal(third.err.code, -EBUSY);
	assert_string_equal(third.err.text, "1 requests wait to be scored: ask again later");
	for (int i = 0; i < 3; i++)
		sem_post(&may_go);
	run_until(4);
	assert_ptr_equal(order[1], &first);
	assert_ptr_equal(order[2], &urgent);
	assert_ptr_equal(order[3], &second);
	assert_int_equal(second.err.code, 0);
	assert_int_equal(n_counted[WIRE_STATUS_BUSY], 1);
	scoring_figures(scoring, &figures);
	assert_int_equal(figures.busy, 1);
	assert_int_equal(figures.scored, 3);
}

static void late_ones_are_not_scored(void **state)
{
	const struct timespec while_waiting = { .tv_nsec = 2000000 };
	struct scoring_job first = { 0 }, late = { .budget_us = 1 };

	start(4, false);
	holds_up = true;
	submit(&first, &PLAIN);
	sem_wait(&entered);
	submit(&late, &PLAIN);
	nanosleep(&while_waiting, NULL);
	stand_in_score_calls = 0;
	sem_post(&may_go);
	run_until(2);
	assert_int_equal(late.err.code, -ETIME);
	assert_int_equal(n_counted[WIRE_STATUS_EXPIRED], 1);
	assert_int_equal(stand_in_score_calls, 1);
}

static void refusals_are_told_apart(void **state)
{
	static const struct scoring_protocol MISSING = { decode_missing, encode, done };
	static const struct scoring_protocol MANY = { decode_many, encode, done };
	static const struct scoring_protocol REFUSED = { decode_refused, encode, done };
	struct scoring_job missing = { 0 }, many = { 0 }, refused = { 0 };

	start(4, false);
	submit(&missing, &MISSING);
	submit(&many, &MANY);
	submit(&refused, &REFUSED);
	run_until(3);
	assert_int_equal(missing.err.code, -EDOM);
	assert_non_null(
		strstr(missing.err.text, "row 2 (the first is 1), feature b: a missing value"));
	assert_int_equal(many.err.code, -E2BIG);
	assert_int_equal(refused.err.code, -EINVAL);
	assert_string_equal(refused.err.text, "no");
	assert_int_equal(n_counted[WIRE_STATUS_NOT_FINITE], 1);
	assert_int_equal(n_counted[WIRE_STATUS_BAD_SHAPE], 1);
	assert_int_equal(n_counted[WIRE_STATUS_BAD_REQUEST], 1);
}

static void scores_that_are_not_finite_are_counted_or_refused(void **state)
{
	static const struct scoring_protocol MISSING = { decode_missing, encode, done };
	struct scoring_job job = { 0 };

	model->info.accepts_missing = true;
	start(4, true);
	submit(&job, &MISSING);
	run_until(1);
	assert_int_equal(job.err.code, -EDOM);
	assert_non_null(strstr(job.err.text, "1 of 3 rows have a score that is NaN or infinite"));
	assert_int_equal(counted[WIRE_STATUS_NOT_FINITE].not_finite, 1);
}

// Whose client has gone is not scored, and is no refusal of the model's.
static void cancelled_is_counted_as_that(void **state)
{
	struct scoring_job jobs[2] = { 0 };
	struct scoring_figures figures;

	start(4, false);
	holds_up = true;
	submit(&jobs[0], &PLAIN);
	sem_wait(&entered);
	submit(&jobs[1], &PLAIN);
	jobs[0].cancelled = true; // while it is read
	jobs[1].cancelled = true; // while it waits
	sem_post(&may_go);
	run_until(2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(jobs[i].err.code, -ECANCELED);
	for (int i = 0; i < WIRE_STATUS_COUNT; i++)
		assert_int_equal(n_counted[i], 0);
	scoring_figures(scoring, &figures);
	assert_int_equal(figures.cancelled, 2);
	assert_int_equal(figures.failed + figures.scored + figures.expired + figures.busy, 0);
}

// Lets the job under way go on once the pool ends.
static void *let_go(void *unused)
{
	while (!scoring->hurry)
		sched_yield();
	sem_post(&may_go);
	return NULL;
}

static void what_is_left_is_ended_with_the_pool(void **state)
{
	struct scoring_job jobs[4] = { 0 };
	pthread_t helper;

	start(8, false);
	holds_up = true;
	submit(&jobs[0], &PLAIN);
	sem_wait(&entered);
	for (int i = 1; i < 4; i++)
		submit(&jobs[i], &PLAIN);
	assert_int_equal(pthread_create(&helper, NULL, let_go, NULL), 0);
	scoring_destroy(scoring);
	pthread_join(helper, NULL);
	scoring = NULL;
	assert_int_equal(n_done, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(jobs[i].err.code, -ECANCELED);
	assert_int_equal(n_held, 0);
}

static void small_ones_are_done_where_they_are_submitted(void **state)
{
	struct scoring_job unknown = { .bytes = 100 }, small = { .bytes = 100 },
			   urgent = { .bytes = 100, .urgent = true }, large = { .bytes = 60000 },
			   not_said = { 0 };

	start(4, false);
	scoring->takes_small = true; // also where the machine has but one CPU
	submit(&unknown, &PLAIN);
	run_until(1);
	assert_false(pthread_equal(decoder, pthread_self()));
	assert_true(scoring_cost(scoring, model)->ns_a_byte > 0);
	scoring_cost(scoring, model)->ns_a_byte = (uint64_t)10 << COST_SHIFT;
	submit(&small, &PLAIN);
	submit(&urgent, &PLAIN);
	assert_int_equal(n_done, 1); // never from within
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	assert_int_equal(n_done, 3);
	assert_ptr_equal(order[1], &urgent);
	assert_true(pthread_equal(decoder, pthread_self()));
	assert_int_equal(n_counted[WIRE_STATUS_OK], 3);
	submit(&large, &PLAIN);
	run_until(4);
	assert_false(pthread_equal(decoder, pthread_self()));
	submit(&not_said, &PLAIN);
	run_until(5);
	assert_false(pthread_equal(decoder, pthread_self()));
}

static void one_slow_job_makes_no_model_slow(void **state)
{
	struct scoring_job job = { .bytes = 1000 };
	struct cost *cost;

	start(4, false);
	scoring->takes_small = true;
	job.held.model = model;
	cost = scoring_cost(scoring, model);
	cost->ns_a_byte = (uint64_t)10 << COST_SHIFT;
	job.outcome.infer_ns = 50000000;
	scoring_learn_cost(scoring, &job);
	assert_true(scoring_is_small(scoring, &job));
	for (int i = 0; i < 30; i++)
		scoring_learn_cost(scoring, &job);
	assert_false(scoring_is_small(scoring, &job));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(rows_are_scored_and_counted),
		CASE(rows_are_compared_by_who_has_no_job),
		CASE(queue_is_bounded_and_urgent_ones_go_first),
		CASE(late_ones_are_not_scored),
		CASE(refusals_are_told_apart),
		CASE(scores_that_are_not_finite_are_counted_or_refused),
		CASE(cancelled_is_counted_as_that),
		CASE(what_is_left_is_ended_with_the_pool),
		CASE(small_ones_are_done_where_they_are_submitted),
		CASE(one_slow_job_makes_no_model_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
