// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/flow.h"

#include "base/name.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"
#include "dataplane/flow/capture.h"
#include "dataplane/flow/features.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct flow_writer {
	const struct flow_request *request;
	FILE *file;
	uint64_t rows;
};

static void flow_write_csv_header(struct flow_writer *writer)
{
	for (int i = 0; i < FEATURE_COUNT; i++)
		fprintf(writer->file, "%s%s", i ? "," : "", feature_name(i));
	if (writer->request->activity)
		fprintf(writer->file, ",activity");
	if (writer->request->label)
		fprintf(writer->file, ",label");
	fprintf(writer->file, "\n");
}

static void flow_emit_csv(void *context, const struct flow *flow, enum flow_end end)
{
	struct flow_writer *writer = context;
	float features[FEATURE_COUNT];

	features_of(flow, features);
	for (int i = 0; i < FEATURE_COUNT; i++)
		fprintf(writer->file, "%s%.7g", i ? "," : "", features[i]);
	if (writer->request->activity)
		fprintf(writer->file, ",%s", writer->request->activity);
	if (writer->request->label)
		fprintf(writer->file, ",%s", writer->request->label);
	fprintf(writer->file, "\n");
	writer->rows++;
}

static void flow_write_json_end(
	FILE *file, const char *name, uint8_t ip_version, const struct packet_end *end)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, end->address, text, sizeof(text));
	fprintf(file, "\"%s\":{\"address\":\"%s\",\"port\":%u},", name, text, end->port);
}

// Written flow by flow, since a capture may hold millions of them. Label and activity need no
// escaping: flow_parse_label() lets only plain characters through.
static void flow_emit_json(void *context, const struct flow *flow, enum flow_end end)
{
	struct flow_writer *writer = context;
	FILE *file = writer->file;
	float features[FEATURE_COUNT];

	features_of(flow, features);
	fprintf(file, "%s\n{", writer->rows ? "," : "");
	flow_write_json_end(file, "source", flow->ip_version, &flow->source);
	flow_write_json_end(file, "destination", flow->ip_version, &flow->destination);
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

// Tells on standard error, in one line for people, what was in the capture and what became of it.
static void flow_report(const char *path, const struct capture_stats *stats, uint64_t rows)
{
	fprintf(stderr, "%s: %" PRIu64 " packets, %" PRIu64 " flows", path, stats->packets, rows);
	for (int i = 0; i < PACKET_VERDICTS; i++)
		if (i != PACKET_OK && stats->verdicts[i])
			fprintf(stderr, "; %" PRIu64 " packets %s", stats->verdicts[i],
				packet_verdict_text(i));
	if (stats->order.unordered)
		fprintf(stderr, "; %" PRIu64 " packets out of time order", stats->order.unordered);
	if (stats->order.late)
		fprintf(stderr,
			", %" PRIu64
			" of them too late to be put in order (reordercap mends the "
			"file)",
			stats->order.late);
	if (stats->table.ended[FLOW_END_EVICTED])
		fprintf(stderr, "; %" PRIu64 " flows ended early by a full table (--flows)",
			stats->table.ended[FLOW_END_EVICTED]);
	if (stats->cut)
		fprintf(stderr, "; cut at packet %" PRIu64, stats->packets + 1);
	fprintf(stderr, "\n");
}

static int flow_write_rows(const struct flow_request *request, struct flow_writer *writer,
	bool json, struct error *err)
{
	struct flow_table_options table = request->table;
	struct capture_stats stats;
	FILE *capture;
	int rc = capture_open(request->path, &capture, err);

	if (rc != 0)
		return rc;
	table.emit = json ? flow_emit_json : flow_emit_csv;
	table.context = writer;
	if (getrandom(table.seed, sizeof(table.seed), 0) != sizeof(table.seed))
		table.seed[0] = 1; // offline, a guessable seed costs nothing but time
	if (json)
		fprintf(writer->file, "{\"flows\":[");
	else
		flow_write_csv_header(writer);
	rc = capture_read(capture, request->path, &table, request->partial, &stats, err);
	if (rc != 0)
		return rc;
	if (json)
		fprintf(writer->file,
			"],\n\"packets\":%" PRIu64 ",\"not_ip\":%" PRIu64
			",\"other_protocol\":%" PRIu64 ",\"fragments\":%" PRIu64
			",\"snapped\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"evicted\":%" PRIu64
			",\"unordered\":%" PRIu64 ",\"late\":%" PRIu64 ",\"cut\":%s}\n",
			stats.packets, stats.verdicts[PACKET_NOT_IP],
			stats.verdicts[PACKET_OTHER_PROTOCOL], stats.verdicts[PACKET_FRAGMENT],
			stats.verdicts[PACKET_SNAPPED], stats.verdicts[PACKET_MALFORMED],
			stats.table.ended[FLOW_END_EVICTED], stats.order.unordered,
			stats.order.late, stats.cut ? "true" : "false");
	flow_report(request->path, &stats, writer->rows);
	return 0;
}

int flow_make_rows(const struct flow_request *request, FILE *file, struct error *err)
{
	struct flow_writer writer = { .request = request, .file = file };

	return flow_write_rows(request, &writer, false, err);
}

// Reads seconds into the flow table's nanoseconds.
static int flow_parse_timeout(void *field, const char *text, bool zero_allowed, struct error *err)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds < 0 || seconds > 1e6 ||
		(seconds < 1e-6 && !(zero_allowed && seconds == 0)))
		return error_set(err, -EINVAL,
			"'%s' is no timeout; seconds are wanted, 0.000001 to 1000000%s", text,
			zero_allowed ? " or 0" : "");
	*(uint64_t *)field = (uint64_t)(seconds * 1e9);
	return 0;
}

static int flow_parse_idle(void *field, const char *text, struct error *err)
{
	return flow_parse_timeout(field, text, false, err);
}

static int flow_parse_active(void *field, const char *text, struct error *err)
{
	return flow_parse_timeout(field, text, true, err);
}

// A label becomes a CSV field and a JSON string as it is, and so must be of a name's characters.
static int flow_parse_label(void *field, const char *text, struct error *err)
{
	size_t plain = 0;

	while (name_allows(text[plain]))
		plain++;
	if (!plain || text[plain])
		return error_set(err, -EINVAL,
			"'%s' is no label; letters, digits, '_', '-', '.' are wanted", text);
	*(const char **)field = text;
	return 0;
}

static const struct option_entry FLOW[] = {
	{ NULL, 0, "CAPTURE", "a pcap or pcapng file; - is standard input",
		OPTION_TO_TEXT(struct flow_request, path), .required = true },
	{ "output", 'o', "OUT", "where the rows go; else standard output",
		OPTION_TO_TEXT(struct flow_request, out) },
	{ "label", 0, "L", "the last column of every row",
		OPTION_TO_OWN(struct flow_request, label, flow_parse_label) },
	{ "activity", 0, "A", "a column before it",
		OPTION_TO_OWN(struct flow_request, activity, flow_parse_label) },
	{ "idle-timeout", 0, "S", "seconds of silence that end a flow (60)",
		OPTION_TO_OWN(struct flow_request, table.idle_ns, flow_parse_idle) },
	{ "active-timeout", 0, "S", "age in seconds at which a flow is cut in two; 0: never (120)",
		OPTION_TO_OWN(struct flow_request, table.active_ns, flow_parse_active) },
	{ "flows", 0, "N", "flows that the table has memory for (65536)",
		OPTION_TO_U32(struct flow_request, table.capacity, 1, FLOW_TABLE_CAPACITY_MAX) },
	{ "partial", 0, NULL, "take what comes before a cut instead of refusing the file",
		OPTION_TO_FLAG(struct flow_request, partial) },
	{ 0 },
};

static int flow_run(const struct command *command, char **argv)
{
	struct flow_request request = { .table = { FLOW_TABLE_DEFAULTS } };
	struct flow_writer writer = { .request = &request };
	struct output output;
	struct error err;
	int exit, rc;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	rc = output_open(&output, request.out, &err);
	if (rc != 0)
		return tool_refuse("%s", err.text);
	writer.file = output.file;
	rc = flow_write_rows(&request, &writer, tool.json, &err);
	if (rc != 0)
		output_abort(&output); // a capture that is refused leaves nothing behind
	else
		rc = output_commit(&output, &err);
	return rc != 0 ? tool_refuse("%s", err.text) : TOOL_DONE;
}

const struct command flow_features_command = {
	.words = "flow features",
	.summary = "one feature row per flow of a capture; with --json also ends and times",
	.entries = FLOW,
	.run = flow_run,
};
