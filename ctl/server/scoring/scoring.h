// SPDX-License-Identifier: BSD-3-Clause
// Scoring off the river: requests that come by the API are scored by a few threads of their own, by the
// same kernels on the same immutable models as the lcores use, and never on the lcores' CPUs.
//
// A request is a job. The control thread holds a deployment for it and submits it; a worker reads its
// rows (decode), scores them and writes the answer (encode); then done() is called on the control
// thread. What waits is bounded: beyond that jobs are refused with -EBUSY, and who asks may ask again.
// Urgent jobs go before the others and have a bound of their own. A job whose budget is used up is not
// scored any more. Rows of models that are compared (dataplane/compare.h) are compared by a worker that has no
// job. A job that is known to take less than handing it over is done by the control thread
// itself, where that is on no lcore's CPU: in the same way, later in the same turn of the event loop.
#pragma once

#include "base/error.h"
#include "dataplane/dataplane.h"

#include <stdbool.h>
#include <stdint.h>

#define SCORING_ROWS_MAX   (1u << 20)           // of a request
#define SCORING_VALUES_MAX ((uint64_t)16 << 20) // features of a request, and likewise outputs

struct drift;
struct event_base;
struct scoring;
struct scoring_job;

// What a protocol does with a job. decode() and encode() run on a worker and return 0, or the negative
// errno that they put into job->err with a sentence: -EDOM where a value is not finite, -ENOMEM,
// -EINVAL, ... done() ends the job, scored or not, on the control thread: it replies and frees.
struct scoring_protocol {
	// Sets job->rows, malloc'ed, job->n_rows, and job->budget_us where the request says it.
	int (*decode)(struct scoring_job *job);
	// Makes the answer of job->scores.
	int (*encode)(struct scoring_job *job);
	void (*done)(struct scoring_job *job);
};

struct scoring_job {
	// By who submits it. What is held becomes the pool's with it.
	const struct scoring_protocol *protocol;
	struct deployment_hold held;
	bool urgent;
	size_t bytes;       // of the request, by which is told what it will take; 0: not said
	uint32_t budget_us; // from submission; 0: none
	_Atomic(bool)
		cancelled; // to be set by the control thread where nobody waits for it any more

	uint64_t id; // dataplane_hash_id() of the request's id, by decode() where it has one
	bool has_id;
	float *rows; // [n_rows][n_features]; the pool frees it, as it does the scores
	uint32_t n_rows;
	float *scores; // [n_rows][n_outputs]

	// For done(). err.code is 0 where the job was answered; -EBUSY, -ETIME: the budget is used up,
	// -ECANCELED: it was cancelled, or the pool ends; else what decode() or encode() said.
	struct error err;

	// The pool's.
	uint64_t submitted_ns;
	struct api_outcome outcome;
	struct scoring_job *next;
};

struct scoring_options {
	uint32_t threads;
	uint32_t queue;             // jobs that wait, of the urgent and of the others each
	const uint32_t *cpus_taken; // [n_cpus_taken] where no worker runs
	uint32_t n_cpus_taken;
	bool refuse_not_finite; // a job with such a score is refused with -EDOM
	struct drift *drift;    // counts the rows scored; NULL: nobody does
};

struct scoring_figures {
	uint32_t threads, queue, waiting;
	uint64_t submitted, busy; // busy: refused as too many waited
	uint64_t expired, cancelled, scored, failed;
};

int scoring_create(struct event_base *base, struct dataplane *dp,
	const struct scoring_options *options, struct scoring **out, struct error *err);
// Ends the workers; done() is called for each job that is left, with -ECANCELED. NULL is fine.
void scoring_destroy(struct scoring *scoring);
// Another bound of the jobs that wait; those that do stay.
void scoring_limit(struct scoring *scoring, uint32_t queue);
bool scoring_is_idle(const struct scoring *scoring); // no job waits or is under way
void scoring_figures(struct scoring *scoring, struct scoring_figures *figures);

// done() is called later, never from within, also where the job is refused.
void scoring_submit(struct scoring *scoring, struct scoring_job *job);

// The status of the wire that says the same as job->err.
enum wire_status scoring_wire_status(int code);
