// SPDX-License-Identifier: BSD-3-Clause
// Aligned columns on a terminal or in a pipe, no colours. A terminal gets lines that are no longer
// than it is wide, which end in … where there is more; a pipe gets all.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct table {
	uint32_t n_columns;
	char **cells; // row after row, the header first
	uint32_t n_cells, capacity;
	bool failed; // out of memory: printing refuses
};

// `headers`: [n_columns]; one that begins with '>' is printed without it and aligns to the right.
void table_init(struct table *table, const char *const *headers, uint32_t n_columns);
// The next cell, left to right, row after row. Control characters become '?'.
__attribute__((format(printf, 2, 3))) void table_add(struct table *table, const char *format, ...);
// Prints with `indent` spaces before each line, and frees. Refuses a table that is not whole.
void table_print(struct table *table, FILE *to, int indent);
// How many columns UTF-8 text takes on a terminal.
uint32_t table_width(const char *text);

#define TABLE_INIT(table, ...)                                                                     \
	table_init((table), (const char *const[]){ __VA_ARGS__ },                                  \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
