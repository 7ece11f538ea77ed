// SPDX-License-Identifier: BSD-3-Clause
#include "base/error.h"

void error_write(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
}

void error_write_where(struct error *err, const char *format, ...)
{
	char tail[ERROR_TEXT_BYTES];
	va_list args;
	int n;

	snprintf(tail, sizeof(tail), "%s", err->text);
	va_start(args, format);
	n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text) - 2)
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %.*s",
			(int)sizeof(err->text) - n - 3, tail);
}
