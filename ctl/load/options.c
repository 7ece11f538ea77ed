// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/options.h"

#include "base/options.h"
#include "base/version.h"
#include "dataplane/wire.h"
#include "infer/infer.h"

#include <arpa/inet.h>
#include <rte_ether.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

// Half of a receive ring: the replies to as many requests fit into it even where we are kept from
// polling for a while.
#define IN_FLIGHT_DEFAULT 512

static int load_parse_address(void *field, const char *text, struct error *err)
{
	struct config_address *address = field;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &address->ipv4) == 1)
		return 0;
	address->is_ipv6 = true;
	if (inet_pton(AF_INET6, text, &address->ipv6) == 1)
		return 0;
	return error_set(err, -EINVAL, "'%s' is not an IPv4 or IPv6 address", text);
}

static int load_parse_peer_mac(void *field, const char *text, struct error *err)
{
	struct load_options *options = field;
	struct rte_ether_addr mac;

	if (rte_ether_unformat_addr(text, &mac) != 0)
		return error_set(err, -EINVAL, "'%s' is not a MAC like 02:00:00:00:00:01", text);
	memcpy(options->peer_mac, mac.addr_bytes, sizeof(mac.addr_bytes));
	options->has_peer_mac = true;
	return 0;
}

// FILE, or VERSION=FILE where VERSION is all digits.
static int load_parse_expect(void *field, const char *text, struct error *err)
{
	struct load_options *options = field;
	struct load_expect *expect = &options->expect[options->n_expect];
	const size_t digits = strspn(text, "0123456789");
	unsigned long version = 0;

	if (options->n_expect == LOAD_EXPECT_MAX)
		return error_set(err, -EINVAL, "more than %d expectations", LOAD_EXPECT_MAX);
	if (digits && text[digits] == '=') {
		version = strtoul(text, NULL, 10);
		text += digits + 1;
		if (version < 1 || version > 65535)
			return error_set(err, -EINVAL, "version %lu is not 1..65535", version);
	}
	*expect = (struct load_expect){ .version = (uint16_t)version, .path = text };
	options->n_expect++;
	return 0;
}

// The macros of base/options.h, for fields of struct load_options.
#define FLAG(member)               OPTION_TO_FLAG(struct load_options, member)
#define TEXT(member)               OPTION_TO_TEXT(struct load_options, member)
#define WHOLE(member, low, high)   OPTION_TO_U32(struct load_options, member, low, high)
#define COUNT(member, low, high)   OPTION_TO_U64(struct load_options, member, low, high)
#define DECIMAL(member, low, high) OPTION_TO_DOUBLE(struct load_options, member, low, high)
#define CHOICE(member)             OPTION_TO_CHOICE(struct load_options, member)
#define ADDRESS(member)            OPTION_TO_OWN(struct load_options, member, load_parse_address)

static const struct option_entry ENTRIES[] = {
	{ "device", 0, "DEV", "DPDK device: net_memif0,role=client,socket=..., a PCI address, ...",
		TEXT(device), .required = true },
	{ "queues", 0, "N", "queue pairs to spread requests over (1)", WHOLE(queues, 1, 16) },
	{ "rx-queues", 0, "N",
		"queues to hear replies on (as --queues); memif: one per sending lcore",
		WHOLE(rx_queues, 1, 64) },
	{ "from", 0, "ADDRESS", "our IPv4 or IPv6 address", ADDRESS(from), .required = true },
	{ "to", 0, "ADDRESS", "the appliance's address, of the same family", ADDRESS(to),
		.required = true },
	{ "port", 0, "P", "the appliance's UDP port (7797)", WHOLE(port, 1, 65535) },
	{ "source-port", 0, "P", "our UDP port (40000)", WHOLE(source_port, 1, 65000) },
	{ "peer-mac", 0, "MAC", "do not ask by ARP or NDP", OPTION_TO_ALL(load_parse_peer_mac) },
	{ "model", 0, "ID", "model to score with", WHOLE(model, 1, 65535) },
	{ "model-version", 0, "V", "0: the live one (0)", WHOLE(model_version, 0, 65535) },
	{ "rows", 0, "FILE", "rows to send: .csv, .npy or .f32; - is standard input",
		TEXT(rows_path) },
	{ "columns", 0, "K", "columns of a row; a .f32 file does not say it",
		WHOLE(columns, 1, 16384) },
	{ "features", 0, "A,B,...",
		"the model's features in their order, which a CSV's columns are matched with by "
		"name",
		TEXT(features) },
	ROWS_OPTION_DROP(struct load_options, rows),
	ROWS_OPTION_HEADER(struct load_options, rows),
	ROWS_OPTION_NO_HEADER(struct load_options, rows),
	ROWS_OPTION_FORMAT(struct load_options, rows),
	{ "rows-per-request", 0, "R", "rows in one request (1)", WHOLE(rows_per_request, 1, 2048) },
	{ "dtype", 0, "f32|f16|bf16|i8|u8", "of the values on the wire (f32)", CHOICE(dtype) },
	{ "scale", 0, "S", "of i8 and u8 values (1)", DECIMAL(scale, 1e-30, 1e30) },
	{ "zero", 0, "Z", "zero point of i8 and u8 values (0)", DECIMAL(zero, -255, 255) },
	{ "pad", 0, "BYTES", "zeros behind the rows, or the payload of a ping",
		WHOLE(pad_bytes, 0, 8960) },
	{ "budget", 0, "US", "give-up time in requests (0: none)",
		WHOLE(budget_us, 0, UINT32_MAX) },
	{ "wire-key", 0, "FILE", "authenticate requests by a key of this file", TEXT(key) },
	{ "key-id", 0, "N", "the key's id, where the file has several", WHOLE(key_id, 1, 65535) },
	{ "ping", 0, NULL, "send PING, expect PONG", FLAG(ping) },
	{ "echo", 0, NULL, "the peer is a bare reflector that swaps addresses and ports",
		FLAG(echo) },
	{ "window", 0, "N", "closed loop: N requests outstanding (1)", WHOLE(window, 1, 65536) },
	{ "rate", 0, "PPS", "open loop: requests a second", DECIMAL(rate, 0.001, 1e9) },
	{ "arrivals", 0, "constant|poisson", "of the open loop (constant)", CHOICE(arrivals) },
	{ "in-flight", 0, "N", "open loop: send late rather than have more outstanding (512)",
		WHOLE(in_flight, 1, 262144) },
	{ "requests", 0, "N", "stop after N requests", COUNT(requests, 1, 1e18) },
	{ "seconds", 0, "S", "stop after S seconds (1)", DECIMAL(seconds, 0.001, 1e6) },
	{ "once", 0, NULL, "send each row exactly once", FLAG(once) },
	{ "warmup", 0, "S", "seconds before anything counts (0)", DECIMAL(warmup_seconds, 0, 1e6) },
	{ "timeout-ms", 0, "MS", "unanswered for longer is lost (1000)",
		WHOLE(timeout_ms, 1, 60000) },
	{ "link-timeout-ms", 0, "MS", "to wait for the link and the peer's MAC (5000)",
		WHOLE(link_timeout_ms, 1, 600000) },
	{ "expect", 0, "[V=]FILE", "scores to expect, of version V; may be repeated",
		OPTION_TO_ALL(load_parse_expect) },
	{ "tolerance", 0, "T", "times max(1, |expected|) (1e-5)", DECIMAL(tolerance, 0, 1e30) },
	{ "scores", 0, "FILE", "write the scores, in row order: .csv, .npy or .f32",
		TEXT(scores_path) },
	{ "cpu", 0, "N", "CPU to run on (the last one we may use)", WHOLE(cpu, 0, 1023) },
	{ "no-huge", 0, NULL, "ordinary pages", FLAG(no_huge) },
	{ "megabytes", 0, "MB", "memory for packets (128)", WHOLE(megabytes, 32, 65536) },
	{ "json", 0, NULL, "report as JSON", FLAG(json) },
	{ 0 },
};

struct options load_command_line(struct load_options *options)
{
	return (struct options){
		.program = "martlet-load",
		.synopsis =
			"--device DEV --from ADDRESS --to ADDRESS\n"
			"        (--model ID --rows FILE | --ping | --echo) "
			"[--window N | --rate PPS] ...",
		.after = "exit: 0 done, 1 failed or wrong replies, 2 wrong command line",
		.version = martlet_version,
		.own = { ENTRIES, options },
	};
}

static int load_check(const struct load_options *options, struct error *err)
{
	if (options->from.is_ipv6 != options->to.is_ipv6)
		return error_set(err, -EINVAL, "--from and --to are of different families");
	if (options->rows_path ? options->ping : !options->ping && !options->echo)
		return error_set(err, -EINVAL,
			"one of --rows FILE and --ping is needed (or --echo with either or none)");
	if (options->rows_path && !options->model && !options->echo)
		return error_set(err, -EINVAL, "--rows needs --model ID");
	if (options->features && (!options->rows_path || options->columns))
		return error_set(err, -EINVAL,
			"--features needs --rows FILE, and counts the columns in place of "
			"--columns");
	if (options->once + (options->requests > 0) + (options->seconds > 0) > 1)
		return error_set(err, -EINVAL, "give only one of --requests, --seconds and --once");
	if ((options->once || options->n_expect || options->scores_path) && !options->rows_path)
		return error_set(err, -EINVAL, "--once, --expect and --scores need --rows FILE");
	if (options->echo && (options->n_expect || options->scores_path))
		return error_set(err, -EINVAL, "--echo gets no scores: no --expect, no --scores");
	if (options->window && options->rate > 0)
		return error_set(err, -EINVAL, "give only one of --window and --rate");
	if (options->in_flight && options->rate <= 0)
		return error_set(err, -EINVAL, "--in-flight is for the open loop: give --rate PPS");
	return 0;
}

static uint32_t load_last_cpu(void)
{
	uint32_t last = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &set))
				last = cpu;
	return last;
}

int load_options_parse(struct load_options *options, char **argv, struct error *err)
{
	const struct options line = load_command_line(options);
	int rc;

	*options = (struct load_options){ .queues = 1,
		.port = WIRE_UDP_PORT,
		.source_port = 40000,
		.rows_per_request = 1,
		.scale = 1,
		.timeout_ms = 1000,
		.link_timeout_ms = 5000,
		.tolerance = 1e-5,
		.cpu = load_last_cpu(),
		.megabytes = 128 };
	rc = options_parse(&line, argv, NULL, err);
	if (rc == 0)
		rc = load_check(options, err);
	if (rc != 0)
		return rc;
	if (!options->window && options->rate <= 0)
		options->window = 1;
	if (!options->in_flight)
		options->in_flight = IN_FLIGHT_DEFAULT;
	if (!options->once && !options->requests && options->seconds <= 0)
		options->seconds = 1;
	return 0;
}
