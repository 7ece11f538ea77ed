// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/watched.h"

#include "ctl/tool/command.h"
#include "ctl/tool/tool.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t watched_signal;
static struct sigaction watched_before[2];
static const int WATCHED_SIGNALS[2] = { SIGINT, SIGTERM };

// A thread that ends the process where the work would not look for a signal for long.
static struct {
	pthread_t thread;
	bool runs;
	sem_t wake; // a signal came, or work that does not look has begun, or all is over
	pthread_mutex_t lock;
	bool over, rests;
	void (*forget)(void *arg);
	void *arg;
} ender = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void watched_on_signal(int number)
{
	const int kept = errno;

	watched_signal = number;
	if (ender.runs)
		sem_post(&ender.wake);
	errno = kept;
}

static void *watched_end_process(void *unused)
{
	bool over = false;

	(void)unused;
	while (!over) {
		if (sem_wait(&ender.wake) != 0)
			continue;
		pthread_mutex_lock(&ender.lock);
		over = ender.over;
		if (!over && watched_signal != 0 && ender.rests) {
			if (ender.forget)
				ender.forget(ender.arg);
			tool_note("interrupted: nothing is written");
			_exit(TOOL_INTERRUPTED);
		}
		pthread_mutex_unlock(&ender.lock);
	}
	return NULL;
}

static void watched_rest(void *context, bool on, void (*forget)(void *arg), void *arg)
{
	(void)context;
	pthread_mutex_lock(&ender.lock);
	ender.rests = on;
	ender.forget = forget;
	ender.arg = arg;
	pthread_mutex_unlock(&ender.lock);
	if (on && watched_signal != 0 && ender.runs)
		sem_post(&ender.wake);
}

static bool watched_step(void *context, const struct learn_progress *progress)
{
	struct watched *watched = context;
	char note[sizeof(watched->progress.note)] = "";
	int used = 0;

	watched->progress.unit = progress->stage;
	if (!isnan(progress->loss))
		used = snprintf(note, sizeof(note), "loss %.4g", progress->loss);
	if (!isnan(progress->score) && used >= 0 && (size_t)used < sizeof(note))
		snprintf(note + used, sizeof(note) - (size_t)used, "%svalidation %s %.4g",
			used ? ", " : "", progress->score_name, progress->score);
	progress_update_note(&watched->progress, progress->done, progress->total, note);
	return watched_signal == 0;
}

static int watched_lacks(void *context, const char *what, const char *why, struct error *err)
{
	(void)context;
	return command_lacks(what, why, err);
}

void watched_begin(struct watched *watched, const char *what)
{
	// The second signal of a kind does what the first would have done.
	const struct sigaction action = { .sa_handler = watched_on_signal,
		.sa_flags = (int)SA_RESETHAND };

	watched_signal = 0;
	watched->watch = (struct learn_watch){ .step = watched_step,
		.lacks = watched_lacks,
		.rest = watched_rest,
		.context = watched };
	progress_start(&watched->progress, what, "steps");
	ender.over = ender.rests = false;
	sem_init(&ender.wake, 0, 0);
	ender.runs = pthread_create(&ender.thread, NULL, watched_end_process, NULL) == 0;
	for (int i = 0; i < 2; i++)
		sigaction(WATCHED_SIGNALS[i], &action, &watched_before[i]);
}

void watched_end(struct watched *watched)
{
	for (int i = 0; i < 2; i++)
		sigaction(WATCHED_SIGNALS[i], &watched_before[i], NULL);
	if (ender.runs) {
		pthread_mutex_lock(&ender.lock);
		ender.over = true;
		pthread_mutex_unlock(&ender.lock);
		sem_post(&ender.wake);
		pthread_join(ender.thread, NULL);
		ender.runs = false;
	}
	sem_destroy(&ender.wake);
	progress_end(&watched->progress);
}

bool watched_interrupted(void)
{
	return watched_signal != 0;
}
