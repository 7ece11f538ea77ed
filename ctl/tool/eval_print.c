// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/eval_print.h"

#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_SHOWN   60 // lines of a table
#define CONFUSION_SHOWN 12 // columns

// A share in four digits behind the point; anything else in six digits.
static void format_figure(char text[24], enum figure figure, double value)
{
	const bool share = figure < FIGURE_MAE && figure != FIGURE_LOG_LOSS;

	snprintf(text, 24, isnan(value) ? "-" : share ? "%.4f" : "%.6g", value);
}

static void add_number(struct table *table, double value)
{
	if (isnan(value))
		table_add(table, "-");
	else
		table_add(table, "%.4f", value);
}

static void add_rows(struct table *table, double weight)
{
	if (weight == floor(weight) && weight < 1e15)
		table_add(table, "%s", format_count((uint64_t)weight).s);
	else
		table_add(table, "%.6g", weight);
}

// A line of the table of all models; left out where none has it.
static void add_figure(struct table *table, const struct eval_result *result, enum figure figure)
{
	bool any = false;

	for (uint32_t i = 0; i < result->n; i++)
		any = any || !isnan(result->verdicts[i].figures[figure]);
	if (!any)
		return;
	table_add(table, "%s", eval_figure_key(figure));
	for (uint32_t i = 0; i < result->n; i++) {
		const struct verdict *e = &result->verdicts[i];
		char value[24], low[24], high[24];

		format_figure(value, figure, e->figures[figure]);
		format_figure(low, figure, e->low[figure]);
		format_figure(high, figure, e->high[figure]);
		if (e->samples && !isnan(e->low[figure]))
			table_add(table, "%s (%s to %s)", value, low, high);
		else
			table_add(table, "%s", value);
	}
}

static void add_machine(struct table *table, const struct eval_result *result)
{
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		if (result->options->no_timing || !(result->batches & 1u << c))
			continue;
		table_add(table, "ns a row, batch %u", MODEL_BATCH_CLASS[c]);
		for (uint32_t i = 0; i < result->n; i++)
			table_add(table, "%.1f", result->verdicts[i].bench[c].ns_per_row);
	}
	table_add(table, "image");
	for (uint32_t i = 0; i < result->n; i++)
		table_add(table, "%s", format_bytes(result->verdicts[i].image_bytes).s);
	table_add(table, "weights");
	for (uint32_t i = 0; i < result->n; i++) {
		const uint64_t bytes = result->verdicts[i].weights_bytes;
		const unsigned level = caches_level(&result->caches, bytes);

		if (level)
			table_add(table, "%s, fit into L%u", format_bytes(bytes).s, level);
		else
			table_add(table, "%s%s", format_bytes(bytes).s,
				result->caches.bytes[0] ? ", fit into no cache" : "");
	}
}

static int print_models(const struct eval_result *result)
{
	const char **headers = calloc(result->n + 1, sizeof(*headers));
	char(*names)[300] = calloc(result->n, sizeof(*names));
	struct table table;

	if (!headers || !names) {
		free(headers);
		free(names);
		return tool_refuse("out of memory");
	}
	headers[0] = "FIGURE";
	for (uint32_t i = 0; i < result->n; i++) {
		snprintf(names[i], sizeof(names[i]), ">%.280s", result->verdicts[i].path);
		headers[i + 1] = names[i];
	}
	table_init(&table, headers, result->n + 1);
	for (int f = 0; f < FIGURES; f++)
		add_figure(&table, result, (enum figure)f);
	add_machine(&table, result);
	table_print(&table, stdout, 0);
	free(headers);
	free(names);
	return TOOL_DONE;
}

// Does the interval of the difference leave out 0?
static bool differs(const struct eval_result *result, uint32_t i, int figure)
{
	const double low = result->difference_low[i * FIGURES + figure];
	const double high = result->difference_high[i * FIGURES + figure];

	return low > 0 || high < 0;
}

static void print_differences(const struct eval_result *result)
{
	char first[512];
	struct table table;
	uint32_t n = 0;

	if (!result->difference_low)
		return;
	tool_copy_clean(first, sizeof(first), result->verdicts[0].path);
	for (uint32_t i = 1; i < result->n; i++)
		for (int f = 0; f < FIGURES; f++)
			n += differs(result, i, f);
	if (n == 0) {
		printf("\nno figure differs from those of %s beyond chance\n", first);
		return;
	}
	printf("\nbeside %s, on the same samples, beyond chance:\n", first);
	TABLE_INIT(&table, "DIFFERS", "FIGURE", ">BY", ">FROM", ">TO");
	for (uint32_t i = 1; i < result->n; i++)
		for (int f = 0; f < FIGURES; f++) {
			if (!differs(result, i, f))
				continue;
			table_add(&table, "%s", result->verdicts[i].path);
			table_add(&table, "%s", eval_figure_key((enum figure)f));
			table_add(&table, "%+.4g",
				result->verdicts[i].figures[f] - result->verdicts[0].figures[f]);
			table_add(&table, "%+.4g", result->difference_low[i * FIGURES + f]);
			table_add(&table, "%+.4g", result->difference_high[i * FIGURES + f]);
		}
	table_print(&table, stdout, 2);
}

static void print_classes(const struct verdict *e)
{
	struct table table;
	const bool ranked = e->class_roc_auc != NULL;

	if (e->n_classes == 0)
		return;
	TABLE_INIT(&table, "CLASS", ">ROWS", ">DECIDED", ">PRECISION", ">RECALL", ">F1", ">ROC AUC",
		">PR AUC");
	for (uint32_t c = 0; c < e->n_classes && c < CLASSES_SHOWN; c++) {
		const struct metrics_class *class = &e->classes[c];
		const bool occurs = class->truth > 0 || class->predicted > 0;

		table_add(&table, "%s", e->class_labels[c]);
		add_rows(&table, class->truth);
		add_rows(&table, class->predicted);
		add_number(&table, occurs ? class->precision : NAN);
		add_number(&table, occurs ? class->recall : NAN);
		add_number(&table, occurs ? class->f1 : NAN);
		add_number(&table, ranked ? e->class_roc_auc[c] : NAN);
		add_number(&table, ranked ? e->class_pr_auc[c] : NAN);
	}
	table_print(&table, stdout, 2);
	if (e->n_classes > CLASSES_SHOWN)
		printf("  and %u more classes (--json has them)\n", e->n_classes - CLASSES_SHOWN);
}

static void print_confusion(const struct verdict *e)
{
	const char *headers[CONFUSION_SHOWN + 1] = { "TRUTH \\ DECIDED" };
	char names[CONFUSION_SHOWN][40];
	struct table table;

	if (!e->confusion || e->n_classes > CONFUSION_SHOWN)
		return;
	for (uint32_t c = 0; c < e->n_classes; c++) {
		snprintf(names[c], sizeof(names[c]), ">%.30s", e->class_labels[c]);
		headers[c + 1] = names[c];
	}
	table_init(&table, headers, e->n_classes + 1);
	for (uint32_t i = 0; i < e->n_classes; i++) {
		table_add(&table, "%s", e->class_labels[i]);
		for (uint32_t j = 0; j < e->n_classes; j++)
			add_rows(&table, e->confusion[i * e->n_classes + j]);
	}
	table_print(&table, stdout, 2);
}

static void print_thresholds(const struct verdict *e)
{
	struct table table;

	if (e->n_choices == 0)
		return;
	TABLE_INIT(&table, "THRESHOLD", ">FROM", ">PRECISION", ">RECALL", ">F1", ">FPR",
		">FALSE ALARMS", ">MISSES");
	for (uint32_t i = 0; i < e->n_choices; i++) {
		const struct ranking_point *point = &e->choices[i].point;
		const struct ranking_point *all = &e->points[e->n_points - 1];
		const struct eval_rates rates = eval_rates(point, all);

		table_add(&table, "%s", e->choices[i].why);
		if (isnan(point->threshold))
			table_add(&table, "largest");
		else
			table_add(&table,
				(double)(float)point->threshold == point->threshold ? "%.9g"
										    : "%.17g",
				point->threshold);
		add_number(&table, rates.precision);
		add_number(&table, rates.recall);
		add_number(&table, rates.f1);
		add_number(&table, rates.false_positive_rate);
		add_rows(&table, point->false_alarms);
		add_rows(&table, all->hits - point->hits);
	}
	table_print(&table, stdout, 2);
}

static void print_groups(const struct verdict *e)
{
	struct table table;

	if (e->n_groups == 0)
		return;
	TABLE_INIT(&table, "LABEL", ">ROWS", ">DECIDED POSITIVE", ">SHARE");
	for (uint32_t g = 0; g < e->n_groups && g < CLASSES_SHOWN; g++) {
		const struct evaluate_group *group = &e->groups[g];

		table_add(&table, "%s", group->label);
		add_rows(&table, group->weight);
		add_rows(&table, group->found);
		add_number(&table, group->weight > 0 ? group->found / group->weight : NAN);
	}
	table_print(&table, stdout, 2);
	if (e->n_groups > CLASSES_SHOWN)
		printf("  and %u more labels (--json has them)\n", e->n_groups - CLASSES_SHOWN);
}

static void print_clean(const char *text)
{
	char line[1024];

	tool_copy_clean(line, sizeof(line), text);
	printf("  %s\n", line);
}

int eval_print_text(const struct eval_result *result)
{
	const struct verdict *first = &result->verdicts[0];
	char rows[512];

	tool_copy_clean(rows, sizeof(rows), result->options->rows_path);
	printf("%s: %s rows%s", rows, format_count(first->n_rows).s,
		first->weighted ? ", weighted" : "");
	if (first->n_unlabelled)
		printf(", %s more without a label are left out",
			format_count(first->n_unlabelled).s);
	if (!result->options->no_timing)
		printf("; kernels up to %s", result->isa);
	if (first->samples)
		printf("; intervals hold %g %% of %u samples", 100 * result->options->confidence,
			result->options->n_samples);
	printf("\n\n");
	if (print_models(result) != TOOL_DONE)
		return TOOL_REFUSED;
	print_differences(result);
	for (uint32_t i = 0; i < result->n; i++) {
		const struct verdict *e = &result->verdicts[i];
		char name[512];

		tool_copy_clean(name, sizeof(name), e->path);
		printf("\n%s\n", name);
		for (uint32_t k = 0; k < e->n_notes; k++)
			print_clean(e->notes[k]);
		print_classes(e);
		print_confusion(e);
		print_thresholds(e);
		print_groups(e);
	}
	return TOOL_DONE;
}
