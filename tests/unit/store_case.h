// SPDX-License-Identifier: BSD-3-Clause
// A store in a folder of its own, and changes of it that are waited for.
#pragma once

#include "base/error.h"
#include "ctl/server/store/store.h"
#include "ctl/server/store/store_change.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct store_case {
	char path[64];
	struct event_base *base;
	struct store *store;
	bool is_done;     // the last change
	struct error err; // of it; code 0: it was made
};

static inline int store_case_begin(void **state, bool synchronous)
{
	struct store_case *c = calloc(1, sizeof(*c));

	strcpy(c->path, "/tmp/test_store.XXXXXX");
	*state = c;
	if (!mkdtemp(c->path))
		return -1;
	c->base = event_base_new();
	return store_open(c->path, c->base, synchronous, &c->store, &c->err);
}

// cmocka's setups and teardown: by io_uring where the kernel has it, or by ordinary calls.
static inline int store_case_begin_ring(void **state)
{
	return store_case_begin(state, false);
}

static inline int store_case_begin_plain(void **state)
{
	return store_case_begin(state, true);
}

static inline int store_case_end(void **state)
{
	struct store_case *c = *state;
	char command[128];
	int rc;

	store_close(c->store);
	event_base_free(c->base);
	snprintf(command, sizeof(command), "rm -rf %s", c->path);
	rc = system(command);
	free(c);
	return rc;
}

// For store_write() and store_remove() by the test itself; `arg` is the case.
static inline void store_case_done(void *arg, const struct error *err)
{
	struct store_case *c = arg;

	c->is_done = true;
	if (err)
		c->err = *err;
}

static inline int store_case_wait(struct store_case *c)
{
	while (!c->is_done)
		event_base_loop(c->base, EVLOOP_ONCE);
	return c->err.code;
}

static inline void store_case_forget(struct store_case *c)
{
	c->is_done = false;
	memset(&c->err, 0, sizeof(c->err));
}

// The error's code, 0 where the change was made.
static inline int store_case_write(
	struct store_case *c, const char *model, const char *file, const void *data, size_t size)
{
	store_case_forget(c);
	store_write(c->store, model, file, data, size, store_case_done, c);
	return store_case_wait(c);
}

static inline int store_case_remove(struct store_case *c, const char *model, const char *file)
{
	store_case_forget(c);
	store_remove(c->store, model, file, store_case_done, c);
	return store_case_wait(c);
}

// Whether <store>/models/<path> is there.
static inline bool store_case_has(const struct store_case *c, const char *path)
{
	char whole[256];
	struct stat st;

	snprintf(whole, sizeof(whole), "%s/models/%s", c->path, path);
	return lstat(whole, &st) == 0;
}

// A test's two lines in the table of main().
#define STORE_CASE(test, how, begin)                                                               \
	((struct CMUnitTest){ #test " (" how ")", test, begin, store_case_end, NULL })
#define STORE_CASE_BOTH(test)                                                                      \
	STORE_CASE(test, "io_uring", store_case_begin_ring),                                       \
		STORE_CASE(test, "synchronous", store_case_begin_plain)
