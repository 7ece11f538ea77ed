// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/options.h"

#include "dataplane/wire.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 40
#define NEEDED        "--device net_null0 --from 10.0.0.2 --to 10.0.0.1 "

static struct load_options options;
static struct error err;

// The words of `line` as a command line; they live until the next call.
static int parse(const char *line)
{
	static char text[1024];
	static char program[] = "martlet-load";
	char *argv[ARGUMENTS_MAX + 1] = { program }, *rest = NULL;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok_r(text, " ", &rest); word && argc < ARGUMENTS_MAX;
		word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	err.text[0] = '\0';
	return load_options_parse(&options, argv, &err);
}

static void defaults_are_one_outstanding_for_a_second(void **state)
{
	assert_int_equal(parse(NEEDED "--ping"), 0);
	assert_int_equal(options.window, 1);
	assert_true(options.seconds == 1);
	assert_true(options.rate == 0);
	assert_int_equal(options.port, WIRE_UDP_PORT);
	assert_int_equal(options.queues, 1);
	assert_int_equal(options.rx_queues, 0);
	assert_int_equal(options.model_version, 0);
	assert_int_equal(options.timeout_ms, 1000);
	assert_true(options.in_flight >= 32);
}

static void every_kind_of_value_is_taken(void **state)
{
	assert_int_equal(parse(NEEDED "--rows r.csv --model=7 --model-version 3 --rate=2.5e3 "
				      "--arrivals poisson --in-flight 64 --seconds 0.5 --no-huge "
				      "--peer-mac 02:00:00:00:00:0a --dtype bf16 --expect a.npy "
				      "--expect 12=b.npy --json"),
		0);
	assert_string_equal(options.rows_path, "r.csv");
	assert_int_equal(options.model, 7);
	assert_int_equal(options.model_version, 3);
	assert_true(options.rate == 2500);
	assert_int_equal(options.arrivals, ARRIVALS_POISSON);
	assert_int_equal(options.in_flight, 64);
	assert_int_equal(options.window, 0);
	assert_true(options.seconds == 0.5);
	assert_true(options.no_huge && options.json && !options.echo);
	assert_true(options.has_peer_mac);
	assert_int_equal(options.peer_mac[5], 10);
	assert_int_equal(options.dtype, ROW_DTYPE_BF16);
	assert_int_equal(options.n_expect, 2);
	assert_int_equal(options.expect[0].version, 0);
	assert_string_equal(options.expect[0].path, "a.npy");
	assert_int_equal(options.expect[1].version, 12);
	assert_string_equal(options.expect[1].path, "b.npy");
}

static void both_families_are_taken(void **state)
{
	assert_int_equal(
		parse("--device net_null0 --from fd00::2 --to fd00::1 --echo --requests 5"), 0);
	assert_true(options.from.is_ipv6 && options.to.is_ipv6);
	assert_int_equal(options.to.ipv6.s6_addr[15], 1);
	assert_int_equal(options.requests, 5);
	assert_true(options.seconds == 0);
	assert_int_equal(parse(NEEDED "--ping"), 0);
	assert_false(options.to.is_ipv6);
	assert_int_equal(ntohl(options.to.ipv4.s_addr), 0x0a000001);
}

static void help_needs_nothing_else(void **state)
{
	assert_int_equal(parse("--help"), OPTIONS_HELP);
	assert_int_equal(parse("--version"), OPTIONS_VERSION);
}

// A command line and what its refusal must say.
static const struct load_refusal {
	const char *line, *text;
} REFUSALS[] = {
	{ "", "--device DEV is missing" },
	{ "--device net_null0 --ping", "--from ADDRESS is missing" },
	{ "--device d --from 10.0.0.1 --to fd00::1 --ping", "different families" },
	{ "--device d --from 10.0.0.300 --to 10.0.0.1 --ping", "'10.0.0.300' is not an IPv4" },
	{ NEEDED, "one of --rows FILE and --ping" },
	{ NEEDED "--ping --rows r.csv --model 1", "one of --rows FILE and --ping" },
	{ NEEDED "--rows r.csv", "--rows needs --model ID" },
	{ NEEDED "--ping --features a,b", "--features needs --rows FILE, and counts the columns" },
	{ NEEDED "--rows r --model 1 --features a --columns 1", "--features needs --rows FILE" },
	{ NEEDED "--ping --requests 5 --seconds 1", "only one of --requests" },
	{ NEEDED "--ping --once", "need --rows FILE" },
	{ NEEDED "--ping --expect a.npy", "need --rows FILE" },
	{ NEEDED "--echo --rows r.csv --expect a.npy", "--echo gets no scores" },
	{ NEEDED "--ping --window 4 --rate 100", "only one of --window and --rate" },
	{ NEEDED "--ping --in-flight 8", "--in-flight is for the open loop" },
	{ NEEDED "--ping --window 0", "--window 0: a number from 1 to" },
	{ NEEDED "--ping --window 1.5", "--window 1.5: a whole number" },
	{ NEEDED "--ping --window 4x", "--window 4x: a number" },
	{ NEEDED "--ping --rate nan", "--rate nan: a number" },
	{ NEEDED "--ping --rate -3", "--rate -3: a number" },
	{ NEEDED "--ping --port 65536", "--port 65536: a number from 1 to 65535" },
	{ NEEDED "--ping --window", "--window needs a value" },
	{ NEEDED "--ping --json=1", "--json takes no value" },
	{ NEEDED "--ping --no-such", "'--no-such' is not an option" },
	{ NEEDED "--ping --windows 4", "did you mean --window?" },
	{ NEEDED "--ping -x", "'-x' is not an option" },
	{ NEEDED "--ping x", "'x' is one argument too many" },
	{ NEEDED "--ping --peer-mac 1:2:3", "'1:2:3' is not a MAC" },
	{ NEEDED "--ping --dtype f64", "--dtype 'f64': f32, f16, bf16, i8 or u8 is wanted" },
	{ NEEDED "--ping --arrivals bursty", "--arrivals 'bursty': constant or poisson is wanted" },
	{ NEEDED "--rows r --model 1 --expect 0=a.npy", "version 0 is not 1..65535" },
	{ NEEDED "--rows r --model 1 --expect 65536=a.npy", "version 65536 is not" },
};

static void refusals_say_what_is_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(REFUSALS) / sizeof(REFUSALS[0]); i++) {
		if (parse(REFUSALS[i].line) == 0 || !strstr(err.text, REFUSALS[i].text))
			fail_msg("'%s': '%s', wanted '%s'", REFUSALS[i].line, err.text,
				REFUSALS[i].text);
	}
}

static void expectations_are_limited(void **state)
{
	char line[1024] = NEEDED "--rows r --model 1";

	for (int i = 0; i <= LOAD_EXPECT_MAX; i++) {
		assert_int_equal(parse(line), 0);
		assert_int_equal(options.n_expect, i);
		strcat(line, " --expect=a");
	}
	assert_int_not_equal(parse(line), 0);
	assert_non_null(strstr(err.text, "more than 16 expectations"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_one_outstanding_for_a_second),
		cmocka_unit_test(every_kind_of_value_is_taken),
		cmocka_unit_test(both_families_are_taken),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(refusals_say_what_is_wrong),
		cmocka_unit_test(expectations_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
