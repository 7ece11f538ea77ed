// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/table.h"

#include "ctl/tool/tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void table_add_text(struct table *table, char *text)
{
	if (table->n_cells == table->capacity) {
		uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
		char **cells = realloc(table->cells, capacity * sizeof(*cells));

		if (!cells) {
			free(text);
			text = NULL;
		} else {
			table->cells = cells;
			table->capacity = capacity;
		}
	}
	if (!text) {
		table->failed = true;
		return;
	}
	tool_clean(text);
	table->cells[table->n_cells++] = text;
}

void table_init(struct table *table, const char *const *headers, uint32_t n_columns)
{
	*table = (struct table){ .n_columns = n_columns };
	for (uint32_t c = 0; c < n_columns; c++)
		table_add_text(table, strdup(headers[c]));
}

void table_add(struct table *table, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	table_add_text(table, n < 0 ? NULL : text);
}

uint32_t table_width(const char *text)
{
	uint32_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80; // all but continuation bytes
	return width;
}

static void table_print_cell(FILE *to, const char *text, uint32_t width, bool right, bool last)
{
	int gap = (int)(width - table_width(text));

	if (right)
		fprintf(to, "%*s%s", gap, "", text);
	else
		fprintf(to, "%s%*s", text, last ? 0 : gap, "");
}

void table_print(struct table *table, FILE *to, int indent)
{
	uint32_t n = table->n_columns, rows = n ? table->n_cells / n : 0;

	for (uint32_t r = 0; r < rows && !table->failed; r++) {
		fprintf(to, "%*s", indent, "");
		for (uint32_t c = 0; c < n; c++) {
			bool right = table->cells[c][0] == '>';
			uint32_t width = 0;

			for (uint32_t i = 0; i < rows; i++) {
				const char *cell = table->cells[i * n + c] + (!i && right);
				uint32_t w = table_width(cell);

				width = w > width ? w : width;
			}
			if (c)
				fprintf(to, "  ");
			table_print_cell(to, table->cells[r * n + c] + (!r && right), width, right,
				c + 1 == n);
		}
		fputc('\n', to);
	}
	if (table->failed)
		tool_refuse("out of memory for a table of %u cells", table->n_cells);
	for (uint32_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}
