// SPDX-License-Identifier: BSD-3-Clause
#include "base/svg.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

#define TICKS_MAX 64
#define FINE      0.2 // pixels: nobody sees less

// Wong, "Points of view: Color blindness", Nature Methods 8 (2011), but for its yellow, which is lost on white.
static const char *const COLOURS[SVG_COLOURS] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
	"#e69f00", "#56b4e9", "#6a3d9a", "#444444" };
static const char *const ANCHORS[] = { "start", "middle", "end" };

const char *svg_colour(unsigned i)
{
	return COLOURS[i % SVG_COLOURS];
}

// Writes `text` so that XML takes it; at most `max` characters, where that is not 0.
static void svg_escape(FILE *file, const char *text, size_t max)
{
	size_t left = strlen(text), n = 0;

	while (left > 0) {
		size_t bytes = utf8_character(text, left);
		const bool known = bytes > 0;

		bytes = known ? bytes : 1;
		if (max && ++n == max && left > bytes) {
			fputs("…", file);
			return;
		}
		if (*text == '&')
			fputs("&amp;", file);
		else if (*text == '<')
			fputs("&lt;", file);
		else if (*text == '>')
			fputs("&gt;", file);
		else if (*text == '"')
			fputs("&quot;", file);
		else if (!known || (unsigned char)*text < ' ' || *text == 0x7f ||
			(bytes == 3 && memcmp(text, "\xef\xbf", 2) == 0 &&
				(unsigned char)text[2] >= 0xbe)) // U+FFFE and U+FFFF
			fputc('?', file);
		else
			fwrite(text, 1, bytes, file);
		text += bytes;
		left -= bytes;
	}
}

void svg_begin(FILE *file, double width, double height, const char *title)
{
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" "
		"font-family=\"system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif\" "
		"font-size=\"11\">\n<title>",
		width, height, width, height);
	svg_escape(file, title, 0);
	fputs("</title>\n", file);
	svg_box(file, 0, 0, width, height, "#ffffff", "none");
}

void svg_end(FILE *file)
{
	fputs("</svg>\n", file);
}

static void text_end(FILE *file, const char *text, size_t max)
{
	svg_escape(file, text, max);
	fputs("</text>\n", file);
}

void svg_text(FILE *file, double x, double y, enum svg_anchor anchor, double size,
	const char *colour, const char *text, size_t max)
{
	fprintf(file,
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%g\" fill=\"%s\">", x,
		y, ANCHORS[anchor], size, colour);
	text_end(file, text, max);
}

void svg_text_turned(FILE *file, double x, double y, double degrees, enum svg_anchor anchor,
	double size, const char *colour, const char *text, size_t max)
{
	fprintf(file,
		"<text transform=\"translate(%.1f %.1f) rotate(%g)\" text-anchor=\"%s\" "
		"font-size=\"%g\" fill=\"%s\">",
		x, y, degrees, ANCHORS[anchor], size, colour);
	text_end(file, text, max);
}

void svg_box(FILE *file, double x, double y, double width, double height, const char *fill,
	const char *stroke)
{
	fprintf(file,
		"<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" "
		"stroke=\"%s\"/>\n",
		x, y, width, height, fill, stroke);
}

// Where a value lies along its axis, 0..1; values outside at the edge.
static double axis_place(const struct svg_axis *axis, double value)
{
	double place;

	if (axis->logarithmic)
		place = value <= axis->low ? 0
					   : log(value / axis->low) / log(axis->high / axis->low);
	else
		place = (value - axis->low) / (axis->high - axis->low);
	return place < 0 ? 0 : place > 1 ? 1 : place;
}

static double plot_x(const struct svg_plot *plot, double value)
{
	return plot->x + plot->width * axis_place(&plot->across, value);
}

static double plot_y(const struct svg_plot *plot, double value)
{
	return plot->y + plot->height * (1 - axis_place(&plot->up, value));
}

// Round values between low and high: some five of a linear axis; of a logarithmic one its powers of ten, and 2 and
// 5 between them where these are few.
static unsigned axis_ticks(const struct svg_axis *axis, double ticks[TICKS_MAX])
{
	unsigned n = 0;

	if (axis->logarithmic) {
		const int first = (int)floor(log10(axis->low) + 1e-9);
		const int last = (int)ceil(log10(axis->high) - 1e-9);
		const int every = 1 + (last - first) / 8;

		for (int power = first; power <= last && n + 3 < TICKS_MAX; power += every)
			for (int i = 0; i < (last - first < 3 ? 3 : 1); i++)
				ticks[n++] = pow(10, power) * (i == 0 ? 1 : i == 1 ? 2 : 5);
	} else {
		const double rough = (axis->high - axis->low) / 5;
		const double unit = pow(10, floor(log10(rough)));
		const double step = unit *
			(rough / unit < 1.5                  ? 1
					: rough / unit < 3.5 ? 2
					: rough / unit < 7.5 ? 5
							     : 10);
		const double first = ceil(axis->low / step - 1e-9);

		for (int i = 0; i < TICKS_MAX && (first + i) * step <= axis->high + 1e-9 * step;
			i++)
			ticks[n++] =
				fabs((first + i) * step) < 1e-9 * step ? 0 : (first + i) * step;
	}
	return n;
}

// Is a tick on the axis? One at its end is, whatever rounding made of it.
static bool axis_has(const struct svg_axis *axis, double tick)
{
	const double slack = 1e-9 * (axis->logarithmic ? axis->low : axis->high - axis->low);

	return tick >= axis->low - slack && tick <= axis->high + slack;
}

static void plot_rule(FILE *file, double x1, double y1, double x2, double y2, const char *more)
{
	fprintf(file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"%s/>\n",
		x1, y1, x2, y2, more);
}

void svg_plot_begin(const struct svg_plot *plot)
{
	const double right = plot->x + plot->width, bottom = plot->y + plot->height;
	double ticks[TICKS_MAX];
	char text[32];
	unsigned n = axis_ticks(&plot->across, ticks);

	for (unsigned i = 0; i < n; i++) {
		const double x = plot_x(plot, ticks[i]);

		if (!axis_has(&plot->across, ticks[i]))
			continue;
		plot_rule(plot->file, x, plot->y, x, bottom, "");
		snprintf(text, sizeof(text), "%g", ticks[i]);
		svg_text(plot->file, x, bottom + 15, SVG_MIDDLE, 11, SVG_FAINT, text, 0);
	}
	n = axis_ticks(&plot->up, ticks);
	for (unsigned i = 0; i < n; i++) {
		const double y = plot_y(plot, ticks[i]);

		if (!axis_has(&plot->up, ticks[i]))
			continue;
		plot_rule(plot->file, plot->x, y, right, y, "");
		snprintf(text, sizeof(text), "%g", ticks[i]);
		svg_text(plot->file, plot->x - 6, y + 4, SVG_END, 11, SVG_FAINT, text, 0);
	}
	svg_box(plot->file, plot->x, plot->y, plot->width, plot->height, "none", "#888888");
	svg_text(plot->file, plot->x, plot->y - 10, SVG_START, 13, SVG_INK, plot->title, 0);
	svg_text(plot->file, plot->x + plot->width / 2, bottom + 34, SVG_MIDDLE, 11, SVG_INK,
		plot->across.label, 0);
	svg_text_turned(plot->file, plot->x - 44, plot->y + plot->height / 2, -90, SVG_MIDDLE, 11,
		SVG_INK, plot->up.label, 0);
}

static void line_begin(FILE *file, unsigned colour)
{
	fprintf(file, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\"%s points=\"",
		svg_colour(colour), colour >= SVG_COLOURS ? " stroke-dasharray=\"5 3\"" : "");
}

void svg_plot_line(
	const struct svg_plot *plot, const struct svg_point *points, size_t n, unsigned colour)
{
	double last_x = 0, last_y = 0;
	bool open = false;

	for (size_t i = 0; i < n; i++) {
		const bool there = isfinite(points[i].x) && isfinite(points[i].y);
		const bool ends =
			i + 1 == n || !isfinite(points[i + 1].x) || !isfinite(points[i + 1].y);
		double x, y;

		if (!there) {
			if (open)
				fputs("\"/>\n", plot->file);
			open = false;
			continue;
		}
		x = plot_x(plot, points[i].x);
		y = plot_y(plot, points[i].y);
		if (open && !ends && fabs(x - last_x) < FINE && fabs(y - last_y) < FINE)
			continue;
		if (!open)
			line_begin(plot->file, colour);
		fprintf(plot->file, "%s%.2f,%.2f", open ? " " : "", x, y);
		open = true;
		last_x = x;
		last_y = y;
	}
	if (open)
		fputs("\"/>\n", plot->file);
}

void svg_plot_guide(const struct svg_plot *plot, struct svg_point from, struct svg_point to)
{
	fprintf(plot->file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#999999\" "
		"stroke-dasharray=\"3 3\"/>\n",
		plot_x(plot, from.x), plot_y(plot, from.y), plot_x(plot, to.x), plot_y(plot, to.y));
}

void svg_plot_dot(
	const struct svg_plot *plot, struct svg_point at, unsigned colour, const char *note)
{
	if (!isfinite(at.x) || !isfinite(at.y))
		return;
	fprintf(plot->file,
		"<circle cx=\"%.2f\" cy=\"%.2f\" r=\"3.5\" fill=\"%s\" stroke=\"#ffffff\">",
		plot_x(plot, at.x), plot_y(plot, at.y), svg_colour(colour));
	if (note) {
		fputs("<title>", plot->file);
		svg_escape(plot->file, note, 0);
		fputs("</title>", plot->file);
	}
	fputs("</circle>\n", plot->file);
}

void svg_legend(FILE *file, double x, double y, unsigned colour, const char *text, size_t max)
{
	fprintf(file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-width=\"3\"%s/>\n",
		x, y - 4, x + 22, y - 4, svg_colour(colour),
		colour >= SVG_COLOURS ? " stroke-dasharray=\"5 3\"" : "");
	svg_text(file, x + 28, y, SVG_START, 12, SVG_INK, text, max);
}
