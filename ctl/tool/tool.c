// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/tool.h"

#include <string.h>

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

static void complain(const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	tool_clean(text);
	fflush(stdout);
	fprintf(stderr, "martletctl: %s\n", text);
}

int tool_refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return TOOL_REFUSED;
}

int tool_misused(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	if (tool.command)
		fprintf(stderr, "usage: martletctl %s%s%s\n", tool.command->words,
			*tool.command->arguments ? " " : "", tool.command->arguments);
	return TOOL_USAGE;
}

int tool_print_json(json_t *value)
{
	int bad = !value || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) ||
		putchar('\n') == EOF;

	json_decref(value);
	return bad
		? tool_refuse("could not write the JSON: out of memory or standard output is gone")
		: TOOL_DONE;
}
