// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/store_case.h"

#include "ctl/server/store/store_change.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int store_case_begin(void **state, bool synchronous)
{
	struct store_case *c = calloc(1, sizeof(*c));

	strcpy(c->path, "/tmp/test_store.XXXXXX");
	*state = c;
	if (!mkdtemp(c->path))
		return -1;
	c->base = event_base_new();
	return store_open(c->path, c->base, synchronous, &c->store, &c->err);
}

int store_case_begin_ring(void **state)
{
	return store_case_begin(state, false);
}

int store_case_begin_plain(void **state)
{
	return store_case_begin(state, true);
}

int store_case_end(void **state)
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

void store_case_done(void *arg, const struct error *err)
{
	struct store_case *c = arg;

	c->is_done = true;
	if (err)
		c->err = *err;
}

int store_case_wait(struct store_case *c)
{
	while (!c->is_done)
		event_base_loop(c->base, EVLOOP_ONCE);
	return c->err.code;
}

static void store_case_forget(struct store_case *c)
{
	c->is_done = false;
	memset(&c->err, 0, sizeof(c->err));
}

int store_case_write(
	struct store_case *c, const char *model, const char *file, const void *data, size_t size)
{
	store_case_forget(c);
	store_write(c->store, model, file, data, size, store_case_done, c);
	return store_case_wait(c);
}

int store_case_remove(struct store_case *c, const char *model, const char *file)
{
	store_case_forget(c);
	store_remove(c->store, model, file, store_case_done, c);
	return store_case_wait(c);
}

bool store_case_has(const struct store_case *c, const char *path)
{
	char whole[256];
	struct stat st;

	snprintf(whole, sizeof(whole), "%s/models/%s", c->path, path);
	return lstat(whole, &st) == 0;
}
