// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/table.h"

#include "ctl/tool/tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

static void table_print_rows(const struct table *table, FILE *to, int indent)
{
	const uint32_t n = table->n_columns, rows = n ? table->n_cells / n : 0;

	for (uint32_t r = 0; r < rows; r++) {
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
}

// Characters in a line of the terminal that `to` is; 0: it is none.
static uint32_t table_terminal_width(FILE *to)
{
	const int fd = fileno(to);
	struct winsize size;

	return fd >= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Prints lines of UTF-8; what is wider than the terminal ends in a sign that there is more.
static void table_print_cut(const char *text, FILE *to, uint32_t width)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		char *line = strndup(text, end ? (size_t)(end - text) : strlen(text));
		uint32_t at = 0;

		if (line && table_width(line) > width) {
			char *c = line;

			for (; at < width; c++)
				at += ((unsigned char)*c & 0xc0) != 0x80;
			c[-1] = '\0'; // where the last character that fits begins
			fprintf(to, "%s…\n", line);
		} else if (line) {
			fprintf(to, "%s\n", line);
		}
		free(line);
		text = end ? end + 1 : "";
	}
}

void table_print(struct table *table, FILE *to, int indent)
{
	const uint32_t width = table_terminal_width(to);
	char *text = NULL;
	size_t size = 0;
	FILE *memory = width && !table->failed ? open_memstream(&text, &size) : NULL;

	if (!table->failed)
		table_print_rows(table, memory ? memory : to, indent);
	if (memory && fclose(memory) == 0)
		table_print_cut(text, to, width);
	free(text);
	if (table->failed)
		tool_refuse("out of memory for a table of %u cells", table->n_cells);
	for (uint32_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}
