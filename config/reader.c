// SPDX-License-Identifier: BSD-3-Clause
#include "config/reader.h"

#include <stdarg.h>
#include <stdio.h>

int reader_refuse(
	const struct reader *reader, const config_setting_t *setting, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES];
	struct error mistake;
	const char *file = setting ? config_setting_source_file(setting) : NULL;
	unsigned line = setting ? config_setting_source_line(setting) : 0;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!file)
		file = reader->path;
	if (!line) // the root setting has none
		error_set(&mistake, -EINVAL, "%s: %s", file, text);
	else
		error_set(&mistake, -EINVAL, "%s:%u: %s", file, line, text);
	if ((*reader->n)++ == 0)
		*reader->err = mistake;
	if (reader->tell)
		reader->tell(reader->arg, mistake.text);
	return -EINVAL;
}
