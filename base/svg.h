// SPDX-License-Identifier: BSD-3-Clause
// Drawings and plots as SVG 1.1: no script, no style sheet, nothing from elsewhere; dark on a ground of their own,
// so that they read the same in a dark and in a light viewer. Texts may hold any bytes: what XML has no place for
// becomes '?'. Lengths are in pixels. Whether writing failed, ferror() of the file tells. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

void svg_begin(FILE *file, double width, double height, const char *title);
void svg_end(FILE *file);
// At most `max` characters of the text, with … where there are more; 0: all of them.
void svg_text(FILE *file, double x, double y, enum svg_anchor anchor, double size,
	const char *colour, const char *text, size_t max);
// The same, turned by as many degrees, clockwise, about where it begins.
void svg_text_turned(FILE *file, double x, double y, double degrees, enum svg_anchor anchor,
	double size, const char *colour, const char *text, size_t max);
void svg_box(FILE *file, double x, double y, double width, double height, const char *fill,
	const char *stroke);
// Colour number i of those that are told apart by anybody; behind the last they begin again.
const char *svg_colour(unsigned i);
#define SVG_COLOURS 8
#define SVG_INK     "#222222"
#define SVG_FAINT   "#666666"

struct svg_point {
	double x, y;
};

struct svg_axis {
	const char *label;
	double low, high; // low below high; of a logarithmic one both above 0
	bool logarithmic;
};

struct svg_plot {
	FILE *file;
	double x, y, width,
		height; // of the frame; ticks and labels take 56 to its left, 44 below, and the title 26 above
	const char *title;
	struct svg_axis across, up;
};

// The frame, its ticks, the axes' labels and the title.
void svg_plot_begin(const struct svg_plot *plot);
// Through the points in their order, those outside the axes moved to the edge; one that is not finite parts the line.
// Points that lie on the one before, as the eye sees it, are left out. `colour` as svg_colour()'s number: from
// SVG_COLOURS on lines are dashed.
void svg_plot_line(
	const struct svg_plot *plot, const struct svg_point *points, size_t n, unsigned colour);
// A thin grey one, for comparison.
void svg_plot_guide(const struct svg_plot *plot, struct svg_point from, struct svg_point to);
// A dot, with a note that viewers show when it is pointed at. NULL: none.
void svg_plot_dot(
	const struct svg_plot *plot, struct svg_point at, unsigned colour, const char *note);
// A line of a legend: the colour and what it stands for, `max` as in svg_text().
void svg_legend(FILE *file, double x, double y, unsigned colour, const char *text, size_t max);
