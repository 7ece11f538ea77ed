// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/drain.h"

#include "base/clock.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/drain_hook.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/log.h"
#include "ctl/server/notify.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/server_state.h"

#include <event2/event.h>

#define DRAIN_TICK_US     5000
#define DRAIN_ANNOUNCE_NS 200000000 // clients hear NOT_READY so long, and can go elsewhere

// The grace is over: what is under way, and what comes by connections that are open, is answered and no more.
static void drain_close(struct server *server)
{
	server->phase = SERVER_DRAINING;
	server->record_again_ns = 0; // what is owed to the store has its last try now
	server->announce_until_ns = clock_ns() + DRAIN_ANNOUNCE_NS;
	server->drain_until_ns =
		clock_ns() + server->config->control.drain_timeout * CLOCK_SECOND_NS;
	dataplane_drain(server->dataplane);
	gate_drain(server->gate);
	log_debug("draining: new requests are answered NOT_READY");
}

static uint32_t drain_operations(const struct server *server)
{
	uint32_t n = 0;

	for (const struct operation *op = server->operations.first; op; op = op->next)
		n++;
	return n;
}

static void drain_end_hook(struct server *server)
{
	if (!drain_hook_runs(server->drain_hook))
		return;
	log_error("control.drain_hook: not done after %u s, ended; draining goes on",
		server->config->control.drain_timeout);
	drain_hook_kill(server->drain_hook);
}

// By whomever: what the API asked for has a line of its own beside this.
static void drain_audit(struct server *server, const char *by)
{
	const struct chain_entry entry = { .kind = CHAIN_OWN,
		.by = "martletd",
		.what = "drain",
		.says_allowed = true,
		.allowed = true,
		.why = by };

	audit_own(server->audit, &entry);
}

void drain_begin(struct server *server, const char *by)
{
	const struct config_control *control = &server->config->control;
	const uint64_t grace_s = server->phase == SERVER_READY ? control->drain_grace : 0;
	const struct timeval period = { .tv_usec = DRAIN_TICK_US };
	const uint64_t now = clock_ns();

	if (server->phase >= SERVER_LEAVING)
		return;
	event_add(server->tick, &period);
	log_info("%s: draining", by);
	drain_audit(server, by);
	snprintf(server->drain_by, sizeof(server->drain_by), "%s", by);
	// The manager's own limit of time is for what the configuration may not know of.
	notify("STOPPING=1\nSTATUS=Draining.\nEXTEND_TIMEOUT_USEC=%llu",
		1000000ull *
			((unsigned long long)control->drain_grace + 2ull * control->drain_timeout +
				5));
	server->phase = SERVER_LEAVING;
	drain_hook_start(server->drain_hook);
	server->hook_until_ns = now + control->drain_timeout * CLOCK_SECOND_NS;
	server->grace_until_ns = now + grace_s * CLOCK_SECOND_NS;
	server->say_close_ns = now + grace_s * CLOCK_SECOND_NS / 2;
	drain_tick(server);
}

void drain_hurry(struct server *server, const char *by)
{
	drain_begin(server, by);
	if (server->phase != SERVER_LEAVING || server->is_hurried)
		return;
	log_info("%s: the grace ends at once", by);
	server->grace_until_ns = clock_ns();
	server->is_hurried = true;
}

void drain_signal(struct server *server, const char *by)
{
	if (server->is_signalled) {
		drain_hurry(server, by);
	} else {
		if (server->phase >= SERVER_LEAVING)
			log_info("%s: draining already, as %s wished", by, server->drain_by);
		drain_begin(server, by);
	}
	server->is_signalled = true;
}

void drain_progress(const struct server *server, struct drain_progress *progress)
{
	const uint64_t now = clock_ns();
	struct scoring_figures scoring;

	*progress = (struct drain_progress){ .hook_runs = drain_hook_runs(server->drain_hook),
		.connections = gate_busy(server->gate),
		.changes = drain_operations(server),
		.packets = !dataplane_drained(server->dataplane) };
	scoring_figures(server->scoring, &scoring);
	progress->scoring = scoring.waiting;
	if (server->phase >= SERVER_LEAVING)
		progress->stage = server->phase == SERVER_LEAVING ? "grace" : "closing";
	if (server->phase == SERVER_LEAVING && server->grace_until_ns > now)
		progress->grace_ns = server->grace_until_ns - now;
}

static void drain_look_at_grace(struct server *server, uint64_t now)
{
	const bool runs = drain_hook_runs(server->drain_hook);

	if (now >= server->hook_until_ns)
		drain_end_hook(server);
	if (now >= server->say_close_ns)
		gate_say_close(server->gate);
	if (now >= server->grace_until_ns &&
		(!runs || !drain_hook_runs(server->drain_hook) || server->is_hurried))
		drain_close(server);
}

// What is cut, by kind.
static void drain_say_cut(struct server *server)
{
	struct scoring_figures scoring;

	scoring_figures(server->scoring, &scoring);
	log_warning(
		"not drained after %u s: stopping all the same: cut: %u connections with requests "
		"over HTTP, %u "
		"requests of the API that wait to be scored, %u changes of models%s",
		server->config->control.drain_timeout, gate_busy(server->gate), scoring.waiting,
		drain_operations(server),
		dataplane_drained(server->dataplane) ? "" : ", and packets that lcores hold");
}

// Nothing is under way, and was not at the tick before either: what had come by then has been read since. Who
// waits for a request is closed then, unless some of one is in its socket.
static bool drain_is_done(struct server *server)
{
	const bool is_quiet = !server->operations.first && scoring_is_idle(server->scoring) &&
		gate_busy(server->gate) == 0 && dataplane_drained(server->dataplane);
	const bool was_quiet = server->is_quiet;

	server->is_quiet = is_quiet;
	return is_quiet && was_quiet && gate_part(server->gate);
}

void drain_tick(struct server *server)
{
	const uint64_t now = clock_ns();

	if (server->phase == SERVER_LEAVING)
		drain_look_at_grace(server, now);
	if (server->phase != SERVER_DRAINING || now < server->announce_until_ns)
		return;
	if (drain_is_done(server))
		log_info("drained, nothing was cut");
	else if (now >= server->drain_until_ns)
		drain_say_cut(server);
	else
		return;
	drain_end_hook(server);
	event_base_loopbreak(server->base);
}
