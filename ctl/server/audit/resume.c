// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/audit/resume.h"

#include "base/file.h"
#include "base/trust/chain_check.h"
#include "base/trust/chain_files.h"
#include "ctl/server/audit/audit_state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct resume {
	struct audit *audit;
	struct chain_files files;
	struct chain_check *check;
	struct chain_place head; // that our key, or the log's, signed; seq 0: there is none
	char head_key[CHAIN_HEX_BYTES];
	bool is_head_there;        // the line that it names
	char key[CHAIN_HEX_BYTES]; // the log's; "": not known
};

static void resume_read_head(struct resume *r)
{
	char head[CHAIN_HEAD_BYTES];
	struct error ignored;

	if (file_read_part(r->audit->head_fd, 0, head, sizeof(head)) != 0 ||
		chain_head_read(head, sizeof(head), &r->head, r->head_key, &ignored) != 0)
		r->head.seq = 0;
}

static void resume_line(void *arg, const char *text, size_t bytes, const struct chain_line *line)
{
	struct resume *r = arg;

	r->is_head_there |= line->seq == r->head.seq && strcmp(line->hash, r->head.hash) == 0;
}

static int resume_take(void *arg, const char *bytes, size_t size, struct error *err)
{
	struct resume *r = arg;

	return chain_check_take(r->check, bytes, size, err);
}

// Of a file that was made, and then nothing written. It holds nothing.
static void resume_remove_empty(struct resume *r)
{
	char name[CHAIN_NAME_BYTES];
	struct stat st;

	while (r->files.n) {
		chain_file_name(r->files.first[r->files.n - 1], name);
		if (fstatat(r->audit->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
			st.st_size != 0 || unlinkat(r->audit->folder, name, 0) != 0)
			return;
		r->files.n--;
	}
}

static int resume_take_first(void *arg, const char *bytes, size_t size, struct error *err)
{
	const char *end = memchr(bytes, '\n', size);
	struct chain_line line;

	*(bool *)arg = end && chain_read(bytes, (size_t)(end - bytes), &line, err) == 0;
	return 0;
}

// The last file before file `i` whose first line can be read; the first of all where there is none.
static size_t resume_from(struct resume *r, size_t i)
{
	bool is_good = false;
	struct error ignored;

	while (i > 0 && !is_good)
		if (chain_file_read(r->audit->folder, r->audit->path, r->files.first[--i], 0,
			    CHAIN_LINE_BYTES_MAX, resume_take_first, &is_good, &ignored) != 0)
			is_good = false;
	return i;
}

static int resume_read_from(struct resume *r, size_t from, struct error *err)
{
	struct audit *a = r->audit;
	int rc = 0;

	r->check = chain_check_create(NULL, resume_line, r);
	if (!r->check)
		return error_set(err, -ENOMEM, "no memory to read the audit log");
	for (size_t i = from; rc == 0 && i < r->files.n; i++) {
		rc = i > from ? chain_check_file_ends(r->check, err) : 0;
		if (rc == 0)
			rc = chain_file_read(a->folder, a->path, r->files.first[i], 0, UINT64_MAX,
				resume_take, r, err);
	}
	return rc == 0 ? chain_check_end(r->check, err) : rc;
}

static int resume_take_key(void *arg, const char *bytes, size_t size, struct error *err)
{
	return chain_check_take(arg, bytes, size, err);
}

// Where a crash left nothing signed in what was read, the files before that say whose the log is. They say no more:
// where it goes on, and whether it is damaged, was read.
static int resume_find_key(struct resume *r, size_t from, struct error *err)
{
	snprintf(r->key, sizeof(r->key), "%s", chain_check_found(r->check)->key);
	while (from > 0 && !r->key[0]) {
		struct chain_check *check = chain_check_create(NULL, NULL, NULL);
		struct error ignored;

		if (!check)
			return error_set(err, -ENOMEM, "no memory to read the audit log");
		from = resume_from(r, from);
		chain_file_read(r->audit->folder, r->audit->path, r->files.first[from], 0,
			UINT64_MAX, resume_take_key, check, &ignored);
		snprintf(r->key, sizeof(r->key), "%s", chain_check_found(check)->key);
		chain_check_destroy(check);
	}
	return 0;
}

// 0, also where what was read is damaged: `damage` says so then.
static int resume_read(struct resume *r, struct error *damage, struct error *err)
{
	const size_t from = resume_from(r, r->files.n);
	int rc = resume_read_from(r, from, err);

	damage->code = 0;
	if (rc == -EINVAL)
		*damage = *err;
	else if (rc != 0)
		return rc;
	return resume_find_key(r, from, err);
}

static void resume_judge(
	struct resume *r, const struct error *damage, struct audit_resumed *resumed)
{
	const struct chain_found *found = chain_check_found(r->check);
	const struct chain_place *last = &found->last;

	if (strcmp(r->head_key, r->audit->key.public_hex) != 0 && strcmp(r->head_key, r->key) != 0)
		r->head.seq = 0; // a stranger's says nothing
	resumed->kind = CHAIN_DAMAGED;
	if (damage->code)
		snprintf(resumed->why, sizeof(resumed->why), "%s", damage->text);
	else if (r->head.seq > last->seq)
		snprintf(resumed->why, sizeof(resumed->why),
			"the log ends at line %" PRIu64
			", but its signed head says that there was a line %" PRIu64,
			last->seq, r->head.seq);
	else if (r->head.seq && !r->is_head_there && r->head.seq >= found->first.seq)
		snprintf(resumed->why, sizeof(resumed->why),
			"line %" PRIu64 " is not the one that the signed head names", r->head.seq);
	else
		resumed->kind = found->torn ? CHAIN_RECOVERED : CHAIN_KIND_COUNT;
	if (resumed->kind == CHAIN_RECOVERED)
		snprintf(resumed->why, sizeof(resumed->why),
			"a crash left a piece of a line, which stays where it is");
	resumed->torn = found->torn;
	memcpy(resumed->torn_hash, found->torn_hash, sizeof(found->torn_hash));
	if (last->seq && !r->head.seq)
		snprintf(resumed->note, sizeof(resumed->note),
			"there was no signed head to "
			"compare the log with");
	else if (last->seq > r->head.seq)
		snprintf(resumed->note, sizeof(resumed->note),
			"lines %" PRIu64 " to %" PRIu64 " had not been signed", r->head.seq + 1,
			last->seq);
	if (r->key[0] && strcmp(r->key, r->audit->key.public_hex) != 0) {
		snprintf(resumed->note, sizeof(resumed->note),
			"signed by another key from here on: %.64s; it was %.64s",
			r->audit->key.public_hex, r->key);
		resumed->begins_file = true;
	}
}

// Goes on at the last line that is known of, and what is damaged behind the last file, also where no line of that can be
// read: none is written over.
static int resume_go_on(struct resume *r, struct audit_resumed *resumed, struct error *err)
{
	const struct chain_found *found = chain_check_found(r->check);
	struct audit *a = r->audit;
	char name[CHAIN_NAME_BYTES];
	struct stat st;

	chain_begin(&a->made);
	if (r->head.seq > found->last.seq)
		a->made = r->head;
	else if (found->last.seq)
		a->made = found->last;
	if (resumed->kind == CHAIN_DAMAGED && r->files.n &&
		a->made.seq < r->files.first[r->files.n - 1])
		a->made.seq = r->files.first[r->files.n - 1];
	a->durable = a->made;
	resumed->begins_file |= r->files.n == 0 || resumed->kind == CHAIN_DAMAGED;
	if (r->files.n == 0)
		return 0;
	chain_file_name(r->files.first[r->files.n - 1], name);
	a->fd = openat(a->folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (a->fd < 0 || fstat(a->fd, &st) != 0)
		return error_set(
			err, -errno, "%s/%s: cannot be opened: %s", a->path, name, strerror(errno));
	a->file_bytes = a->file_bytes_planned = (uint64_t)st.st_size;
	a->lacks_newline = found->lacks_newline;
	// A line that has no end yet gets it where it stands.
	resumed->begins_file |= a->file_bytes >= a->file_bytes_max && !a->lacks_newline;
	return 0;
}

int audit_resume(struct audit *audit, struct audit_resumed *resumed, struct error *err)
{
	struct resume r = { .audit = audit };
	struct error damage;
	int rc = chain_files_list(audit->folder, audit->path, &r.files, err);

	memset(resumed, 0, sizeof(*resumed));
	if (rc == 0) {
		resume_remove_empty(&r);
		resume_read_head(&r);
		rc = resume_read(&r, &damage, err);
	}
	if (rc == 0) {
		resume_judge(&r, &damage, resumed);
		rc = resume_go_on(&r, resumed, err);
	}
	chain_check_destroy(r.check);
	chain_files_free(&r.files);
	return rc;
}
