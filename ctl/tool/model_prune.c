// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_prune.h"

#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"
#include "ctl/tool/watched.h"
#include "infer/learn/prune/prune.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct prune {
	const char *model, *rows, *image;
	struct dataset_options data;
	struct prune_options options;
};

#define NETWORKS "auto|magnitude|proximal|structured" // methods of networks; trees are not trained

static const char *prune_method_of(const void *to)
{
	return PRUNE_METHOD_NAMES[((const struct prune *)to)->options.method];
}

static const struct option_entry PRUNE[] = {
	{ NULL, 0, "MODEL", "the model: an image, or a file that model compile reads",
		OPTION_TO_TEXT(struct prune, model), .required = true },
	{ "rows", 0, "FILE", "rows with labels to train and to judge by: .csv, .npy or .f32",
		OPTION_TO_TEXT(struct prune, rows), .required = true },
	{ "output", 'o', "IMAGE", "where to write the image", OPTION_TO_TEXT(struct prune, image),
		.required = true },
	{ "method", 0, "auto|magnitude|proximal|structured|trees|subtrees",
		"what goes: small weights, weights that shrink to 0, whole units and channels, "
		"trees "
		"(auto: trees, else structured)",
		OPTION_TO_CHOICE(struct prune, options.method) },
	{ "sparsity", 0, "SHARE",
		"of the weights, trees or leaves that is to go (as the loss allows)",
		OPTION_TO_DOUBLE(struct prune, options.sparsity, 0.001, 0.999) },
	{ "max-f1-loss", 0, "X", "F1 may fall by so much on the rows held back (0.01)",
		OPTION_TO_DOUBLE(struct prune, options.max_loss, -1, 1) },
	{ "per-layer", 0, NULL, "magnitude: the same share of each layer",
		OPTION_TO_FLAG(struct prune, options.per_layer), .of = "magnitude" },
	{ "alpha", 0, "A", "proximal: what all weights shrink by in a step (by the sparsity)",
		OPTION_TO_DOUBLE(struct prune, options.alpha, 1e-12, 1e12), .of = "proximal" },
	{ "tile", 0, "N", "structured: units that go at once (16)",
		OPTION_TO_U32(struct prune, options.tile, 1, 4096), .of = "auto|structured",
		.needs = "whole units" },
	{ "steps", 0, "N", "in how many steps (10)",
		OPTION_TO_U32(struct prune, options.steps, 1, 1000) },
	{ "epochs", 0, "N", "of training after each step (5)",
		OPTION_TO_U32(struct prune, options.epochs, 0, 10000), .of = NETWORKS,
		.needs = "training between steps" },
	{ "learning-rate", 0, "R", "of that training (0.001)",
		OPTION_TO_DOUBLE(struct prune, options.learning_rate, 1e-9, 10), .of = NETWORKS,
		.needs = "training between steps" },
	{ "validation", 0, "SHARE", "of the rows that is held back to judge by (0.2)",
		OPTION_TO_DOUBLE(struct prune, options.held, 0.001, 0.999) },
	{ "seed", 0, "S", "of what is drawn (1)",
		OPTION_TO_U64(struct prune, options.seed, 0, OPTION_U64_MAX) },
	{ "threads", 0, "N", "of training (as many as there are CPUs)",
		OPTION_TO_U32(struct prune, options.threads, 1, 1024),
		.needs = "training between steps" },
	{ "name", 0, "N", "the image's name for the model (the same)",
		OPTION_TO_OWN(struct prune, options.name, command_parse_model) },
	DATASET_OPTIONS(struct prune, data),
	{ 0 },
};

// --- Text ------------------------------------------------------------------------------------------

static void prune_add_side(struct table *table, const char *what, const struct prune_side *side)
{
	table_add(table, "%s", what);
	table_add(table, "%.4f", side->figure);
	table_add(table, "%s", format_count(side->n_weights - side->n_zero).s);
	table_add(table, "%s", format_bytes(side->weights_bytes).s);
	for (int c = 0; c < MODEL_BATCH_CLASSES; c++)
		table_add(table, "%s", format_ns(side->ns_per_row[c]).s);
}

static void prune_print_advice(const struct prune_result *r)
{
	const bool zeros = r->method == PRUNE_MAGNITUDE || r->method == PRUNE_PROXIMAL;

	if (r->not_tuned[0] && r->method < PRUNE_TREES)
		printf("not trained between the steps: %s\n", r->not_tuned);
	if (r->by_loss)
		printf("the next step would have lost more of %s than --max-f1-loss allows\n",
			r->figure);
	if (zeros)
		printf("weights of 0 stay where they are: they make the image no smaller and "
		       "scoring no "
		       "faster, since dense kernels multiply by them, too; --method structured "
		       "takes "
		       "whole units, and model quantise shortens weights\n");
}

static int prune_print_text(
	const struct prune *prune, struct compile_report *report, const struct prune_result *r)
{
	struct table table;

	image_print_report(report);
	printf("%s pruning: %s of the %s gone in %u step%s; %s rows taught, %s were held back\n",
		PRUNE_METHOD_NAMES[r->method], format_share(r->sparsity).s,
		r->method == PRUNE_TREES ? "trees" : r->unit, r->steps, r->steps == 1 ? "" : "s",
		format_count(r->n_train).s, format_count(r->n_held).s);
	TABLE_INIT(&table, "", *r->figure == 'R' ? ">R2" : ">F1",
		r->method >= PRUNE_TREES ? ">LEAVES" : ">WEIGHTS", ">IN MEMORY", ">BATCH 1", ">16",
		">64", ">256");
	prune_add_side(&table, "before", &r->before);
	prune_add_side(&table, "after", &r->after);
	table_print(&table, stdout, 0);
	prune_print_advice(r);
	printf("next: martletctl model eval %s --rows FILE\n", prune->image);
	return TOOL_DONE;
}

// --- JSON ------------------------------------------------------------------------------------------

static json_t *prune_side_json(const struct prune_side *side)
{
	json_t *ns = json_object();

	for (int c = 0; c < MODEL_BATCH_CLASSES; c++) {
		char batch[16];

		snprintf(batch, sizeof(batch), "%u", MODEL_BATCH_CLASS[c]);
		json_object_set_new(ns, batch, json_real(side->ns_per_row[c]));
	}
	return json_pack("{s:f, s:I, s:I, s:I, s:o}", "figure", side->figure, "weights",
		(json_int_t)side->n_weights, "zero", (json_int_t)side->n_zero, "weights_bytes",
		(json_int_t)side->weights_bytes, "ns_per_row", ns);
}

static int prune_print_json(
	const struct prune *prune, struct compile_report *report, const struct prune_result *r)
{
	return tool_print_json(json_pack(
		"{s:o, s:s, s:s, s:s, s:f, s:i, s:b, s:o, s:I, s:I, s:o, s:o, s:o}", "image",
		image_string(prune->image), "method", PRUNE_METHOD_NAMES[r->method], "figure",
		r->figure, "of", r->unit, "sparsity", r->sparsity, "steps", (int)r->steps,
		"ended_by_loss", (int)r->by_loss, "not_trained",
		r->not_tuned[0] ? image_string(r->not_tuned) : json_null(), "rows_trained",
		(json_int_t)r->n_train, "rows_held_back", (json_int_t)r->n_held, "before",
		prune_side_json(&r->before), "after", prune_side_json(&r->after), "report",
		image_strings((const char *const *)report->lines, (uint32_t)report->n_lines)));
}

static int prune_check_output(const struct prune *prune, struct error *err)
{
	const struct output_other others[] = {
		{ "the model", prune->model },
		{ "the rows", prune->rows },
		{ "the labels", prune->data.labels_path },
	};

	return output_check(prune->image, others, 3, err);
}

static int prune_run(const struct command *command, char **argv)
{
	struct prune prune = { .options = PRUNE_DEFAULTS };
	struct compile_report report = { 0 };
	struct prune_result result;
	struct watched watched;
	struct model *model = NULL;
	struct error err = { .text = "" };
	void *image;
	size_t size;
	int exit, rc;

	if (!command_parse(command, argv, &prune, &exit))
		return exit;
	if (prune_check_output(&prune, &err) != 0)
		return tool_refuse("%s", err.text);
	watched_begin(&watched, "model prune", prune.image, NULL);
	rc = model_prune(prune.model, prune.rows, &prune.data, &prune.options, &watched.watch,
		&image, &size, &result, &report, &err);
	if (rc == 0)
		rc = image_save(prune.image, image, size, &model, &err);
	watched_end(&watched);
	exit = rc != 0
		? tool_refuse("%s", err.text)
		: (tool.json ? prune_print_json : prune_print_text)(&prune, &report, &result);
	model_close(model);
	compile_report_fini(&report);
	return exit;
}

const struct command model_prune_command = {
	.words = "model prune",
	.summary = "take weights, units or trees away that a model can do without",
	.entries = PRUNE,
	.kind = prune_method_of,
	.run = prune_run,
};
