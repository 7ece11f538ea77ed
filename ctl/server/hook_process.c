// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/hook_process.h"

#include "config/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOOK_VARIABLES 4

extern char **environ;

// Ours and the hook's own, which come first; of two of a name the first is taken. NULL without memory.
static char **hook_environment(char own[HOOK_VARIABLES][CONFIG_PATH_MAX + 32])
{
	size_t n = 0;
	char **all;

	while (environ[n])
		n++;
	all = calloc(n + HOOK_VARIABLES + 1, sizeof(*all));
	if (!all)
		return NULL;
	for (size_t i = 0; i < HOOK_VARIABLES; i++)
		all[i] = own[i];
	memcpy(all + HOOK_VARIABLES, environ, n * sizeof(*all));
	return all;
}

// The waiting process ignores and blocks signals: the hook is not to inherit that.
static int hook_spawn(const char *command, char **environment, pid_t *pid)
{
	char sh[] = "sh", c[] = "-c", *argv[] = { sh, c, (char *)command, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int rc;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGTERM);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGHUP);
	rc = posix_spawn_file_actions_init(&files);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc != 0) {
		posix_spawn_file_actions_destroy(&files);
		return rc;
	}
	posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	rc = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	if (rc == 0)
		rc = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static int hook_begin(const struct config *config, pid_t *pid)
{
	char own[HOOK_VARIABLES][CONFIG_PATH_MAX + 32];
	char host[256] = "", **environment;
	int rc;

	gethostname(host, sizeof(host) - 1);
	snprintf(own[0], sizeof(own[0]), "MARTLET_EVENT=drain");
	snprintf(own[1], sizeof(own[1]), "MARTLET_HOST=%s", host);
	snprintf(own[2], sizeof(own[2]), "MARTLET_CONFIG=%s", config->path);
	snprintf(own[3], sizeof(own[3]), "MARTLET_SOCKET=%s", config->control.socket);
	environment = hook_environment(own);
	rc = environment ? hook_spawn(config->control.drain_hook, environment, pid) : ENOMEM;
	free(environment);
	return rc;
}

static void hook_tell(int socket, enum hook_news_kind kind, int value)
{
	const struct hook_news news = { kind, value };

	(void)!send(socket, &news, sizeof(news), MSG_NOSIGNAL);
}

// False where nobody is there any more.
static bool hook_obey(const struct config *config, int socket, pid_t *pid)
{
	enum hook_word word;
	const ssize_t n = recv(socket, &word, sizeof(word), 0);
	int rc;

	if (n < 0 && errno == EINTR)
		return true;
	if (n != sizeof(word))
		return false;
	if (word == HOOK_END && *pid)
		kill(-*pid, SIGKILL);
	if (word != HOOK_RUN || *pid)
		return true;
	rc = hook_begin(config, pid);
	hook_tell(socket, rc == 0 ? HOOK_BEGAN : HOOK_FAILED, rc == 0 ? (int)*pid : rc);
	return true;
}

static void hook_reap(int socket, pid_t *pid)
{
	int status;

	if (!*pid || waitpid(*pid, &status, WNOHANG) != *pid)
		return;
	*pid = 0;
	hook_tell(socket, HOOK_ENDED, status);
}

// What martletd has open is not for it: neither devices nor the terminal's input.
static int hook_keep_only(int socket)
{
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null > STDIN_FILENO)
		dup2(null, STDIN_FILENO);
	if (socket != STDERR_FILENO + 1 && dup2(socket, STDERR_FILENO + 1) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 2, ~0u, 0);
	fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC);
	return STDERR_FILENO + 1;
}

_Noreturn void hook_process_run(const struct config *config, int socket)
{
	const int mine = hook_keep_only(socket);
	struct pollfd polled[2] = { { .fd = mine, .events = POLLIN }, { .events = POLLIN } };
	struct signalfd_siginfo info;
	pid_t pid = 0;
	sigset_t ended;

	prctl(PR_SET_NAME, "martletd-hook");
	// A service manager sends them to all processes of the service: it is martletd that says when to end.
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, NULL);
	polled[1].fd = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (polled[1].revents && read(polled[1].fd, &info, sizeof(info)) > 0)
			hook_reap(mine, &pid);
		if (polled[0].revents && !hook_obey(config, mine, &pid))
			_exit(0);
	}
}
