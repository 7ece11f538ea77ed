// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/watch.h"

#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/proto_write.h"
#include "ctl/server/grpc/services.h"
#include "ctl/server/server_state.h"

#include <stdlib.h>
#include <string.h>

enum health { // of grpc.health.v1.HealthCheckResponse
	HEALTH_SERVING = 1,
	HEALTH_NOT_SERVING = 2,
	HEALTH_SERVICE_UNKNOWN = 3
};

#define WATCH_MODEL "model/"

static bool health_is_ready(const struct server *server)
{
	char why[SERVER_WHY_BYTES];

	return server_ready(server, why, sizeof(why));
}

static enum health health_of(const struct server *server, bool ready, const char *service)
{
	if (strncmp(service, WATCH_MODEL, strlen(WATCH_MODEL)) == 0) {
		const struct model_entry *entry =
			models_find(&server->models, service + strlen(WATCH_MODEL));

		if (!entry)
			return HEALTH_SERVICE_UNKNOWN;
		return ready && entry->state == MODEL_STATE_READY ? HEALTH_SERVING
								  : HEALTH_NOT_SERVING;
	}
	if (service[0] && !services_have(service, strlen(service)))
		return HEALTH_SERVICE_UNKNOWN;
	return ready ? HEALTH_SERVING : HEALTH_NOT_SERVING;
}

// The service that is asked for, in memory of its own. NULL: the call has ended.
static char *health_service(struct call *call, struct proto_text message)
{
	struct proto_text service = { 0 };
	struct proto_read reader;
	struct proto_field field;
	struct error err;
	char *text;
	int rc;

	proto_read_open(&reader, "HealthCheckRequest", message, &err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		rc = field.number == 1 ? proto_read_string(&reader, &field, &service) : 0;
		if (rc != 0)
			break;
	}
	if (rc != 0) {
		call_end(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
		return NULL;
	}
	text = service.size < 256 ? strndup(service.size ? service.at : "", service.size) : NULL;
	if (!text)
		call_end(call, service.size < 256 ? GRPC_INTERNAL : GRPC_NOT_FOUND, "%s",
			service.size < 256 ? "no memory for the request"
					   : "there is no service of so long a name");
	return text;
}

static void health_say(struct call *call, enum health health)
{
	const char message[] = { 1 << 3 | PROTO_VARINT, (char)health };

	call->said = health;
	call_send(call, message, sizeof(message));
}

void health_check(struct call *call, struct proto_text message)
{
	char *service = health_service(call, message);
	enum health health;

	if (!service)
		return;
	health = health_of(call->server, health_is_ready(call->server), service);
	if (health == HEALTH_SERVICE_UNKNOWN) {
		call_end(call, GRPC_NOT_FOUND,
			"there is no service '%.80s': there are '', "
			"'inference.GRPCInferenceService' and 'model/NAME'",
			service);
	} else {
		health_say(call, health);
		call_end(call, GRPC_OK, "%s", "");
	}
	free(service);
}

static void watch_leave(struct call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->leave = NULL;
}

void health_watch(struct call *call, struct proto_text message)
{
	struct server *server = call->server;

	call->watched = health_service(call, message);
	if (!call->watched)
		return;
	call->next = server->watchers;
	call->link = &server->watchers;
	if (call->next)
		call->next->link = &call->next;
	server->watchers = call;
	call->leave = watch_leave;
	health_say(call, health_of(server, health_is_ready(server), call->watched));
}

void watch_tick(struct server *server)
{
	const bool ready = health_is_ready(server);
	struct call *call, *next;

	for (call = server->watchers; call; call = next) {
		const enum health health = health_of(server, ready, call->watched);

		next = call->next;
		if (!call_holds(call))
			continue;
		// Who does not read hears the last news when there is room for it.
		if ((int)health != call->said && call->transport->waiting(call->stream) == 0)
			health_say(call, health);
	}
}
