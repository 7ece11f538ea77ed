// SPDX-License-Identifier: BSD-3-Clause
#include "config/config.h"

#include "base/file.h"
#include "base/trust/trusted_file.h"
#include "config/check.h"
#include "config/clients.h"
#include "config/includes.h"
#include "config/schema.h"
#include "config/trusted_keys.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE_BYTES_MAX ((size_t)1 << 20)

static int config_read_ports(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	const config_setting_t *ports = config_setting_get_member(root, "ports");
	int rc = keys_check_list(reader, ports, "ports", CONFIG_PORTS_MAX);
	char where[32];

	if (rc != 0)
		return rc;
	config->n_ports = ports ? (uint32_t)config_setting_length(ports) : 0;
	if (config->n_ports == 0)
		return reader_refuse(reader, ports ? ports : root,
			"ports: at least one port is needed, as in ports = ( { name = \"edge\"; "
			"... } );");
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const config_setting_t *group = config_setting_get_elem(ports, i);

		snprintf(where, sizeof(where), "ports[%u]", i);
		config->ports[i].line = (int)config_setting_source_line(group);
		if (keys_read_group(reader, ports, group, &SCHEMA_PORT, where, &config->ports[i]) !=
			0)
			rc = -EINVAL;
	}
	return rc == 0 ? check_ports(reader, ports, config) : rc;
}

static int config_read_models(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	const config_setting_t *models = config_setting_get_member(root, "models");
	int rc = keys_check_list(reader, models, "models", CONFIG_MODELS_MAX);
	char where[32];

	if (rc != 0)
		return rc;
	config->n_models = models ? (uint32_t)config_setting_length(models) : 0;
	for (uint32_t i = 0; i < config->n_models; i++) {
		const config_setting_t *group = config_setting_get_elem(models, i);

		snprintf(where, sizeof(where), "models[%u]", i);
		config->models[i].line = (int)config_setting_source_line(group);
		if (keys_read_group(
			    reader, models, group, &SCHEMA_MODEL, where, &config->models[i]) != 0)
			rc = -EINVAL;
	}
	return rc == 0 ? check_models(reader, models, config) : rc;
}

static int config_read_http(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	const config_setting_t *control = config_setting_get_member(root, "control");
	const config_setting_t *list = control ? config_setting_get_member(control, "http") : NULL;
	int rc = keys_check_list(reader, list, "control.http", CONFIG_HTTP_MAX);
	char where[32];

	if (rc != 0)
		return rc;
	config->control.n_http = list ? (uint32_t)config_setting_length(list) : 0;
	for (uint32_t i = 0; i < config->control.n_http; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		struct config_http *http = &config->control.http[i];

		snprintf(where, sizeof(where), "control.http[%u]", i);
		http->line = (int)config_setting_source_line(group);
		if (keys_read_group(reader, list, group, &SCHEMA_HTTP, where, http) != 0)
			rc = -EINVAL;
		snprintf(where, sizeof(where), "control.http[%u].tls", i);
		if (keys_read_group(reader, group, config_setting_get_member(group, "tls"),
			    &SCHEMA_TLS, where, &http->tls) != 0)
			rc = -EINVAL;
	}
	return rc == 0 ? check_http(reader, list, config) : rc;
}

static int config_read_clients(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	const config_setting_t *clients = config_setting_get_member(root, "clients");
	const config_setting_t *list = clients ? config_setting_get_member(clients, "list") : NULL;
	int rc = keys_check_list(reader, list, "clients.list", CONFIG_CLIENTS_MAX);
	char where[32];

	if (rc != 0)
		return rc;
	config->clients.n_list = list ? (uint32_t)config_setting_length(list) : 0;
	for (uint32_t i = 0; i < config->clients.n_list; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		struct config_client *client = &config->clients.list[i];

		snprintf(where, sizeof(where), "clients.list[%u]", i);
		if (keys_read_group(reader, list, group, &SCHEMA_CLIENT, where, client) != 0)
			rc = -EINVAL;
	}
	return rc == 0 ? clients_check(reader, list, &config->clients) : rc;
}

static int config_check_lcores(
	const struct reader *reader, const config_setting_t *lcores, struct config *config)
{
	return check_lcores(reader, lcores, &config->lcores);
}

// Each group with what is checked of it as a whole, which a mistake in one of its keys would mislead.
static int config_read_groups(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	const struct {
		const struct key_group *group;
		void *base;
		int (*check)(const struct reader *reader, const config_setting_t *setting,
			struct config *config);
	} groups[] = {
		{ &SCHEMA_LCORES, &config->lcores, config_check_lcores },
		{ &SCHEMA_MEMORY, &config->memory, NULL },
		{ &SCHEMA_CONTROL, &config->control, check_control },
		{ &SCHEMA_STORE, &config->store, check_store },
		{ &SCHEMA_METRICS, &config->metrics, NULL },
		{ &SCHEMA_SCORING, &config->scoring, NULL },
		{ &SCHEMA_DRIFT, &config->drift, NULL },
		{ &SCHEMA_PROCESS, &config->process, NULL },
		{ &SCHEMA_LOG, &config->log, NULL },
		{ &SCHEMA_INFER, &config->infer, NULL },
		{ &SCHEMA_CANARY, &config->canary, NULL },
		{ &SCHEMA_CLIENTS, &config->clients, NULL },
		{ &SCHEMA_TRUST, &config->trust, check_trust },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *name = groups[i].group->name;
		const config_setting_t *setting = config_setting_get_member(root, name);
		int its = keys_read_group(
			reader, root, setting, groups[i].group, name, groups[i].base);

		if (its == 0 && groups[i].check)
			its = groups[i].check(reader, setting, config);
		if (its != 0)
			rc = its;
	}
	return rc;
}

const char *config_service_user(const struct config *config)
{
	const char *user = config->process.user;

	return strcmp(user, CONFIG_USER_AUTO) == 0 ? TRUSTED_SERVICE_USER : user;
}

// In the order of the file's usual parts, but that keys come behind process.user, whose their files may be; the return codes say no more than that there was a mistake.
static int config_read_root(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	static const char *const NAMES[] = { "lcores", "memory", "ports", "control", "store",
		"metrics", "scoring", "drift", "process", "log", "models", "infer", "canary",
		"trust", "clients" };

	keys_check_names(reader, root, "", NAMES, sizeof(NAMES) / sizeof(NAMES[0]));
	config_read_groups(reader, root, config);
	config_read_http(reader, root, config);
	config_read_clients(reader, root, config);
	config_read_ports(reader, root, config);
	config_read_models(reader, root, config);
	trusted_keys_read(reader, root, config_service_user(config), &config->trust);
	return *reader->n ? -EINVAL : 0;
}

int config_parse_all(const char *path, const char *text, struct config *config,
	void (*tell)(void *arg, const char *mistake), void *arg, struct error *err)
{
	uint32_t n = 0;
	const struct reader reader = {
		.path = path, .err = err, .n = &n, .tell = tell, .arg = arg
	};
	config_t tree;
	int rc = includes_check(path, text, err);

	if (rc == 0) {
		memset(config, 0, sizeof(*config));
		snprintf(config->path, sizeof(config->path), "%s", path);
		config_init(&tree);
		if (config_read_string(&tree, text)) {
			rc = config_read_root(&reader, config_root_setting(&tree), config);
		} else {
			const char *file = config_error_file(&tree);

			rc = error_set(err, -EINVAL, "%s:%d: %s; settings look like: name = value;",
				file ? file : path, config_error_line(&tree),
				config_error_text(&tree));
		}
		config_destroy(&tree);
	}
	if (rc != 0 && n == 0 && tell) // nothing could be read behind it
		tell(arg, err->text);
	return rc;
}

int config_parse(const char *path, const char *text, struct config *config, struct error *err)
{
	return config_parse_all(path, text, config, NULL, NULL, err);
}

int config_load_all(const char *path, struct config *config,
	void (*tell)(void *arg, const char *mistake), void *arg, struct error *err)
{
	void *text;
	size_t size;
	int rc = file_read(path, CONFIG_FILE_BYTES_MAX, &text, &size, err);

	if (rc == 0 && strlen(text) == size) {
		rc = config_parse_all(path, text, config, tell, arg, err);
		free(text);
		return rc;
	}
	if (rc == 0) {
		rc = error_set(err, -EINVAL, "%s: holds a zero byte; it must be text", path);
		free(text);
	}
	if (tell)
		tell(arg, err->text);
	return rc;
}

int config_load(const char *path, struct config *config, struct error *err)
{
	return config_load_all(path, config, NULL, NULL, err);
}
