// SPDX-License-Identifier: BSD-3-Clause
// martletctl model run: rows from a file to scores in a file, offline.
#include "base/rows.h"
#include "ctl/tool/args.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/progress.h"
#include "ctl/tool/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Rows between two signs of progress. A multiple of MODEL_BATCH_MAX, so that passes stay full.
#define CHUNK_ROWS (64 * MODEL_BATCH_MAX)

// The first value that a model without missing values cannot take, by row and feature.
static int check_finite(
	const struct model_info *info, const char *path, const struct rows *rows, struct error *err)
{
	for (size_t r = 0; r < rows->n_rows && !info->accepts_missing; r++)
		for (uint32_t f = 0; f < info->n_features; f++) {
			float value = rows->values[r * info->n_features + f];

			if (isfinite(value))
				continue;
			return error_set(err, -EINVAL,
				"%s: row %zu (the first is 1), feature %s: %s, and model %s takes "
				"finite numbers only: fill the value in or leave the row out",
				path, r + 1, info->feature_names[f],
				isnan(value) ? "NaN" : "infinite", info->name);
		}
	return 0;
}

// Scores all rows. *outputs is malloc'ed: [n_rows][n_outputs].
static int score(
	const struct model *model, const struct rows *rows, float **outputs, struct error *err)
{
	const struct model_info *info = model_info(model);
	size_t scratch_bytes = (model_scratch_bytes(model, MODEL_BATCH_MAX) + 63) & ~(size_t)63;
	void *scratch = aligned_alloc(64, scratch_bytes + 64);
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

static int write_file(const struct model_info *info, const char *path, const float *outputs,
	size_t n_rows, struct error *err)
{
	struct output output;
	int rc = output_open(&output, path, err);

	if (rc)
		return rc;
	rc = rows_write(
		output.temporary, outputs, n_rows, info->n_outputs, info->output_names, err);
	if (rc) {
		output_abort(&output);
		return rc;
	}
	return output_commit(&output, err);
}

static int report(const struct model_info *info, const char *in, const char *out, size_t n_rows)
{
	if (!strcmp(out, "-"))
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

static int run(const struct model *model, const char *in, const char *out)
{
	const struct model_info *info = model_info(model);
	const struct rows_options options = { .n_columns = info->n_features };
	struct rows rows = { 0 };
	float *outputs = NULL;
	struct error err;
	int rc = rows_read(in, &options, &rows, &err);

	if (!rc)
		rc = check_finite(info, in, &rows, &err);
	if (!rc)
		rc = score(model, &rows, &outputs, &err);
	if (!rc && strcmp(out, "-") == 0)
		rows_write_csv(stdout, outputs, rows.n_rows, info->n_outputs, info->output_names);
	else if (!rc)
		rc = write_file(info, out, outputs, rows.n_rows, &err);
	rc = rc ? tool_refuse("%s", err.text) : report(info, in, out, rows.n_rows);
	free(outputs);
	rows_fini(&rows);
	return rc;
}

static bool has_known_ending(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (!strcmp(dot, ".csv") || !strcmp(dot, ".npy") || !strcmp(dot, ".f32"));
}

int model_run_command(int argc, char **argv)
{
	const char *isa = NULL, *out = NULL;
	const struct args_option options[] = {
		{ .name = "output", .letter = 'o', .value = &out },
		{ .name = "isa", .value = &isa },
		{ 0 },
	};
	struct args args = { .options = options, .n_min = 2, .n_max = 2 };
	struct model *model;
	int code;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!out)
		return tool_misused(
			"model run wants -o OUT: a .csv, .npy or .f32 file, or - for CSV on "
			"standard output");
	// Said before the work, not after it.
	if (strcmp(out, "-") && !has_known_ending(out))
		return tool_misused("-o %s: the ending says the format: .csv, .npy or .f32", out);
	model = image_load(args.word[0], isa, &code);
	if (!model)
		return code;
	code = run(model, args.word[1], out);
	model_close(model);
	return code;
}
