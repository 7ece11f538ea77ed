// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rows_fini(struct rows *rows)
{
	for (uint32_t c = 0; rows->names && c < rows->n_columns; c++)
		free(rows->names[c]);
	free(rows->names);
	for (uint32_t t = 0; t < rows->n_texts; t++) {
		for (size_t r = 0; rows->texts[t].values && r < rows->n_rows; r++)
			free(rows->texts[t].values[r]);
		free(rows->texts[t].values);
		free(rows->texts[t].name);
	}
	free(rows->texts);
	free(rows->categories);
	free(rows->values);
	for (uint32_t i = 0; i < rows->n_notes; i++)
		free(rows->notes[i]);
	memset(rows, 0, sizeof(*rows));
}

const struct rows_text *rows_text(const struct rows *rows, const char *name)
{
	for (uint32_t t = 0; t < rows->n_texts; t++) {
		if (rows->texts[t].name && strcmp(rows->texts[t].name, name) == 0)
			return &rows->texts[t];
	}
	return NULL;
}

void rows_note(struct rows *rows, const char *format, ...)
{
	va_list args;
	int n;

	if (rows->n_notes == ROWS_NOTES_MAX)
		return;
	va_start(args, format);
	n = vasprintf(&rows->notes[rows->n_notes], format, args);
	va_end(args);
	rows->n_notes += n >= 0;
}
