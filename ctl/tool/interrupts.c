// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/interrupts.h"

#include "base/clock.h"
#include "base/leftovers.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static const int SIGNALS[] = { SIGINT, SIGTERM, SIGHUP };
#define N_SIGNALS (sizeof(SIGNALS) / sizeof(SIGNALS[0]))

static struct {
	uint32_t depth; // of interrupts_begin(); all below are of the outermost
	bool runs;      // the thread, without which signals do what they did before
	pthread_t thread;
	struct sigaction before[N_SIGNALS];
	sem_t wake; // a signal came, or what is below has changed
	pthread_mutex_t lock;
	const struct interrupts_end *end;
	uint64_t spared_ns; // for how long; UINT64_MAX: until it is done
	bool over;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static atomic_int last, count; // signals that came

static void on_signal(int number)
{
	const int kept = errno;

	last = number;
	// The thread may be telling somebody who does not read.
	if (++count > 1)
		alarm(1);
	sem_post(&state.wake);
	errno = kept;
}

static _Noreturn void end_process(void)
{
	const int number = last;

	leftovers_remove();
	alarm(1); // nobody may be reading what is said
	if (state.end) {
		state.end->say(state.end->arg, true);
		_exit(state.end->exit);
	}
	signal(number, SIG_DFL);
	kill(getpid(), number);
	for (;;)
		pause();
}

// Until there is something to look at, or `until_ns`; UINT64_MAX: there is no such time.
static void wait_for_news(uint64_t until_ns)
{
	const struct timespec at = { .tv_sec = (time_t)(until_ns / CLOCK_SECOND_NS),
		.tv_nsec = (long)(until_ns % CLOCK_SECOND_NS) };
	int rc;

	do
		rc = until_ns == UINT64_MAX ? sem_wait(&state.wake)
					    : sem_clockwait(&state.wake, CLOCK_MONOTONIC, &at);
	while (rc != 0 && errno == EINTR);
}

// When the process is to end, by clock_ns(); UINT64_MAX: not yet.
static uint64_t end_at(uint64_t came_ns)
{
	if (count == 0 || (count == 1 && state.spared_ns == UINT64_MAX))
		return UINT64_MAX;
	return count > 1 ? came_ns : came_ns + state.spared_ns;
}

static void *watch_signals(void *unused)
{
	uint64_t came_ns = 0, until_ns = UINT64_MAX;
	bool over = false;

	(void)unused;
	while (!over) {
		wait_for_news(until_ns);
		pthread_mutex_lock(&state.lock);
		over = state.over;
		if (count > 0 && came_ns == 0) {
			came_ns = clock_ns();
			if (!over && state.end && end_at(came_ns) == UINT64_MAX)
				state.end->say(state.end->arg, false);
		}
		until_ns = end_at(came_ns);
		if (!over && until_ns <= clock_ns())
			end_process();
		pthread_mutex_unlock(&state.lock);
	}
	return NULL;
}

// By a thread that takes no signal, whose work might otherwise be in the middle of what the handler interrupts.
static bool start_thread(void)
{
	sigset_t all, before;
	bool runs;

	if (sem_init(&state.wake, 0, 0) != 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	runs = pthread_create(&state.thread, NULL, watch_signals, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!runs)
		sem_destroy(&state.wake);
	return runs;
}

void interrupts_begin(const struct interrupts_end *end)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (state.depth++ > 0)
		return;
	last = count = 0;
	state.end = end;
	state.spared_ns = 0;
	state.over = false;
	state.runs = start_thread();
	for (size_t i = 0; state.runs && i < N_SIGNALS; i++) {
		sigaction(SIGNALS[i], NULL, &state.before[i]);
		if (state.before[i].sa_handler != SIG_IGN || (end && SIGNALS[i] != SIGHUP))
			sigaction(SIGNALS[i], &action, NULL);
	}
}

void interrupts_end(void)
{
	if (--state.depth > 0 || !state.runs)
		return;
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(SIGNALS[i], &state.before[i], NULL);
	pthread_mutex_lock(&state.lock);
	// What came, and did not spare the work, is what the thread is about to end the process for.
	state.over = count == 0 || state.spared_ns != 0;
	pthread_mutex_unlock(&state.lock);
	sem_post(&state.wake);
	pthread_join(state.thread, NULL);
	sem_destroy(&state.wake);
	state.runs = false;
}

void interrupts_spare(uint32_t seconds)
{
	pthread_mutex_lock(&state.lock);
	// Once a signal has come it can only be less.
	if (count == 0 || seconds == 0)
		state.spared_ns = seconds == UINT32_MAX ? UINT64_MAX : seconds * CLOCK_SECOND_NS;
	pthread_mutex_unlock(&state.lock);
	if (!state.runs)
		return;
	sem_post(&state.wake);
	while (seconds == 0 && count > 0)
		pause(); // it ends here, by the thread
}

bool interrupts_came(void)
{
	return count > 0 && state.spared_ns > 0;
}
