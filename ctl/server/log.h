// SPDX-License-Identifier: BSD-3-Clause
// One line an event on stderr: time (UTC), level, sentence. Any thread but an lcore.
#pragma once

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

__attribute__((format(printf, 2, 3))) void log_event(enum log_level level, const char *format, ...);

#define log_info(...)    log_event(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_event(LOG_LEVEL_ERROR, __VA_ARGS__)
