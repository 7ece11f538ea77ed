// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/server_state.h"

#include "ctl/server/log.h"
#include "ctl/server/notify.h"

#include <string.h>

const char *server_phase_name(enum server_phase phase)
{
	static const char *const NAMES[] = { "starting", "ready", "draining" };

	return NAMES[phase];
}

double server_uptime_seconds(const struct server *server)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - server->started.tv_sec) +
		(double)(now.tv_nsec - server->started.tv_nsec) * 1e-9;
}

void server_recovered(struct server *server)
{
	if (server->phase != SERVER_STARTING)
		return;
	dataplane_recovered(server->dataplane);
	server->phase = SERVER_READY;
	log_info("ready: serving %s", server->config->control.socket);
	notify("READY=1\nSTATUS=Ready.");
}

const struct slot_info *server_slot(struct server *server, const char *name)
{
	uint32_t n = dataplane_slots(server->dataplane, server->slots, SERVER_SLOTS_MAX);

	for (uint32_t i = 0; i < n && i < SERVER_SLOTS_MAX; i++)
		if (strcmp(server->slots[i].name, name) == 0)
			return &server->slots[i];
	return NULL;
}
