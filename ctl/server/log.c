// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	int priority; // syslog(3)'s
} LEVELS[LOG_LEVELS] = {
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
};

static _Atomic(int) log_least = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_least, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&log_least, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	return LEVELS[level].name;
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (int i = 0; i < LOG_LEVELS; i++)
		if (strcmp(name, LEVELS[i].name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

// Whether standard error is the journal's: JOURNAL_STREAM is "device:inode" of the stream that the
// service manager gave (systemd.exec(5)), and stays set where standard error was sent elsewhere since.
static bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_event(enum log_level level, const char *format, ...)
{
	char text[1024], when[32];
	struct timespec now;
	struct tm utc;
	va_list args;

	if (level < log_get_level())
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++) // a name from outside must not forge a line
		if ((unsigned char)*c < ' ')
			*c = '?';
	if (log_is_journal()) {
		fprintf(stderr, "<%d>%s\n", LEVELS[level].priority, text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(stderr, "%s.%03ldZ %s: %s\n", when, now.tv_nsec / 1000000, LEVELS[level].name,
		text);
}

void log_refusal(const char *program, const char *sentence)
{
	if (log_is_journal())
		fprintf(stderr, "<%d>%s\n", LOG_ERR, sentence);
	else
		fprintf(stderr, "%s: %s\n", program, sentence);
}
