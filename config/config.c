// SPDX-License-Identifier: BSD-3-Clause
#include "config/config.h"

#include "base/file.h"
#include "config/check.h"
#include "config/includes.h"
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE_BYTES_MAX ((size_t)1 << 20)

static int config_read_lists(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	const config_setting_t *ports = config_setting_get_member(root, "ports");
	const config_setting_t *models = config_setting_get_member(root, "models");
	char where[32];
	int rc = keys_check_list(reader, ports, "ports", CONFIG_PORTS_MAX);

	if (rc == 0)
		rc = keys_check_list(reader, models, "models", CONFIG_MODELS_MAX);
	config->n_ports = rc == 0 && ports ? (uint32_t)config_setting_length(ports) : 0;
	config->n_models = rc == 0 && models ? (uint32_t)config_setting_length(models) : 0;
	if (rc == 0 && config->n_ports == 0)
		return reader_refuse(reader, ports ? ports : root,
			"ports: at least one port is needed, as in ports = ( { name = \"edge\"; "
			"... } );");
	for (uint32_t i = 0; rc == 0 && i < config->n_ports; i++) {
		const config_setting_t *group = config_setting_get_elem(ports, i);

		snprintf(where, sizeof(where), "ports[%u]", i);
		config->ports[i].line = (int)config_setting_source_line(group);
		rc = keys_read_group(reader, ports, group, &SCHEMA_PORT, where, &config->ports[i]);
	}
	for (uint32_t i = 0; rc == 0 && i < config->n_models; i++) {
		const config_setting_t *group = config_setting_get_elem(models, i);

		snprintf(where, sizeof(where), "models[%u]", i);
		config->models[i].line = (int)config_setting_source_line(group);
		rc = keys_read_group(
			reader, models, group, &SCHEMA_MODEL, where, &config->models[i]);
	}
	if (rc == 0)
		rc = check_ports(reader, ports, config);
	return rc == 0 ? check_models(reader, models, config) : rc;
}

static int config_read_http(
	const struct reader *reader, const config_setting_t *control, struct config *config)
{
	const config_setting_t *list = control ? config_setting_get_member(control, "http") : NULL;
	int rc = keys_check_list(reader, list, "control.http", CONFIG_HTTP_MAX);
	char where[32];

	config->control.n_http = rc == 0 && list ? (uint32_t)config_setting_length(list) : 0;
	for (uint32_t i = 0; rc == 0 && i < config->control.n_http; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);

		snprintf(where, sizeof(where), "control.http[%u]", i);
		config->control.http[i].line = (int)config_setting_source_line(group);
		rc = keys_read_group(
			reader, list, group, &SCHEMA_HTTP, where, &config->control.http[i]);
		snprintf(where, sizeof(where), "control.http[%u].tls", i);
		if (rc == 0)
			rc = keys_read_group(reader, group, config_setting_get_member(group, "tls"),
				&SCHEMA_TLS, where, &config->control.http[i].tls);
	}
	return rc == 0 ? check_http(reader, list, config) : rc;
}

static int config_read_root(
	const struct reader *reader, const config_setting_t *root, struct config *config)
{
	static const char *const NAMES[] = { "lcores", "memory", "ports", "control", "store",
		"metrics", "scoring", "drift", "log", "models", "infer", "canary" };
	const struct {
		const struct key_group *group;
		void *base;
	} groups[] = {
		{ &SCHEMA_LCORES, &config->lcores },
		{ &SCHEMA_MEMORY, &config->memory },
		{ &SCHEMA_CONTROL, &config->control },
		{ &SCHEMA_STORE, &config->store },
		{ &SCHEMA_METRICS, &config->metrics },
		{ &SCHEMA_SCORING, &config->scoring },
		{ &SCHEMA_DRIFT, &config->drift },
		{ &SCHEMA_LOG, &config->log },
		{ &SCHEMA_INFER, &config->infer },
		{ &SCHEMA_CANARY, &config->canary },
	};
	int rc = keys_check_names(reader, root, "", NAMES, sizeof(NAMES) / sizeof(NAMES[0]));

	for (size_t i = 0; rc == 0 && i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *name = groups[i].group->name;

		rc = keys_read_group(reader, root, config_setting_get_member(root, name),
			groups[i].group, name, groups[i].base);
	}
	if (rc == 0)
		rc = check_lcores(
			reader, config_setting_get_member(root, "lcores"), &config->lcores);
	if (rc == 0)
		rc = check_control(reader, config_setting_get_member(root, "control"), config);
	if (rc == 0)
		rc = check_store(reader, config_setting_get_member(root, "store"), config);
	if (rc == 0)
		rc = config_read_http(reader, config_setting_get_member(root, "control"), config);
	return rc == 0 ? config_read_lists(reader, root, config) : rc;
}

int config_parse(const char *path, const char *text, struct config *config, struct error *err)
{
	const struct reader reader = { .path = path, .err = err };
	config_t tree;
	int rc = includes_check(path, text, err);

	if (rc != 0)
		return rc;
	memset(config, 0, sizeof(*config));
	snprintf(config->path, sizeof(config->path), "%s", path);
	config_init(&tree);
	if (config_read_string(&tree, text)) {
		rc = config_read_root(&reader, config_root_setting(&tree), config);
	} else {
		const char *file = config_error_file(&tree);

		rc = error_set(err, -EINVAL, "%s:%d: %s; settings look like: name = value;",
			file ? file : path, config_error_line(&tree), config_error_text(&tree));
	}
	config_destroy(&tree);
	return rc;
}

int config_load(const char *path, struct config *config, struct error *err)
{
	void *text;
	size_t size;
	int rc = file_read(path, CONFIG_FILE_BYTES_MAX, &text, &size, err);

	if (rc != 0)
		return rc;
	if (strlen(text) == size)
		rc = config_parse(path, text, config, err);
	else
		rc = error_set(err, -EINVAL, "%s: holds a zero byte; it must be text", path);
	free(text);
	return rc;
}
