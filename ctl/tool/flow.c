// SPDX-License-Identifier: BSD-3-Clause
// martletctl flow features CAPTURE: one row of features for each flow in a capture file.
#include "ctl/tool/tool.h"
#include "dataplane/flow/capture.h"
#include "dataplane/flow/features.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char usage[] =
	"usage: martletctl flow features CAPTURE [-o OUT.csv] [--label L] [--activity A]\n"
	"                  [--idle-timeout S] [--active-timeout S] [--flows N] [--partial] "
	"[--json]\n"
	"       CAPTURE   a pcap or pcapng file, - for standard input\n"
	"       --label, --activity   last columns of every row\n"
	"       --idle-timeout 60     seconds of silence that end a flow\n"
	"       --active-timeout 120  age in seconds at which a flow is cut in two; 0: never\n"
	"       --flows 65536         room in the flow table\n"
	"       --partial             take what comes before a cut instead of refusing the file\n"
	"       --json                with each flow's ends, times and reason to end\n";

struct request {
	const char *path;
	const char *out;
	const char *label;
	const char *activity;
	bool json;
	bool partial;
	struct flow_table_options table;
};

// Rows go to a file without a name first: a capture that is refused leaves nothing behind.
struct writer {
	const struct request *request;
	FILE *spool;
	uint64_t rows;
};

static void write_csv_header(struct writer *writer)
{
	for (int i = 0; i < FEATURE_COUNT; i++)
		fprintf(writer->spool, "%s%s", i ? "," : "", feature_name(i));
	if (writer->request->activity)
		fprintf(writer->spool, ",activity");
	if (writer->request->label)
		fprintf(writer->spool, ",label");
	fprintf(writer->spool, "\n");
}

static void emit_csv(void *context, const struct flow *flow, enum flow_end end)
{
	struct writer *writer = context;
	float features[FEATURE_COUNT];

	features_of(flow, features);
	for (int i = 0; i < FEATURE_COUNT; i++)
		fprintf(writer->spool, "%s%.7g", i ? "," : "", features[i]);
	if (writer->request->activity)
		fprintf(writer->spool, ",%s", writer->request->activity);
	if (writer->request->label)
		fprintf(writer->spool, ",%s", writer->request->label);
	fprintf(writer->spool, "\n");
	writer->rows++;
}

static void write_json_end(
	FILE *file, const char *name, uint8_t ip_version, const struct packet_end *end)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, end->address, text, sizeof(text));
	fprintf(file, "\"%s\":{\"address\":\"%s\",\"port\":%u},", name, text, end->port);
}

// Streamed, since a capture may hold millions of flows. label and activity were checked to be
// plain.
static void emit_json(void *context, const struct flow *flow, enum flow_end end)
{
	struct writer *writer = context;
	FILE *file = writer->spool;
	float features[FEATURE_COUNT];

	features_of(flow, features);
	fprintf(file, "%s\n{", writer->rows ? "," : "");
	write_json_end(file, "source", flow->ip_version, &flow->source);
	write_json_end(file, "destination", flow->ip_version, &flow->destination);
	fprintf(file,
		"\"protocol\":%u,\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",\"end\":\"%s\",",
		flow->protocol, flow->first_ns, flow->last_ns, flow_end_name(end));
	if (writer->request->activity)
		fprintf(file, "\"activity\":\"%s\",", writer->request->activity);
	if (writer->request->label)
		fprintf(file, "\"label\":\"%s\",", writer->request->label);
	fprintf(file, "\"features\":{");
	for (int i = 0; i < FEATURE_COUNT; i++)
		fprintf(file, "%s\"%s\":%.7g", i ? "," : "", feature_name(i), features[i]);
	fprintf(file, "}}");
	writer->rows++;
}

// What was seen and what became of it: for people, on standard error.
static void report(const char *path, const struct capture_stats *stats, uint64_t rows)
{
	fprintf(stderr, "%s: %" PRIu64 " packets, %" PRIu64 " flows", path, stats->packets, rows);
	for (int i = 0; i < PACKET_VERDICTS; i++)
		if (i != PACKET_OK && stats->verdicts[i])
			fprintf(stderr, "; %" PRIu64 " packets %s", stats->verdicts[i],
				packet_verdict_text(i));
	if (stats->table.ended[FLOW_END_EVICTED])
		fprintf(stderr, "; %" PRIu64 " flows ended early by a full table (--flows)",
			stats->table.ended[FLOW_END_EVICTED]);
	if (stats->cut)
		fprintf(stderr, "; cut at packet %" PRIu64, stats->packets + 1);
	fprintf(stderr, "\n");
}

static int copy(FILE *spool, FILE *out)
{
	char block[65536];
	size_t bytes;

	rewind(spool);
	while ((bytes = fread(block, 1, sizeof(block), spool)) > 0)
		if (fwrite(block, 1, bytes, out) != bytes)
			return -1;
	return ferror(spool) || fflush(out) ? -1 : 0;
}

static int copy_out(FILE *spool, const char *path, struct error *err)
{
	FILE *out = path ? fopen(path, "w") : stdout;
	int code;

	if (!out) {
		code = -errno;
		return error_set(err, code, "%s: %s", path, strerror(-code));
	}
	code = copy(spool, out);
	if (path && fclose(out))
		code = -1;
	return code ? error_set(err, -EIO, "%s: the rows could not be written whole: %s",
			      path ? path : "standard output", strerror(errno))
		    : 0;
}

static int make_rows(const struct request *request, struct writer *writer, struct error *err)
{
	struct flow_table_options table = request->table;
	struct capture_stats stats;
	FILE *capture;
	int code = capture_open(request->path, &capture, err);

	if (code)
		return code;
	table.emit = request->json ? emit_json : emit_csv;
	table.context = writer;
	if (getrandom(table.seed, sizeof(table.seed), 0) != sizeof(table.seed))
		table.seed[0] = 1; // offline, a guessable seed costs nothing but time
	if (request->json)
		fprintf(writer->spool, "{\"flows\":[");
	else
		write_csv_header(writer);
	code = capture_read(capture, request->path, &table, request->partial, &stats, err);
	if (code)
		return code;
	if (request->json)
		fprintf(writer->spool,
			"],\n\"packets\":%" PRIu64 ",\"not_ip\":%" PRIu64
			",\"other_protocol\":%" PRIu64 ",\"fragments\":%" PRIu64
			",\"snapped\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"evicted\":%" PRIu64
			",\"cut\":%s}\n",
			stats.packets, stats.verdicts[PACKET_NOT_IP],
			stats.verdicts[PACKET_OTHER_PROTOCOL], stats.verdicts[PACKET_FRAGMENT],
			stats.verdicts[PACKET_SNAPPED], stats.verdicts[PACKET_MALFORMED],
			stats.table.ended[FLOW_END_EVICTED], stats.cut ? "true" : "false");
	report(request->path, &stats, writer->rows);
	if (fflush(writer->spool) || ferror(writer->spool))
		return error_set(err, -EIO, "temporary file: %s", strerror(errno));
	return copy_out(writer->spool, request->out, err);
}

static bool parse_seconds(const char *text, bool zero_allowed, uint64_t *out_ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds < 0 || seconds > 1e6 ||
		(seconds < 1e-6 && !(zero_allowed && seconds == 0))) {
		fprintf(stderr,
			"martletctl: '%s' is no timeout; seconds are wanted, 0.000001 to "
			"1000000%s\n",
			text, zero_allowed ? " or 0" : "");
		return false;
	}
	*out_ns = (uint64_t)(seconds * 1e9);
	return true;
}

static bool parse_capacity(const char *text, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value < 1 || value > FLOW_TABLE_CAPACITY_MAX) {
		fprintf(stderr, "martletctl: --flows '%s': 1 to %u is wanted\n", text,
			FLOW_TABLE_CAPACITY_MAX);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

// A label becomes a CSV field and a JSON string as it is.
static bool parse_word(const char *text, const char **out)
{
	size_t plain =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	if (!plain || text[plain]) {
		fprintf(stderr,
			"martletctl: '%s' is no label; letters, digits, '_', '-', '.' are wanted\n",
			text);
		return false;
	}
	*out = text;
	return true;
}

static bool parse_arguments(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "label", required_argument, NULL, 'l' },
		{ "activity", required_argument, NULL, 'a' },
		{ "idle-timeout", required_argument, NULL, 'i' },
		{ "active-timeout", required_argument, NULL, 'c' },
		{ "flows", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'o' },
		{ "partial", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int option;

	optind = 0;
	while (good && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			good = parse_word(optarg, &request->label);
			break;
		case 'a':
			good = parse_word(optarg, &request->activity);
			break;
		case 'i':
			good = parse_seconds(optarg, false, &request->table.idle_ns);
			break;
		case 'c':
			good = parse_seconds(optarg, true, &request->table.active_ns);
			break;
		case 'n':
			good = parse_capacity(optarg, &request->table.capacity);
			break;
		case 'o':
			request->out = optarg;
			break;
		case 'p':
			request->partial = true;
			break;
		case 'j':
			request->json = true;
			break;
		default:
			good = false;
		}
	}
	if (!good || optind + 1 != argc) {
		fputs(usage, stderr);
		return false;
	}
	request->path = argv[optind];
	return true;
}

// argv[0] is the command line from the noun on: "flow", "features", ….
int flow_command(int argc, char **argv)
{
	struct request request = { .json = tool.json, .table = { FLOW_TABLE_DEFAULTS } };
	struct writer writer = { .request = &request };
	struct error err = { .text = "" };
	int code;

	if (argc < 2 || strcmp(argv[1], "features") != 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (!parse_arguments(argc - 1, argv + 1, &request))
		return 2;
	writer.spool = tmpfile();
	if (!writer.spool) {
		fprintf(stderr, "martletctl: no temporary file for the rows: %s\n",
			strerror(errno));
		return 1;
	}
	code = make_rows(&request, &writer, &err);
	fclose(writer.spool);
	if (code)
		fprintf(stderr, "martletctl: %s\n", err.text);
	return code ? 1 : 0;
}
