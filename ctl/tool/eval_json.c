// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/eval_json.h"

#include "ctl/tool/image.h"
#include "ctl/tool/tool.h"

#include <math.h>

#define SWEEP_POINTS 100

static const char *const KEYS[FIGURES] = {
#define X(name, key, more) [FIGURE_##name] = key,
	FIGURE_LIST(X)
#undef X
};

static const char *const AS[] = { "auto", "classes", "score", "anomaly", "label", "number" };

const char *eval_figure_key(enum figure figure)
{
	return KEYS[figure];
}

struct eval_rates eval_rates(const struct ranking_point *point, const struct ranking_point *all)
{
	const double decided = point->hits + point->false_alarms;
	struct eval_rates rates = {
		.precision = decided > 0 ? point->hits / decided : 0,
		.recall = all->hits > 0 ? point->hits / all->hits : 0,
		.false_positive_rate =
			all->false_alarms > 0 ? point->false_alarms / all->false_alarms : NAN,
	};

	rates.f1 = decided + all->hits > 0 ? 2 * point->hits / (decided + all->hits) : 0;
	return rates;
}

// What is not defined is null.
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *figures(const double *values)
{
	json_t *object = json_object();

	for (int f = 0; f < FIGURES; f++)
		json_object_set_new(object, KEYS[f], number(values[f]));
	return object;
}

static json_t *intervals(const double *low, const double *high)
{
	json_t *object = json_object();

	for (int f = 0; f < FIGURES; f++)
		if (!isnan(low[f]))
			json_object_set_new(object, KEYS[f],
				json_pack("[o, o]", number(low[f]), number(high[f])));
	return object;
}

static json_t *classes(const struct verdict *e)
{
	json_t *array = json_array();

	for (uint32_t c = 0; c < e->n_classes; c++) {
		const struct metrics_class *class = &e->classes[c];

		json_array_append_new(array,
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "label",
				image_string(e->class_labels[c]), "rows", number(class->truth),
				"decided", number(class->predicted), "precision",
				number(class->precision), "recall", number(class->recall), "f1",
				number(class->f1), "roc_auc",
				number(e->class_roc_auc ? e->class_roc_auc[c] : NAN), "pr_auc",
				number(e->class_pr_auc ? e->class_pr_auc[c] : NAN)));
	}
	return array;
}

static json_t *confusion(const struct verdict *e)
{
	json_t *rows;

	if (!e->confusion)
		return json_null();
	rows = json_array();
	for (uint32_t i = 0; i < e->n_classes; i++) {
		json_t *row = json_array();

		for (uint32_t j = 0; j < e->n_classes; j++)
			json_array_append_new(row, number(e->confusion[i * e->n_classes + j]));
		json_array_append_new(rows, row);
	}
	return rows;
}

// A point of the curve of `e`.
static json_t *threshold(
	const struct verdict *e, const char *why, const struct ranking_point *point)
{
	const struct eval_rates rates = eval_rates(point, &e->points[e->n_points - 1]);
	json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "threshold",
		number(point->threshold), "hits", number(point->hits), "false_alarms",
		number(point->false_alarms), "precision", number(rates.precision), "recall",
		number(rates.recall), "f1", number(rates.f1), "false_positive_rate",
		number(rates.false_positive_rate));

	if (why)
		json_object_set_new(object, "why", json_string(why));
	return object;
}

static void add_thresholds(json_t *to, const struct verdict *e)
{
	json_t *chosen = json_array(), *sweep = json_array();

	for (uint32_t i = 0; i < e->n_choices; i++)
		json_array_append_new(
			chosen, threshold(e, e->choices[i].why, &e->choices[i].point));
	for (size_t i = 0; e->positive && i < e->n_points; i++) {
		const size_t before = i == 0 ? 0 : (i - 1) * SWEEP_POINTS / e->n_points;

		if (i == 0 || i + 1 == e->n_points || i * SWEEP_POINTS / e->n_points != before)
			json_array_append_new(sweep, threshold(e, NULL, &e->points[i]));
	}
	json_object_set_new(to, "thresholds", chosen);
	json_object_set_new(to, "sweep", sweep);
}

static json_t *bins(const struct metrics_bin *bins, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t b = 0; b < n; b++)
		json_array_append_new(array,
			json_pack("{s:o, s:o, s:o}", "rows", number(bins[b].weight), "confidence",
				number(bins[b].confidence), "right", number(bins[b].right)));
	return array;
}

static json_t *groups(const struct verdict *e)
{
	json_t *array = json_array();

	for (uint32_t g = 0; g < e->n_groups; g++)
		json_array_append_new(array,
			json_pack("{s:o, s:o, s:o}", "label", image_string(e->groups[g].label),
				"rows", number(e->groups[g].weight), "decided_positive",
				number(e->groups[g].found)));
	return array;
}

static json_t *speed(const struct eval_result *result, const struct verdict *e)
{
	json_t *object = json_object();

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", MODEL_BATCH_CLASS[c]);
		if (result->batches & 1u << c)
			json_object_set_new(object, key, number(e->bench[c].ns_per_row));
	}
	return object;
}

static json_t *model(const struct eval_result *result, uint32_t i)
{
	const struct verdict *e = &result->verdicts[i];
	const unsigned level = caches_level(&result->caches, e->weights_bytes);
	json_t *object = json_pack("{s:o, s:o, s:s, s:o, s:b, s:o, s:o}", "file",
		image_string(e->path), "model", image_string(e->model), "as", AS[e->as], "notes",
		image_strings((const char *const *)e->notes, e->n_notes), "probabilities",
		(int)e->probabilities, "positive", image_string(e->positive), "threshold",
		number(e->threshold));

	json_object_set_new(object, "figures", figures(e->figures));
	json_object_set_new(object, "eer_threshold", number(e->positive ? e->eer_threshold : NAN));
	if (e->samples)
		json_object_set_new(object, "intervals", intervals(e->low, e->high));
	if (i > 0 && result->difference_low)
		json_object_set_new(object, "differences",
			intervals(result->difference_low + (size_t)i * FIGURES,
				result->difference_high + (size_t)i * FIGURES));
	json_object_set_new(object, "classes", classes(e));
	json_object_set_new(object, "confusion", confusion(e));
	add_thresholds(object, e);
	json_object_set_new(
		object, "calibration_10", e->probabilities ? bins(e->bins_10, 10) : json_null());
	json_object_set_new(
		object, "calibration_15", e->probabilities ? bins(e->bins_15, 15) : json_null());
	json_object_set_new(object, "groups", groups(e));
	json_object_set_new(
		object, "ns_per_row", result->options->no_timing ? json_null() : speed(result, e));
	json_object_set_new(object, "image_bytes", json_integer((json_int_t)e->image_bytes));
	json_object_set_new(object, "weights_bytes", json_integer((json_int_t)e->weights_bytes));
	json_object_set_new(object, "fits_cache_level", level ? json_integer(level) : json_null());
	return object;
}

int eval_print_json(const struct eval_result *result)
{
	const struct verdict *first = &result->verdicts[0];
	const struct evaluate_options *options = result->options;
	json_t *models = json_array(), *caches = json_array(), *object;
	char sha256[65];

	for (uint32_t i = 0; i < result->n; i++)
		json_array_append_new(models, model(result, i));
	for (unsigned i = 0; i < CACHES_LEVELS; i++)
		json_array_append_new(caches, json_integer((json_int_t)result->caches.bytes[i]));
	image_sha256_hex(first->rows_sha256, sha256);
	object = json_pack("{s:o, s:I, s:I, s:b, s:s, s:s, s:o, s:o}", "rows_file",
		image_string(options->rows_path), "rows", (json_int_t)first->n_rows, "unlabelled",
		(json_int_t)first->n_unlabelled, "weighted", (int)first->weighted, "rows_sha256",
		sha256, "isa", result->isa, "cache_bytes", caches, "models", models);
	if (first->samples)
		json_object_set_new(object, "bootstrap",
			json_pack("{s:I, s:I, s:f}", "samples", (json_int_t)options->n_samples,
				"seed", (json_int_t)options->seed, "confidence",
				options->confidence));
	return tool_print_json_doubles(object);
}
