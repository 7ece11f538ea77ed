// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_windows.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"
#include "infer/learn/data/windows.h"

#include <stdio.h>
#include <string.h>

struct model_windows {
	const char *rows, *output;
	struct windows_options options;
};

static const struct option_entry WINDOWS[] = {
	{ NULL, 0, "STEPS", "a CSV with a step of time a line; - is standard input",
		OPTION_TO_TEXT(struct model_windows, rows), .required = true },
	{ "output", 'o', "OUT", "the CSV of windows; - is standard output",
		OPTION_TO_TEXT(struct model_windows, output), .required = true },
	{ "window", 0, "W", "steps of a window",
		OPTION_TO_U32(struct model_windows, options.steps, 1, WINDOWS_STEPS_MAX),
		.required = true },
	{ "stride", 0, "N", "steps from one window to the next (1)",
		OPTION_TO_U32(struct model_windows, options.stride, 1, 1000000) },
	{ "session", 0, "COLUMN", "only steps with the same text there follow one another",
		OPTION_TO_TEXT(struct model_windows, options.session) },
	{ "label", 0, "COLUMN",
		"whose text at its last step a window bears (label, class or target)",
		OPTION_TO_TEXT(struct model_windows, options.label) },
	{ "drop", 0, "COLUMNS", "columns that are left out: names or numbers, from 1",
		OPTION_TO_TEXT(struct model_windows, options.drop) },
	{ "no-header", 0, NULL, "the first line is a step",
		OPTION_TO_FLAG(struct model_windows, options.no_header) },
	{ 0 },
};

// Reads and writes; the output gets its name only when all of it is there.
static int windows_convert(
	const struct model_windows *windows, struct windows_figures *figures, struct error *err)
{
	const bool piped = strcmp(windows->rows, "-") == 0;
	const char *path = strcmp(windows->output, "-") == 0 ? NULL : windows->output;
	const struct output_other steps = { "the steps", windows->rows };
	struct output output;
	FILE *in;
	int rc = output_check(path, &steps, 1, err);

	if (rc != 0)
		return rc;
	in = piped ? stdin : fopen(windows->rows, "re");
	if (!in)
		return error_set(err, -errno, "%s: %s", windows->rows, strerror(errno));
	rc = output_open(&output, path, err);
	if (rc == 0) {
		rc = windows_make(piped ? "standard input" : windows->rows, in, &windows->options,
			output.file, figures, err);
		if (rc == 0)
			rc = output_commit(&output, err);
		else
			output_abort(&output);
	}
	if (!piped)
		fclose(in);
	return rc;
}

static int windows_report(
	const struct model_windows *windows, const struct windows_figures *figures)
{
	if (strcmp(windows->output, "-") == 0)
		return TOOL_DONE;
	if (tool.json)
		return tool_print_json(json_pack("{s:o, s:o, s:I, s:I, s:i, s:i, s:i, s:i}",
			"steps_file", image_string(windows->rows), "output",
			image_string(windows->output), "steps", (json_int_t)figures->n_steps,
			"windows", (json_int_t)figures->n_windows, "features",
			(int)(figures->n_columns * windows->options.steps), "columns",
			(int)figures->n_columns, "sessions", (int)figures->n_sessions,
			"short_sessions", (int)figures->n_short));
	printf("%s: %s windows of %u steps of %u columns, from %s steps in %u session%s\n",
		windows->output, format_count(figures->n_windows).s, windows->options.steps,
		figures->n_columns, format_count(figures->n_steps).s, figures->n_sessions,
		figures->n_sessions == 1 ? "" : "s");
	if (figures->n_short > 0)
		printf("%u of the sessions are shorter than a window\n", figures->n_short);
	return TOOL_DONE;
}

static int windows_command(const struct command *command, char **argv)
{
	struct model_windows windows = { .options = { .stride = 1 } };
	struct windows_figures figures = { 0 };
	struct error err;
	int exit;

	if (!command_parse(command, argv, &windows, &exit))
		return exit;
	if (windows_convert(&windows, &figures, &err) != 0)
		return tool_refuse("%s", err.text);
	return windows_report(&windows, &figures);
}

const struct command model_windows_command = {
	.words = "model windows",
	.summary = "make rows that are windows of time out of rows that are steps",
	.entries = WINDOWS,
	.run = windows_command,
};
