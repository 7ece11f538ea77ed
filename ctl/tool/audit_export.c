// SPDX-License-Identifier: BSD-3-Clause
// martletctl audit export: lines of an audit log as they stand, or as CSV for a spreadsheet.
#include "ctl/tool/audit.h"

#include "ctl/tool/api.h"
#include "ctl/tool/audit_lines.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// A line's number; or a time, as far as it is given: "2026-11-29", "2026-11-29T17:00:00".
struct audit_bound {
	uint64_t seq; // 0: it is none
	char at[24];  // "": it is none
};

struct audit_export {
	const char *log; // NULL: the appliance's
	const char *output;
	struct audit_bound from, to;
	bool is_csv;
	bool is_within; // the line before was in the range
	FILE *file;     // that is written
	uint64_t n;     // lines of it
};

static bool bound_has_form(const char *text, const char *form)
{
	size_t i = 0;

	while (form[i] && (form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i]))
		i++;
	return !form[i] && !text[i];
}

static int audit_parse_bound(void *field, const char *text, struct error *err)
{
	struct audit_bound *bound = field;

	*bound = (struct audit_bound){ 0 };
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) <= 18)
		bound->seq = strtoull(text, NULL, 10);
	else if (bound_has_form(text, "dddd-dd-dd") || bound_has_form(text, "dddd-dd-ddTdd:dd:ddZ"))
		snprintf(bound->at, sizeof(bound->at), "%.19s", text);
	if (bound->seq || bound->at[0])
		return 0;
	return error_set(err, -EINVAL,
		"'%.40s' is neither a line's number nor a time, as 2026-11-29 or "
		"2026-11-29T17:00:00Z",
		text);
}

static int audit_parse_format(void *field, const char *text, struct error *err)
{
	*(bool *)field = strcmp(text, "csv") == 0;
	return *(bool *)field || strcmp(text, "jsonl") == 0
		? 0
		: error_set(err, -EINVAL, "'%.40s' is neither jsonl nor csv", text);
}

static const struct option_entry EXPORT[] = {
	{ NULL, 0, "LOG", "a log's folder, or a file that this wrote; otherwise the appliance's",
		OPTION_TO_TEXT(struct audit_export, log) },
	{ "output", 'o', "FILE", "where to; otherwise standard output",
		OPTION_TO_TEXT(struct audit_export, output) },
	{ "from", 0, "LINE|TIME", "from this line, or this day or second (UTC) on",
		OPTION_TO_OWN(struct audit_export, from, audit_parse_bound) },
	{ "to", 0, "LINE|TIME", "up to this line, or the end of this day or second",
		OPTION_TO_OWN(struct audit_export, to, audit_parse_bound) },
	{ "format", 'f', "FORMAT", "jsonl, lines as they stand, or csv, for a spreadsheet",
		OPTION_TO_OWN(struct audit_export, is_csv, audit_parse_format) },
	{ 0 },
};

// Below 0: the line is before the bound.
static int bound_compare(const struct audit_bound *bound, uint64_t seq, const char *at)
{
	if (bound->seq)
		return (seq > bound->seq) - (seq < bound->seq);
	return strncmp(at, bound->at, strlen(bound->at));
}

static bool bound_is_given(const struct audit_bound *bound)
{
	return bound->seq || bound->at[0];
}

// --- CSV -----------------------------------------------------------------------------------------

static const char *const COLUMNS[] = { "seq", "at", "kind", "by", "from", "what", "model",
	"version", "sha256", "allowed", "status", "why", "of", "n", "prev", "hash" };
#define N_COLUMNS (sizeof(COLUMNS) / sizeof(COLUMNS[0]))

// RFC 4180. Who is refused may choose what is in a line: what a spreadsheet would take for a formula is made text by an
// apostrophe.
static void csv_text(FILE *to, const char *text)
{
	fputc('"', to);
	if (text[0] && strchr("=+-@\t\r", text[0]))
		fputc('\'', to);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void csv_line(FILE *to, const json_t *line)
{
	char buffer[32];

	for (size_t i = 0; i < N_COLUMNS; i++) {
		const json_t *value = json_object_get(line, COLUMNS[i]);

		if (i > 0)
			fputc(',', to);
		if (json_is_string(value))
			csv_text(to, json_string_value(value));
		else if (value)
			fputs(api_value(value, buffer), to);
	}
	fputs("\r\n", to);
}

static void csv_head(FILE *to)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		fprintf(to, "%s%s", i ? "," : "", COLUMNS[i]);
	fputs("\r\n", to);
}

// --- Lines ---------------------------------------------------------------------------------------

// What a crash left is bound by the line behind it, without which that could not be verified.
static int export_piece(struct audit_export *request, const char *text, size_t bytes)
{
	if (request->is_within && !request->is_csv) {
		fwrite(text, 1, bytes, request->file);
		fputc('\n', request->file);
	}
	return 0;
}

// A clock may be set back: by time, every line is looked at.
static int export_line(
	void *arg, const char *text, size_t bytes, const json_t *line, struct error *err)
{
	struct audit_export *request = arg;
	const uint64_t seq = (uint64_t)json_integer_value(json_object_get(line, "seq"));
	const char *at = api_text(line, "at");

	if (!line)
		return export_piece(request, text, bytes);
	request->is_within = false;
	if (bound_is_given(&request->from) && bound_compare(&request->from, seq, at) < 0)
		return 0;
	if (bound_is_given(&request->to) && bound_compare(&request->to, seq, at) > 0)
		return request->to.seq ? 1 : 0;
	if (request->is_csv)
		csv_line(request->file, line);
	else
		fprintf(request->file, "%.*s\n", (int)bytes, text);
	request->n++;
	request->is_within = true;
	return 0;
}

static int audit_export_run(const struct command *command, char **argv)
{
	struct audit_export request = { 0 };
	struct output output;
	struct error err;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (request.from.seq && request.to.seq && request.from.seq > request.to.seq)
		return tool_refuse("--from %" PRIu64 " is behind --to %" PRIu64, request.from.seq,
			request.to.seq);
	if (output_check_folder(request.output,
		    &(struct output_other){ "the folder of the log", request.log }, &err) != 0 ||
		output_check(request.output, &(struct output_other){ "the log", request.log }, 1,
			&err) != 0 ||
		output_open(&output, request.output, &err) != 0)
		return tool_refuse("%s", err.text);
	request.file = output.file;
	if (request.is_csv)
		csv_head(output.file);
	if (audit_lines_each(request.log, request.from.seq ? request.from.seq - 1 : 0, export_line,
		    &request, &err) != 0) {
		output_abort(&output);
		return tool.refused ? TOOL_REFUSED : tool_refuse("%s", err.text);
	}
	if (request.n == 0 && (bound_is_given(&request.from) || bound_is_given(&request.to)))
		tool_note("no line is in that range");
	if (output_commit(&output, &err) != 0)
		return tool_refuse("%s", err.text);
	return TOOL_DONE;
}

const struct command audit_export_command = {
	.words = "audit export",
	.summary = "the audit log as it stands, JSON lines to be verified elsewhere, or CSV",
	.entries = EXPORT,
	.run = audit_export_run,
};
