// SPDX-License-Identifier: BSD-3-Clause
// martlet-load: the load generator and latency meter. One lcore, one device, one kind of request.
// Exit status: 0 done, 1 something was wrong with the replies or the run, 2 wrong command line.
#include "ctl/load/client.h"
#include "ctl/load/closed_loop.h"
#include "ctl/load/open_loop.h"
#include "ctl/load/report.h"

#include <signal.h>
#include <stdio.h>

static struct client client; // too large for a stack, and the signal handler needs it

static void load_on_signal(int number)
{
	client.stop = 1;
}

static void load_catch_signals(void)
{
	const struct sigaction action = { .sa_handler = load_on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

// The exit status of a run that came to its end. It asked for answers: none at all, wrong ones, or
// rows without a score are failures.
static int load_verdict(const struct load_options *options)
{
	const struct client_counters *c = &client.counters;

	if (client.link_lost) {
		fprintf(stderr,
			"martlet-load: the link went down in the middle of it: the other side has "
			"ended, or turned us away\n");
		return 1;
	}
	if (!c->answered) {
		fprintf(stderr, "martlet-load: nothing was answered\n");
		return 1;
	}
	if (options->once && c->rows_scored != client.payloads.shape.n_rows && !options->echo) {
		fprintf(stderr, "martlet-load: %lu of %u rows were scored\n", c->rows_scored,
			client.payloads.shape.n_rows);
		return 1;
	}
	return c->wrong_fields || c->mismatches || c->unexpected_version || c->malformed ||
		c->bad_checksum;
}

static int load_run(const struct load_options *options, struct error *err)
{
	int rc = client_init(&client, options, err);

	load_catch_signals();
	if (rc == 0)
		rc = client_connect(&client, err);
	if (rc != 0)
		return rc;
	if (options->rate > 0)
		open_loop_run(&client);
	else
		closed_loop_run(&client);
	if (options->json)
		rc = report_json(&client, stdout, err);
	else
		report_text(&client, stdout);
	if (rc == 0 && options->scores_path)
		rc = verifier_write_scores(&client.verifier, options->scores_path, err);
	return rc;
}

int main(int argc, char **argv)
{
	struct load_options options;
	struct error err = { .text = "" };
	int rc = load_options_parse(&options, argv, &err);

	if (rc != 0) {
		const struct options line = load_command_line(&options);

		return options_end(&line, rc, &err);
	}
	if (load_run(&options, &err) != 0) {
		fprintf(stderr, "martlet-load: %s\n", err.text);
		rc = 1;
	} else {
		rc = load_verdict(&options);
	}
	client_fini(&client);
	return rc;
}
