// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/compress/compress_report.h"

#include "base/svg.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH       1000.0
#define PLOT_WIDTH  860.0
#define PLOT_HEIGHT 420.0
#define LEFT        90.0
#define TOP         80.0
#define LINE        20.0
#define TEXT_MOST   120

static int compare_across(const void *a, const void *b)
{
	const struct svg_point *x = a, *y = b;

	return (x->x > y->x) - (x->x < y->x);
}

// Of trials that can be drawn: a time above 0, and a figure that is a number.
static bool draw_place(const struct compress_trial *trial, uint32_t batch, struct svg_point *at)
{
	*at = (struct svg_point){ trial->ns_per_row[batch], trial->figure };
	return at->x > 0 && isfinite(at->x) && isfinite(at->y);
}

static void draw_axes(const struct compress_options *options, const struct compress_result *result,
	struct svg_plot *plot)
{
	double low = INFINITY, high = 0, least = 1, most = -INFINITY;

	for (uint32_t i = 0; i < result->n_trials; i++) {
		struct svg_point at;

		if (!draw_place(&result->trials[i], options->batch, &at))
			continue;
		low = fmin(low, at.x);
		high = fmax(high, at.x);
		least = fmin(least, at.y);
		most = fmax(most, at.y);
	}
	if (!(low <= high))
		low = high = 1;
	if (!(least <= most))
		least = most = 1;
	plot->across = (struct svg_axis){ "nanoseconds a row", low / 1.25, high * 1.25, true };
	plot->up = (struct svg_axis){ result->figure, least - 0.05 * (most - least) - 0.002,
		most + 0.05 * (most - least) + 0.002, false };
}

static void draw_front(const struct svg_plot *plot, const struct compress_options *options,
	const struct compress_result *result)
{
	struct svg_point front[COMPRESS_TRIALS_MAX] = { { 0 } };
	size_t n = 0;

	for (uint32_t i = 0; i < result->n_trials; i++)
		if (result->trials[i].front &&
			draw_place(&result->trials[i], options->batch, &front[n]))
			n++;
	qsort(front, n, sizeof(*front), compare_across);
	svg_plot_line(plot, front, n, 0);
}

void compress_draw(FILE *file, const char *model, const struct compress_options *options,
	const struct compress_result *result)
{
	struct svg_plot plot = {
		.file = file, .x = LEFT, .y = TOP, .width = PLOT_WIDTH, .height = PLOT_HEIGHT
	};
	double y = TOP + PLOT_HEIGHT + 70;
	char note[COMPRESS_TEXT + 120];

	svg_begin(file, WIDTH, y + LINE * (result->n_trials + 2), "model compress");
	svg_text(file, LEFT, 30, SVG_START, 18, SVG_INK, model, TEXT_MOST);
	draw_axes(options, result, &plot);
	snprintf(note, sizeof(note), "%u trials, batch %u, %zu rows held back", result->n_trials,
		MODEL_BATCH_CLASS[options->batch], result->n_held);
	plot.title = note;
	svg_plot_begin(&plot);
	draw_front(&plot, options, result);
	for (uint32_t i = 0; i < result->n_trials; i++) {
		const struct compress_trial *trial = &result->trials[i];
		const unsigned colour = i == result->chosen ? 1 : trial->front ? 0 : 7;
		struct svg_point at;

		snprintf(note, sizeof(note), "%s: %s %.4f, %.1f ns, %zu bytes%s", trial->steps,
			result->figure, trial->figure, trial->ns_per_row[options->batch],
			trial->image_bytes, i == result->chosen ? ", chosen" : "");
		if (draw_place(trial, options->batch, &at))
			svg_plot_dot(&plot, at, colour, note);
		svg_legend(file, LEFT, y, colour, note, TEXT_MOST);
		y += LINE;
	}
	svg_end(file);
}
