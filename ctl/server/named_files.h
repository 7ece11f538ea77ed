// SPDX-License-Identifier: BSD-3-Clause
// The files of keys, tokens and certificates that a configuration names, for martletd --check: read as the start reads
// them, and given up again. sodium_init() is called before. Blocks.
#pragma once

#include "base/error.h"
#include "config/config.h"

// Of trust.audit_key, which the start reads before it becomes process.user, and makes where it is not there. Else why it would be
// refused.
int named_files_check_audit_key(const struct config *config, struct error *err);
// Of the others, which it reads as that user. Visits why each that could not be used would be refused, by the name of
// its setting. What may come later (trust.tokens) may be missing, and so may what the service manager alone hands out
// (credentials) where it has handed out nothing.
void named_files_check(
	const struct config *config, void (*refuse)(void *arg, const char *sentence), void *arg);
