// SPDX-License-Identifier: BSD-3-Clause
// The process that runs control.drain_hook: drain_hook.c's child, and what the two say to each other, each a message of
// its own on a socket pair.
#pragma once

#include <stdint.h>

struct config;

enum hook_word { HOOK_RUN, HOOK_END }; // to the process

enum hook_news_kind { HOOK_BEGAN, HOOK_ENDED, HOOK_FAILED };
struct hook_news { // from the process
	enum hook_news_kind kind;
	int32_t value; // the hook's process, its status as waitpid() has it, an errno
};

// The child's own: it waits for words until the other end is closed, and then ends.
_Noreturn void hook_process_run(const struct config *config, int socket);
