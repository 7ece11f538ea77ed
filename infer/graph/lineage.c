// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/lineage.h"

#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/infer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINEAGE_NAME_BYTES    200  // of a file's name
#define LINEAGE_OPTIONS_BYTES 1200 // so that figures find room behind them

struct lineage_line {
	char text[MODEL_LINEAGE_BYTES_MAX + 1];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void lineage_print(
	struct lineage_line *line, const char *format, ...)
{
	const size_t room = sizeof(line->text) - line->length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->text + line->length, room, format, args);
	va_end(args);
	if (length > 0)
		line->length += (size_t)length < room ? (size_t)length : room - 1;
}

// The folder is of no use to whoever has the image, and is none of their business.
static void lineage_print_name(struct lineage_line *line, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;

	lineage_print(line, "%.*s", text_cut(name, LINEAGE_NAME_BYTES), name);
}

static void lineage_print_hash(struct lineage_line *line, const uint8_t *sha256)
{
	if (!sha256)
		return;
	lineage_print(line, " (SHA-256 ");
	for (int i = 0; i < 32; i++)
		lineage_print(line, "%02x", sha256[i]);
	lineage_print(line, ")");
}

static void lineage_describe(struct lineage_line *line, const struct lineage_step *step)
{
	lineage_print(line, "%s", step->step);
	if (step->from) {
		lineage_print(line, " of ");
		lineage_print_name(line, step->from);
		lineage_print_hash(line, step->from_sha256);
	}
	if (step->options && step->options[0])
		lineage_print(line, " with %.*s", text_cut(step->options, LINEAGE_OPTIONS_BYTES),
			step->options);
	if (step->rows) {
		lineage_print(
			line, ", on %zu row%s of ", step->n_rows, step->n_rows == 1 ? "" : "s");
		lineage_print_name(line, step->rows);
		lineage_print_hash(line, step->rows_sha256);
	}
	if (step->figures && step->figures[0])
		lineage_print(line, ": %s", step->figures);
	text_clean(line->text);
}

int lineage_add(struct graph *graph, const struct lineage_step *step, struct error *err)
{
	const uint32_t n = graph->n_lineage;
	struct lineage_line line = { .length = 0 };
	const char **lines;

	if (n >= MODEL_LINEAGE_MAX)
		return error_set(err, -EINVAL,
			"the model has gone through %u steps already, more than %d are not kept", n,
			MODEL_LINEAGE_MAX);
	lineage_describe(&line, step);
	lines = arena_calloc(graph->arena, n + 1ull, sizeof(*lines));
	if (lines)
		lines[n] = arena_strdup(graph->arena, line.text);
	if (!lines || !lines[n])
		return error_set(err, -ENOMEM, "no memory for the model's lineage");
	for (uint32_t i = 0; i < n; i++)
		lines[i] = graph->lineage[i];
	graph->lineage = lines;
	graph->n_lineage = n + 1;
	return 0;
}
