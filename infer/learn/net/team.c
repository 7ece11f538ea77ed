// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

// A worker looks this often whether there is more to do before it sleeps: the next piece usually comes within
// microseconds, and to be woken takes longer than that.
#define TEAM_SPINS 4000

// The state of the work: how many pieces there have been, whether the present one may be joined, and how many
// workers are at it.
#define TEAM_INSIDE UINT64_C(0x7fffffff)
#define TEAM_OPEN   UINT64_C(0x80000000)
#define TEAM_PIECE  (UINT64_C(1) << 32)

struct team {
	uint32_t n_threads, n_started;
	pthread_t *threads; // [n_threads - 1]
	_Atomic uint64_t state;
	_Atomic uint32_t next; // item that nobody does yet
	_Atomic uint32_t sleepers;
	_Atomic bool ends;
	uint32_t
		n_items; // what follows is the caller's while the work is closed and nobody is at it
	team_work *work;
	void *context;
	pthread_mutex_t mutex;
	pthread_cond_t more;
};

struct team_worker {
	struct team *team;
	uint32_t thread;
};

static void team_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void team_do_items(struct team *team, uint32_t thread)
{
	uint32_t item;

	while ((item = atomic_fetch_add(&team->next, 1)) < team->n_items)
		team->work(team->context, item, thread);
}

// Is there a piece that may be joined, other than the one numbered `last`?
static bool team_waits(struct team *team, uint64_t last)
{
	const uint64_t state = atomic_load(&team->state);

	return (state & TEAM_OPEN) && state / TEAM_PIECE != last;
}

static void team_sleep(struct team *team, uint64_t last)
{
	pthread_mutex_lock(&team->mutex);
	atomic_fetch_add(&team->sleepers, 1);
	while (!team_waits(team, last) && !atomic_load(&team->ends))
		pthread_cond_wait(&team->more, &team->mutex);
	atomic_fetch_sub(&team->sleepers, 1);
	pthread_mutex_unlock(&team->mutex);
}

static void *team_worker_run(void *context)
{
	struct team_worker worker = *(struct team_worker *)context;
	struct team *team = worker.team;
	uint64_t last = 0;

	free(context);
	while (!atomic_load(&team->ends)) {
		uint64_t state;

		for (uint32_t i = 0; i < TEAM_SPINS && !team_waits(team, last); i++)
			team_pause();
		if (!team_waits(team, last))
			team_sleep(team, last);
		state = atomic_load(&team->state);
		if (!(state & TEAM_OPEN) ||
			!atomic_compare_exchange_strong(&team->state, &state, state + 1))
			continue; // it was closed, or another one joined: look again
		last = state / TEAM_PIECE;
		team_do_items(team, worker.thread);
		atomic_fetch_sub(&team->state, 1);
	}
	return NULL;
}

static bool team_start(struct team *team)
{
	struct team_worker *worker = malloc(sizeof(*worker));
	sigset_t all, before;
	int rc;

	if (!worker)
		return false;
	*worker = (struct team_worker){ team, team->n_started + 1 };
	// Signals are the caller's.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&team->threads[team->n_started], NULL, team_worker_run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		free(worker);
		return false;
	}
	team->n_started++;
	return true;
}

static uint32_t team_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

struct team *team_create(uint32_t n_threads)
{
	struct team *team = calloc(1, sizeof(*team));

	if (!team)
		return NULL;
	team->n_threads = n_threads > 0 ? n_threads : team_cpus();
	if (team->n_threads > TEAM_THREADS_MAX)
		team->n_threads = TEAM_THREADS_MAX;
	pthread_mutex_init(&team->mutex, NULL);
	pthread_cond_init(&team->more, NULL);
	team->threads = calloc(team->n_threads, sizeof(*team->threads));
	while (team->threads && team->n_started + 1 < team->n_threads) {
		if (!team_start(team))
			break;
	}
	if (team->threads && team->n_started + 1 == team->n_threads)
		return team;
	team_destroy(team);
	return NULL;
}

void team_destroy(struct team *team)
{
	if (!team)
		return;
	pthread_mutex_lock(&team->mutex);
	atomic_store(&team->ends, true);
	pthread_cond_broadcast(&team->more);
	pthread_mutex_unlock(&team->mutex);
	for (uint32_t i = 0; i < team->n_started; i++)
		pthread_join(team->threads[i], NULL);
	pthread_cond_destroy(&team->more);
	pthread_mutex_destroy(&team->mutex);
	free(team->threads);
	free(team);
}

uint32_t team_threads(const struct team *team)
{
	return team->n_threads;
}

void team_run(struct team *team, uint32_t n_items, team_work *work, void *context)
{
	team->n_items = n_items;
	team->work = work;
	team->context = context;
	atomic_store(&team->next, 0);
	if (team->n_threads > 1 && n_items > 1) {
		atomic_fetch_add(&team->state, TEAM_PIECE | TEAM_OPEN);
		if (atomic_load(&team->sleepers) > 0) {
			pthread_mutex_lock(&team->mutex);
			pthread_cond_broadcast(&team->more);
			pthread_mutex_unlock(&team->mutex);
		}
	}
	team_do_items(team, 0);
	atomic_fetch_and(&team->state, ~TEAM_OPEN);
	// Workers that have not joined by now have nothing to do, and are not waited for.
	for (uint32_t i = 0; atomic_load(&team->state) & TEAM_INSIDE; i++) {
		if (i < TEAM_SPINS)
			team_pause();
		else
			sched_yield();
	}
}
