// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/server_state.h"

#include "base/clock.h"
#include "ctl/server/log.h"
#include "ctl/server/notify.h"

#include <string.h>

static const char *server_phase_name(enum server_phase phase)
{
	static const char *const NAMES[] = { "starting", "ready", "draining", "draining" };

	return NAMES[phase];
}

double server_uptime_seconds(const struct server *server)
{
	return (double)(clock_ns() - server->started_ns) * 1e-9;
}

void server_recovered(struct server *server)
{
	if (server->phase != SERVER_STARTING)
		return;
	dataplane_recovered(server->dataplane);
	server->phase = SERVER_READY;
	server->is_ready = true;
	log_info("ready: serving %s", server->config->control.socket);
	notify("READY=1\nSTATUS=Ready.");
}

// The first port in trouble; where as many are without as are wanted, NULL.
static const char *server_lacks_port(const struct server *server, const char **name)
{
	const enum config_ready wanted = server->config->control.ready_ports;
	const char *trouble = NULL;
	uint32_t well = 0;

	if (wanted == CONFIG_READY_NONE)
		return NULL;
	for (uint32_t i = 0; i < server->config->n_ports; i++) {
		const char *of_port = dataplane_trouble(server->dataplane, i);

		well += !of_port;
		if (!of_port || trouble)
			continue;
		trouble = of_port;
		*name = server->config->ports[i].name;
	}
	return wanted == CONFIG_READY_ANY && well ? NULL : trouble;
}

bool server_ready(const struct server *server, char *why, size_t size)
{
	const char *name = "", *trouble;

	if (server->phase != SERVER_READY) {
		snprintf(why, size, "%s", server_phase_name(server->phase));
		return false;
	}
	trouble = server_lacks_port(server, &name);
	if (trouble)
		snprintf(why, size, "port %s: %s", name, trouble);
	return !trouble;
}

// The first model whose record is owed to the store; NULL: none.
static const struct model_entry *server_owing(const struct server *server)
{
	for (uint32_t i = 0; i < server->models.n; i++)
		if (server->models.entries[i]->owed.is)
			return server->models.entries[i];
	return NULL;
}

void server_look_ready(struct server *server)
{
	char why[SERVER_WHY_BYTES];
	bool is_ready = server_ready(server, why, sizeof(why));
	const struct model_entry *owing = server_owing(server);
	const uint64_t now = clock_ns();

	// Of a link that somebody plays with, the log says so once a second.
	if (server->phase != SERVER_READY || now - server->said_ready_ns < CLOCK_SECOND_NS ||
		(is_ready == server->is_ready && !!owing == server->is_owing))
		return;
	server->said_ready_ns = now;
	if (is_ready && !server->is_ready)
		log_info("ready again: as many ports as control.ready_ports wants");
	else if (!is_ready && server->is_ready)
		log_warning("not ready: too few ports are without trouble (control.ready_ports)");
	server->is_ready = is_ready;
	server->is_owing = owing;
	if (!is_ready)
		notify("STATUS=Not ready: %s", why);
	else if (owing)
		notify("STATUS=Ready, but model %s: %s.", owing->name, owing->owed.why);
	else
		notify("STATUS=Ready.");
}

const char *server_state_name(const struct server *server)
{
	char why[SERVER_WHY_BYTES];

	if (server->phase == SERVER_READY && !server_ready(server, why, sizeof(why)))
		return "not ready";
	return server_phase_name(server->phase);
}

const struct slot_info *server_slot(struct server *server, const char *name)
{
	const struct model_entry *entry = models_find(&server->models, name);
	struct slot_info *slot = &server->slots[0];

	if (!entry || !entry->record.id ||
		!dataplane_slot(server->dataplane, entry->record.id, slot))
		return NULL;
	return strcmp(slot->name, name) == 0 ? slot : NULL;
}
