// SPDX-License-Identifier: BSD-3-Clause
// martletctl model bench: the time of a row at each batch size, on this thread.
#include "base/rows.h"
#include "ctl/tool/args.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>

#define BENCH_ROWS     1024
#define BENCH_ROWS_MAX (1u << 20)
#define BENCH_SEED     0x6d61726c6574ull
#define PERTURB        0.05f // of each golden value, so that no two rows are the same

// Uniform in [-1, 1). xorshift64*: S. Vigna, "An experimental exploration of Marsaglia's xorshift
// generators, scrambled", 2016.
static float draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (float)((*state * 0x2545f4914f6cdd1dull) >> 40) / (float)(1 << 23) - 1.0f;
}

// Golden rows, each value perturbed; where the image has none, uniform values.
// [BENCH_ROWS][features]
static float *make_rows(const struct model_info *info)
{
	size_t n = info->n_features;
	float *rows = malloc(BENCH_ROWS * n * sizeof(*rows));
	uint64_t state = BENCH_SEED;

	for (size_t r = 0; rows && r < BENCH_ROWS; r++)
		for (size_t f = 0; f < n; f++) {
			float noise = draw(&state), value = noise;

			if (info->n_golden)
				value = info->golden_rows[(r % info->n_golden) * n + f] *
					(1.0f + PERTURB * noise);
			rows[r * n + f] = value;
		}
	return rows;
}

// The file's rows, the first ones again where it has fewer than a batch.
static float *read_rows(
	const char *path, const struct model_info *info, uint32_t *n_rows, struct error *err)
{
	const struct rows_options options = { .n_columns = info->n_features };
	const size_t n = info->n_features;
	struct rows read = { 0 };
	float *rows = NULL;

	if (rows_read(path, &options, &read, err))
		return NULL;
	*n_rows = read.n_rows < MODEL_BATCH_MAX ? MODEL_BATCH_MAX
		: read.n_rows < BENCH_ROWS_MAX  ? (uint32_t)read.n_rows
						: BENCH_ROWS_MAX;
	if (read.n_rows == 0)
		error_set(err, -EINVAL, "%s: no rows to time with", path);
	else if (!(rows = malloc(*n_rows * n * sizeof(*rows))))
		error_set(err, -ENOMEM, "out of memory for %u rows", *n_rows);
	for (size_t r = 0; rows && r < *n_rows; r++)
		memcpy(rows + r * n, read.values + r % read.n_rows * n, n * sizeof(*rows));
	rows_fini(&read);
	return rows;
}

static json_t *kernels_json(const struct model *model, uint32_t class)
{
	json_t *kernels = json_array();

	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		json_array_append_new(kernels, image_string(step.kernel[class]));
	}
	return kernels;
}

static int print_json(const struct model *model, const char *isa, uint32_t n_rows,
	const struct bench_result results[MODEL_BATCH_CLASSES])
{
	json_t *batches = json_array();

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		json_array_append_new(batches,
			json_pack("{s:i, s:f, s:f, s:o}", "batch", (int)results[c].batch,
				"ns_per_row", results[c].ns_per_row, "ns_per_row_min",
				results[c].ns_per_row_min, "kernels", kernels_json(model, c)));
	return tool_print_json(
		json_pack("{s:o, s:s, s:i, s:o}", "model", image_string(model_info(model)->name),
			"isa", image_isa(isa), "rows", (int)n_rows, "batches", batches));
}

static void add_kernels(struct table *table, const struct model *model, uint32_t class)
{
	char text[512] = "";
	size_t used = 0;

	for (uint32_t s = 0; s < model_n_steps(model) && used < sizeof(text); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", s ? ", " : "",
			step.kernel[class] ? step.kernel[class] : "-");
	}
	table_add(table, "%s", text);
}

static int print_text(const struct model *model, const char *isa, uint32_t n_rows,
	const struct bench_result results[MODEL_BATCH_CLASSES])
{
	struct table table;

	printf("%s, kernels up to %s, one thread, median of repeated passes over %u rows\n",
		model_info(model)->name, image_isa(isa), n_rows);
	TABLE_INIT(&table, ">BATCH", ">NS/ROW", ">BEST NS/ROW", ">ROWS/S", "KERNELS");
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		double ns = results[c].ns_per_row;

		table_add(&table, "%u", results[c].batch);
		table_add(&table, "%.1f", ns);
		table_add(&table, "%.1f", results[c].ns_per_row_min);
		table_add(&table, "%s", ns > 0 ? format_count((uint64_t)(1e9 / ns)).s : "-");
		add_kernels(&table, model, c);
	}
	table_print(&table, stdout, 0);
	return TOOL_DONE;
}

int model_bench_command(int argc, char **argv)
{
	const char *isa = NULL, *path = NULL;
	const struct args_option options[] = { { .name = "isa", .value = &isa },
		{ .name = "rows", .value = &path }, { 0 } };
	struct args args = { .options = options, .n_min = 1, .n_max = 1 };
	struct bench_result results[MODEL_BATCH_CLASSES];
	struct model *model;
	struct error err;
	uint32_t n_rows = BENCH_ROWS;
	float *rows;
	int code = TOOL_DONE;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	model = image_load(args.word[0], isa, &code);
	if (!model)
		return code;
	error_set(&err, 0, "out of memory for %u rows", n_rows);
	rows = path ? read_rows(path, model_info(model), &n_rows, &err)
		    : make_rows(model_info(model));
	if (!rows)
		code = tool_refuse("%s", err.text);
	else if (model_bench(model, rows, n_rows, results, &err))
		code = tool_refuse("%s: %s", args.word[0], err.text);
	else
		code = (tool.json ? print_json : print_text)(model, isa, n_rows, results);
	free(rows);
	model_close(model);
	return code;
}
