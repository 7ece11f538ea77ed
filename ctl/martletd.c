// SPDX-License-Identifier: BSD-3-Clause
// martletd: the appliance. main() is a list of phases, undone in reverse order.
#include "config/config.h"
#include "ctl/server/http/listener.h"
#include "ctl/server/server.h"
#include "ctl/server/store/store.h"
#include "dataplane/dataplane.h"

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum exit_status { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE };

static const char USAGE[] =
	"usage: martletd -c FILE [--check]\n"
	"\n"
	"Scores rows that arrive over UDP with the models deployed to it.\n"
	"\n"
	"  -c, --config FILE  the configuration (see martletd.conf, nic.conf)\n"
	"      --check        read the configuration, say what is wrong, and end\n"
	"      --version      print the version and end\n"
	"  -h, --help         print this and end\n"
	"\n"
	"SIGTERM drains and ends. Exit: 0 done, 1 refused or failed, 2 usage.\n";

struct appliance {
	struct config config;
	struct server_parts parts;
	struct server *server;
};

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

static int river_start(struct appliance *a, struct error *err)
{
	return dataplane_start(&a->config, &a->parts.dataplane, err);
}

static void river_stop(struct appliance *a)
{
	dataplane_stop(a->parts.dataplane);
}

static int server_start(struct appliance *a, struct error *err)
{
	return server_create(&a->parts, &a->server, err);
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
	{ events_start, events_stop },
	{ socket_start, socket_stop },
	{ store_start, store_stop },
	{ river_start, river_stop },
	{ server_start, server_stop },
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
	if (rc)
		fprintf(stderr, "martletd: %s\n", err.text);
	while (done > 0)
		PHASES[--done].stop(a);
	return rc ? EXIT_REFUSED : EXIT_DONE;
}

static int usage(const char *what, const char *which)
{
	fprintf(stderr, "martletd: %s%s; martletd --help says how\n", what, which);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static struct appliance appliance; // large, and there is one
	const char *path = NULL;
	bool check = false;
	struct error err;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", OPTIONS, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'v':
			printf("martletd %s\n", MARTLET_VERSION);
			return EXIT_DONE;
		case 'h':
			fputs(USAGE, stdout);
			return EXIT_DONE;
		case ':':
			return usage("a value is missing after ", argv[optind - 1]);
		default:
			return usage("unknown option ", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage("unexpected argument ", argv[optind]);
	if (!path)
		return usage("-c FILE is missing", "");
	if (config_load(path, &appliance.config, &err) != 0) {
		fprintf(stderr, "martletd: %s\n", err.text);
		return EXIT_REFUSED;
	}
	if (check) {
		printf("%s: good\n", path);
		return EXIT_DONE;
	}
	return run(&appliance);
}
