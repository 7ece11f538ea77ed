// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_compile.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compile_print_json(
	const char *path, const struct compile_report *report, const struct model_info *info)
{
	return tool_print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:i}", "image",
		image_string(path), "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines),
		"features", image_strings(info->feature_names, info->n_features), "outputs",
		image_strings(info->output_names, info->n_outputs), "class_labels",
		image_strings(info->class_labels, info->n_class_labels), "image_bytes",
		(json_int_t)report->image_bytes, "weights_bytes", (json_int_t)report->weights_bytes,
		"scratch_bytes", (json_int_t)report->scratch_bytes, "golden_rows",
		(int)info->n_golden));
}

static int compile_print_text(
	const char *path, const struct compile_report *report, const struct model_info *info)
{
	image_print_report(report);
	image_print_info(info);
	printf("%s: %s (weights %s, scratch for one row %s), opened again, golden rows that agree: "
	       "%u\n",
		path, format_bytes(report->image_bytes).s, format_bytes(report->weights_bytes).s,
		format_bytes(report->scratch_bytes).s, info->n_golden);
	printf("next: martletctl model push %s\n", path);
	return TOOL_DONE;
}

struct compile {
	const char *source, *image;
	struct compile_options options;
};

// A number of rounds, or a word for one.
static int compile_parse_rounds(void *field, const char *text, struct error *err)
{
	uint32_t *rounds = field;
	unsigned long number;
	char *end;

	if (strcmp(text, "best") == 0 || strcmp(text, "all") == 0) {
		*rounds = *text == 'a' ? ROUNDS_ALL : ROUNDS_BEST;
		return 0;
	}
	number = strtoul(text, &end, 10);
	if (*text < '1' || *text > '9' || *end || number >= ROUNDS_ALL)
		return error_set(err, -EINVAL, "should be all, best or a number of rounds");
	*rounds = (uint32_t)number;
	return 0;
}

static const struct option_entry COMPILE[] = {
	{ NULL, 0, "SRC",
		"the model: ONNX, XGBoost, LightGBM, CatBoost or TensorFlow Lite, told apart by "
		"what is in the file",
		OPTION_TO_TEXT(struct compile, source), .required = true },
	{ "output", 'o', "IMAGE", "where to write the image", OPTION_TO_TEXT(struct compile, image),
		.required = true },
	{ "name", 0, "N", "the model's name; else the file's, without its ending",
		OPTION_TO_OWN(struct compile, options.name, command_parse_model) },
	{ "rows", 0, "FILE",
		"rows to calibrate and check with: .csv, .npy or .f32; - is standard input",
		OPTION_TO_TEXT(struct compile, options.rows_path) },
	ROWS_OPTIONS(struct compile, options.rows),
	{ "reference", 0, "FILE",
		"rows as it was trained with, which those in service are compared with (those of "
		"--rows)",
		OPTION_TO_TEXT(struct compile, options.reference_path) },
	{ "classes", 0, "A,B,...", "class labels",
		OPTION_TO_TEXT(struct compile, options.class_labels) },
	{ "features", 0, "F,G,...|N", "the features' names, or how many there are",
		OPTION_TO_TEXT(struct compile, options.feature_names) },
	{ "shape", 0, "NAME=1,50,39;...", "all dimensions of inputs that an ONNX file leaves open",
		OPTION_TO_TEXT(struct compile, options.shapes) },
	{ "fix", 0, "NAME=VALUE,...;...",
		"inputs of an ONNX file that are the same for all rows, and their values",
		OPTION_TO_TEXT(struct compile, options.fixed) },
	{ "outputs", 0, "O,P,...", "which of an ONNX file's outputs, in this order",
		OPTION_TO_TEXT(struct compile, options.outputs) },
	{ "accept-missing", 0, NULL, "take rows with NaN, whatever the model makes of them",
		OPTION_TO_FLAG(struct compile, options.accept_missing) },
	{ "weights", 0, "f32|bf16", "how the weights of dense layers are kept (f32)",
		OPTION_TO_CHOICE(struct compile, options.weights) },
	{ "exact", 0, NULL,
		"a row has the same bits in batches of any size, also where that is slower "
		"(AVX-512)",
		OPTION_TO_FLAG(struct compile, options.exact) },
	{ "trees", 0, "best|all|N",
		"rounds of a boosted model: up to the best of early stopping, all, or the first N "
		"(best)",
		OPTION_TO_OWN(struct compile, options.rounds, compile_parse_rounds) },
	{ "thresholds", 0, "source|nearest|floor",
		"what becomes of 64-bit thresholds: rounded as the rows were, or down (source: as "
		"the model's kind wants)",
		OPTION_TO_CHOICE(struct compile, options.thresholds) },
	{ 0 },
};

static int compile_run(const struct command *command, char **argv)
{
	struct compile compile = { 0 };
	struct compile_report report = { 0 };
	struct model *model = NULL;
	struct error err;
	void *image = NULL;
	size_t size = 0;
	int exit;

	if (!command_parse(command, argv, &compile, &exit))
		return exit;
	if (model_compile(compile.source, &compile.options, &image, &size, &report, &err) ||
		image_save(compile.image, image, size, &model, &err))
		exit = tool_refuse("%s", err.text);
	else
		exit = (tool.json ? compile_print_json : compile_print_text)(
			compile.image, &report, model_info(model));
	model_close(model);
	compile_report_fini(&report);
	return exit;
}

const struct command model_compile_command = {
	.words = "model compile",
	.summary = "make an image of an ONNX, XGBoost, LightGBM, CatBoost or TensorFlow Lite model",
	.entries = COMPILE,
	.run = compile_run,
};
