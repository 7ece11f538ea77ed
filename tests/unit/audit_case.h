// SPDX-License-Identifier: BSD-3-Clause
// An audit log in a store of its own, and what is in its files.
#pragma once

#include "base/trust/chain_check.h"
#include "base/trust/chain_files.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/audit/audit_state.h"
#include "tests/cmocka.h"
#include "tests/unit/store_faulty.h"

#include <fcntl.h>
#include <unistd.h>

// `key`: the secret key's file; "": the folder's.
static inline struct audit *open_log_of(struct store_case *c, uint64_t file_bytes, const char *key)
{
	const struct audit_options options = { .key = key, .file_bytes = file_bytes };
	struct audit *audit = NULL;
	struct error err;

	if (audit_open(c->store, &options, &audit, &err) != 0)
		printf("# %s\n", err.text);
	assert_non_null(audit);
	return audit;
}

static inline struct audit *open_log(struct store_case *c, uint64_t file_bytes)
{
	return open_log_of(c, file_bytes, "");
}

// A file's first lines may be awaited by a batch that is there for them.
static inline bool has_lines(const struct audit *audit)
{
	return audit->first && audit->first->size > 0;
}

static inline void settle(struct store_case *c, struct audit *audit)
{
	struct timeval soon = { .tv_usec = 1000 };

	audit->again_ns = 0; // at once, not in a second
	audit_tick(audit);
	for (int i = 0;
		i < 20000 && (audit->is_under_way || (has_lines(audit) && !audit->failed.code));
		i++) {
		event_base_loopexit(c->base, &soon);
		event_base_loop(c->base, EVLOOP_ONCE);
	}
}

struct waiter {
	unsigned int asked, told;
	bool is_told; // as often as it asked
	struct error err;
};

static inline void told(void *arg, const struct error *err)
{
	struct waiter *w = arg;

	assert_true(++w->told <= w->asked);
	w->is_told = w->told == w->asked;
	if (err)
		w->err = *err;
}

static const struct chain_entry CHANGE = { .kind = CHAIN_REQUEST,
	.by = "uid 1000",
	.from = "unix",
	.what = "PUT /v1/models/lab/deployment",
	.model = "lab" };

static inline void ask(struct audit *audit, struct waiter *w)
{
	*w = (struct waiter){ .asked = w->asked + 1, .told = w->told };
	audit_write(audit, &CHANGE, told, w);
}

struct read {
	char *text;
	size_t size;
	unsigned requests; // lines of it
};

static inline int take(void *arg, const char *bytes, size_t size, struct error *err)
{
	struct read *r = arg;

	r->text = realloc(r->text, r->size + size + 1);
	memcpy(r->text + r->size, bytes, size);
	r->size += size;
	r->text[r->size] = '\0';
	return 0;
}

static inline int open_folder(const struct store_case *c, char path[128])
{
	snprintf(path, 128, "%s/audit", c->path);
	return open(path, O_RDONLY | O_DIRECTORY);
}

static inline void count(void *arg, const char *text, size_t bytes, const struct chain_line *line)
{
	((struct read *)arg)->requests += line->kind == CHAIN_REQUEST;
}

// All files, one behind the other, checked: the sentence, "" where all is well. The number of files.
static inline size_t verify(const struct store_case *c, struct read *r, struct chain_found *found,
	char said[ERROR_TEXT_BYTES])
{
	struct chain_check *check = chain_check_create(NULL, count, r);
	struct chain_files files;
	struct error err = { .text = "" };
	char path[128];
	int fd = open_folder(c, path), rc;
	size_t n;

	*r = (struct read){ 0 };
	assert_int_equal(chain_files_list(fd, path, &files, &err), 0);
	rc = 0;
	for (size_t i = 0; i < files.n; i++) {
		const size_t before = r->size;

		assert_int_equal(
			chain_file_read(fd, path, files.first[i], 0, UINT64_MAX, take, r, &err), 0);
		if (rc == 0 && i > 0)
			rc = chain_check_file_ends(check, &err);
		if (rc == 0 && r->size > before)
			rc = chain_check_take(check, r->text + before, r->size - before, &err);
	}
	if (rc == 0)
		rc = chain_check_end(check, &err);
	snprintf(said, ERROR_TEXT_BYTES, "%s", rc ? err.text : "");
	*found = *chain_check_found(check);
	n = files.n;
	chain_check_destroy(check);
	chain_files_free(&files);
	close(fd);
	return n;
}

// All files, one behind the other, as they stand: malloc'ed, followed by a zero byte.
static inline char *read_log(const struct store_case *c)
{
	struct chain_files files;
	struct read r = { 0 };
	struct error err;
	char path[128];
	const int fd = open_folder(c, path);

	assert_int_equal(chain_files_list(fd, path, &files, &err), 0);
	for (size_t i = 0; i < files.n; i++)
		assert_int_equal(
			chain_file_read(fd, path, files.first[i], 0, UINT64_MAX, take, &r, &err),
			0);
	chain_files_free(&files);
	close(fd);
	return r.text;
}
