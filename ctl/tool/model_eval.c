// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_eval.h"

#include "ctl/tool/eval_json.h"
#include "ctl/tool/eval_print.h"
#include "ctl/tool/image.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"
#include "ctl/tool/watched.h"
#include "infer/learn/judge/evaluate.h"
#include "infer/learn/judge/verdict_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MODELS_MAX  16
#define SAMPLES_MAX 100000
#define BATCH_BOTH  UINT32_MAX

struct eval {
	struct {
		const char *paths[MODELS_MAX];
		uint32_t n;
	} models;
	struct evaluate_options options;
	const char *report;
	uint32_t batch; // a MODEL_BATCH_CLASS; BATCH_BOTH: of 1 and of 64 rows
};

static int parse_model(void *field, const char *text, struct error *err)
{
	__typeof__(((struct eval *)NULL)->models) *models = field;

	if (models->n == MODELS_MAX)
		return error_set(err, -EINVAL, "'%s': more than %d models beside each other", text,
			MODELS_MAX);
	models->paths[models->n++] = text;
	return 0;
}

static int evaluate_all(const struct eval *eval, struct verdict *verdicts, struct error *err)
{
	for (uint32_t i = 0; i < eval->models.n; i++) {
		struct watched watched;
		int rc;

		watched_begin(&watched, "model eval", NULL, NULL);
		rc = model_evaluate(
			eval->models.paths[i], &eval->options, &watched.watch, &verdicts[i], err);
		watched_end(&watched);
		if (rc != 0 && !strstr(err->text, eval->models.paths[i]))
			error_prefix(err, "%s", eval->models.paths[i]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int write_report(const struct eval *eval, const struct verdict *verdicts, struct error *err)
{
	struct output output;
	int rc = output_open(&output, eval->report, err);

	if (rc != 0)
		return rc;
	verdict_draw(output.file, eval->options.rows_path, verdicts, eval->models.n);
	return output_commit(&output, err);
}

// The same rows, the same samples: else there is nothing to compare sample by sample.
static bool is_paired(const struct eval *eval, const struct verdict *verdicts)
{
	for (uint32_t i = 1; i < eval->models.n; i++)
		if (verdicts[i].n_rows != verdicts[0].n_rows)
			return false;
	return eval->options.n_samples > 0 && eval->models.n > 1;
}

static int check_report(const struct eval *eval, struct error *err)
{
	struct output_other others[MODELS_MAX + 2] = {
		{ "the rows", eval->options.rows_path },
		{ "the labels", eval->options.data.labels_path },
	};

	for (uint32_t i = 0; i < eval->models.n; i++)
		others[2 + i] = (struct output_other){ "a model", eval->models.paths[i] };
	return output_check(eval->report, others, 2 + eval->models.n, err);
}

static int run(const struct eval *eval, struct verdict *verdicts, double *differences)
{
	const size_t n = (size_t)eval->models.n * FIGURES;
	struct eval_result result = { .options = &eval->options,
		.verdicts = verdicts,
		.n = eval->models.n,
		.batches = eval->batch == BATCH_BOTH ? 1u << 0 | 1u << 2 : 1u << eval->batch,
		.isa = image_isa_name(&eval->options.model) };
	struct error err;
	int rc = check_report(eval, &err);

	if (rc == 0)
		rc = evaluate_all(eval, verdicts, &err);
	if (rc == 0 && is_paired(eval, verdicts)) {
		result.difference_low = differences;
		result.difference_high = differences + n;
		for (uint32_t i = 1; i < eval->models.n && rc == 0; i++)
			rc = verdict_compare(&verdicts[0], &verdicts[i], &eval->options,
				differences + (size_t)i * FIGURES,
				differences + n + (size_t)i * FIGURES, &err);
	}
	if (rc == 0 && eval->report)
		rc = write_report(eval, verdicts, &err);
	if (rc != 0)
		return tool_refuse("%s", err.text);
	caches_read(NULL, &result.caches);
	return (tool.json ? eval_print_json : eval_print_text)(&result);
}

static const struct option_entry EVAL[] = {
	{ "rows", 0, "FILE", "the rows, with labels: .csv, .npy or .f32",
		OPTION_TO_TEXT(struct eval, options.rows_path), .required = true },
	DATASET_OPTIONS(struct eval, options.data),
	{ "as", 0, "auto|classes|score|anomaly|label|number",
		"what the outputs are, where the model does not say it (auto)",
		OPTION_TO_CHOICE(struct eval, options.as) },
	{ "classes", 0, "A,B,...", "the classes of a model that names none, in its order",
		OPTION_TO_TEXT(struct eval, options.classes) },
	{ "positive", 0, "CLASS", "the class that is told from the rest",
		OPTION_TO_TEXT(struct eval, options.positive) },
	{ "normal", 0, "CLASS", "the class that all the others are told from",
		OPTION_TO_TEXT(struct eval, options.normal) },
	{ "threshold", 0, "T", "rows whose score is at least that are positive",
		OPTION_TO_DOUBLE(struct eval, options.threshold, -1e38, 1e38) },
	{ "fpr", 0, "P", "the lowest threshold that takes at most that share of the others",
		OPTION_TO_DOUBLE(struct eval, options.fpr, 0, 1) },
	{ "cost-fp", 0, "A", "what a false alarm costs: the threshold that costs least",
		OPTION_TO_DOUBLE(struct eval, options.cost_fp, 0, 1e15) },
	{ "cost-fn", 0, "B", "what a miss costs, likewise; 1 each where the other is given",
		OPTION_TO_DOUBLE(struct eval, options.cost_fn, 0, 1e15) },
	{ "bootstrap", 0, "N", "intervals by that many samples of the rows (0)",
		OPTION_TO_U32(struct eval, options.n_samples, 0, SAMPLES_MAX) },
	{ "confidence", 0, "SHARE", "of the samples that an interval holds (0.95)",
		OPTION_TO_DOUBLE(struct eval, options.confidence, 0.5, 0.9999),
		.needs = "samples" },
	{ "seed", 0, "S", "of the samples (1)",
		OPTION_TO_U64(struct eval, options.seed, 0, OPTION_U64_MAX), .needs = "samples" },
	{ "report", 0, "OUT", "draw the curves as SVG, for a browser",
		OPTION_TO_TEXT(struct eval, report) },
	{ "batch", 0, "1|16|64|256", "rows at once that the time of a row is told of (1 and 64)",
		OPTION_TO_CHOICE(struct eval, batch), .needs = "times" },
	{ "no-timing", 0, NULL, "time nothing", OPTION_TO_FLAG(struct eval, options.no_timing) },
	IMAGE_KERNELS(struct eval, options.model),
	IMAGE_KEY(struct eval, options.model.keys),
	{ NULL, 0, "IMAGE...", "images, or files that model compile reads",
		OPTION_TO_OWN(struct eval, models, parse_model), .required = true },
	{ 0 },
};

static const char *contradiction(const struct eval *eval)
{
	const struct evaluate_options *options = &eval->options;
	const int ways = !isnan(options->threshold) + !isnan(options->fpr) +
		(!isnan(options->cost_fp) || !isnan(options->cost_fn));

	if (ways > 1)
		return "--threshold, --fpr and --cost-fp with --cost-fn: one of them decides";
	if (options->positive && options->normal)
		return "--positive and --normal say the same of two; one of them is enough";
	if (eval->report && strcmp(eval->report, "-") == 0)
		return "--report -: standard output has the figures; name a file";
	if (eval->models.n > 1 && strcmp(options->rows_path, "-") == 0)
		return "--rows -: standard input is read once, and there are several models; name "
		       "a file";
	return NULL;
}

// What one option makes of no use to another.
static int eval_check_use(const struct eval *eval, struct error *err)
{
	int rc = 0;

	if (eval->options.n_samples == 0)
		rc = command_lacks("samples", "there are none without --bootstrap", err);
	if (rc == 0 && eval->options.no_timing)
		rc = command_lacks("times", "--no-timing takes none", err);
	return rc;
}

static int eval_run(const struct command *command, char **argv)
{
	struct eval eval = { .batch = BATCH_BOTH,
		.options = { .threshold = NAN,
			.fpr = NAN,
			.cost_fp = NAN,
			.cost_fn = NAN,
			.seed = 1,
			.confidence = 0.95 } };
	struct verdict *verdicts;
	double *differences;
	struct error err;
	const char *wrong;
	int exit;

	if (!command_parse(command, argv, &eval, &exit))
		return exit;
	wrong = contradiction(&eval);
	if (wrong) {
		tool_refuse("%s", wrong);
		return TOOL_USAGE;
	}
	if (eval_check_use(&eval, &err) != 0) {
		tool_refuse("%s", err.text);
		return TOOL_USAGE;
	}
	verdicts = calloc(eval.models.n, sizeof(*verdicts));
	differences = calloc(2 * (size_t)eval.models.n * FIGURES, sizeof(*differences));
	if (verdicts && differences)
		exit = run(&eval, verdicts, differences);
	else
		exit = tool_refuse("out of memory");
	for (uint32_t i = 0; verdicts && i < eval.models.n; i++)
		verdict_fini(&verdicts[i]);
	free(verdicts);
	free(differences);
	return exit;
}

const struct command model_eval_command = {
	.words = "model eval",
	.summary = "judge models on rows with labels, side by side",
	.entries = EVAL,
	.run = eval_run,
};
