// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void log_event(enum log_level level, const char *format, ...)
{
	static const char *const NAMES[] = { "info", "warning", "error" };
	char text[1024], when[32];
	struct timespec now;
	struct tm utc;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++) // a name from outside must not forge a line
		if ((unsigned char)*c < ' ')
			*c = '?';
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(stderr, "%s.%03ldZ %s: %s\n", when, now.tv_nsec / 1000000, NAMES[level], text);
}
