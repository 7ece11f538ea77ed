// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/reload.h"

#include "config/config.h"
#include "ctl/server/listeners.h"
#include "ctl/server/log.h"
#include "ctl/server/notify.h"
#include "ctl/server/server_state.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)LOG_LEVEL_DEBUG == CONFIG_LOG_DEBUG && (int)LOG_LEVEL_INFO == CONFIG_LOG_INFO &&
		(int)LOG_LEVEL_WARNING == CONFIG_LOG_WARNING &&
		(int)LOG_LEVEL_ERROR == CONFIG_LOG_ERROR,
	"the configuration's levels are the log's");

// The groups of keys that are read at start only.
#define AT(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)
static const struct reload_group {
	const char *name;
	size_t offset, bytes;
} GROUPS[] = {
	{ "lcores", AT(lcores) },
	{ "memory", AT(memory) },
	{ "ports", AT(ports) },
	{ "control", AT(control) },
	{ "store", AT(store) },
	{ "metrics", AT(metrics) },
	{ "scoring", AT(scoring) },
	{ "models", AT(models) },
	{ "infer", AT(infer) },
	{ "canary", AT(canary) },
};
#undef AT

// Where in the file something stands makes no difference.
static void reload_forget_lines(struct config *config)
{
	for (uint32_t i = 0; i < config->n_ports; i++)
		config->ports[i].line = 0;
	for (uint32_t i = 0; i < config->n_models; i++)
		config->models[i].line = 0;
	for (uint32_t i = 0; i < config->control.n_http; i++)
		config->control.http[i].line = 0;
}

// The reader clears a struct config before it fills it, so equal values are equal bytes.
static void reload_compare(const struct config *now, const struct config *wanted, const char *by)
{
	char names[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(GROUPS) / sizeof(GROUPS[0]); i++) {
		const struct reload_group *group = &GROUPS[i];

		if (memcmp((const char *)now + group->offset, (const char *)wanted + group->offset,
			    group->bytes) != 0)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
				used ? ", " : "", group->name);
	}
	if (used)
		log_warning(
			"reload, %s: %s: another than before, which takes a restart", by, names);
}

static void reload_take(
	struct server *server, struct config *now, struct config *wanted, const char *by)
{
	const enum log_level before = log_get_level(), level = (enum log_level)wanted->log.level;

	memcpy(now, server->config, sizeof(*now));
	reload_forget_lines(now);
	reload_forget_lines(wanted);
	reload_compare(now, wanted, by);
	log_set_level(level);
	log_info("reload, %s: %s was read: log.level was %s and is %s", by, server->config->path,
		log_level_name(before), log_level_name(level));
}

void reload(struct server *server, const char *by)
{
	struct config *configs = calloc(2, sizeof(*configs));
	// Its end is told as READY=1, which at start is said when every model is back, and not before.
	const bool is_told = server->phase == SERVER_READY;
	struct error err;

	if (is_told)
		notify_reloading();
	if (!configs)
		log_error("reload, %s: no memory; everything stays as it is", by);
	else if (config_load(server->config->path, &configs[1], &err) != 0)
		log_error("reload, %s: %s; everything stays as it is", by, err.text);
	else
		reload_take(server, &configs[0], &configs[1], by);
	listeners_reload(server);
	free(configs);
	if (is_told)
		notify("READY=1");
}
