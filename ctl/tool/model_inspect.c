// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_inspect.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/model_bom.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <inttypes.h>
#include <stdio.h>

#define GOLDEN_SHOWN    3
#define REFERENCE_SHOWN 8 // features, and outputs
#define VALUES_SHOWN    8

static double inspect_sum_ns(const struct model *model, uint32_t batch_class)
{
	double sum = 0;

	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		sum += step.ns_per_row[batch_class];
	}
	return sum;
}

static void inspect_print_values(const float *values, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < VALUES_SHOWN; i++)
		printf("%s%.6g", i ? ", " : "", (double)values[i]);
	if (n > VALUES_SHOWN)
		printf(", ... (%u values)", n);
}

static void inspect_print_golden(const struct model_info *info)
{
	printf("golden     %u row%s with expected outputs\n", info->n_golden,
		info->n_golden == 1 ? "" : "s");
	for (uint32_t i = 0; i < info->n_golden && i < GOLDEN_SHOWN; i++) {
		printf("  ");
		inspect_print_values(
			info->golden_rows + (size_t)i * info->n_features, info->n_features);
		printf("  ->  ");
		inspect_print_values(
			info->golden_outputs + (size_t)i * info->n_outputs, info->n_outputs);
		printf("\n");
	}
}

// The numbers that stand for texts in rows that are no CSV.
static void inspect_print_texts(const struct model_info *info)
{
	char text[256];

	for (uint32_t t = 0; t < info->n_texts; t++) {
		const struct model_texts *map = &info->texts[t];

		tool_copy_clean(text, sizeof(text), info->feature_names[map->feature]);
		printf("texts      %s:", text);
		for (uint32_t i = 0; i < map->n_texts; i++) {
			tool_copy_clean(text, sizeof(text), map->texts[i]);
			printf(" %u %s,", i, text);
		}
		printf(" others %s\n",
			map->takes_unknown ? "are unknown: any other number" : "are refused");
	}
}

// The bins of a column as "edge: count" pairs; the last two are what is above all edges and what is missing.
static void inspect_print_bins(const struct drift_reference *reference, uint32_t column)
{
	const uint64_t *counts = reference->counts + reference->first[column];
	const float *edges = drift_edges(reference, column);
	const uint32_t n = drift_n_counts(reference, column);

	for (uint32_t b = counts[0] == 0; b + 2 < n; b++)
		printf(" <=%.6g %" PRIu64 ",", (double)edges[b], counts[b]);
	printf(" above %" PRIu64 ", missing %" PRIu64 "\n", counts[n - 2], counts[n - 1]);
}

static const char *inspect_column_name(const struct model_info *info, uint32_t column)
{
	return column < info->n_features ? info->feature_names[column]
					 : info->output_names[column - info->n_features];
}

// The scores' bins, and those of the first features.
static void inspect_print_reference(const struct model_info *info)
{
	const struct drift_reference *reference = info->reference;
	char text[256];

	if (!reference) {
		printf("reference  none: model reference gives it rows to compare those in service "
		       "with\n");
		return;
	}
	printf("reference  %s rows, in bins of\n", format_count(reference->n_rows).s);
	for (uint32_t c = 0; c < reference->n_columns; c++) {
		if (c >= REFERENCE_SHOWN && c < info->n_features)
			continue;
		if (c >= info->n_features + REFERENCE_SHOWN)
			break;
		tool_copy_clean(text, sizeof(text), inspect_column_name(info, c));
		printf("  %s%s:", c < info->n_features ? "" : "score ", text);
		inspect_print_bins(reference, c);
	}
}

// What it was made from, and how: the oldest step first.
static void inspect_print_lineage(const struct model_info *info)
{
	char text[MODEL_LINEAGE_BYTES_MAX + 1];

	for (uint32_t i = 0; i < info->n_lineage; i++) {
		tool_copy_clean(text, sizeof(text), info->lineage[i]);
		printf("%s%s\n", i ? "           " : "lineage    ", text);
	}
}

static void inspect_print_header(const struct model_info *info, const char *isa)
{
	char hex[65];

	image_sha256_hex(info->source_sha256, hex);
	printf("model      %s\n", info->name);
	printf("source     %s, SHA-256 %s\n", info->source_kind, hex);
	inspect_print_lineage(info);
	printf("image      %s, weights in memory %s\n", format_bytes(info->image_bytes).s,
		format_bytes(info->weights_bytes).s);
	printf("work       %s multiply-adds a row, kernels up to %s\n",
		format_count(info->macs_per_row).s, isa);
	printf("missing    %s\n",
		info->accepts_missing ? "NaN is taken as a missing value" : "NaN is refused");
	image_print_names("features", info->feature_names, info->n_features);
	inspect_print_texts(info);
	image_print_names("outputs", info->output_names, info->n_outputs);
	image_print_names("classes", info->class_labels, info->n_class_labels);
	inspect_print_golden(info);
	inspect_print_reference(info);
}

static void inspect_print_plan(const struct model *model)
{
	double total[MODEL_BATCH_CLASSES];
	struct table table;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		total[c] = inspect_sum_ns(model, c);
	printf("\nplan       %u steps; kernel, ns a row and share of the time by batch\n",
		model_n_steps(model));
	TABLE_INIT(&table, ">STEP", "OPERATOR", "NODE", "SHAPE", ">TOUCHES", ">BATCH", "KERNEL",
		">NS/ROW", ">SHARE");
	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
			if (c) {
				for (int blank = 0; blank < 5; blank++)
					table_add(&table, "%s", "");
			} else {
				table_add(&table, "%u", s + 1);
				table_add(&table, "%s", step.op);
				table_add(&table, "%.24s", step.node);
				table_add(&table, "%s", step.shape);
				table_add(&table, "%s", format_bytes(step.bytes_touched).s);
			}
			table_add(&table, "%u", MODEL_BATCH_CLASS[c]);
			table_add(&table, "%s", step.kernel[c] ? step.kernel[c] : "-");
			table_add(&table, "%.1f", step.ns_per_row[c]);
			table_add(&table, "%s",
				total[c] > 0 ? format_share(step.ns_per_row[c] / total[c]).s : "-");
		}
	}
	table_print(&table, stdout, 0);
}

static json_t *inspect_floats_json(const float *values, uint32_t n)
{
	json_t *array = json_array();

	// JSON has no NaN: json_real() returns NULL for it, which becomes null.
	for (uint32_t i = 0; i < n; i++) {
		json_t *value = json_real((double)values[i]);

		json_array_append_new(array, value ? value : json_null());
	}
	return array;
}

static json_t *inspect_golden_json(const struct model_info *info)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < info->n_golden; i++)
		json_array_append_new(array,
			json_pack("{s:o, s:o}", "row",
				inspect_floats_json(
					info->golden_rows + (size_t)i * info->n_features,
					info->n_features),
				"outputs",
				inspect_floats_json(
					info->golden_outputs + (size_t)i * info->n_outputs,
					info->n_outputs)));
	return array;
}

static json_t *inspect_plan_json(const struct model *model)
{
	json_t *plan = json_array();

	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;
		json_t *batches = json_array();

		model_step_info(model, s, &step);
		for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
			double total = inspect_sum_ns(model, c);

			json_array_append_new(batches,
				json_pack("{s:i, s:o, s:f, s:f}", "batch",
					(int)MODEL_BATCH_CLASS[c], "kernel",
					image_string(step.kernel[c]), "ns_per_row",
					step.ns_per_row[c], "share",
					total > 0 ? step.ns_per_row[c] / total : 0.0));
		}
		json_array_append_new(plan,
			json_pack("{s:o, s:o, s:o, s:I, s:o}", "op", image_string(step.op), "node",
				image_string(step.node), "shape", image_string(step.shape),
				"bytes_touched", (json_int_t)step.bytes_touched, "batches",
				batches));
	}
	return plan;
}

static json_t *inspect_texts_json(const struct model_info *info)
{
	json_t *array = json_array();

	for (uint32_t t = 0; t < info->n_texts; t++) {
		const struct model_texts *map = &info->texts[t];

		json_array_append_new(array,
			json_pack("{s:o, s:o, s:b}", "feature",
				image_string(info->feature_names[map->feature]), "texts",
				image_strings(map->texts, map->n_texts), "takes_unknown",
				(int)map->takes_unknown));
	}
	return array;
}

static json_t *inspect_reference_json(const struct model_info *info)
{
	const struct drift_reference *reference = info->reference;
	json_t *columns;

	if (!reference)
		return json_null();
	columns = json_array();
	for (uint32_t c = 0; c < reference->n_columns; c++) {
		const uint32_t n = drift_n_counts(reference, c);
		json_t *counts = json_array();

		for (uint32_t b = 0; b < n; b++)
			json_array_append_new(counts,
				json_integer(
					(json_int_t)reference->counts[reference->first[c] + b]));
		json_array_append_new(columns,
			json_pack("{s:o, s:s, s:o, s:o}", "name",
				image_string(inspect_column_name(info, c)), "kind",
				c < info->n_features ? "feature" : "output", "edges",
				inspect_floats_json(drift_edges(reference, c), n - 2), "counts",
				counts));
	}
	return json_pack("{s:I, s:o}", "rows", (json_int_t)reference->n_rows, "columns", columns);
}

static int inspect_print_json(const struct model *model, const char *isa)
{
	const struct model_info *info = model_info(model);
	char hex[65];

	image_sha256_hex(info->source_sha256, hex);
	return tool_print_json(json_pack(
		"{s:o, s:o, s:s, s:o, s:I, s:I, s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"model", image_string(info->name), "source_kind", image_string(info->source_kind),
		"source_sha256", hex, "lineage", image_strings(info->lineage, info->n_lineage),
		"image_bytes", (json_int_t)info->image_bytes, "weights_bytes",
		(json_int_t)info->weights_bytes, "macs_per_row", (json_int_t)info->macs_per_row,
		"isa", isa, "accepts_missing", (int)info->accepts_missing, "features",
		image_strings(info->feature_names, info->n_features), "texts",
		inspect_texts_json(info), "outputs",
		image_strings(info->output_names, info->n_outputs), "class_labels",
		image_strings(info->class_labels, info->n_class_labels), "input_scale",
		inspect_floats_json(info->input_scale, info->n_features), "input_zero",
		inspect_floats_json(info->input_zero, info->n_features), "golden",
		inspect_golden_json(info), "reference", inspect_reference_json(info), "plan",
		inspect_plan_json(model)));
}

struct inspect {
	const char *image, *signer;
	bool bom;
	struct model_options options;
};

static const struct option_entry INSPECT[] = {
	COMMAND_IMAGE(struct inspect),
	IMAGE_KERNELS(struct inspect, options),
	IMAGE_KEY(struct inspect, options.keys),
	{ "bom", 0, NULL, "print its bill of materials instead: CycloneDX 1.6, as JSON",
		OPTION_TO_FLAG(struct inspect, bom) },
	{ "signer", 0, "KEY",
		"with --bom: the minisign public key, or its file, that its signature must be of",
		OPTION_TO_TEXT(struct inspect, signer) },
	{ 0 },
};

static int inspect_run(const struct command *command, char **argv)
{
	struct inspect inspect = { 0 };
	struct model *model;
	const char *isa;
	int exit;

	if (!command_parse(command, argv, &inspect, &exit))
		return exit;
	if (inspect.signer && !inspect.bom)
		return tool_refuse(
			"--signer is for --bom; martletctl model verify checks a signature by "
			"itself");
	if (inspect.bom)
		return model_bom_print(inspect.image, &inspect.options, inspect.signer);
	model = image_load(inspect.image, &inspect.options);
	if (!model)
		return TOOL_REFUSED;
	isa = image_isa_name(&inspect.options);
	exit = TOOL_DONE;
	if (tool.json) {
		exit = inspect_print_json(model, isa);
	} else {
		inspect_print_header(model_info(model), isa);
		inspect_print_plan(model);
	}
	model_close(model);
	return exit;
}

const struct command model_inspect_command = {
	.words = "model inspect",
	.summary = "what an image holds, and its plan on this CPU",
	.entries = INSPECT,
	.run = inspect_run,
};
