// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/verdict_report.h"

#include "base/svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_WIDTH     1000.0
#define PLOT_WIDTH     390.0
#define PLOT_HEIGHT    300.0
#define ACROSS         490.0 // from one plot's frame to the next
#define DOWN           390.0
#define LEFT           80.0
#define LEGEND_LINE    20.0
#define NAME_CHARS     60
#define FIGURES_SHOWN  6  // of a model, for which there is room
#define CONFUSION_MAX  25 // classes that are drawn
#define CONFUSION_TEXT 12 // classes whose counts have room

struct report {
	FILE *file;
	const struct verdict *verdicts;
	uint32_t n;
	double top; // of the first plot
	uint32_t n_plots;
};

// What a model is called here: its file, without the folders.
static const char *name_of(const struct verdict *v)
{
	const char *slash = strrchr(v->path, '/');

	return slash && slash[1] ? slash + 1 : v->path;
}

// The frame of the next plot.
static struct svg_plot next_plot(
	struct report *report, const char *title, const char *across, const char *up)
{
	const uint32_t at = report->n_plots++, line = at / 2;

	return (struct svg_plot){ .file = report->file,
		.x = LEFT + ACROSS * (at % 2),
		.y = report->top + DOWN * line,
		.width = PLOT_WIDTH,
		.height = PLOT_HEIGHT,
		.title = title,
		.across = { across, 0, 1, false },
		.up = { up, 0, 1, false } };
}

static uint32_t count_with(const struct report *report, bool (*has)(const struct verdict *))
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < report->n; i++)
		n += has(&report->verdicts[i]);
	return n;
}

static bool has_curve(const struct verdict *e)
{
	return e->n_points > 1 && e->points[e->n_points - 1].hits > 0;
}

static bool has_roc(const struct verdict *e)
{
	return has_curve(e) && e->points[e->n_points - 1].false_alarms > 0;
}

static bool has_thresholds(const struct verdict *e)
{
	return has_curve(e) && e->positive;
}

static bool has_calibration(const struct verdict *e)
{
	return e->probabilities;
}

static bool has_confusion(const struct verdict *e)
{
	return e->confusion && e->n_classes <= CONFUSION_MAX;
}

static bool has_pairs(const struct verdict *e)
{
	return e->n_pairs > 0;
}

enum curve { CURVE_ROC, CURVE_PRECISION, CURVE_F1, CURVE_PRECISION_AT, CURVE_RECALL_AT };

static struct svg_point curve_point(
	enum curve curve, const struct ranking_point *point, const struct ranking_point *all)
{
	const double recall = point->hits / all->hits;
	const double decided = point->hits + point->false_alarms;
	const double precision = decided > 0 ? point->hits / decided : NAN;

	switch (curve) {
	case CURVE_ROC:
		return (struct svg_point){ point->false_alarms / all->false_alarms, recall };
	case CURVE_PRECISION:
		return (struct svg_point){ recall, precision };
	case CURVE_F1:
		return (struct svg_point){ point->threshold,
			2 * point->hits / (decided + all->hits) };
	case CURVE_PRECISION_AT:
		return (struct svg_point){ point->threshold, precision };
	default:
		return (struct svg_point){ point->threshold, recall };
	}
}

static void draw_points(
	const struct svg_plot *plot, const struct verdict *e, enum curve curve, unsigned colour)
{
	struct svg_point *points = malloc(e->n_points * sizeof(*points));

	if (!points) {
		svg_text(plot->file, plot->x + 10, plot->y + 20, SVG_START, 11, SVG_INK,
			"out of memory", 0);
		return;
	}
	for (size_t i = 0; i < e->n_points; i++)
		points[i] = curve_point(curve, &e->points[i], &e->points[e->n_points - 1]);
	svg_plot_line(plot, points, e->n_points, colour);
	free(points);
}

static void dot_in_use(
	const struct svg_plot *plot, const struct verdict *e, enum curve curve, unsigned colour)
{
	char text[120];

	if (e->n_choices == 0)
		return;
	snprintf(text, sizeof(text), "%.60s, as it decides", name_of(e));
	svg_plot_dot(plot, curve_point(curve, &e->choices[0].point, &e->points[e->n_points - 1]),
		colour, text);
}

static void draw_curves(struct report *report)
{
	struct svg_plot plot;

	if (count_with(report, has_roc)) {
		plot = next_plot(
			report, "ROC", "false positive rate", "recall (true positive rate)");
		svg_plot_begin(&plot);
		svg_plot_guide(&plot, (struct svg_point){ 0, 0 }, (struct svg_point){ 1, 1 });
		for (uint32_t i = 0; i < report->n; i++)
			if (has_roc(&report->verdicts[i])) {
				draw_points(&plot, &report->verdicts[i], CURVE_ROC, i);
				dot_in_use(&plot, &report->verdicts[i], CURVE_ROC, i);
			}
	}
	if (count_with(report, has_curve)) {
		plot = next_plot(report, "Precision and recall", "recall", "precision");
		svg_plot_begin(&plot);
		for (uint32_t i = 0; i < report->n; i++)
			if (has_curve(&report->verdicts[i])) {
				draw_points(&plot, &report->verdicts[i], CURVE_PRECISION, i);
				dot_in_use(&plot, &report->verdicts[i], CURVE_PRECISION, i);
			}
	}
}

// Thresholds from what all but a few rows score: outliers would leave the rest no room.
static void span_thresholds(const struct report *report, struct svg_axis *axis)
{
	double low = INFINITY, high = -INFINITY;
	bool probabilities = true;

	for (uint32_t i = 0; i < report->n; i++) {
		const struct verdict *e = &report->verdicts[i];

		if (!has_thresholds(e))
			continue;
		probabilities = probabilities && e->probabilities;
		low = fmin(low, e->points[e->n_points - 1 - e->n_points / 100].threshold);
		high = fmax(high, e->points[e->n_points / 100].threshold);
	}
	if (!probabilities && low < high) {
		axis->low = low;
		axis->high = high;
		axis->logarithmic = low > 0 && high > 100 * low;
	} else if (!probabilities) {
		axis->low = low - 1;
		axis->high = low + 1;
	}
}

static void draw_thresholds(struct report *report)
{
	static const char *const NAMES[] = { "F1", "precision", "recall" };
	const uint32_t n = count_with(report, has_thresholds);
	struct svg_plot plot;

	if (n == 0)
		return;
	plot = next_plot(report, n == 1 ? "By threshold" : "F1 by threshold", "threshold",
		n == 1 ? "F1, precision, recall" : "F1");
	span_thresholds(report, &plot.across);
	svg_plot_begin(&plot);
	for (uint32_t i = 0; i < report->n; i++) {
		const struct verdict *e = &report->verdicts[i];

		if (!has_thresholds(e))
			continue;
		draw_points(&plot, e, CURVE_F1, i);
		if (!isnan(e->threshold))
			dot_in_use(&plot, e, CURVE_F1, i);
		if (n > 1)
			continue;
		// Of one model there is room for what F1 is made of.
		draw_points(&plot, e, CURVE_PRECISION_AT, i + 1);
		draw_points(&plot, e, CURVE_RECALL_AT, i + 2);
		for (unsigned k = 0; k < 3; k++)
			svg_legend(report->file, plot.x + 120 + 95 * k, plot.y - 10, i + k,
				NAMES[k], 0);
	}
}

static void draw_calibration(struct report *report)
{
	const uint32_t n = count_with(report, has_calibration);
	struct svg_plot plot;

	if (n == 0)
		return;
	plot = next_plot(
		report, "Calibration (10 bins)", "predicted probability", "share that is so");
	svg_plot_begin(&plot);
	svg_plot_guide(&plot, (struct svg_point){ 0, 0 }, (struct svg_point){ 1, 1 });
	for (uint32_t i = 0; i < report->n; i++) {
		const struct verdict *e = &report->verdicts[i];
		struct svg_point points[10];
		size_t n_points = 0;

		for (int b = 0; b < 10 && e->probabilities; b++)
			if (e->bins_10[b].weight > 0)
				points[n_points++] = (struct svg_point){ e->bins_10[b].confidence,
					e->bins_10[b].right };
		svg_plot_line(&plot, points, n_points, i);
		for (size_t p = 0; p < n_points; p++)
			svg_plot_dot(&plot, points[p], i, NULL);
	}
}

static void draw_cell(
	FILE *file, double x, double y, double size, double share, double weight, bool text)
{
	char fill[8], label[24];
	const int faint = (int)lround(share * 255);

	snprintf(fill, sizeof(fill), "#%02x%02x%02x", 255 - faint, 255 - faint * (255 - 0x72) / 255,
		255 - faint * (255 - 0xb2) / 255);
	svg_box(file, x, y, size, size, fill, "#dddddd");
	if (!text)
		return;
	snprintf(label, sizeof(label),
		weight >= 1e5                     ? "%.3g"
			: weight == floor(weight) ? "%.0f"
						  : "%.1f",
		weight);
	svg_text(file, x + size / 2, y + size / 2 + 4, SVG_MIDDLE,
		size < 24           ? 8
			: size < 40 ? 9
				    : 12,
		share > 0.5 ? "#ffffff" : SVG_INK, label, 0);
}

static void draw_confusion(struct report *report, const struct verdict *e)
{
	char title[NAME_CHARS * 4 + 40];
	const uint32_t n = e->n_classes;
	struct svg_plot plot;
	double size;

	snprintf(title, sizeof(title), "Confusion (rows are the truth): %.*s", NAME_CHARS * 4,
		name_of(e));
	plot = next_plot(report, "", "", "");
	// Names of classes stand to the left and below, where ticks would.
	size = fmin((PLOT_HEIGHT - 30) / n, 90);
	svg_text(report->file, plot.x, plot.y - 10, SVG_START, 13, SVG_INK, title, NAME_CHARS);
	plot.x += 60;
	for (uint32_t row = 0; row < n; row++) {
		double all = 0;

		for (uint32_t column = 0; column < n; column++)
			all += e->confusion[row * n + column];
		svg_text(report->file, plot.x - 6, plot.y + size * (row + 0.5) + 4, SVG_END,
			size < 14 ? 8 : 10, SVG_INK, e->class_labels[row], 14);
		for (uint32_t column = 0; column < n; column++) {
			const double weight = e->confusion[row * n + column];

			draw_cell(report->file, plot.x + size * column, plot.y + size * row, size,
				all > 0 ? weight / all : 0, weight, n <= CONFUSION_TEXT);
		}
		svg_text_turned(report->file, plot.x + size * (row + 0.5) + 3,
			plot.y + size * n + 10, -40, SVG_END, size < 14 ? 8 : 10, SVG_INK,
			e->class_labels[row], 14);
	}
}

static void draw_numbers(struct report *report)
{
	struct svg_plot plot;
	double low = INFINITY, high = -INFINITY;

	if (count_with(report, has_pairs) == 0)
		return;
	for (uint32_t i = 0; i < report->n; i++)
		for (uint32_t p = 0; p < report->verdicts[i].n_pairs; p++) {
			const struct evaluate_pair *pair = &report->verdicts[i].pairs[p];

			low = fmin(low, (double)fminf(pair->truth, pair->foreseen));
			high = fmax(high, (double)fmaxf(pair->truth, pair->foreseen));
		}
	if (!(low < high)) {
		low -= 1;
		high += 1;
	}
	plot = next_plot(report, "Predicted beside the truth", "truth", "predicted");
	plot.across.low = plot.up.low = low;
	plot.across.high = plot.up.high = high;
	svg_plot_begin(&plot);
	svg_plot_guide(&plot, (struct svg_point){ low, low }, (struct svg_point){ high, high });
	for (uint32_t i = 0; i < report->n; i++)
		for (uint32_t p = 0; p < report->verdicts[i].n_pairs; p++) {
			const struct evaluate_pair *pair = &report->verdicts[i].pairs[p];

			svg_plot_dot(&plot,
				(struct svg_point){ (double)pair->truth, (double)pair->foreseen },
				i, NULL);
		}
}

// A line of the legend: the model and the figures that matter most.
static void name_model(const struct report *report, uint32_t i, double y)
{
	static const enum figure SHOWN[] = { FIGURE_ACCURACY, FIGURE_F1, FIGURE_MACRO_F1,
		FIGURE_ROC_AUC, FIGURE_MACRO_ROC_AUC, FIGURE_PR_AUC, FIGURE_ECE_10, FIGURE_RMSE,
		FIGURE_R2 };
	static const char *const NAMES[] = { "accuracy", "F1", "macro F1", "ROC AUC",
		"macro ROC AUC", "PR AUC", "ECE", "RMSE", "R²" };
	const struct verdict *e = &report->verdicts[i];
	char text[400];
	size_t used = 0;
	int n = 0;

	svg_legend(report->file, LEFT, y, i, name_of(e), 32);
	for (size_t s = 0; s < sizeof(SHOWN) / sizeof(SHOWN[0]); s++)
		if (!isnan(e->figures[SHOWN[s]]) && n++ < FIGURES_SHOWN)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %.4g",
				used ? " · " : "", NAMES[s], e->figures[SHOWN[s]]);
	svg_text(report->file, LEFT + 270, y, SVG_START, 12, SVG_FAINT, used ? text : "", 0);
}

static uint32_t count_plots(const struct report *report)
{
	return (count_with(report, has_roc) > 0) + (count_with(report, has_curve) > 0) +
		(count_with(report, has_thresholds) > 0) +
		(count_with(report, has_calibration) > 0) + count_with(report, has_confusion) +
		(count_with(report, has_pairs) > 0);
}

void verdict_draw(FILE *file, const char *rows_path, const struct verdict *verdicts, uint32_t n)
{
	struct report report = { .file = file, .verdicts = verdicts, .n = n };
	const uint32_t lines = (count_plots(&report) + 1) / 2;
	char text[512];

	report.top = 110 + LEGEND_LINE * n;
	svg_begin(file, PAGE_WIDTH, report.top + DOWN * lines, "Evaluation");
	svg_text(file, LEFT - 20, 36, SVG_START, 18, SVG_INK, "Evaluation", 0);
	snprintf(text, sizeof(text), "%zu rows of %.400s%s%.60s", verdicts[0].n_rows, rows_path,
		verdicts[0].positive ? "; positive: " : "",
		verdicts[0].positive ? verdicts[0].positive : "");
	svg_text(file, LEFT - 20, 56, SVG_START, 12, SVG_FAINT, text, 130);
	for (uint32_t i = 0; i < n; i++)
		name_model(&report, i, 80 + LEGEND_LINE * i);
	draw_curves(&report);
	draw_thresholds(&report);
	draw_calibration(&report);
	for (uint32_t i = 0; i < n; i++)
		if (has_confusion(&verdicts[i]))
			draw_confusion(&report, &verdicts[i]);
	draw_numbers(&report);
	svg_end(file);
}
