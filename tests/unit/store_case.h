// SPDX-License-Identifier: BSD-3-Clause
// A store in a folder of its own, and changes of it that are waited for.
#pragma once

#include "base/error.h"
#include "ctl/server/store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct event_base;

struct store_case {
	char path[64];
	struct event_base *base;
	struct store *store;
	bool is_done;     // the last change
	struct error err; // of it; code 0: it was made
};

// cmocka's setups and teardown: by io_uring where the kernel has it, or by ordinary calls.
int store_case_begin_ring(void **state);
int store_case_begin_plain(void **state);
int store_case_end(void **state);

// The error's code, 0 where the change was made.
int store_case_write(
	struct store_case *c, const char *model, const char *file, const void *data, size_t size);
int store_case_remove(struct store_case *c, const char *model, const char *file);
// For store_write() and store_remove() by the test itself; `arg` is the case.
void store_case_done(void *arg, const struct error *err);
int store_case_wait(struct store_case *c);

// Whether <store>/models/<path> is there.
bool store_case_has(const struct store_case *c, const char *path);

// A test's two lines in the table of main().
#define STORE_CASE(test, how, begin)                                                               \
	((struct CMUnitTest){ #test " (" how ")", test, begin, store_case_end, NULL })
#define STORE_CASE_BOTH(test)                                                                      \
	STORE_CASE(test, "io_uring", store_case_begin_ring),                                       \
		STORE_CASE(test, "synchronous", store_case_begin_plain)
