// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/drain_hook.h"

#include "config/settings.h"
#include "ctl/server/hook_process.h"
#include "ctl/server/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_PATIENCE_MS 2000

struct drain_hook {
	pid_t process; // that waits for the word
	int socket;
	bool runs;
};

int drain_hook_open(const struct config *config, struct drain_hook **out, struct error *err)
{
	struct drain_hook *hook;
	int sockets[2];

	*out = NULL;
	if (!config->control.drain_hook[0])
		return 0;
	hook = calloc(1, sizeof(*hook));
	if (!hook)
		return error_set(err, -ENOMEM, "no memory for control.drain_hook");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
		free(hook);
		return error_set(
			err, -errno, "control.drain_hook: no sockets: %s", strerror(errno));
	}
	hook->process = fork();
	if (hook->process == 0)
		hook_process_run(config, sockets[1]);
	close(sockets[1]);
	if (hook->process < 0) {
		error_set(err, -errno, "control.drain_hook: no process to run it: %s",
			strerror(errno));
		close(sockets[0]);
		free(hook);
		return err->code;
	}
	hook->socket = sockets[0];
	*out = hook;
	return 0;
}

void drain_hook_close(struct drain_hook *hook)
{
	if (!hook)
		return;
	if (hook->runs)
		drain_hook_kill(hook);
	close(hook->socket); // at which it ends
	while (waitpid(hook->process, NULL, 0) < 0 && errno == EINTR)
		;
	free(hook);
}

static void hook_say(struct drain_hook *hook, enum hook_word word)
{
	if (send(hook->socket, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(word))
		return;
	log_error("control.drain_hook: lost: %s; draining goes on", strerror(errno));
	hook->runs = false;
}

void drain_hook_start(struct drain_hook *hook)
{
	if (!hook)
		return;
	hook->runs = true;
	hook_say(hook, HOOK_RUN);
}

static void hook_tell_end(int status)
{
	if (WIFSIGNALED(status))
		log_error("control.drain_hook: ended by SIG%s; draining goes on",
			sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_error("control.drain_hook: failed, exit status %d; draining goes on",
			WEXITSTATUS(status));
	else
		log_info("control.drain_hook: done");
}

static void hook_hear(struct drain_hook *hook)
{
	struct hook_news news;
	const ssize_t n = recv(hook->socket, &news, sizeof(news), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == sizeof(news) && news.kind == HOOK_BEGAN) {
		log_info("control.drain_hook: began, process %d", news.value);
		return;
	}
	hook->runs = false;
	if (n != sizeof(news))
		log_error(
			"control.drain_hook: lost: the process that runs it has ended; draining "
			"goes on");
	else if (news.kind == HOOK_ENDED)
		hook_tell_end(news.value);
	else
		log_error("control.drain_hook cannot be run: %s; draining goes on",
			strerror(news.value));
}

static bool hook_has_news(const struct drain_hook *hook, int patience_ms)
{
	struct pollfd polled = { .fd = hook->socket, .events = POLLIN };

	return poll(&polled, 1, patience_ms) > 0;
}

bool drain_hook_runs(struct drain_hook *hook)
{
	while (hook && hook->runs && hook_has_news(hook, 0))
		hook_hear(hook);
	return hook && hook->runs;
}

void drain_hook_kill(struct drain_hook *hook)
{
	struct hook_news news;

	hook_say(hook, HOOK_END);
	while (hook->runs && hook_has_news(hook, KILL_PATIENCE_MS))
		if (recv(hook->socket, &news, sizeof(news), MSG_DONTWAIT) <= 0 ||
			news.kind != HOOK_BEGAN)
			hook->runs = false;
	hook->runs = false;
}
