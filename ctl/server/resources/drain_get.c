// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/drain_get.h"

#include "base/clock.h"
#include "ctl/server/drain.h"
#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

#include <stdio.h>

void drain_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct drain_progress p;
	json_t *under_way;

	drain_progress(server, &p);
	// This request waits for its answer, too.
	under_way = json_pack("{s:i, s:i, s:i, s:b}", "connections",
		(int)p.connections - (p.connections > 0), "scoring", (int)p.scoring, "changes",
		(int)p.changes, "packets", (int)p.packets);
	http_reply(request, 200,
		json_pack("{s:s, s:s?, s:s?, s:I, s:b, s:o}", "state", server_state_name(server),
			"stage", p.stage, "by", p.stage ? server->drain_by : NULL, "grace_left_ms",
			(json_int_t)(p.grace_ns / (CLOCK_SECOND_NS / 1000)), "hook_runs",
			(int)p.hook_runs, "under_way", under_way));
}

void drain_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct body_drain body;
	char by[WHO_NAME_BYTES + 32];

	if (!body_read(request, body_drain_parse, &body))
		return;
	snprintf(by, sizeof(by), "POST /v1/drain, by %s", http_who(request)->name);
	if (body.now)
		drain_hurry(server, by);
	else
		drain_begin(server, by);
	drain_get(server, request, params);
}
