// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/tool.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

struct tool tool = { .socket = TOOL_SOCKET_DEFAULT,
	.parse_megabytes = TOOL_PARSE_MEGABYTES,
	.parse_seconds = TOOL_PARSE_SECONDS };

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

// One line on stderr, behind what stands on stdout, so that both read in order in one file.
static void tool_print_line(const char *what, const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	tool_clean(text);
	fflush(stdout);
	fprintf(stderr, "martletctl: %s%s\n", what, text);
}

int tool_refuse(const char *format, ...)
{
	va_list args;

	if (tool.quiet)
		return TOOL_REFUSED;
	va_start(args, format);
	tool_print_line("", format, args);
	va_end(args);
	tool.refused = true;
	return TOOL_REFUSED;
}

bool tool_has_sodium(void)
{
	if (sodium_init() >= 0)
		return true;
	tool_refuse("libsodium finds no source of randomness here");
	return false;
}

void tool_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tool_print_line("note: ", format, args);
	va_end(args);
}

static int tool_dump_json(json_t *value, int digits)
{
	const bool good = value &&
		json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(digits)) == 0 &&
		putchar('\n') != EOF;

	json_decref(value);
	if (good)
		return TOOL_DONE;
	return tool_refuse("could not write the JSON: out of memory or standard output is gone");
}

int tool_print_json(json_t *value)
{
	return tool_dump_json(value, 9);
}

int tool_print_json_doubles(json_t *value)
{
	return tool_dump_json(value, 17);
}
