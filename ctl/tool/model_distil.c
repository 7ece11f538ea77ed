// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_distil.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"
#include "ctl/tool/watched.h"
#include "infer/learn/distil/distil.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct distil {
	const char *teacher, *rows, *image;
	struct dataset_options read;
	struct distil_options options;
};

// Widths of layers: "64,32".
static int distil_parse_layers(void *field, const char *text, struct error *err)
{
	struct distil *distil = field;
	uint32_t n = 0;

	for (const char *at = text;; at++) {
		char *end;
		const unsigned long width = *at >= '1' && *at <= '9' ? strtoul(at, &end, 10) : 0;

		if (width == 0 || width > 16384 || n == DISTIL_LAYERS_MAX ||
			(*end != ',' && *end != '\0'))
			return error_set(err, -EINVAL,
				"should be 1 to %d widths of 1 to 16384, with commas between",
				DISTIL_LAYERS_MAX);
		distil->options.layers[n++] = (uint32_t)width;
		if (*end == '\0')
			break;
		at = end;
	}
	distil->options.n_layers = n;
	return 0;
}

static const char *distil_student(const void *to)
{
	return ((const struct distil *)to)->options.student == DISTIL_DENSE ? "dense" : "trees";
}

static const struct option_entry DISTIL[] = {
	{ NULL, 0, "TEACHER",
		"the model that teaches: an image, or a file that model compile takes",
		OPTION_TO_TEXT(struct distil, teacher), .required = true },
	{ "rows", 0, "FILE", "rows to teach by, with labels or without: .csv, .npy or .f32",
		OPTION_TO_TEXT(struct distil, rows), .required = true },
	{ "output", 'o', "IMAGE", "where to write the student's image",
		OPTION_TO_TEXT(struct distil, image), .required = true },
	{ "name", 0, "N", "the student's name (student)",
		OPTION_TO_OWN(struct distil, options.name, command_parse_model) },
	{ "student", 0, "trees|dense", "boosted trees, or a network of dense layers (trees)",
		OPTION_TO_CHOICE(struct distil, options.student) },
	{ "rounds", 0, "N", "of trees (6)", OPTION_TO_U32(struct distil, options.rounds, 1, 10000),
		.of = "trees" },
	{ "depth", 0, "N", "of trees (4)", OPTION_TO_U32(struct distil, options.depth, 1, 16),
		.of = "trees" },
	{ "layers", 0, "N,N,...", "widths of the dense layers before the last (32,16)",
		OPTION_TO_ALL(distil_parse_layers), .of = "dense" },
	{ "epochs", 0, "N", "of dense layers (60)",
		OPTION_TO_U32(struct distil, options.epochs, 1, 100000), .of = "dense" },
	{ "batch", 0, "N", "rows of a step of dense layers (256)",
		OPTION_TO_U32(struct distil, options.batch, 1, 1 << 20), .of = "dense" },
	{ "learning-rate", 0, "R", "of trees 0.5, of dense layers 0.003",
		OPTION_TO_DOUBLE(struct distil, options.learning_rate, 1e-9, 10) },
	{ "temperature", 0, "T", "that the teacher's scores are softened by (2)",
		OPTION_TO_DOUBLE(struct distil, options.temperature, 0.01, 1000),
		.needs = "a teacher of classes" },
	{ "alpha", 0, "SHARE", "of the rows' own labels in the loss, beside the teacher's (0)",
		OPTION_TO_DOUBLE(struct distil, options.alpha, 0, 1), .needs = "labels" },
	{ "drawn", 0, "SHARE",
		"of the rows, drawn between the thresholds of a teacher that is trees (0.5)",
		OPTION_TO_DOUBLE(struct distil, options.drawn, 0, 0.95),
		.needs = "a teacher that is trees" },
	{ "held", 0, "SHARE", "of the rows, held back to compare both by (0.2)",
		OPTION_TO_DOUBLE(struct distil, options.held, 0.001, 0.9) },
	{ "max-rows", 0, "N", "of the file's rows, to teach by (200000)",
		OPTION_TO_U64(struct distil, options.rows_max, 1, 1e9) },
	{ "threshold", 0, "T", "of a teacher of one score: at it or above is the other decision",
		OPTION_TO_DOUBLE(struct distil, options.threshold, -3e38, 3e38),
		.needs = "a teacher of one score" },
	{ "tolerance", 0, "SHARE",
		"of a teacher of numbers: what two scores may differ by, of their spread (0.05)",
		OPTION_TO_DOUBLE(struct distil, options.tolerance, 0, 1),
		.needs = "a teacher of numbers" },
	{ "seed", 0, "N", "of the split and of all that is drawn (1)",
		OPTION_TO_U64(struct distil, options.seed, 0, OPTION_U64_MAX) },
	{ "threads", 0, "N", "to learn with (as many as there are CPUs)",
		OPTION_TO_U32(struct distil, options.threads, 1, 1024) },
	DATASET_OPTIONS(struct distil, read),
	{ 0 },
};

// Undefined figures are null.
static json_t *distil_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *distil_side_json(const struct distil_side *side)
{
	json_t *times = json_array();

	for (int i = 0; i < MODEL_BATCH_CLASSES; i++)
		json_array_append_new(times,
			json_pack("{s:i, s:f}", "batch", (int)MODEL_BATCH_CLASS[i], "ns_per_row",
				side->ns_per_row[i]));
	return json_pack("{s:o, s:o, s:o, s:I}", "macro_f1", distil_number(side->f1), "accuracy",
		distil_number(side->accuracy), "times", times, "image_bytes",
		(json_int_t)side->image_bytes);
}

static int distil_print_json(
	const char *path, const struct compile_report *report, const struct distil_result *result)
{
	return tool_print_json(json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:f, s:s, s:o, s:o}",
		"image", image_string(path), "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines),
		"rows_taught", (json_int_t)result->n_taught, "rows_drawn",
		(json_int_t)result->n_drawn, "rows_held", (json_int_t)result->n_held,
		"rows_left_out", (json_int_t)result->n_left_out, "agreement", result->agreement,
		"agreement_is", result->agreed, "teacher", distil_side_json(&result->teacher),
		"student", distil_side_json(&result->student)));
}

static void distil_add_side(struct table *table, const char *what, const struct distil_side *side)
{
	table_add(table, "%s", what);
	if (isnan(side->f1))
		table_add(table, "-");
	else
		table_add(table, "%.4f", side->f1);
	for (int i = 0; i < MODEL_BATCH_CLASSES; i++)
		table_add(table, "%.1f", side->ns_per_row[i]);
	table_add(table, "%s", format_bytes(side->image_bytes).s);
}

static int distil_print_text(
	const char *path, const struct compile_report *report, const struct distil_result *result)
{
	struct table table;

	image_print_report(report);
	printf("taught by %s rows and %s drawn ones", format_count(result->n_taught).s,
		format_count(result->n_drawn).s);
	if (result->n_left_out > 0)
		printf("; %s rows were left out", format_count(result->n_left_out).s);
	printf("\nagreement %s of %s rows held back: %s\n", format_share(result->agreement).s,
		format_count(result->n_held).s, result->agreed);
	TABLE_INIT(
		&table, "", ">MACRO F1", ">NS/ROW BY 1", ">BY 16", ">BY 64", ">BY 256", ">IMAGE");
	distil_add_side(&table, "teacher", &result->teacher);
	distil_add_side(&table, "student", &result->student);
	table_print(&table, stdout, 0);
	printf("next: martletctl model push %s\n", path);
	return TOOL_DONE;
}

static int distil_check_output(const struct distil *distil, struct error *err)
{
	const struct output_other others[] = {
		{ "the teacher", distil->teacher },
		{ "the rows", distil->rows },
		{ "the labels", distil->read.labels_path },
	};

	return output_check(distil->image, others, 3, err);
}

static int distil_run(const struct command *command, char **argv)
{
	struct distil distil = { .options = DISTIL_DEFAULTS };
	struct compile_report report = { 0 };
	struct distil_result result;
	struct watched watched;
	struct model *model = NULL;
	struct error err;
	void *image = NULL;
	size_t size = 0;
	int exit, rc;

	if (!command_parse(command, argv, &distil, &exit))
		return exit;
	if (distil_check_output(&distil, &err) != 0)
		return tool_refuse("%s", err.text);
	watched_begin(&watched, "model distil", distil.image, NULL);
	rc = model_distil(distil.teacher, distil.rows, &distil.read, &distil.options,
		&watched.watch, &image, &size, &result, &report, &err);
	if (rc == 0)
		rc = image_save(distil.image, image, size, &model, &err);
	watched_end(&watched);
	exit = rc != 0 ? tool_refuse("%s", err.text)
		       : (tool.json ? distil_print_json : distil_print_text)(
				 distil.image, &report, &result);
	model_close(model);
	compile_report_fini(&report);
	return exit;
}

const struct command model_distil_command = {
	.words = "model distil",
	.summary = "teach a small model to score as a big one",
	.entries = DISTIL,
	.kind = distil_student,
	.run = distil_run,
};
