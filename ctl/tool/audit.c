// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/audit.h"

#include "ctl/tool/api.h"
#include "ctl/tool/audit_verify.h"
#include "ctl/tool/output.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_LINES 1000

// --- Pages of the appliance's log ----------------------------------------------------------------

// One page, malloc'ed and with a zero behind it; NULL: refused, and said.
static char *audit_page(const char *query, size_t *size)
{
	struct api_headers headers;
	char path[96], *text = NULL;
	FILE *to = open_memstream(&text, size);
	bool ok;

	if (!to) {
		tool_refuse("no memory for the audit log");
		return NULL;
	}
	snprintf(path, sizeof(path), "/v1/audit?%s", query);
	ok = api_download(path, to, &headers);
	if (fclose(to) != 0 && ok) {
		tool_refuse("no memory for the audit log");
		ok = false;
	}
	if (ok)
		return text;
	free(text);
	return NULL;
}

// --- list ----------------------------------------------------------------------------------------

struct audit_list {
	const char *after; // NULL: the newest
	uint32_t limit;
};

static int audit_parse_after(void *field, const char *text, struct error *err)
{
	if (!text[0] || strlen(text) > 18 || strspn(text, "0123456789") != strlen(text))
		return error_set(err, -EINVAL, "'%s' is no line's number", text);
	*(const char **)field = text;
	return 0;
}

static const struct option_entry LIST[] = {
	{ "after", 'a', "LINE", "lines behind this one; otherwise the newest",
		OPTION_TO_OWN(struct audit_list, after, audit_parse_after) },
	{ "limit", 'n', "LINES", "so many lines at most; otherwise 20",
		OPTION_TO_U32(struct audit_list, limit, 1, 10000) },
	{ 0 },
};

static void audit_add_row(struct table *table, const json_t *line)
{
	char seq[32], version[32], status[32];
	const char *what = api_text(line, "what");

	table_add(table, "%s", api_value(json_object_get(line, "seq"), seq));
	table_add(table, "%s", api_text(line, "at"));
	table_add(table, "%s", api_text(line, "kind"));
	table_add(table, "%s", api_text(line, "by"));
	table_add(table, "%s", api_text(line, "from"));
	table_add(table, "%s", what);
	table_add(table, "%s", api_text(line, "model"));
	table_add(table, "%s", api_value(json_object_get(line, "version"), version));
	table_add(table, "%s", api_value(json_object_get(line, "status"), status));
	table_add(table, "%s", api_text(line, "why"));
}

static int audit_list_run(const struct command *command, char **argv)
{
	struct audit_list list = { .limit = 20 };
	char query[64], *text, *at;
	struct table table;
	size_t size;
	int exit;

	if (!command_parse(command, argv, &list, &exit))
		return exit;
	if (list.after)
		snprintf(query, sizeof(query), "after=%s&limit=%u", list.after, list.limit);
	else
		snprintf(query, sizeof(query), "limit=%u", list.limit);
	text = audit_page(query, &size);
	if (!text)
		return TOOL_REFUSED;
	if (tool.json) {
		fwrite(text, 1, size, stdout);
		free(text);
		return TOOL_DONE;
	}
	TABLE_INIT(&table, ">line", "at", "kind", "by", "from", "what", "model", ">version",
		">status", "why");
	for (at = text; *at;) {
		const size_t bytes = strcspn(at, "\n");
		json_t *line = json_loadb(at, bytes, 0, NULL);

		if (line)
			audit_add_row(&table, line);
		json_decref(line);
		at += bytes + (at[bytes] == '\n');
	}
	table_print(&table, stdout, 0);
	free(text);
	return TOOL_DONE;
}

const struct command audit_list_command = {
	.words = "audit list",
	.summary = "who asked for which change, and what became of it: the newest lines",
	.entries = LIST,
	.run = audit_list_run,
};

// --- export --------------------------------------------------------------------------------------

struct audit_export {
	const char *output;
};

static const struct option_entry EXPORT[] = {
	{ "output", 'o', "FILE", "where to; otherwise standard output",
		OPTION_TO_TEXT(struct audit_export, output) },
	{ 0 },
};

// The number of the last line of text[size], which ends in a newline; 0: it has none.
static uint64_t audit_last(const char *text, size_t size)
{
	static const char FIRST[] = "{\"seq\":";
	const char *line;

	if (size == 0 || text[size - 1] != '\n')
		return 0;
	line = size > 1 ? memrchr(text, '\n', size - 1) : NULL;
	line = line ? line + 1 : text;
	return strncmp(line, FIRST, strlen(FIRST)) == 0 ? strtoull(line + strlen(FIRST), NULL, 10)
							: 0;
}

// False: refused, and said.
static bool audit_copy(FILE *to)
{
	uint64_t after = 0, last;
	size_t size;

	for (;;) {
		char query[64], *text;

		snprintf(query, sizeof(query), "after=%" PRIu64 "&limit=%d", after, PAGE_LINES);
		text = audit_page(query, &size);
		if (!text)
			return false;
		if (size == 0) {
			free(text);
			return true;
		}
		last = audit_last(text, size);
		fwrite(text, 1, size, to);
		free(text);
		if (last <= after) {
			tool_refuse("what came is no audit log: after line %" PRIu64
				    " no later one came",
				after);
			return false;
		}
		after = last;
	}
}

static int audit_export_run(const struct command *command, char **argv)
{
	struct audit_export request = { 0 };
	struct output output;
	struct error err;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (output_open(&output, request.output, &err) != 0)
		return tool_refuse("%s", err.text);
	if (!audit_copy(output.file)) {
		output_abort(&output);
		return TOOL_REFUSED;
	}
	if (output_commit(&output, &err) != 0)
		return tool_refuse("%s", err.text);
	return TOOL_DONE;
}

const struct command audit_export_command = {
	.words = "audit export",
	.summary = "the whole audit log as it stands, JSON lines, to be verified elsewhere",
	.entries = EXPORT,
	.run = audit_export_run,
};

// --- verify --------------------------------------------------------------------------------------

static const struct option_entry VERIFY[] = {
	{ NULL, 0, "LOG", "the log's folder, or a file that audit export wrote",
		OPTION_TO_TEXT(struct audit_verify, path), .required = true },
	{ "key", 'k', "PUBLIC", "the public key's file; otherwise audit.pub in the folder",
		OPTION_TO_TEXT(struct audit_verify, key) },
	{ "expect", 'e', "HASH", "that of a line that must be there, as the journal has it",
		OPTION_TO_TEXT(struct audit_verify, expect) },
	{ 0 },
};

static int audit_verify_run(const struct command *command, char **argv)
{
	struct audit_verify request = { 0 };
	struct error err;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	if (audit_verify(&request, &err) != 0)
		return tool_refuse("%s", err.text);
	return TOOL_DONE;
}

const struct command audit_verify_command = {
	.words = "audit verify",
	.summary = "finds the first line of an audit log that was changed, removed or added",
	.entries = VERIFY,
	.run = audit_verify_run,
};
