// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/audit.h"

#include "ctl/tool/api.h"
#include "ctl/tool/audit_lines.h"
#include "ctl/tool/audit_verify.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>

// --- list ----------------------------------------------------------------------------------------

struct audit_list {
	const char *log;   // NULL: the appliance's
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
	{ NULL, 0, "LOG",
		"a log's folder, or a file that audit export wrote; otherwise the appliance's",
		OPTION_TO_TEXT(struct audit_list, log) },
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

// The newest lines of the appliance's log, or those behind one: a page, malloc'ed. NULL: refused, and said.
static char *audit_ask(const struct audit_list *list, size_t *size)
{
	char query[64];

	snprintf(query, sizeof(query), "%s%s%slimit=%u", list->after ? "after=" : "",
		list->after ? list->after : "", list->after ? "&" : "", list->limit);
	return audit_page(query, size);
}

struct audit_kept {   // of a log here
	char **lines; // [limit], a ring where the newest are wanted
	uint64_t n;   // that were kept, those that others took the place of among them
	uint32_t limit;
	bool wants_first;
};

static int audit_keep(
	void *arg, const char *text, size_t bytes, const json_t *line, struct error *err)
{
	struct audit_kept *kept = arg;
	char **place = &kept->lines[kept->n % kept->limit];
	char *copy = line ? strndup(text, bytes) : NULL;

	if (!line)
		return 0;
	if (!copy)
		return error_set(err, -ENOMEM, "no memory for the audit log");
	free(*place);
	*place = copy;
	kept->n++;
	return kept->wants_first && kept->n == kept->limit;
}

// As audit_ask(), of a log here.
static char *audit_read(const struct audit_list *list, size_t *size)
{
	struct audit_kept kept = { .lines = calloc(list->limit, sizeof(char *)),
		.limit = list->limit,
		.wants_first = list->after };
	char *text = NULL;
	FILE *to = open_memstream(&text, size);
	struct error err;
	int rc = -ENOMEM;

	error_set(&err, rc, "no memory for the audit log");
	if (kept.lines && to)
		rc = audit_lines_each(list->log, list->after ? strtoull(list->after, NULL, 10) : 0,
			audit_keep, &kept, &err);
	for (uint64_t i = kept.n > kept.limit ? kept.n - kept.limit : 0; to && i < kept.n; i++)
		fprintf(to, "%s\n", kept.lines[i % kept.limit]);
	for (uint32_t i = 0; kept.lines && i < kept.limit; i++)
		free(kept.lines[i]);
	free(kept.lines);
	if (to && fclose(to) != 0 && rc == 0)
		rc = error_set(&err, -ENOMEM, "no memory for the audit log");
	if (rc == 0)
		return text;
	free(text);
	tool_refuse("%s", err.text);
	return NULL;
}

static int audit_list_run(const struct command *command, char **argv)
{
	struct audit_list list = { .limit = 20 };
	struct table table;
	char *text, *at;
	size_t size;
	int exit;

	if (!command_parse(command, argv, &list, &exit))
		return exit;
	text = list.log ? audit_read(&list, &size) : audit_ask(&list, &size);
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
