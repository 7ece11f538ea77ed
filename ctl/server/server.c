// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/server.h"

#include "base/clock.h"
#include "base/trust/image_keys.h"
#include "ctl/server/access/access.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/audited.h"
#include "ctl/server/compare/compare.h"
#include "ctl/server/decryption.h"
#include "ctl/server/drain.h"
#include "ctl/server/grpc/door.h"
#include "ctl/server/grpc/services.h"
#include "ctl/server/grpc/watch.h"
#include "ctl/server/http/body.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/listener.h"
#include "ctl/server/http/stream.h"
#include "ctl/server/limits.h"
#include "ctl/server/listeners.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/cost.h"
#include "ctl/server/operations/jobs.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"
#include "ctl/server/operations/recover.h"
#include "ctl/server/reload.h"
#include "ctl/server/resources/history.h"
#include "ctl/server/resources/metrics_get.h"
#include "ctl/server/routes.h"
#include "ctl/server/scoring/drift.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/server_state.h"
#include "ctl/server/signals.h"
#include "ctl/server/store/counters_file.h"
#include "ctl/server/store/store.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_US           100000
#define SERVER_WHAT_BYTES 400

static void server_name_request(const struct http_request *request, char *what, size_t size)
{
	snprintf(what, size, "%s %s", http_method_name(http_method(request)), http_path(request));
}

static void server_watch(struct server *server, struct http_request *request, const char *model)
{
	char what[SERVER_WHAT_BYTES];

	server_name_request(request, what, sizeof(what));
	audited_watch(server, request, what, model);
}

// A path of gRPC's that was not asked for as gRPC asks.
static void server_refuse_grpc(struct server *server, struct http_request *request)
{
	const char *type = http_header(request, "Content-Type");
	enum refusal why = REFUSAL_TYPE;
	struct error err;

	if (http_method(request) != HTTP_POST) {
		why = REFUSAL_METHOD;
		error_set(&err, -EINVAL, "%.200s takes POST", http_path(request));
		http_add_header(request, "Allow", "POST");
	} else if (stream_type_fits(type)) {
		why = REFUSAL_VERSION;
		error_set(&err, -EINVAL, "gRPC goes over HTTP/2");
	} else {
		error_set(&err, -EINVAL,
			"the Content-Type of gRPC is application/grpc or application/grpc+proto, "
			"not '%.80s'",
			type ? type : "");
	}
	gate_count(server->gate, why);
	http_fail(request, refusal_status(why), "%s", err.text);
}

// Whether who asks has a role. False: the request was replied to.
static bool server_lets(struct server *server, struct http_request *request, enum role role)
{
	struct error err;
	const int status = access_allows(http_who(request), role, &err);

	if (status != 0) {
		server_watch(server, request, "");
		access_refuse(server->gate, request, status, &err);
	}
	return status == 0;
}

// False: there is no route, or none for who asks, and the request was replied to.
static bool server_find_route(struct server *server, struct http_request *request,
	const struct route **route, struct route_params *params)
{
	const enum http_method method = http_method(request);
	const char *path = http_path(request);
	struct error err;
	char allow[ROUTE_ALLOW_BYTES];
	int status;

	status = access_know(server->access, request, &err);
	if (status != 0) {
		server_watch(server, request, "");
		access_refuse(server->gate, request, status, &err);
		return false;
	}
	if (!server_lets(server, request, ROLE_NONE)) // a stranger, to whom there are no routes
		return false;
	status = route_find(
		ROUTES, N_ROUTES, http_serves(request), method, path, route, params, allow, &err);
	if (status == 200)
		return server_lets(server, request, (*route)->role);
	log_debug("api: %s %s, by %s: %d", http_method_name(method), path, http_peer(request),
		status);
	if (status == 404 && services_have_path(path)) {
		server_refuse_grpc(server, request);
		return false;
	}
	if (status == 405)
		http_add_header(request, "Allow", allow);
	if (status == 404 || status == 405)
		gate_count(server->gate, status == 404 ? REFUSAL_NOT_FOUND : REFUSAL_METHOD);
	http_fail(request, status, "%s", err.text);
	return false;
}

// What is refused whatever its body is, is refused before that comes.
static bool server_on_head(void *arg, struct http_request *request)
{
	struct server *server = arg;
	const struct route *route;
	struct route_params params;

	bool takes;

	if (!server_find_route(server, request, &route, &params))
		return false;
	if (route->changes)
		server_watch(server, request, params.model);
	takes = route->accepts ? route->accepts(server, request, &params) : body_is_small(request);
	if (takes)
		audited_forget(request);
	return takes;
}

static void server_on_request(void *arg, struct http_request *request)
{
	struct server *server = arg;
	const struct route *route;
	struct route_params params;

	if (!server_find_route(server, request, &route, &params))
		return;
	log_debug("api: %s %s, by %s", http_method_name(http_method(request)), http_path(request),
		http_peer(request));
	if (route->changes) {
		char what[SERVER_WHAT_BYTES];

		server_name_request(request, what, sizeof(what));
		audited_handle(server, request, route->handle, &params, what);
		return;
	}
	route->handle(server, request, &params);
}

// So that what was accepted is not accepted once more after a restart.
static void server_keep_counters(struct server *server)
{
	struct counters_file *file = server->counters_file;
	const uint64_t now_ns = clock_ns();
	size_t size;
	char *text;

	if (!counters_file_is_due(file, now_ns))
		return;
	text = dataplane_seen(server->dataplane, counters_file_is_failing(file), &size);
	if (text)
		counters_file_write(file, text, size, now_ns);
}

static void server_on_tick(int fd, short what, void *arg)
{
	struct server *server = arg;
	struct dataplane_news news;

	dataplane_reclaim(server->dataplane);
	gate_tick(server->gate);
	audit_tick(server->audit);
	listeners_tick(server);
	access_tick(server->access);
	history_tick(server->history);
	cost_tick(server->cost);
	comparisons_tick(server);
	drift_gather(server->drift, server->dataplane);
	dataplane_watch(server->dataplane);
	server_keep_counters(server);
	while (dataplane_news(server->dataplane, &news))
		log_event(news.is_warning ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "%s", news.text);
	recording_again(server);
	server_look_ready(server);
	watch_tick(server);
	drain_tick(server);
}

static void server_on_signal(void *context, int number, const char *by)
{
	struct server *server = context;

	char who[64];

	if (number == SIGHUP) {
		reload(server, by);
		return;
	}
	snprintf(who, sizeof(who), "SIG%s, %s", sigabbrev_np(number), by);
	drain_signal(server, who);
}

static int server_events_init(struct server *server, struct error *err)
{
	const struct timeval period = { .tv_usec = TICK_US };
	struct event_base *base = server->base;
	sigset_t ours;

	server->tick = event_new(base, -1, EV_PERSIST, server_on_tick, server);
	if (!server->tick)
		return error_set(err, -ENOMEM, "no memory for the event loop");
	event_add(server->tick, &period);
	// main() blocked them, so that lcores and the worker never see them.
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	return signals_open(base, &ours, server_on_signal, server, &server->signals, err);
}

static int server_create_gate(struct server *server, struct error *err)
{
	const struct gate_limits limits = limits_of(server->config);
	int rc;

	rc = gate_create(server->base, &limits, server_on_head, server_on_request, server,
		&server->gate, err);
	if (rc == 0)
		gate_serve_streams(server->gate, &DOOR_SERVICE, server);
	return rc;
}

static int server_listen_unix(struct server *server, struct error *err)
{
	struct gate_door door = { .fd = dup(listener_fd(server->listener)), // gate closes its own
		.serves = ROUTE_ALL,
		.body_bytes = HTTP_BODY_BYTES_MAX,
		.is_local = true,
		.role_max = ROLE_ADMIN };

	if (door.fd < 0)
		return error_set(err, -errno, "control.socket: %s cannot be served: %s",
			server->config->control.socket, strerror(errno));
	return gate_open(server->gate, &door, err);
}

// Its threads keep off the CPUs on which packets are polled and scored.
static int server_open_scoring(struct server *server, struct error *err)
{
	const struct config_lcores *lcores = &server->config->lcores;
	uint32_t taken[3 * CONFIG_CPUS_MAX];
	struct scoring_options options = { .threads = server->config->scoring.threads,
		.queue = server->config->scoring.queue,
		.cpus_taken = taken,
		.refuse_not_finite = server->config->infer.refuse_not_finite };

	server->drift = drift_create(&server->config->drift);
	if (!server->drift)
		return error_set(err, -ENOMEM, "no memory to count the drift of rows");
	options.drift = server->drift;
	for (uint32_t i = 0; i < lcores->n_io; i++)
		taken[options.n_cpus_taken++] = lcores->io[i];
	for (uint32_t i = 0; i < lcores->n_workers; i++)
		taken[options.n_cpus_taken++] = lcores->workers[i];
	for (uint32_t i = 0; i < lcores->n_complete; i++)
		taken[options.n_cpus_taken++] = lcores->complete[i];
	return scoring_create(server->base, server->dataplane, &options, &server->scoring, err);
}

int server_create(const struct server_parts *parts, struct server **out, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	struct listeners *listeners;
	int rc;

	if (!server) {
		audit_close(parts->audit);
		return error_set(err, -ENOMEM, "no memory for the server");
	}
	server->config = parts->config;
	server->base = parts->base;
	server->listener = parts->listener;
	server->store = parts->store;
	server->dataplane = parts->dataplane;
	server->drain_hook = parts->drain_hook;
	server->confine = parts->confine;
	server->counters_file = parts->counters_file;
	server->audit = parts->audit;
	server->history = history_create(server->dataplane);
	server->cost = cost_create(server);
	server->comparisons = comparisons_create();
	if (!server->history || !server->cost || !server->comparisons) {
		server_destroy(server);
		return error_set(err, -ENOMEM, "no memory for the history of the counters");
	}
	server->started_ns = clock_ns();
	server->model_options.exact = parts->config->infer.exact;
	server->model_options.isa_limited = strcmp(parts->config->infer.isa, "native") != 0;
	rc = isa_parse(parts->config->infer.isa, &server->model_options.isa_mask, err);
	if (rc == 0)
		rc = decryption_keys(server->config, &server->image_keys, err);
	if (rc == 0)
		rc = server_events_init(server, err);
	if (rc == 0)
		rc = access_create(server->config, server->audit, &server->access, err);
	if (rc == 0)
		access_admit(server->access, server->listener);
	if (rc == 0)
		rc = server_create_gate(server, err);
	if (rc == 0)
		rc = listeners_prepare(server, server->config, &listeners, err);
	if (rc == 0)
		listeners_commit(server, listeners);
	store_stay_here(parts->store); // by now we are on the control CPU
	if (rc == 0)
		rc = jobs_create(parts->base, &server->jobs, err);
	if (rc == 0)
		rc = server_open_scoring(server, err);
	if (rc == 0)
		rc = recover(server, err);
	if (rc != 0) {
		server_destroy(server);
		return rc;
	}
	*out = server;
	return 0;
}

int server_run(struct server *server, struct error *err)
{
	int rc = server_listen_unix(server, err);

	if (rc != 0)
		return rc;
	if (event_base_dispatch(server->base) < 0)
		return error_set(err, -EIO, "the event loop failed");
	return 0;
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	scoring_destroy(server->scoring);
	drift_destroy(server->drift);
	jobs_destroy(server->jobs);
	server->jobs = NULL;
	operation_give_up_all(server);
	audit_close(server->audit); // while there are those who wait to hear of it
	server->audit = NULL;
	gate_destroy(server->gate);
	access_destroy(server->access);
	listeners_close(server);
	metrics_page_free(server->metrics_page);
	signals_close(server->signals);
	if (server->tick)
		event_free(server->tick);
	history_destroy(server->history);
	cost_destroy(server->cost);
	comparisons_destroy(server->comparisons);
	models_fini(&server->models);
	image_keys_destroy(server->image_keys);
	image_keys_destroy(server->image_keys_before);
	free(server->own_config);
	free(server);
}
