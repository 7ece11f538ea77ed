// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_quantise.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"
#include "ctl/tool/watched.h"
#include "infer/learn/quantise/quantise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_LOSS 0.005

struct quantise {
	struct quantise_request request;
	const char *image;
	bool asymmetric, per_channel;
};

static const char *quantise_bits(const void *to)
{
	return ((const struct quantise *)to)->request.bits == QUANTISE_BF16 ? "bf16" : "int8";
}

static const struct option_entry QUANTISE[] = {
	{ NULL, 0, "MODEL", "the model, in floats: an image, or any file that model compile takes",
		OPTION_TO_TEXT(struct quantise, request.model), .required = true },
	{ "output", 'o', "IMAGE", "where to write the image",
		OPTION_TO_TEXT(struct quantise, image), .required = true },
	{ "rows", 0, "FILE",
		"rows to calibrate and to judge by, half of them each: .csv, .npy or .f32",
		OPTION_TO_TEXT(struct quantise, request.rows), .required = true },
	DATASET_OPTIONS(struct quantise, request.dataset),
	{ "name", 0, "N", "the image's name; else the model's",
		OPTION_TO_OWN(struct quantise, request.name, command_parse_model) },
	{ "bits", 0, "int8|bf16", "weights and activations in 8 bits, or bfloat16 (int8)",
		OPTION_TO_CHOICE(struct quantise, request.bits) },
	{ "calibration", 0, "minmax|percentile|mse",
		"scales from all that is seen, all but the outermost ten-thousandth, or by the "
		"least "
		"square error (mse)",
		OPTION_TO_CHOICE(struct quantise, request.calibration), .of = "int8" },
	{ "symmetric", 0, NULL, "activations without zero points",
		OPTION_TO_FLAG(struct quantise, request.symmetric), .of = "int8" },
	{ "asymmetric", 0, NULL, "activations with zero points, as they are by default",
		OPTION_TO_FLAG(struct quantise, asymmetric), .of = "int8" },
	{ "per-tensor", 0, NULL, "one scale for all weights of a layer",
		OPTION_TO_FLAG(struct quantise, request.per_tensor), .of = "int8" },
	{ "per-channel", 0, NULL, "a scale for each of its outputs, as by default",
		OPTION_TO_FLAG(struct quantise, per_channel), .of = "int8" },
	{ "power-of-two", 0, NULL, "scales are powers of two",
		OPTION_TO_FLAG(struct quantise, request.power_of_two), .of = "int8" },
	{ "full-range", 0, NULL,
		"weights use all of -127 to 127, which is slower on AVX2 without VNNI",
		OPTION_TO_FLAG(struct quantise, request.full_range), .of = "int8" },
	{ "no-equalise", 0, NULL, "leave the sizes of channels as they are",
		OPTION_TO_FLAG(struct quantise, request.no_equalise), .of = "int8" },
	{ "no-bias-correction", 0, NULL, "leave biases as they are",
		OPTION_TO_FLAG(struct quantise, request.no_bias_correction), .of = "int8" },
	{ "any-speed", 0, NULL,
		"recurrent layers in 8 bits even where this CPU is slower so; else they stay in "
		"float",
		OPTION_TO_FLAG(struct quantise, request.any_speed), .of = "int8" },
	{ "max-f1-loss", 0, "X",
		"what may be lost of F1, or without labels of equal decisions (0.005)",
		OPTION_TO_DOUBLE(struct quantise, request.max_loss, 0, 1) },
	{ "keep", 0, "LAYER,...", "layers to be left in float",
		OPTION_TO_TEXT(struct quantise, request.keep), .of = "int8" },
	{ "tune", 0, "EPOCHS", "fine-tune as long where the loss is over the bound (0)",
		OPTION_TO_U32(struct quantise, request.tune, 0, 100000), .of = "int8" },
	{ "calibrate-scores", 0, "no|temperature|platt",
		"make probabilities of what they say, by the held-back rows (no)",
		OPTION_TO_CHOICE(struct quantise, request.scores) },
	{ "seed", 0, "N", "of what divides the rows, and of fine-tuning (1)",
		OPTION_TO_U64(struct quantise, request.seed, 0, OPTION_U64_MAX) },
	{ 0 },
};

static json_t *quantise_number(double value) // null where it is none
{
	return isfinite(value) ? json_real(value) : json_null();
}

static int quantise_print_json(
	const char *path, const struct compile_report *report, const struct quantise_result *result)
{
	json_t *layers = json_array();

	for (uint32_t l = 0; l < result->n_layers; l++) {
		const struct quantise_layer_result *layer = &result->layers[l];

		json_array_append_new(layers,
			json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "layer",
				image_string(layer->name), "op", layer->op, "quantised",
				layer->quantised, "snr_db", quantise_number(layer->snr_db),
				"mean_error", quantise_number(layer->mean_error), "why",
				*layer->why ? image_string(layer->why) : json_null()));
	}
	return tool_print_json(json_pack(
		"{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:I}",
		"image", image_string(path), "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines),
		"layers", layers, "calibration_rows", (json_int_t)result->n_calibration,
		"judged_rows", (json_int_t)result->n_judged, "f1_before",
		quantise_number(result->labelled ? result->f1_before : NAN), "f1_after",
		quantise_number(result->labelled ? result->f1_after : NAN), "disagree",
		quantise_number(result->decides ? result->disagree : NAN), "loss",
		quantise_number(result->loss), "tuned", result->tuned, "scale",
		quantise_number(result->scale > 0 || result->scale < 0 ? result->scale : NAN),
		"shift", quantise_number(result->shift), "log_loss_before",
		quantise_number(result->log_loss_before), "log_loss_after",
		quantise_number(result->log_loss_after), "image_bytes",
		(json_int_t)report->image_bytes, "weights_bytes",
		(json_int_t)report->weights_bytes));
}

static void quantise_print_layers(const struct quantise_result *result)
{
	struct table table;

	TABLE_INIT(&table, "layer", "operator", "in", ">S/N dB", ">mean error", "why in float");
	for (uint32_t l = 0; l < result->n_layers; l++) {
		const struct quantise_layer_result *layer = &result->layers[l];

		table_add(&table, "%s", layer->name);
		table_add(&table, "%s", layer->op);
		table_add(&table, "%s", layer->quantised ? "few bits" : "float");
		if (isnan(layer->snr_db)) {
			table_add(&table, "-");
			table_add(&table, "-");
		} else {
			table_add(&table, "%.1f", layer->snr_db);
			table_add(&table, "%.3g", layer->mean_error);
		}
		table_add(&table, "%s", layer->why);
	}
	table_print(&table, stdout, 0);
}

static int quantise_print_text(
	const char *path, const struct compile_report *report, const struct quantise_result *result)
{
	image_print_report(report);
	quantise_print_layers(result);
	if (result->labelled)
		printf("macro F1 of %zu %srows: %.4f, in floats %.4f\n", result->n_judged,
			result->held_back ? "held-back " : "", result->f1_after, result->f1_before);
	if (result->decides)
		printf("decided otherwise than in floats: %.3f %% of %zu rows\n",
			100 * result->disagree, result->n_judged);
	else
		printf("error of the scores: %.3g of their own spread, over %zu rows\n",
			result->loss, result->n_judged);
	if (result->scale > 0 || result->scale < 0)
		printf("scores calibrated: logits times %.4g%+.4g, log loss %.4f before and %.4f "
		       "after\n",
			result->scale, result->shift, result->log_loss_before,
			result->log_loss_after);
	printf("%s: %s (weights %s), %u of %u layers in few bits\n", path,
		format_bytes(report->image_bytes).s, format_bytes(report->weights_bytes).s,
		result->n_quantised, result->n_layers);
	printf("next: martletctl model push %s\n", path);
	return TOOL_DONE;
}

// What the command line asks that does not go together; NULL: nothing.
static const char *quantise_conflict(const struct quantise *quantise)
{
	const struct quantise_request *r = &quantise->request;

	if (r->symmetric && quantise->asymmetric)
		return "give only one of --symmetric and --asymmetric";
	if (r->per_tensor && quantise->per_channel)
		return "give only one of --per-tensor and --per-channel";
	return NULL;
}

static int quantise_check_output(const struct quantise *quantise, struct error *err)
{
	const struct output_other others[] = {
		{ "the model", quantise->request.model },
		{ "the rows", quantise->request.rows },
		{ "the labels", quantise->request.dataset.labels_path },
	};

	return output_check(quantise->image, others, 3, err);
}

static int quantise_run(const struct command *command, char **argv)
{
	struct quantise quantise = {
		.request = { .max_loss = MAX_LOSS, .calibration = QUANTISE_OF_MSE, .seed = 1 }
	};
	struct quantise_result result = { 0 };
	struct compile_report report = { 0 };
	struct watched watched;
	struct model *model = NULL;
	struct error err;
	void *image = NULL;
	size_t size = 0;
	int exit, rc;

	if (!command_parse(command, argv, &quantise, &exit))
		return exit;
	if (quantise_conflict(&quantise)) {
		tool_refuse("%s", quantise_conflict(&quantise));
		return TOOL_USAGE;
	}
	if (quantise_check_output(&quantise, &err) != 0)
		return tool_refuse("%s", err.text);
	watched_begin(&watched, "model quantise", quantise.image, NULL);
	quantise.request.watch = &watched.watch;
	rc = model_quantise(&quantise.request, &image, &size, &result, &report, &err);
	if (rc == 0)
		rc = image_save(quantise.image, image, size, &model, &err);
	watched_end(&watched);
	exit = rc != 0 ? tool_refuse("%s", err.text)
		       : (tool.json ? quantise_print_json : quantise_print_text)(
				 quantise.image, &report, &result);
	model_close(model);
	compile_report_fini(&report);
	quantise_result_fini(&result);
	return exit;
}

const struct command model_quantise_command = {
	.words = "model quantise",
	.summary = "make an image in 8 bits or bfloat16 of a model in floats",
	.entries = QUANTISE,
	.kind = quantise_bits,
	.run = quantise_run,
};
