// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/options.h"

#include "dataplane/wire.h"
#include "infer/infer.h"

#include <arpa/inet.h>
#include <math.h>
#include <rte_ether.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// Half of a receive ring: replies to all of them fit into it while we are kept from polling.
#define IN_FLIGHT_DEFAULT 512

enum option_kind { OPTION_FLAG, OPTION_U32, OPTION_U64, OPTION_DOUBLE, OPTION_TEXT, OPTION_OWN };

struct option_row {
	const char *name, *value, *help;
	enum option_kind kind;
	size_t offset;
	double min, max;
	int (*parse)(struct load_options *options, const char *text, struct error *err);
};

static int parse_address(struct config_address *address, const char *text, struct error *err)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &address->ipv4) == 1)
		return 0;
	address->is_ipv6 = true;
	if (inet_pton(AF_INET6, text, &address->ipv6) == 1)
		return 0;
	return error_set(err, -EINVAL, "'%s' is not an IPv4 or IPv6 address", text);
}

static int parse_from(struct load_options *options, const char *text, struct error *err)
{
	options->has_from = true;
	return parse_address(&options->from, text, err);
}

static int parse_to(struct load_options *options, const char *text, struct error *err)
{
	options->has_to = true;
	return parse_address(&options->to, text, err);
}

static int parse_peer_mac(struct load_options *options, const char *text, struct error *err)
{
	struct rte_ether_addr mac;

	if (rte_ether_unformat_addr(text, &mac) != 0)
		return error_set(err, -EINVAL, "'%s' is not a MAC like 02:00:00:00:00:01", text);
	memcpy(options->peer_mac, mac.addr_bytes, sizeof(mac.addr_bytes));
	options->has_peer_mac = true;
	return 0;
}

static int parse_dtype(struct load_options *options, const char *text, struct error *err)
{
	static const char *const NAMES[ROW_DTYPE_COUNT] = { "f32", "f16", "bf16", "i8", "u8" };

	for (uint32_t i = 0; i < ROW_DTYPE_COUNT; i++) {
		if (!strcmp(text, NAMES[i])) {
			options->dtype = i;
			return 0;
		}
	}
	return error_set(err, -EINVAL, "'%s' is none of f32, f16, bf16, i8, u8", text);
}

static int parse_arrivals(struct load_options *options, const char *text, struct error *err)
{
	options->poisson = !strcmp(text, "poisson");
	if (!options->poisson && strcmp(text, "constant"))
		return error_set(err, -EINVAL, "'%s' is neither constant nor poisson", text);
	return 0;
}

// FILE, or VERSION=FILE where VERSION is all digits.
static int parse_expect(struct load_options *options, const char *text, struct error *err)
{
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

#define AT(field) offsetof(struct load_options, field)
#define FLAG(option, field, text)                                                                  \
	{                                                                                          \
		.name = option, .help = text, .kind = OPTION_FLAG, .offset = AT(field)             \
	}
#define NUMBER(option, arg, of_kind, field, low, high, text)                                       \
	{                                                                                          \
		.name = option, .value = arg, .help = text, .kind = of_kind, .offset = AT(field),  \
		.min = low, .max = high                                                            \
	}
#define TEXT(option, arg, field, text)                                                             \
	{                                                                                          \
		.name = option, .value = arg, .help = text, .kind = OPTION_TEXT,                   \
		.offset = AT(field)                                                                \
	}
#define OWN(option, arg, function, text)                                                           \
	{                                                                                          \
		.name = option, .value = arg, .help = text, .kind = OPTION_OWN, .parse = function  \
	}

static const struct option_row OPTIONS[] = {
	TEXT("device", "DEV", device,
		"DPDK device: net_memif0,role=client,socket=..., a PCI address, ..."),
	NUMBER("queues", "N", OPTION_U32, queues, 1, 16, "queue pairs to spread requests over (1)"),
	NUMBER("rx-queues", "N", OPTION_U32, rx_queues, 1, 64,
		"queues to hear replies on (as --queues); memif: one per sending lcore"),
	OWN("from", "ADDRESS", parse_from, "our IPv4 or IPv6 address"),
	OWN("to", "ADDRESS", parse_to, "the appliance's address, of the same family"),
	NUMBER("port", "P", OPTION_U32, port, 1, 65535, "the appliance's UDP port (7797)"),
	NUMBER("source-port", "P", OPTION_U32, source_port, 1, 65000, "our UDP port (40000)"),
	OWN("peer-mac", "MAC", parse_peer_mac, "do not ask by ARP or NDP"),
	NUMBER("model", "ID", OPTION_U32, model, 1, 65535, "model to score with"),
	NUMBER("model-version", "V", OPTION_U32, model_version, 0, 65535, "0: the live one (0)"),
	TEXT("rows", "FILE", rows_path, "rows to send: .csv, .npy or .f32"),
	NUMBER("columns", "K", OPTION_U32, columns, 1, 16384, "columns of a .f32 file"),
	NUMBER("rows-per-request", "R", OPTION_U32, rows_per_request, 1, 2048, "(1)"),
	OWN("dtype", "TYPE", parse_dtype, "f32, f16, bf16, i8 or u8 on the wire (f32)"),
	NUMBER("scale", "S", OPTION_DOUBLE, scale, 1e-30, 1e30, "of i8 and u8 values (1)"),
	NUMBER("zero", "Z", OPTION_DOUBLE, zero, -255, 255, "zero point of i8 and u8 values (0)"),
	NUMBER("pad", "BYTES", OPTION_U32, pad_bytes, 0, 8960,
		"zeros behind the rows, or the payload of a ping"),
	NUMBER("budget", "US", OPTION_U32, budget_us, 0, 4294967295.0,
		"give-up time in requests (0: none)"),
	FLAG("ping", ping, "send PING, expect PONG"),
	FLAG("echo", echo, "the peer is a bare reflector that swaps addresses and ports"),
	NUMBER("window", "N", OPTION_U32, window, 1, 65536,
		"closed loop: N requests outstanding (1)"),
	NUMBER("rate", "PPS", OPTION_DOUBLE, rate, 0.001, 1e9, "open loop: requests a second"),
	OWN("arrivals", "KIND", parse_arrivals, "of the open loop: constant or poisson (constant)"),
	NUMBER("in-flight", "N", OPTION_U32, in_flight, 1, 262144,
		"open loop: send late rather than have more outstanding (512)"),
	NUMBER("requests", "N", OPTION_U64, requests, 1, 1e18, "stop after N requests"),
	NUMBER("seconds", "S", OPTION_DOUBLE, seconds, 0.001, 1e6, "stop after S seconds (1)"),
	FLAG("once", once, "send each row exactly once"),
	NUMBER("warmup", "S", OPTION_DOUBLE, warmup_seconds, 0, 1e6,
		"seconds before anything counts (0)"),
	NUMBER("timeout-ms", "MS", OPTION_U32, timeout_ms, 1, 60000,
		"unanswered for longer is lost (1000)"),
	NUMBER("link-timeout-ms", "MS", OPTION_U32, link_timeout_ms, 1, 600000,
		"to wait for the link and the peer's MAC (5000)"),
	OWN("expect", "[V=]FILE", parse_expect, "scores to expect, of version V; may be repeated"),
	NUMBER("tolerance", "T", OPTION_DOUBLE, tolerance, 0, 1e30,
		"times max(1, |expected|) (1e-5)"),
	TEXT("scores", "FILE", scores_path, "write the scores, in row order: .csv, .npy or .f32"),
	NUMBER("cpu", "N", OPTION_U32, cpu, 0, 1023, "CPU to run on (the last one we may use)"),
	FLAG("no-huge", no_huge, "ordinary pages"),
	NUMBER("megabytes", "MB", OPTION_U32, megabytes, 32, 65536, "memory for packets (128)"),
	FLAG("json", json, "report as JSON"),
	FLAG("help", help, "this"),
};
#define N_OPTIONS (sizeof(OPTIONS) / sizeof(OPTIONS[0]))

static const char USAGE[] =
	"usage: martlet-load --device DEV --from ADDRESS --to ADDRESS\n"
	"       (--model ID --rows FILE | --ping | --echo) [--window N | --rate PPS] ...\n"
	"\n";

void options_usage(void)
{
	fputs(USAGE, stdout);
	for (size_t i = 0; i < N_OPTIONS; i++)
		printf("  --%-17s %-9s %s\n", OPTIONS[i].name,
			OPTIONS[i].value ? OPTIONS[i].value : "", OPTIONS[i].help);
}

static int set_number(struct load_options *options, const struct option_row *row, const char *text,
	struct error *err)
{
	void *field = (char *)options + row->offset;
	char *end;
	const double value = strtod(text, &end);

	if (end == text || *end || !(value >= row->min && value <= row->max))
		return error_set(err, -EINVAL, "--%s %s: a number from %g to %g is wanted",
			row->name, text, row->min, row->max);
	if (row->kind != OPTION_DOUBLE && value != floor(value))
		return error_set(
			err, -EINVAL, "--%s %s: a whole number is wanted", row->name, text);
	if (row->kind == OPTION_U32)
		*(uint32_t *)field = (uint32_t)value;
	else if (row->kind == OPTION_U64)
		*(uint64_t *)field = (uint64_t)value;
	else
		*(double *)field = value;
	return 0;
}

static int set_option(struct load_options *options, const struct option_row *row, const char *text,
	struct error *err)
{
	void *field = (char *)options + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)field = text;
		return 0;
	case OPTION_OWN:
		if (row->parse(options, text, err))
			return error_prefix(err, "--%s", row->name);
		return 0;
	default:
		return set_number(options, row, text, err);
	}
}

static const struct option_row *find_option(const char *name, size_t length)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(OPTIONS[i].name) == length && !memcmp(OPTIONS[i].name, name, length))
			return &OPTIONS[i];
	return NULL;
}

static int check(const struct load_options *options, struct error *err)
{
	if (!options->device)
		return error_set(err, -EINVAL, "--device is missing");
	if (!options->has_from || !options->has_to)
		return error_set(err, -EINVAL, "--from and --to are both needed");
	if (options->from.is_ipv6 != options->to.is_ipv6)
		return error_set(err, -EINVAL, "--from and --to are of different families");
	if (options->rows_path ? options->ping : !options->ping && !options->echo)
		return error_set(err, -EINVAL,
			"one of --rows FILE and --ping is needed (or --echo with either or none)");
	if (options->rows_path && !options->model && !options->echo)
		return error_set(err, -EINVAL, "--rows needs --model ID");
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

static uint32_t last_allowed_cpu(void)
{
	uint32_t last = 0;
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &set))
				last = cpu;
	return last;
}

int options_parse(struct load_options *options, int argc, char **argv, struct error *err)
{
	*options = (struct load_options){ .queues = 1,
		.port = WIRE_UDP_PORT,
		.source_port = 40000,
		.rows_per_request = 1,
		.scale = 1,
		.timeout_ms = 1000,
		.link_timeout_ms = 5000,
		.tolerance = 1e-5,
		.cpu = last_allowed_cpu(),
		.megabytes = 128 };
	for (int i = 1; i < argc; i++) {
		const struct option_row *row;
		const char *name, *value;

		if (strncmp(argv[i], "--", 2))
			return error_set(err, -EINVAL, "'%s': options begin with --", argv[i]);
		name = argv[i] + 2;
		value = strchr(name, '=');
		row = find_option(name, value ? (size_t)(value - name) : strlen(name));
		if (!row || (row->kind == OPTION_FLAG && value))
			return error_set(
				err, -EINVAL, "'%s' is not an option; see --help", argv[i]);
		if (value)
			value++;
		else if (row->kind != OPTION_FLAG && !(value = argv[++i]))
			return error_set(
				err, -EINVAL, "--%s needs a value: %s", row->name, row->value);
		if (set_option(options, row, value, err))
			return -EINVAL;
	}
	if (options->help)
		return 0;
	if (check(options, err))
		return -EINVAL;
	if (!options->window && options->rate <= 0)
		options->window = 1;
	if (!options->in_flight)
		options->in_flight = IN_FLIGHT_DEFAULT;
	if (!options->once && !options->requests && options->seconds <= 0)
		options->seconds = 1;
	return 0;
}
