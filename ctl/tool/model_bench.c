// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_bench.h"

#include "base/random.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/model_rows.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_ROWS     1024
#define BENCH_ROWS_MAX (1u << 20)
#define BENCH_SEED     0x6d61726c6574ull
#define PERTURB        0.05f // share of each golden value, so that no two rows are the same

// Uniform in [-1, 1).
static float bench_draw(uint64_t *state)
{
	return (float)(random_next(state) >> 40) / (float)(1 << 23) - 1.0f;
}

// Makes rows of the golden ones, each value changed a little; of uniform values where the image has
// no golden rows. Returns [BENCH_ROWS][features], which the caller frees.
static float *bench_make_rows(const struct model_info *info, struct error *err)
{
	size_t n = info->n_features;
	float *rows = malloc(BENCH_ROWS * n * sizeof(*rows));
	uint64_t state = BENCH_SEED;

	if (!rows)
		error_set(err, -ENOMEM, "out of memory for %d rows", BENCH_ROWS);
	for (size_t r = 0; rows && r < BENCH_ROWS; r++)
		for (size_t f = 0; f < n; f++) {
			float noise = bench_draw(&state), value = noise;

			if (info->n_golden)
				value = info->golden_rows[(r % info->n_golden) * n + f] *
					(1.0f + PERTURB * noise);
			rows[r * n + f] = value;
		}
	return rows;
}

struct bench {
	const char *image;
	const char *rows; // path; NULL: golden rows
	struct rows_options how;
	struct model_options options;
};

// Reads the file's rows, and repeats them where there are fewer than a batch.
static float *bench_read_rows(const struct bench *bench, const struct model_info *info,
	uint32_t *n_rows, struct error *err)
{
	const size_t n = info->n_features;
	struct rows read = { 0 };
	float *rows = NULL;

	if (model_rows_read(info, bench->rows, &bench->how, &read, err))
		return NULL;
	*n_rows = read.n_rows < MODEL_BATCH_MAX ? MODEL_BATCH_MAX
		: read.n_rows < BENCH_ROWS_MAX  ? (uint32_t)read.n_rows
						: BENCH_ROWS_MAX;
	if (read.n_rows == 0)
		error_set(err, -EINVAL, "%s: no rows to time with", bench->rows);
	else if (!(rows = malloc(*n_rows * n * sizeof(*rows))))
		error_set(err, -ENOMEM, "out of memory for %u rows", *n_rows);
	for (size_t r = 0; rows && r < *n_rows; r++)
		memcpy(rows + r * n, read.values + r % read.n_rows * n, n * sizeof(*rows));
	rows_fini(&read);
	return rows;
}

static json_t *bench_kernels_json(const struct model *model, uint32_t batch_class)
{
	json_t *kernels = json_array();

	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		json_array_append_new(kernels, image_string(step.kernel[batch_class]));
	}
	return kernels;
}

static int bench_print_json(const struct model *model, const char *isa, uint32_t n_rows,
	const struct bench_result results[MODEL_BATCH_CLASSES])
{
	json_t *batches = json_array();

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		json_array_append_new(batches,
			json_pack("{s:i, s:f, s:f, s:o}", "batch", (int)results[c].batch,
				"ns_per_row", results[c].ns_per_row, "ns_per_row_min",
				results[c].ns_per_row_min, "kernels",
				bench_kernels_json(model, c)));
	return tool_print_json(
		json_pack("{s:o, s:s, s:i, s:o}", "model", image_string(model_info(model)->name),
			"isa", isa, "rows", (int)n_rows, "batches", batches));
}

static void bench_add_kernels(struct table *table, const struct model *model, uint32_t batch_class)
{
	char text[512] = "";
	size_t used = 0;

	for (uint32_t s = 0; s < model_n_steps(model) && used < sizeof(text); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", s ? ", " : "",
			step.kernel[batch_class] ? step.kernel[batch_class] : "-");
	}
	table_add(table, "%s", text);
}

static int bench_print_text(const struct model *model, const char *isa, uint32_t n_rows,
	const struct bench_result results[MODEL_BATCH_CLASSES])
{
	struct table table;

	printf("%s, kernels up to %s, one thread, median of repeated passes over %u rows\n",
		model_info(model)->name, isa, n_rows);
	TABLE_INIT(&table, ">BATCH", ">NS/ROW", ">BEST NS/ROW", ">ROWS/S", "KERNELS");
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		double ns = results[c].ns_per_row;

		table_add(&table, "%u", results[c].batch);
		table_add(&table, "%.1f", ns);
		table_add(&table, "%.1f", results[c].ns_per_row_min);
		table_add(&table, "%s", ns > 0 ? format_count((uint64_t)(1e9 / ns)).s : "-");
		bench_add_kernels(&table, model, c);
	}
	table_print(&table, stdout, 0);
	return TOOL_DONE;
}

static const struct option_entry BENCH[] = {
	COMMAND_IMAGE(struct bench),
	{ "rows", 0, "FILE",
		"rows to time with: .csv, .npy or .f32, - is standard input; else golden rows, "
		"changed a little",
		OPTION_TO_TEXT(struct bench, rows) },
	ROWS_OPTIONS(struct bench, how),
	IMAGE_KERNELS(struct bench, options),
	IMAGE_KEY(struct bench, options.keys),
	{ 0 },
};

static int bench_run(const struct command *command, char **argv)
{
	struct bench_result results[MODEL_BATCH_CLASSES];
	struct bench bench = { 0 };
	struct model *model;
	struct error err;
	uint32_t n_rows = BENCH_ROWS;
	float *rows;
	int exit;

	if (!command_parse(command, argv, &bench, &exit))
		return exit;
	model = image_load(bench.image, &bench.options);
	if (!model)
		return TOOL_REFUSED;
	rows = bench.rows ? bench_read_rows(&bench, model_info(model), &n_rows, &err)
			  : bench_make_rows(model_info(model), &err);
	if (!rows)
		exit = tool_refuse("%s", err.text);
	else if (model_bench(model, rows, n_rows, results, &err))
		exit = tool_refuse("%s: %s", bench.image, err.text);
	else
		exit = (tool.json ? bench_print_json : bench_print_text)(
			model, image_isa_name(&bench.options), n_rows, results);
	free(rows);
	model_close(model);
	return exit;
}

const struct command model_bench_command = {
	.words = "model bench",
	.summary = "time a row at batches of 1, 16, 64 and 256",
	.entries = BENCH,
	.run = bench_run,
};
