// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/signals.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals {
	int fd;
	struct event *event;
	signals_taken *taken;
	void *context;
};

static void signals_on_readable(int fd, short what, void *arg)
{
	struct signals *signals = arg;
	struct signalfd_siginfo info;
	char by[32] = "by the kernel";

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_code != SI_KERNEL)
		snprintf(by, sizeof(by), "by uid %u", info.ssi_uid);
	signals->taken(signals->context, (int)info.ssi_signo, by);
}

int signals_open(struct event_base *base, const sigset_t *set, signals_taken *taken, void *context,
	struct signals **out, struct error *err)
{
	struct signals *signals = calloc(1, sizeof(*signals));

	if (!signals)
		return error_set(err, -ENOMEM, "no memory for signals");
	*signals = (struct signals){ .taken = taken, .context = context };
	signals->fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		error_set(err, -errno, "no signalfd: %s", strerror(errno));
	else
		signals->event = event_new(
			base, signals->fd, EV_READ | EV_PERSIST, signals_on_readable, signals);
	if (!signals->event || event_add(signals->event, NULL) != 0) {
		if (signals->fd >= 0)
			error_set(err, -ENOMEM, "no memory for signals");
		signals_close(signals);
		return err->code;
	}
	*out = signals;
	return 0;
}

void signals_close(struct signals *signals)
{
	if (!signals)
		return;
	if (signals->event)
		event_free(signals->event);
	if (signals->fd >= 0)
		close(signals->fd);
	free(signals);
}
