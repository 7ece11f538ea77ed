// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_run.h"

#include "base/align.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/model_rows.h"
#include "ctl/tool/progress.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Rows between two signs of progress. A multiple of MODEL_BATCH_MAX, so that passes stay full.
#define CHUNK_ROWS (64 * MODEL_BATCH_MAX)

// Scores all rows into *outputs, [n_rows][n_outputs], which the caller frees.
static int run_score(
	const struct model *model, const struct rows *rows, float **outputs, struct error *err)
{
	const struct model_info *info = model_info(model);
	void *scratch =
		aligned_alloc(64, align_up(model_scratch_bytes(model, MODEL_BATCH_MAX) + 1, 64));
	struct progress progress;

	*outputs = calloc(rows->n_rows * info->n_outputs + 1, sizeof(float));
	if (!scratch || !*outputs) {
		free(scratch);
		return error_set(err, -ENOMEM, "out of memory for %zu rows of %u outputs",
			rows->n_rows, info->n_outputs);
	}
	progress_start(&progress, "model run", "rows");
	for (size_t r = 0; r < rows->n_rows; r += CHUNK_ROWS) {
		size_t left = rows->n_rows - r;

		model_score(model, rows->values + r * info->n_features,
			*outputs + r * info->n_outputs,
			(uint32_t)(left < CHUNK_ROWS ? left : CHUNK_ROWS), scratch,
			MODEL_BATCH_MAX);
		progress_update(&progress, r, rows->n_rows);
	}
	progress_end(&progress);
	free(scratch);
	return 0;
}

static int run_report(const struct model_info *info, const char *in, const char *out, size_t n_rows)
{
	if (strcmp(out, "-") == 0)
		return TOOL_DONE;
	if (tool.json)
		return tool_print_json(
			json_pack("{s:o, s:o, s:o, s:I, s:i}", "model", image_string(info->name),
				"rows_file", image_string(in), "output", image_string(out), "rows",
				(json_int_t)n_rows, "outputs", (int)info->n_outputs));
	printf("%s: %s rows of %s scored by %s, %u output%s each\n", out, format_count(n_rows).s,
		in, info->name, info->n_outputs, info->n_outputs == 1 ? "" : "s");
	return TOOL_DONE;
}

struct run {
	const char *image, *rows, *output;
	struct rows_options how;
	struct model_options options;
};

static int run_rows(const struct model *model, const struct run *run)
{
	const struct model_info *info = model_info(model);
	const char *in = run->rows, *out = run->output;
	struct rows rows = { 0 };
	float *outputs = NULL;
	struct error err;
	int exit, rc = model_rows_read(info, in, &run->how, &rows, &err);

	if (rc == 0)
		rc = run_score(model, &rows, &outputs, &err);
	if (rc == 0 && strcmp(out, "-") == 0)
		rows_write_csv(stdout, outputs, rows.n_rows, info->n_outputs, info->output_names);
	else if (rc == 0)
		rc = model_rows_write(
			out, outputs, rows.n_rows, info->n_outputs, info->output_names, &err);
	exit = rc != 0 ? tool_refuse("%s", err.text) : run_report(info, in, out, rows.n_rows);
	free(outputs);
	rows_fini(&rows);
	return exit;
}

static const struct option_entry RUN[] = {
	COMMAND_IMAGE(struct run),
	{ NULL, 0, "ROWS", "the rows to score: .csv, .npy or .f32; - is standard input",
		OPTION_TO_TEXT(struct run, rows), .required = true },
	{ "output", 'o', "OUT",
		"where the scores go: .csv, .npy or .f32; - is CSV on standard output",
		OPTION_TO_OWN(struct run, output, model_rows_parse_output), .required = true },
	ROWS_OPTIONS(struct run, how),
	IMAGE_KERNELS(struct run, options),
	IMAGE_KEY(struct run, options.keys),
	{ 0 },
};

static int run_run(const struct command *command, char **argv)
{
	struct run run = { 0 };
	struct model *model;
	int exit;

	if (!command_parse(command, argv, &run, &exit))
		return exit;
	model = image_load(run.image, &run.options);
	if (!model)
		return TOOL_REFUSED;
	exit = run_rows(model, &run);
	model_close(model);
	return exit;
}

const struct command model_run_command = {
	.words = "model run",
	.summary = "score rows offline; files by their endings: .csv, .npy, .f32",
	.entries = RUN,
	.run = run_run,
};
