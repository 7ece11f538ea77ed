// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/log_level.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"

void log_level_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:s}", "level", log_level_name(log_get_level())));
}

static void log_level_change(struct http_request *request, enum log_level level)
{
	const enum log_level before = log_get_level();

	// Said under whichever level lets it through.
	log_set_level(level < before ? level : before);
	log_info("log level: was %s and is %s, by %s", log_level_name(before),
		log_level_name(level), http_who(request)->name);
	log_set_level(level);
}

void log_level_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct body_log body;
	enum log_level level;

	if (!body_read(request, body_log_parse, &body))
		return;
	if (!log_level_parse(body.level, &level)) {
		http_fail(request, 400,
			"\"level\" must be \"debug\", \"info\", \"warning\" or \"error\"");
		return;
	}
	log_level_change(request, level);
	log_level_get(server, request, params);
}

// --- As Triton has it: a switch for each level ---------------------------------------------------

void logging_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const enum log_level level = log_get_level();

	http_reply(request, 200,
		json_pack("{s:s, s:b, s:b, s:b, s:i, s:s}", "log_file", "", "log_info",
			level <= LOG_LEVEL_INFO, "log_warning", level <= LOG_LEVEL_WARNING,
			"log_error", 1, "log_verbose_level", level == LOG_LEVEL_DEBUG, "log_format",
			"default"));
}

// The least level that the switches leave on; what is not said stays.
static enum log_level logging_level(const struct body_logging *body)
{
	const enum log_level now = log_get_level();

	if (body->verbose_level < 0 ? now == LOG_LEVEL_DEBUG && body->info != 0
				    : body->verbose_level > 0)
		return LOG_LEVEL_DEBUG;
	if (body->info < 0 ? now <= LOG_LEVEL_INFO : body->info)
		return LOG_LEVEL_INFO;
	if (body->warning < 0 ? now <= LOG_LEVEL_WARNING : body->warning)
		return LOG_LEVEL_WARNING;
	return LOG_LEVEL_ERROR;
}

void logging_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct body_logging body;

	if (!body_read(request, body_logging_parse, &body))
		return;
	if (body.error == 0) {
		http_fail(request, 400, "\"log_error\" stays true: errors are always logged");
		return;
	}
	log_level_change(request, logging_level(&body));
	logging_get(server, request, params);
}
