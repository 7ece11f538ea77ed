// SPDX-License-Identifier: BSD-3-Clause
// One line an event on standard error: time (UTC), level, sentence. Where standard error is the
// journal, which has times of its own, a line is "<6>sentence" with the level as syslog(3) numbers
// it: sd-daemon(3). Any thread but an lcore.
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
#define LOG_LEVELS 4

// Levels below `level` are left out from here on; info before the first call.
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
const char *log_level_name(enum log_level level); // "info"
// False where no level has this name.
bool log_level_parse(const char *name, enum log_level *level);

__attribute__((format(printf, 2, 3))) void log_event(enum log_level level, const char *format, ...);
// Why a program ends, or does not begin: "program: sentence", whatever the level, and without a time.
void log_refusal(const char *program, const char *sentence);

#define log_debug(...)   log_event(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)    log_event(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_event(LOG_LEVEL_ERROR, __VA_ARGS__)
