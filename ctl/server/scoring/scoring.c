// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/scoring.h"

#include "base/align.h"
#include "base/clock.h"
#include "ctl/server/scoring/drift.h"
#include "dataplane/compare.h"
#include "infer/infer.h"

#include <event2/event.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

// Rows between two looks at the clock, and at whether the pool ends; fewer of a model whose rows take
// more than SLICE_WORK multiply-adds together.
#define SLICE_ROWS  1024
#define SLICE_WORK  ((uint64_t)1 << 30)
#define SHARED_NICE 10
// A job that takes less than this is done where it is submitted: to hand it to a worker and back costs two
// switches of threads, which are a good part of that. What it will take is told by its bytes, and by what
// those of jobs before it on the same model took. A body that is no small one is never told by it.
#define SMALL_NS    100000
#define SMALL_BYTES 65536
#define COSTS       64  // models whose cost is known at a time
#define COST_SHIFT  10  // costs are in ns << COST_SHIFT a byte
#define COST_BYTES  256 // that a job costs beside its own

struct job_list {
	struct scoring_job *first, **end;
	uint32_t n;
};

struct worker {
	struct scoring *scoring;
	pthread_t thread;
	void *scratch; // of the largest model so far
	size_t scratch_bytes;
};

// What jobs on a model take, a byte; 0: not known. The control thread's.
struct cost {
	const struct model
		*model; // never read: another may have come to its place, and is learnt anew
	uint64_t ns_a_byte;
};

struct scoring {
	struct dataplane *dp;
	struct scoring_options options;
	cpu_set_t cpus;
	bool shares_cpus; // with an lcore: there is no CPU without one
	struct event *finished_event;
	int eventfd;                    // written by workers, read by the control thread
	uint32_t under_way;             // submitted and not done; the control thread's
	struct scoring_figures figures; // the control thread's

	// What is done by the control thread itself, in the turn of the event loop that it is submitted in.
	bool takes_small; // it is on no lcore's CPU
	struct event *small_event;
	struct job_list small_urgent, small_others;
	struct worker *here;
	struct cost costs[COSTS];

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_list urgent, others, finished; // under lock
	bool stop;                                // under lock
	_Atomic(bool) hurry;                      // the same, for a worker that scores
	uint64_t offers; // under lock: times that rows were offered to be compared

	uint32_t n_workers;
	struct worker workers[];
};

static void job_list_init(struct job_list *list)
{
	*list = (struct job_list){ .end = &list->first };
}

static void job_list_add(struct job_list *list, struct scoring_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
	list->n++;
}

static struct scoring_job *job_list_take(struct job_list *list)
{
	struct scoring_job *job = list->first;

	if (!job)
		return NULL;
	list->first = job->next;
	list->n--;
	if (!list->first)
		list->end = &list->first;
	return job;
}

// --- A job on a worker ---------------------------------------------------------------------------

static int job_check_budget(struct scoring_job *job)
{
	const uint64_t taken_us = (clock_ns() - job->submitted_ns) / 1000;

	if (atomic_load_explicit(&job->cancelled, memory_order_relaxed))
		return error_set(&job->err, -ECANCELED, "cancelled, before it was scored");
	if (!job->budget_us || taken_us <= job->budget_us)
		return 0;
	return error_set(&job->err, -ETIME,
		"the request's timeout of %u us was over after %llu us, before it was scored",
		job->budget_us, (unsigned long long)taken_us);
}

static int worker_fit_scratch(struct worker *worker, const struct model *model, struct error *err)
{
	const size_t bytes = align_up(model_scratch_bytes(model, MODEL_BATCH_MAX), 64);

	if (bytes <= worker->scratch_bytes)
		return 0;
	free(worker->scratch);
	worker->scratch_bytes = 0;
	worker->scratch = aligned_alloc(64, bytes);
	if (!worker->scratch)
		return error_set(err, -ENOMEM, "no memory to score: %zu bytes of scratch", bytes);
	worker->scratch_bytes = bytes;
	return 0;
}

static uint32_t job_count_not_finite(const struct scoring_job *job, uint32_t n_outputs)
{
	const float *scores = job->scores;
	uint32_t count = 0;

	for (uint32_t row = 0; row < job->n_rows; row++, scores += n_outputs) {
		bool finite = true;

		for (uint32_t c = 0; c < n_outputs; c++)
			finite = finite && isfinite(scores[c]);
		count += !finite;
	}
	return count;
}

static int worker_score_slices(struct worker *worker, struct scoring_job *job)
{
	const struct model *model = job->held.model;
	const struct model_info *info = model_info(model);

	uint32_t slice = SLICE_ROWS;

	while (slice > 1 && info->macs_per_row > SLICE_WORK / slice)
		slice /= 4;
	for (uint32_t row = 0; row < job->n_rows; row += slice) {
		const uint32_t left = job->n_rows - row;

		if (job_check_budget(job) != 0)
			return job->err.code;
		if (worker->scoring->hurry)
			return error_set(&job->err, -ECANCELED, "martletd ends");
		model_score(model, job->rows + (size_t)row * info->n_features,
			job->scores + (size_t)row * info->n_outputs, left < slice ? left : slice,
			worker->scratch, MODEL_BATCH_MAX);
	}
	return 0;
}

// What waits is read without the lock: to be wrong by one for a moment does no harm.
static bool scoring_is_busy(const struct scoring *scoring)
{
	return __atomic_load_n(&scoring->urgent.n, __ATOMIC_RELAXED) ||
		__atomic_load_n(&scoring->others.n, __ATOMIC_RELAXED);
}

// The rows are compared by a worker that has nothing else to do.
static void worker_offer(struct worker *worker, const struct scoring_job *job)
{
	struct scoring *scoring = worker->scoring;

	if (!dataplane_offer(scoring->dp, &job->held, job->rows, job->scores, job->n_rows,
		    scoring_is_busy(scoring)))
		return;
	pthread_mutex_lock(&scoring->lock);
	scoring->offers++;
	pthread_cond_signal(&scoring->wake);
	pthread_mutex_unlock(&scoring->lock);
}

static int worker_score(struct worker *worker, struct scoring_job *job)
{
	const struct model_info *info = model_info(job->held.model);
	const uint64_t values = (uint64_t)job->n_rows * info->n_outputs;

	if (job->n_rows > SCORING_ROWS_MAX || values > SCORING_VALUES_MAX)
		return error_set(&job->err, -E2BIG,
			"%u rows of %u outputs are too many for one request: at most %u rows, and "
			"%llu outputs in all",
			job->n_rows, info->n_outputs, SCORING_ROWS_MAX,
			(unsigned long long)SCORING_VALUES_MAX);
	if (model_check_rows(info, NULL, job->rows, job->n_rows, &job->err) != 0)
		return job->err.code;
	job->scores = malloc(values * sizeof(float) + 1);
	if (!job->scores)
		return error_set(
			&job->err, -ENOMEM, "no memory for %u rows of scores", job->n_rows);
	if (worker_fit_scratch(worker, job->held.model, &job->err) != 0 ||
		worker_score_slices(worker, job) != 0)
		return job->err.code;
	job->outcome.rows = job->n_rows;
	job->outcome.not_finite = job_count_not_finite(job, info->n_outputs);
	worker_offer(worker, job);
	if (job->outcome.not_finite && worker->scoring->options.refuse_not_finite)
		return error_set(&job->err, -EDOM,
			"%u of %u rows have a score that is NaN or infinite, and "
			"infer.refuse_not_finite is set",
			job->outcome.not_finite, job->n_rows);
	if (worker->scoring->options.drift)
		drift_count(worker->scoring->options.drift, &job->held, job->rows, job->scores,
			job->n_rows);
	return 0;
}

static int worker_answer(struct worker *worker, struct scoring_job *job)
{
	uint64_t begin = clock_ns(), end;
	int rc;

	job->outcome.queue_ns = begin - job->submitted_ns;
	rc = job_check_budget(job);
	if (rc == 0)
		rc = job->protocol->decode(job);
	end = clock_ns();
	job->outcome.input_ns = end - begin;
	if (rc == 0)
		rc = job_check_budget(job);
	if (rc == 0 && job->n_rows > 0)
		dataplane_choose(&job->held, job->has_id ? &job->id : NULL, job->rows);
	if (rc == 0)
		rc = worker_score(worker, job);
	begin = clock_ns();
	job->outcome.infer_ns = begin - end;
	if (rc == 0)
		rc = job->protocol->encode(job);
	job->outcome.output_ns = clock_ns() - begin;
	return rc;
}

static void worker_do(struct worker *worker, struct scoring_job *job)
{
	job->err.code = worker_answer(worker, job);
	free(job->rows);
	free(job->scores);
	job->rows = job->scores = NULL;
}

static void *worker_run(void *context)
{
	struct worker *worker = context;
	struct scoring *scoring = worker->scoring;
	const struct sched_param none = { 0 };
	const uint64_t one = 1;
	uint64_t offers, worked_off = 0; // of scoring->offers

	if (scoring->shares_cpus) { // traffic comes first
		pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
		setpriority(PRIO_PROCESS, (id_t)gettid(), SHARED_NICE);
	}
	pthread_setname_np(pthread_self(), "scoring");
	pthread_mutex_lock(&scoring->lock);
	for (;;) {
		struct scoring_job *job = NULL;

		if (scoring->stop)
			break;
		job = job_list_take(&scoring->urgent);
		if (!job)
			job = job_list_take(&scoring->others);
		if (!job && worked_off == scoring->offers) {
			pthread_cond_wait(&scoring->wake, &scoring->lock);
			continue;
		}
		offers = scoring->offers;
		pthread_mutex_unlock(&scoring->lock);
		if (job)
			worker_do(worker, job);
		else if (!dataplane_work_aside(scoring->dp))
			worked_off = offers;
		pthread_mutex_lock(&scoring->lock);
		if (!job)
			continue;
		job_list_add(&scoring->finished, job);
		// The counter cannot be full.
		if (write(scoring->eventfd, &one, sizeof(one)) < 0)
			abort();
	}
	pthread_mutex_unlock(&scoring->lock);
	return NULL;
}

// --- The control thread --------------------------------------------------------------------------

enum wire_status scoring_wire_status(int code)
{
	switch (code) {
	case 0:
		return WIRE_STATUS_OK;
	case -EBUSY:
		return WIRE_STATUS_BUSY;
	case -ETIME:
		return WIRE_STATUS_EXPIRED;
	case -EDOM:
		return WIRE_STATUS_NOT_FINITE;
	case -ENOMEM:
	case -ECANCELED:
		return WIRE_STATUS_NOT_READY;
	case -E2BIG:
		return WIRE_STATUS_BAD_SHAPE;
	default:
		return WIRE_STATUS_BAD_REQUEST;
	}
}

static struct cost *scoring_cost(struct scoring *scoring, const struct model *model)
{
	struct cost *cost = &scoring->costs[((uintptr_t)model >> 6) % COSTS];

	if (cost->model != model)
		*cost = (struct cost){ .model = model };
	return cost;
}

// A worker may have lost its CPU meanwhile, so that one job alone does not change much.
static void scoring_learn_cost(struct scoring *scoring, const struct scoring_job *job)
{
	const struct api_outcome *o = &job->outcome;
	struct cost *cost = scoring_cost(scoring, job->held.model);
	uint64_t took = ((o->input_ns + o->infer_ns + o->output_ns) << COST_SHIFT) /
		(job->bytes + COST_BYTES);

	if (job->err.code != 0 || !job->bytes)
		return;
	if (!cost->ns_a_byte)
		cost->ns_a_byte = took;
	took = took < 4 * cost->ns_a_byte ? took : 4 * cost->ns_a_byte;
	cost->ns_a_byte = (7 * cost->ns_a_byte + took) / 8 + 1;
}

static bool scoring_is_small(struct scoring *scoring, const struct scoring_job *job)
{
	const struct cost *cost = scoring_cost(scoring, job->held.model);

	return scoring->takes_small && job->bytes > 0 && job->bytes <= SMALL_BYTES &&
		cost->ns_a_byte > 0 &&
		(job->bytes + COST_BYTES) * cost->ns_a_byte <= (uint64_t)SMALL_NS << COST_SHIFT;
}

static void scoring_end_job(struct scoring *scoring, struct scoring_job *job)
{
	struct scoring_figures *f = &scoring->figures;

	job->outcome.total_ns = clock_ns() - job->submitted_ns;
	job->outcome.status = scoring_wire_status(job->err.code);
	scoring_learn_cost(scoring, job);
	f->busy += job->err.code == -EBUSY;
	f->expired += job->err.code == -ETIME;
	f->cancelled += job->err.code == -ECANCELED;
	f->scored += job->err.code == 0;
	f->failed += job->err.code != 0 && job->err.code != -EBUSY && job->err.code != -ETIME &&
		job->err.code != -ECANCELED;
	if (job->err.code != -ECANCELED) // nobody was refused
		dataplane_count(scoring->dp, &job->held, &job->outcome);
	dataplane_release(scoring->dp, &job->held);
	scoring->under_way--;
	job->protocol->done(job);
}

static void scoring_on_finished(int fd, short what, void *context)
{
	struct scoring *scoring = context;
	struct scoring_job *job, *next;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	pthread_mutex_lock(&scoring->lock);
	job = scoring->finished.first;
	job_list_init(&scoring->finished);
	pthread_mutex_unlock(&scoring->lock);
	for (; job; job = next) {
		next = job->next;
		scoring_end_job(scoring, job);
	}
}

static void scoring_on_small(int fd, short what, void *context)
{
	struct scoring *scoring = context;
	struct scoring_job *job;

	while ((job = job_list_take(&scoring->small_urgent)) ||
		(job = job_list_take(&scoring->small_others))) {
		worker_do(scoring->here, job);
		scoring_end_job(scoring, job);
	}
}

void scoring_submit(struct scoring *scoring, struct scoring_job *job)
{
	struct job_list *list = job->urgent ? &scoring->urgent : &scoring->others;
	const uint64_t one = 1;
	bool full;

	job->submitted_ns = clock_ns();
	job->err.code = 0;
	scoring->under_way++;
	scoring->figures.submitted++;
	if (scoring_is_small(scoring, job)) {
		job_list_add(job->urgent ? &scoring->small_urgent : &scoring->small_others, job);
		event_active(scoring->small_event, 0, 0);
		return;
	}
	pthread_mutex_lock(&scoring->lock);
	full = list->n >= scoring->options.queue;
	if (full)
		error_set(&job->err, -EBUSY, "%u requests wait to be scored: ask again later",
			list->n);
	job_list_add(full ? &scoring->finished : list, job);
	pthread_cond_signal(&scoring->wake);
	pthread_mutex_unlock(&scoring->lock);
	if (full && write(scoring->eventfd, &one, sizeof(one)) < 0)
		abort();
}

void scoring_limit(struct scoring *scoring, uint32_t queue)
{
	pthread_mutex_lock(&scoring->lock);
	scoring->options.queue = queue;
	pthread_mutex_unlock(&scoring->lock);
}

bool scoring_is_idle(const struct scoring *scoring)
{
	return scoring->under_way == 0;
}

void scoring_figures(struct scoring *scoring, struct scoring_figures *figures)
{
	*figures = scoring->figures;
	figures->threads = scoring->n_workers;
	figures->queue = scoring->options.queue;
	pthread_mutex_lock(&scoring->lock);
	figures->waiting = scoring->urgent.n + scoring->others.n;
	pthread_mutex_unlock(&scoring->lock);
}

// All CPUs but those taken; the kernel leaves out what this process may not use. Where that is none, a
// worker stays where the control thread is.
static void scoring_choose_cpus(struct scoring *scoring)
{
	const struct scoring_options *options = &scoring->options;
	cpu_set_t before, both;

	memset(&scoring->cpus, 0xff, sizeof(scoring->cpus));
	for (uint32_t i = 0; i < options->n_cpus_taken; i++)
		if (options->cpus_taken[i] < CPU_SETSIZE)
			CPU_CLR(options->cpus_taken[i], &scoring->cpus);
	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	scoring->shares_cpus = sched_setaffinity(0, sizeof(scoring->cpus), &scoring->cpus) != 0;
	if (scoring->shares_cpus) {
		scoring->cpus = before;
		return;
	}
	sched_setaffinity(0, sizeof(before), &before);
	CPU_AND(&both, &before, &scoring->cpus);
	scoring->takes_small = CPU_EQUAL(&both, &before);
}

static int scoring_start_worker(struct scoring *scoring, struct worker *worker)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int rc;

	worker->scoring = scoring;
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(scoring->cpus), &scoring->cpus);
	sigfillset(&all); // the event loop handles signals
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&worker->thread, &attributes, worker_run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -rc;
}

int scoring_create(struct event_base *base, struct dataplane *dp,
	const struct scoring_options *options, struct scoring **out, struct error *err)
{
	struct scoring *scoring =
		calloc(1, sizeof(*scoring) + (options->threads + 1) * sizeof(scoring->workers[0]));
	int rc = 0;

	if (!scoring)
		return error_set(err, -ENOMEM, "no memory for the scoring threads");
	scoring->dp = dp;
	scoring->options = *options;
	scoring_choose_cpus(scoring);
	scoring->options.cpus_taken = NULL; // the caller's
	pthread_mutex_init(&scoring->lock, NULL);
	pthread_cond_init(&scoring->wake, NULL);
	job_list_init(&scoring->urgent);
	job_list_init(&scoring->others);
	job_list_init(&scoring->finished);
	job_list_init(&scoring->small_urgent);
	job_list_init(&scoring->small_others);
	scoring->here = &scoring->workers[options->threads]; // behind those with a thread
	scoring->here->scoring = scoring;
	scoring->small_event = event_new(base, -1, 0, scoring_on_small, scoring);
	scoring->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	scoring->finished_event = event_new(
		base, scoring->eventfd, EV_READ | EV_PERSIST, scoring_on_finished, scoring);
	if (scoring->eventfd < 0 || !scoring->finished_event || !scoring->small_event ||
		event_add(scoring->finished_event, NULL) != 0)
		rc = error_set(err, -ENOMEM, "no memory or descriptor for the scoring threads");
	while (rc == 0 && scoring->n_workers < options->threads) {
		rc = scoring_start_worker(scoring, &scoring->workers[scoring->n_workers]);
		if (rc == 0)
			scoring->n_workers++;
		else
			error_set(err, rc, "a scoring thread cannot be started: %s", strerror(-rc));
	}
	if (rc != 0) {
		scoring_destroy(scoring);
		return rc;
	}
	*out = scoring;
	return 0;
}

static void scoring_cancel(struct scoring *scoring, struct job_list *list)
{
	struct scoring_job *job;

	while ((job = job_list_take(list))) {
		if (list != &scoring->finished)
			error_set(&job->err, -ECANCELED, "martletd ends");
		scoring_end_job(scoring, job);
	}
}

void scoring_destroy(struct scoring *scoring)
{
	if (!scoring)
		return;
	pthread_mutex_lock(&scoring->lock);
	scoring->stop = true;
	scoring->hurry = true;
	pthread_cond_broadcast(&scoring->wake);
	pthread_mutex_unlock(&scoring->lock);
	for (uint32_t i = 0; i < scoring->n_workers; i++) {
		pthread_join(scoring->workers[i].thread, NULL);
		free(scoring->workers[i].scratch);
	}
	scoring_cancel(scoring, &scoring->finished);
	scoring_cancel(scoring, &scoring->urgent);
	scoring_cancel(scoring, &scoring->others);
	scoring_cancel(scoring, &scoring->small_urgent);
	scoring_cancel(scoring, &scoring->small_others);
	free(scoring->here->scratch);
	if (scoring->small_event)
		event_free(scoring->small_event);
	if (scoring->finished_event)
		event_free(scoring->finished_event);
	if (scoring->eventfd >= 0)
		close(scoring->eventfd);
	pthread_cond_destroy(&scoring->wake);
	pthread_mutex_destroy(&scoring->lock);
	free(scoring);
}
