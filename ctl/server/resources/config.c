// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/config.h"

#include "config/changes.h"
#include "config/config.h"
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"
#include "ctl/server/reload.h"
#include "ctl/server/server_state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX ((size_t)1 << 20)

static void config_add_key(void *arg, const struct config_change *key)
{
	json_object_set_new(arg, key->key, json_string(key->now));
}

void config_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	char tag[RELOAD_TAG_BYTES], path[PATH_MAX];
	struct config *now = malloc(sizeof(*now));
	json_t *keys = json_object(), *revisions = json_array();
	const uint32_t first =
		server->revision < SERVER_REVISIONS ? 1 : server->revision - SERVER_REVISIONS + 1;

	if (!now) {
		json_decref(keys);
		json_decref(revisions);
		http_fail(request, 500, "no memory to tell the configuration");
		return;
	}
	*now = *server->config;
	now->log.level = (enum config_log_level)log_get_level();
	config_keys(now, config_add_key, keys);
	free(now);
	for (uint32_t i = first; i <= server->revision; i++)
		json_array_append_new(
			revisions, json_string(server->revised[i % SERVER_REVISIONS]));
	reload_tag(server, tag);
	http_add_header(request, "ETag", tag);
	http_reply(request, 200,
		json_pack("{s:s, s:s, s:o, s:o}", "path",
			realpath(server->config->path, path) ? path : server->config->path, "etag",
			tag, "changed", revisions, "keys", keys));
}

bool config_accepts(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	if (http_body_bytes(request) <= TEXT_BYTES_MAX)
		return true;
	http_fail(request, 413, "a configuration may have 1 MiB");
	return false;
}

static void config_try(struct server *server, struct http_request *request, bool is_try)
{
	const struct operation_client client = { http_finish, request, http_who(request)->name };
	struct if_match match;
	struct config *wanted = calloc(1, sizeof(*wanted));
	struct error err;
	size_t size;
	char *text = http_take_body(request, &size);

	if (!text) {
		free(wanted);
		return;
	}
	if (!wanted)
		http_fail(request, 500, "no memory for another configuration");
	else if (if_match_parse(http_header(request, "If-Match"), &match, &err) != 0)
		http_fail(request, 400, "%s", err.text);
	else if (size > TEXT_BYTES_MAX)
		http_fail(request, 413, "a configuration may have 1 MiB");
	else if (strlen(text) != size)
		http_fail(request, 422, "the configuration holds a zero byte; it must be text");
	else if (config_parse("configuration", text, wanted, &err) != 0)
		http_fail(request, 422, "%s", err.text);
	else if (server->phase == SERVER_STARTING && !is_try)
		http_fail(request, 503, "martletd is starting: try again once it is ready");
	else
		reload_apply(server, client, wanted, is_try, &match);
	free(wanted);
	free(text);
}

void config_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	config_try(server, request, false);
}

void config_check_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	config_try(server, request, true);
}
