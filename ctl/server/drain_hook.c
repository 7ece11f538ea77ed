// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/drain_hook.h"

#include "config/settings.h"
#include "ctl/server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

// The control thread has its signals blocked and SIGPIPE ignored: the hook is not to inherit that.
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

pid_t drain_hook_start(const struct config *config)
{
	char own[HOOK_VARIABLES][CONFIG_PATH_MAX + 32];
	char host[256] = "", **environment;
	pid_t pid = 0;
	int rc;

	if (!config->control.drain_hook[0])
		return 0;
	gethostname(host, sizeof(host) - 1);
	snprintf(own[0], sizeof(own[0]), "MARTLET_EVENT=drain");
	snprintf(own[1], sizeof(own[1]), "MARTLET_HOST=%s", host);
	snprintf(own[2], sizeof(own[2]), "MARTLET_CONFIG=%s", config->path);
	snprintf(own[3], sizeof(own[3]), "MARTLET_SOCKET=%s", config->control.socket);
	environment = hook_environment(own);
	rc = environment ? hook_spawn(config->control.drain_hook, environment, &pid) : ENOMEM;
	free(environment);
	if (rc != 0) {
		log_error("control.drain_hook cannot be run: %s; draining goes on", strerror(rc));
		return 0;
	}
	log_info("control.drain_hook: began, process %d", pid);
	return pid;
}

bool drain_hook_ended(pid_t hook)
{
	int status;
	const pid_t ended = waitpid(hook, &status, WNOHANG);

	if (ended == 0 || (ended < 0 && errno == EINTR))
		return false;
	if (ended < 0)
		log_error("control.drain_hook: lost: %s; draining goes on", strerror(errno));
	else if (WIFSIGNALED(status))
		log_error("control.drain_hook: ended by SIG%s; draining goes on",
			sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_error("control.drain_hook: failed, exit status %d; draining goes on",
			WEXITSTATUS(status));
	else
		log_info("control.drain_hook: done");
	return true;
}

void drain_hook_kill(pid_t hook)
{
	kill(-hook, SIGKILL);
	while (waitpid(hook, NULL, 0) < 0 && errno == EINTR)
		;
}
