// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/drain.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/tool.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define DRAIN_ASK_MS 1000

struct drain_request {
	bool now, wait;
};

static const struct option_entry DRAIN[] = {
	{ "now", 0, NULL, "without the rest of control.drain_grace",
		OPTION_TO_FLAG(struct drain_request, now) },
	{ "wait", 0, NULL, "until martletd has ended; tells meanwhile what is under way",
		OPTION_TO_FLAG(struct drain_request, wait) },
	{ 0 },
};

// A descriptor that can be read once the process behind the socket has ended; -1 where there is none. The
// kernel knows who listens, whatever namespace that lives in.
static int drain_watch(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred process = { 0 };
	socklen_t size = sizeof(process);
	int ended = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", tool.socket);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0 && process.pid > 0)
		ended = (int)syscall(SYS_pidfd_open, process.pid, 0);
	if (fd >= 0)
		close(fd);
	return ended;
}

static void drain_print(const json_t *drain)
{
	const json_t *under_way = json_object_get(drain, "under_way");
	const char *stage = api_text(drain, "stage");
	const uint64_t left_ms = api_count(drain, "grace_left_ms");

	if (strcmp(stage, "grace") == 0)
		printf("draining, everything is served for %s%s; under way: ",
			format_ns((double)left_ms * 1e6).s,
			json_is_true(json_object_get(drain, "hook_runs"))
				? " and until control.drain_hook has ended"
				: "");
	else
		printf("draining, nothing new is taken; under way: ");
	printf("%llu answers over HTTP, %llu requests that wait to be scored, %llu changes of "
	       "models, %s\n",
		(unsigned long long)api_count(under_way, "connections"),
		(unsigned long long)api_count(under_way, "scoring"),
		(unsigned long long)api_count(under_way, "changes"),
		json_is_true(json_object_get(under_way, "packets")) ? "packets that lcores hold"
								    : "no packets");
}

static void drain_show(const struct api_reply *reply)
{
	if (!api_print_json(reply))
		drain_print(reply->json);
	fflush(stdout);
}

// Says how it goes, until the process has ended. An appliance that has does not answer any more.
static int drain_wait(int ended)
{
	struct pollfd wait = { .fd = ended, .events = POLLIN };
	struct api_reply reply;

	while (poll(&wait, 1, DRAIN_ASK_MS) == 0) {
		tool.quiet = true;
		if (api_call("GET", "/v1/drain", NULL, &reply)) {
			drain_show(&reply);
			api_reply_fini(&reply);
		}
		tool.quiet = false;
	}
	if (!(wait.revents & POLLIN))
		return tool_refuse("waiting for martletd's end failed: %m");
	if (!tool.json)
		printf("martletd has ended; what was cut, if anything, is in its log\n");
	return TOOL_DONE;
}

static int drain_run(const struct command *command, char **argv)
{
	struct drain_request request = { 0 };
	struct api_reply reply;
	json_t *body;
	int exit, ended = -1;
	bool ok;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (request.wait)
		ended = drain_watch();
	body = request.now ? json_pack("{s:b}", "now", 1) : NULL;
	ok = api_call("POST", "/v1/drain", body, &reply);
	json_decref(body);
	if (!ok) {
		if (ended >= 0)
			close(ended);
		return TOOL_REFUSED;
	}
	drain_show(&reply);
	api_reply_fini(&reply);
	if (!request.wait)
		return TOOL_DONE;
	if (ended < 0)
		return tool_refuse(
			"%s: it drains, but its process cannot be watched from here", tool.socket);
	exit = drain_wait(ended);
	close(ended);
	return exit;
}

const struct command drain_command = {
	.words = "drain",
	.summary = "take the appliance out of service without losing a request, and end it",
	.entries = DRAIN,
	.run = drain_run,
};
