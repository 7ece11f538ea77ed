// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/threads.h"

#include <dirent.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_PATIENCE_S 10 // an lcore may be in a long batch

static struct {
	int (*work)(void);
	int rc;
	sem_t done;
} call;

static void threads_on_signal(int number)
{
	const int before = errno;

	call.rc = call.work();
	sem_post(&call.done);
	errno = before;
}

// io_uring's threads are the kernel's: they run no code of ours, and take no signals.
static bool threads_is_kernels(const char *tid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", tid);
	file = fopen(path, "re");
	if (!file)
		return true; // it has gone
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return strncmp(name, "iou-", 4) == 0;
}

static int threads_ask(const char *tid, struct error *err)
{
	const pid_t thread = (pid_t)strtol(tid, NULL, 10);
	struct timespec until;

	if (syscall(SYS_tgkill, getpid(), thread, SIGRTMAX) != 0)
		return errno == ESRCH ? 0
				      : error_set(err, -errno, "thread %s cannot be reached: %s",
						tid, strerror(errno));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += THREADS_PATIENCE_S;
	while (sem_timedwait(&call.done, &until) != 0)
		if (errno != EINTR)
			return error_set(
				err, -errno, "thread %s does not answer: %s", tid, strerror(errno));
	return call.rc == 0 ? 0 : error_set(err, call.rc, "thread %s: %s", tid, strerror(-call.rc));
}

int threads_each(int (*work)(void), struct error *err)
{
	const struct sigaction ours = { .sa_handler = threads_on_signal, .sa_flags = SA_RESTART };
	struct sigaction before;
	struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");
	char self[16];
	int rc = 0;

	if (!tasks)
		return error_set(
			err, -errno, "/proc/self/task cannot be read: %s", strerror(errno));
	snprintf(self, sizeof(self), "%d", (int)gettid());
	call.work = work;
	sem_init(&call.done, 0, 0);
	sigaction(SIGRTMAX, &ours, &before);
	while (rc == 0 && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, self) != 0 &&
			!threads_is_kernels(entry->d_name))
			rc = threads_ask(entry->d_name, err);
	if (rc == 0 && (rc = work()) != 0)
		error_set(err, rc, "%s", strerror(-rc));
	sigaction(SIGRTMAX, &before, NULL);
	sem_destroy(&call.done);
	closedir(tasks);
	return rc;
}
