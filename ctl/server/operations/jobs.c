// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/jobs.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKER_NICE 10

struct jobs {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct event *finished; // on eventfd: the worker writes, the control thread reads
	int eventfd;
	bool stop;            // under lock
	void (*work)(void *); // under lock; NULL: nothing to do
	void (*done)(void *); // control thread only
	void *arg;
};

// Opening a model takes milliseconds of a CPU. Where that CPU is shared with an lcore or with another
// program that polls, they come first: traffic waits for them.
static void jobs_yield_to_others(void)
{
	const struct sched_param none = { 0 };

	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
	setpriority(PRIO_PROCESS, (id_t)gettid(), WORKER_NICE);
}

static void *jobs_worker(void *context)
{
	struct jobs *jobs = context;

	jobs_yield_to_others();

	pthread_mutex_lock(&jobs->lock);
	for (;;) {
		void (*work)(void *) = jobs->work;
		const uint64_t one = 1;

		if (!work && jobs->stop)
			break;
		if (!work) {
			pthread_cond_wait(&jobs->wake, &jobs->lock);
			continue;
		}
		pthread_mutex_unlock(&jobs->lock);
		work(jobs->arg);
		pthread_mutex_lock(&jobs->lock);
		jobs->work = NULL;
		// The counter cannot be full, with one job at a time.
		if (write(jobs->eventfd, &one, sizeof(one)) < 0)
			abort();
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

static void jobs_finished(int fd, short what, void *context)
{
	struct jobs *jobs = context;
	void (*done)(void *) = jobs->done;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count) || !done)
		return;
	// The worker cleared jobs->work before it wrote: done() may run the next job.
	jobs->done = NULL;
	done(jobs->arg);
}

static void jobs_free(struct jobs *jobs)
{
	if (jobs->finished)
		event_free(jobs->finished);
	if (jobs->eventfd >= 0)
		close(jobs->eventfd);
	pthread_cond_destroy(&jobs->wake);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

int jobs_create(struct event_base *base, struct jobs **out, struct error *err)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	sigset_t all, before;
	int rc;

	if (!jobs)
		return error_set(err, -ENOMEM, "no memory for the worker thread");
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->wake, NULL);
	jobs->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	jobs->finished = event_new(base, jobs->eventfd, EV_READ | EV_PERSIST, jobs_finished, jobs);
	if (jobs->eventfd < 0 || !jobs->finished || event_add(jobs->finished, NULL) != 0) {
		jobs_free(jobs);
		return error_set(err, -ENOMEM, "no memory or descriptor for the worker thread");
	}
	sigfillset(&all); // the worker must take no signal: the event loop handles them
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&jobs->thread, NULL, jobs_worker, jobs);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		jobs_free(jobs);
		return error_set(err, -rc, "the worker thread cannot be started: %s", strerror(rc));
	}
	*out = jobs;
	return 0;
}

void jobs_destroy(struct jobs *jobs)
{
	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->stop = true;
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	pthread_join(jobs->thread, NULL);
	jobs_free(jobs);
}

void jobs_run(struct jobs *jobs, void (*work)(void *), void (*done)(void *), void *arg)
{
	pthread_mutex_lock(&jobs->lock);
	assert(!jobs->work && !jobs->done);
	jobs->work = work;
	jobs->done = done;
	jobs->arg = arg;
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
}
