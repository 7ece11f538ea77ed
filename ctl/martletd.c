// SPDX-License-Identifier: BSD-3-Clause
// martletd: the appliance. main() is a list of phases, undone in reverse order.
#include "base/clock.h"
#include "base/options.h"
#include "base/trust/trusted_file.h"
#include "base/version.h"
#include "config/config.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/confine/confine.h"
#include "ctl/server/decryption.h"
#include "ctl/server/drain_hook.h"
#include "ctl/server/http/listener.h"
#include "ctl/server/log.h"
#include "ctl/server/named_files.h"
#include "ctl/server/server.h"
#include "ctl/server/store/counters_file.h"
#include "ctl/server/store/store.h"
#include "dataplane/dataplane.h"

#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum exit_status { EXIT_DONE, EXIT_REFUSED };

// What the command line asks for.
struct martletd_request {
	const char *path;
	bool check;
};

static const struct option_entry ENTRIES[] = {
	{ "config", 'c', "FILE", "the configuration (see martletd.conf, nic.conf)",
		OPTION_TO_TEXT(struct martletd_request, path), .required = true },
	{ "check", 0, NULL, "read the configuration, say what is wrong, and end",
		OPTION_TO_FLAG(struct martletd_request, check) },
	{ 0 },
};

struct appliance {
	struct config config;
	struct server_parts parts;
	struct server *server;
	struct confine confine;
};

// Before anything is given up, and before there is anything that it could have.
static int hook_start(struct appliance *a, struct error *err)
{
	return drain_hook_open(&a->config, &a->parts.drain_hook, err);
}

static void hook_stop(struct appliance *a)
{
	drain_hook_close(a->parts.drain_hook);
}

static int bounds_start(struct appliance *a, struct error *err)
{
	a->parts.confine = &a->confine;
	return confine_begin(&a->confine, &a->config, err);
}

static int user_start(struct appliance *a, struct error *err)
{
	return confine_drop(&a->confine, err);
}

static int filter_start(struct appliance *a, struct error *err)
{
	return confine_filter(&a->confine, err);
}

// What was given up is not had back.
static void nothing_stop(struct appliance *a)
{
}

static int events_start(struct appliance *a, struct error *err)
{
	sigset_t ours;

	// Threads made from here on inherit this: signals are the event loop's alone, which
	// unblocks them when it runs.
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	signal(SIGPIPE, SIG_IGN);
	a->parts.config = &a->config;
	a->parts.base = event_base_new();
	return a->parts.base ? 0 : error_set(err, -ENOMEM, "no memory for the event loop");
}

static void events_stop(struct appliance *a)
{
	event_base_free(a->parts.base);
}

static int socket_start(struct appliance *a, struct error *err)
{
	return listener_open(
		a->config.control.socket, a->config.control.group, &a->parts.listener, err);
}

static void socket_stop(struct appliance *a)
{
	listener_close(a->parts.listener);
}

static int store_start(struct appliance *a, struct error *err)
{
	return store_open(a->config.store.path, a->parts.base, false, &a->parts.store, err);
}

static void store_stop(struct appliance *a)
{
	store_close(a->parts.store);
}

// Before there are lcores, for which memory that is given back waits.
static int audit_start(struct appliance *a, struct error *err)
{
	const struct config_trust *trust = &a->config.trust;
	const struct audit_options options = { .key = trust->audit_key,
		.file_bytes = (uint64_t)trust->audit_megabytes << 20 };

	return audit_open(a->parts.store, &options, &a->parts.audit, err);
}

static void audit_stop(struct appliance *a)
{
	audit_close(a->parts.audit);
}

static int counters_start(struct appliance *a, struct error *err)
{
	return counters_file_open(a->parts.store, &a->parts.counters_file, err);
}

static void counters_stop(struct appliance *a)
{
	counters_file_close(a->parts.counters_file);
}

static int river_start(struct appliance *a, struct error *err)
{
	struct dataplane_kept kept = { .said = "" };
	int rc;

	kept.text = counters_file_found(a->parts.counters_file, &kept.size);
	rc = dataplane_start(&a->config, kept.text ? &kept : NULL, &a->parts.dataplane, err);
	if (kept.said[0])
		log_warning("%s: %s", counters_file_path(a->parts.counters_file), kept.said);
	return rc;
}

// What was accepted last is kept, too, and nothing is accepted any more by then.
static void river_stop(struct appliance *a)
{
	struct counters_file *file = a->parts.counters_file;
	size_t size;
	char *text;

	dataplane_halt(a->parts.dataplane);
	counters_file_settle(file);
	text = dataplane_seen(a->parts.dataplane, counters_file_is_failing(file), &size);
	if (text)
		counters_file_write(file, text, size, clock_ns());
	counters_file_settle(file);
	dataplane_stop(a->parts.dataplane);
}

static int server_start(struct appliance *a, struct error *err)
{
	const struct server_parts parts = a->parts;

	a->parts.audit = NULL; // it is the server's from here on
	return server_create(&parts, &a->server, err);
}

static void server_stop(struct appliance *a)
{
	server_destroy(a->server);
}

// What can be refused quickly comes first: a second martletd on the same socket must not get as far
// as devices and hugepages.
static const struct phase {
	int (*start)(struct appliance *a, struct error *err);
	void (*stop)(struct appliance *a);
} PHASES[] = {
	{ hook_start, hook_stop },
	{ bounds_start, nothing_stop },
	{ events_start, events_stop },
	{ socket_start, socket_stop },
	{ store_start, store_stop },
	{ audit_start, audit_stop },
	{ counters_start, counters_stop },
	{ river_start, river_stop },
	{ user_start, nothing_stop },
	{ server_start, server_stop },
	{ filter_start, nothing_stop },
};
#define N_PHASES (sizeof(PHASES) / sizeof(PHASES[0]))

static int run(struct appliance *a)
{
	struct error err = { .text = "" };
	size_t done = 0;
	int rc = 0;

	while (rc == 0 && done < N_PHASES) {
		rc = PHASES[done].start(a, &err);
		if (rc == 0)
			done++;
	}
	if (rc == 0)
		rc = server_run(a->server, &err);
	while (done > 0)
		PHASES[--done].stop(a);
	if (rc != 0)
		log_refusal("martletd", err.text); // the last line is why it ends
	return rc != 0 ? EXIT_REFUSED : EXIT_DONE;
}

// What requests take is kept for the next ones: to give memory back, and take it again with each of them, costs
// faults here, and the lcores an interrupt, as it must go from their tables of pages, too. Bodies of more than
// KEPT_BLOCK_BYTES come and go with theirs.
#define KEPT_BYTES       (64 << 20)
#define KEPT_BLOCK_BYTES (8 << 20)

static void keep_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES);
}

struct checked {
	const char *path;
	bool is_refused;
};

static void check_refuse(void *arg, const char *sentence)
{
	struct checked *checked = arg;

	checked->is_refused = true;
	fprintf(stderr, "martletd: %s: %s\n", checked->path, sentence);
}

// What a start would find out only later. Root ends as process.user, as whom it reads what the start reads as that.
static int check(const struct martletd_request *request, const struct config *config)
{
	struct checked checked = { .path = request->path };
	struct error err;

	if (dataplane_check_drivers(config, &err) != 0)
		check_refuse(&checked, err.text);
	if (named_files_check_audit_key(config, &err) != 0)
		check_refuse(&checked, err.text);
	if (confine_rehearse(config, &err) != 0)
		check_refuse(&checked, err.text);
	else
		named_files_check(config, check_refuse, &checked);
	if (checked.is_refused)
		return EXIT_REFUSED;
	printf("%s: good\n", request->path);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	static struct appliance appliance; // large, and there is one
	struct martletd_request request = { 0 };
	const struct options options = {
		.program = "martletd",
		.about = "Scores rows that arrive over UDP with the models deployed to it.",
		.after = "SIGTERM drains and ends; SIGHUP reads the configuration and the files "
			 "that it names "
			 "anew.\n"
			 "exit: 0 done, 1 refused or failed, 2 wrong command line",
		.version = martlet_version,
		.own = { ENTRIES, &request },
	};
	struct error err;
	int rc = options_parse(&options, argv, NULL, &err);

	if (rc != 0)
		return options_end(&options, rc, &err);
	if (sodium_init() < 0) {
		log_refusal("martletd", "libsodium finds no source of randomness");
		return EXIT_REFUSED;
	}
	if (config_load(request.path, &appliance.config, &err)) {
		log_refusal("martletd", err.text);
		return EXIT_REFUSED;
	}
	trusted_file_set_service_user(config_service_user(&appliance.config));
	if (dataplane_check(&appliance.config, &err) != 0) {
		fprintf(stderr, "martletd: %s: %s\n", request.path, err.text);
		return EXIT_REFUSED;
	}
	if (request.check)
		return check(&request, &appliance.config);
	log_set_level((enum log_level)appliance.config.log.level);
	keep_memory();
	decryption_lift_limit();
	return run(&appliance);
}
