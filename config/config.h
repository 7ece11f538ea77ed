// SPDX-License-Identifier: BSD-3-Clause
// The configuration of martletd: a libconfig file to a struct, every mistake named with file:line,
// the key and what would be right.
#pragma once

#include "base/error.h"
#include "config/settings.h"

// Reads and checks the whole file: syntax, unknown and missing keys, types, ranges, duplicates,
// CPUs that do not exist, images that are not there. -EINVAL with "file:line: key: ..., ...".
int config_load(const char *path, struct config *config, struct error *err);
// The same, where each mistake is told as such a sentence, in the order in which they are found; `err` has the
// first one. Behind a mistake of syntax nothing can be read.
int config_load_all(const char *path, struct config *config,
	void (*tell)(void *arg, const char *mistake), void *arg, struct error *err);
// The two for text in memory; `path` is for messages.
int config_parse_all(const char *path, const char *text, struct config *config,
	void (*tell)(void *arg, const char *mistake), void *arg, struct error *err);
int config_parse(const char *path, const char *text, struct config *config, struct error *err);
// As whom martletd runs by it, as base/trust/trusted_file.h wants it; "": it stays who it is.
const char *config_service_user(const struct config *config);
