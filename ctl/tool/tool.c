// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/tool.h"

#include <stdarg.h>
#include <stdio.h>

struct tool tool = { .socket = TOOL_SOCKET_DEFAULT };

void tool_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

void tool_copy_clean(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
	tool_clean(to);
}

int tool_refuse(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tool_clean(text);
	tool.refused = true;
	fflush(stdout); // so that both read in order where they go to one file
	fprintf(stderr, "martletctl: %s\n", text);
	return TOOL_REFUSED;
}

int tool_print_json(json_t *value)
{
	const bool good = value &&
		json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
		putchar('\n') != EOF;

	json_decref(value);
	if (good)
		return TOOL_DONE;
	return tool_refuse("could not write the JSON: out of memory or standard output is gone");
}
