// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/report.h"

#include "infer/graph/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void report_add(struct compile_report *report, const char *format, ...)
{
	char line[512];
	char **grown;
	va_list args;

	if (!report || report->n_lines >= REPORT_LINES_MAX)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_clean(line); // the names in it are the file's
	for (size_t i = 0; i < report->n_lines; i++) {
		if (strcmp(report->lines[i], line) == 0)
			return;
	}
	grown = realloc(report->lines, (report->n_lines + 1) * sizeof(*grown));
	if (!grown)
		return;
	report->lines = grown;
	report->lines[report->n_lines] = strdup(line);
	if (report->lines[report->n_lines])
		report->n_lines++;
}

void compile_report_fini(struct compile_report *report)
{
	for (size_t i = 0; i < report->n_lines; i++)
		free(report->lines[i]);
	free(report->lines);
	memset(report, 0, sizeof(*report));
}
