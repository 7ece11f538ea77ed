// SPDX-License-Identifier: BSD-3-Clause
// The audit log on a disk that goes wrong: each of its system calls fails in each way, for once or for good. Nobody is
// told that a line lasts which does not, nothing that lasts is lost, and once the disk is well the log is whole.
// And on what a crash, or somebody, left of it.
#include "base/trust/chain_check.h"
#include "base/trust/chain_files.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/audit/audit_state.h"
#include "ctl/server/audit/read.h"
#include "ctl/server/log.h"
#include "tests/cmocka.h"
#include "tests/unit/store_faulty.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#define ASKED 6

struct waiter {
	unsigned int asked, told;
	bool is_told; // as often as it asked
	struct error err;
};

static void told(void *arg, const struct error *err)
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

// `key`: the secret key's file; "": the folder's.
static struct audit *open_log_of(struct store_case *c, uint64_t file_bytes, const char *key)
{
	const struct audit_options options = { .key = key, .file_bytes = file_bytes };
	struct audit *audit = NULL;
	struct error err;

	if (audit_open(c->store, &options, &audit, &err) != 0)
		printf("# %s\n", err.text);
	assert_non_null(audit);
	return audit;
}

static struct audit *open_log(struct store_case *c, uint64_t file_bytes)
{
	return open_log_of(c, file_bytes, "");
}

// A file's first lines may be awaited by a batch that is there for them.
static bool has_lines(const struct audit *audit)
{
	return audit->first && audit->first->size > 0;
}

static void settle(struct store_case *c, struct audit *audit)
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

static void ask(struct audit *audit, struct waiter *w)
{
	*w = (struct waiter){ .asked = w->asked + 1, .told = w->told };
	audit_write(audit, &CHANGE, told, w);
}

// --- What is in the files ------------------------------------------------------------------------

struct read {
	char *text;
	size_t size;
	unsigned requests; // lines of it
};

static int take(void *arg, const char *bytes, size_t size, struct error *err)
{
	struct read *r = arg;

	r->text = realloc(r->text, r->size + size + 1);
	memcpy(r->text + r->size, bytes, size);
	r->size += size;
	r->text[r->size] = '\0';
	return 0;
}

static void count(void *arg, const char *text, size_t bytes, const struct chain_line *line)
{
	((struct read *)arg)->requests += line->kind == CHAIN_REQUEST;
}

static int open_folder(const struct store_case *c, char path[128])
{
	snprintf(path, 128, "%s/audit", c->path);
	return open(path, O_RDONLY | O_DIRECTORY);
}

// All files, one behind the other, checked: the sentence, "" where all is well. The number of files.
static size_t verify(const struct store_case *c, struct read *r, struct chain_found *found,
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

static void assert_whole(const struct store_case *c, unsigned requests)
{
	struct chain_found found;
	char said[ERROR_TEXT_BYTES];
	struct read r;

	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(found.torn, 0);
	assert_in_range(r.requests, requests, 1000);
	assert_int_equal(found.signed_seq, found.last.seq);
	free(r.text);
}

// --- Faults --------------------------------------------------------------------------------------

// One fault, at one call or from there on; afterwards the disk is well again.
static void run_fault(struct store_case *c, enum fault fault, unsigned at, bool stays)
{
	struct waiter w[ASKED] = { 0 };
	struct audit *audit;
	struct faulty f;
	unsigned lasting = 0;

	audit = open_log(c, 1500); // a file has few lines: new ones are begun
	settle(c, audit);
	faulty_begin(&f, c, fault, at);
	f.stays = stays;
	for (int i = 0; i < ASKED; i++) {
		ask(audit, &w[i]);
		if (i % 2)
			settle(c, audit);
	}
	settle(c, audit);
	if (fault == FAULT_EINTR || fault == FAULT_SHORT)
		assert_int_equal(audit->failed.code, 0);
	faulty_end(&f, c);
	settle(c, audit);
	assert_int_equal(audit->failed.code, 0);
	assert_null(audit->first && audit->first->size ? audit->first : NULL);
	for (int i = 0; i < ASKED; i++) {
		assert_true(w[i].is_told);
		lasting += w[i].err.code == 0;
		if (w[i].err.code)
			assert_non_null(strstr(w[i].err.text, "cannot be written: "));
	}
	audit_close(audit);
	assert_whole(c, lasting);
}

static void test_each_call_fails(void **state)
{
	struct store_case *c = *state;

	for (int fault = 0; fault < FAULT_COUNT; fault++)
		for (unsigned at = 1; at < 14; at++) {
			run_fault(c, (enum fault)fault, at, false);
			if (fault != FAULT_EINTR && fault != FAULT_SHORT && at % 4 == 1)
				run_fault(c, (enum fault)fault, at, true);
		}
}

// While it fails nobody waits for it, memory is bounded, and what was lost is said afterwards.
static void test_disk_that_stays_full(void **state)
{
	struct store_case *c = *state;
	struct audit *audit = open_log(c, 1 << 20);
	struct audit_figures figures;
	struct chain_found found;
	char said[ERROR_TEXT_BYTES];
	struct faulty f;
	struct waiter w = { 0 };
	struct read r;

	settle(c, audit);
	faulty_begin(&f, c, FAULT_ENOSPC, 1);
	f.stays = true;
	ask(audit, &w);
	settle(c, audit);
	assert_true(w.is_told);
	assert_int_equal(w.err.code, -ENOSPC);
	for (int i = 0; i < 50; i++) {
		ask(audit, &w);
		settle(c, audit);
		assert_true(w.is_told);
		assert_int_equal(w.err.code, -ENOSPC);
	}
	for (int i = 0; i < 10000; i++)
		audit_own(audit, &CHANGE);
	assert_in_range(audit->waiting_bytes, 1 << 20, (1 << 20) + 2 * 65536);
	audit_figures(audit, &figures);
	assert_true(figures.is_failing);
	assert_in_range(figures.omitted, 1000, 10051);
	faulty_end(&f, c);
	settle(c, audit);
	audit_figures(audit, &figures);
	assert_false(figures.is_failing);
	ask(audit, &w);
	settle(c, audit);
	assert_true(w.is_told && w.err.code == 0);
	audit_close(audit);
	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_in_range(found.omitted, 1000, 10051);
	free(r.text);
}

// --- Starts --------------------------------------------------------------------------------------

static void write_file(const char *path, const char *name, const char *text, size_t size)
{
	char whole[256];
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	fd = open(whole, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, text, size), size);
	close(fd);
}

// Cut at each byte behind the head's line: the next start goes on, and no byte is lost. Cut before it, lines are
// missing, which is said for ever.
static void test_start_after_the_end_was_cut(void **state)
{
	struct store_case *c = *state;
	char path[128], said[ERROR_TEXT_BYTES], head[CHAIN_HEAD_BYTES], was[CHAIN_HEAD_BYTES];
	struct chain_found found;
	struct audit *audit = open_log(c, 1 << 20);
	struct read whole, r;
	struct waiter w = { 0 };
	size_t last;
	int fd;

	settle(c, audit);
	ask(audit, &w);
	settle(c, audit);
	memcpy(was, audit->head, sizeof(was)); // of before the line that is cut
	ask(audit, &w);
	settle(c, audit);
	memcpy(head, audit->head, sizeof(head));
	close(open_folder(c, path));
	verify(c, &whole, &found, said);
	for (last = whole.size - 1; whole.text[last - 1] != '\n'; last--)
		;
	audit_close(audit);
	for (size_t size = last; size < whole.size; size++) {
		write_file(path, "000000000001.jsonl", whole.text, size);
		write_file(path, "head", was, sizeof(was));
		audit_close(open_log(c, 1 << 20));
		verify(c, &r, &found, said);
		assert_string_equal(said, "");
		assert_int_equal(found.recovered, size > last && size < whole.size - 1);
		assert_int_equal(found.torn, 0);
		assert_memory_equal(r.text, whole.text, size); // nothing was cut
		free(r.text);
	}
	// The line was there, as the head knows.
	write_file(path, "000000000001.jsonl", whole.text, last + 5);
	write_file(path, "head", head, sizeof(head));
	audit = open_log(c, 1 << 20);
	settle(c, audit);
	audit_close(audit);
	assert_int_equal(verify(c, &r, &found, said), 2); // a file of its own
	assert_non_null(strstr(said, "the line after line 3 was changed: "));
	assert_non_null(strstr(r.text, "\"kind\":\"damaged\""));
	assert_non_null(strstr(r.text, "\"seq\":5")); // and no number is used twice
	free(r.text);
	// With the last file gone, and all of them.
	fd = open_folder(c, path);
	assert_int_equal(unlinkat(fd, "000000000001.jsonl", 0), 0);
	assert_int_equal(unlinkat(fd, "000000000005.jsonl", 0), 0);
	audit_close(open_log(c, 1 << 20));
	verify(c, &r, &found, said);
	assert_non_null(strstr(r.text, "\"kind\":\"damaged\""));
	assert_in_range(found.first.seq, 5, 100);
	free(r.text);
	free(whole.text);
	close(fd);
}

// One file by itself, by its key: the sentence, "" where all is well. Copies what is in it.
static const char *verify_file(const struct store_case *c, uint64_t first, const char *key,
	struct read *r, struct chain_found *found)
{
	static char said[ERROR_TEXT_BYTES];
	struct chain_check *check = chain_check_create(key, count, r);
	struct error err = { .text = "" };
	char path[128];
	const int fd = open_folder(c, path);

	*r = (struct read){ 0 };
	assert_int_equal(chain_file_read(fd, path, first, 0, UINT64_MAX, take, r, &err), 0);
	if (chain_check_take(check, r->text, r->size, &err) == 0)
		chain_check_end(check, &err);
	*found = *chain_check_found(check);
	snprintf(said, sizeof(said), "%s", err.text);
	chain_check_destroy(check);
	close(fd);
	return said;
}

static void remove_files_but_the_first(const struct store_case *c)
{
	struct chain_files files;
	char path[128], name[CHAIN_NAME_BYTES];
	struct error err;
	const int fd = open_folder(c, path);

	assert_int_equal(chain_files_list(fd, path, &files, &err), 0);
	for (size_t i = 1; i < files.n; i++) {
		chain_file_name(files.first[i], name);
		assert_int_equal(unlinkat(fd, name, 0), 0);
	}
	chain_files_free(&files);
	close(fd);
}

// A crash at each byte of the last line, and another key at the start behind it: what is of either key is whole by
// itself, no start finds any damage, and what the crash left stays and is bound. Also where the key is in force again.
static void test_another_key_after_the_end_was_cut(void **state)
{
	struct store_case *c = *state;
	char path[128], key[160], said[ERROR_TEXT_BYTES], ours[CHAIN_HEX_BYTES],
		was[CHAIN_HEAD_BYTES];
	char theirs[CHAIN_HEX_BYTES];
	struct chain_found found, next;
	struct audit *audit = open_log(c, 1 << 20);
	struct read whole, r;
	struct waiter w = { 0 };
	size_t last;

	settle(c, audit);
	memcpy(ours, audit->key.public_hex, sizeof(ours));
	ask(audit, &w);
	settle(c, audit);
	memcpy(was, audit->head, sizeof(was));
	ask(audit, &w);
	settle(c, audit);
	close(open_folder(c, path));
	verify(c, &whole, &found, said);
	for (last = whole.size - 1; whole.text[last - 1] != '\n'; last--)
		;
	audit_close(audit);
	snprintf(key, sizeof(key), "%s/other.key", path);
	for (size_t size = last; size <= whole.size; size += 1 + (size + 1 < whole.size) * 6) {
		const bool is_torn = size > last && size + 1 < whole.size;

		remove_files_but_the_first(c);
		write_file(path, "000000000001.jsonl", whole.text, size);
		write_file(path, "head", was, sizeof(was));
		audit = open_log_of(c, 1 << 20, key);
		memcpy(theirs, audit->key.public_hex, sizeof(theirs));
		audit_close(audit);
		audit_close(open_log_of(c, 1 << 20, key)); // reads what was written
		assert_string_equal(verify_file(c, 1, ours, &r, &found), "");
		assert_int_equal(found.recovered, is_torn);
		assert_int_equal(found.torn, 0);
		assert_memory_equal(r.text, whole.text, size);
		free(r.text);
		assert_string_equal(verify_file(c, found.last.seq + 1, theirs, &r, &next), "");
		assert_string_equal(next.before, found.last.hash);
		assert_null(strstr(r.text, "\"kind\":\"damaged\""));
		free(r.text);
		assert_int_equal(verify(c, &r, &found, said), 2);
		assert_non_null(strstr(said, "is a checkpoint signed by key "));
		assert_non_null(strstr(r.text, "signed by another key from here on: "));
		free(r.text);
		audit_close(open_log(c, 1 << 20)); // the first key again
		assert_int_equal(verify(c, &r, &found, said), 3);
		assert_null(strstr(r.text, "\"kind\":\"damaged\""));
		free(r.text);
	}
	free(whole.text);
}

// As martletd wrote it once: the line that binds what a crash left begins the next file.
static void test_torn_end_that_the_next_file_binds(void **state)
{
	struct store_case *c = *state;
	char path[128], name[160], said[ERROR_TEXT_BYTES], line[CHAIN_LINE_BYTES_MAX];
	struct chain_entry entry = { .kind = CHAIN_RECOVERED, .by = "martletd" };
	struct audit *audit = open_log(c, 1 << 20);
	struct waiter w = { 0 };
	struct chain_found found;
	struct chain_check *check;
	struct read whole, r;
	struct error err;
	size_t cut, n;
	int fd;

	settle(c, audit);
	ask(audit, &w);
	settle(c, audit);
	ask(audit, &w);
	settle(c, audit);
	verify(c, &whole, &found, said);
	audit_close(audit);
	fd = open_folder(c, path);
	cut = whole.size - 30;
	write_file(path, "000000000001.jsonl", whole.text, cut);
	assert_int_equal(unlinkat(fd, "head", 0), 0);
	check = chain_check_create(NULL, NULL, NULL);
	assert_int_equal(chain_check_take(check, whole.text, cut, &err), 0);
	assert_int_equal(chain_check_end(check, &err), 0);
	found = *chain_check_found(check);
	chain_check_destroy(check);
	entry.torn = found.torn;
	entry.torn_hash = found.torn_hash;
	assert_int_equal(found.last.seq, 3);
	n = chain_write(&found.last, &entry, line);
	snprintf(name, sizeof(name), "%s/000000000004.jsonl", path);
	close(open(name, O_WRONLY | O_CREAT, 0600));
	write_file(path, "000000000004.jsonl", line, n);
	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(found.recovered, 1);
	free(r.text);
	audit_close(open_log(c, 1 << 20));
	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_null(strstr(r.text, "\"kind\":\"damaged\""));
	free(r.text);
	// And the pages of it have the piece between its lines.
	audit = open_log(c, 1 << 20);
	settle(c, audit);
	assert_int_equal(audit_read(audit, 0, 100, &r.text, &r.size, &err), 0);
	check = chain_check_create(NULL, NULL, NULL);
	assert_int_equal(chain_check_take(check, r.text, r.size, &err), 0);
	assert_int_equal(chain_check_end(check, &err), 0);
	assert_int_equal(chain_check_found(check)->recovered, 1);
	chain_check_destroy(check);
	free(r.text);
	audit_close(audit);
	free(whole.text);
	close(fd);
}

// Files that end before anything in the last one is signed: the head of before another key is in force still counts.
static void test_cut_end_is_found_with_another_key(void **state)
{
	struct store_case *c = *state;
	char path[128], key[160], said[ERROR_TEXT_BYTES], name[CHAIN_NAME_BYTES];
	struct audit *audit = open_log(c, 3000);
	struct chain_files files;
	struct chain_found found;
	struct waiter w = { 0 };
	struct read r;
	struct error err;
	size_t n;
	int fd;

	for (int i = 0; i < 30; i++) {
		ask(audit, &w);
		settle(c, audit);
	}
	audit_close(audit);
	fd = open_folder(c, path);
	assert_int_equal(chain_files_list(fd, path, &files, &err), 0);
	assert_true(files.n > 2);
	// All but the first line of the last file.
	r = (struct read){ 0 };
	chain_file_read(fd, path, files.first[files.n - 1], 0, UINT64_MAX, take, &r, &err);
	n = (size_t)(strchr(r.text, '\n') - r.text) + 1;
	assert_true(n < r.size);
	chain_file_name(files.first[files.n - 1], name);
	write_file(path, name, r.text, n);
	assert_null(memmem(r.text, n, "checkpoint", 10));
	free(r.text);
	snprintf(key, sizeof(key), "%s/other.key", path);
	audit_close(open_log_of(c, 1 << 20, key));
	verify(c, &r, &found, said);
	assert_non_null(strstr(r.text, "but its signed head says that there was a line "));
	free(r.text);
	chain_files_free(&files);
	close(fd);
}

static void test_start_with_a_changed_line(void **state)
{
	struct store_case *c = *state;
	char path[128], said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct audit *audit = open_log(c, 1 << 20);
	struct read r, whole;
	struct waiter w = { 0 };

	ask(audit, &w);
	settle(c, audit);
	audit_close(audit);
	close(open_folder(c, path));
	verify(c, &whole, &found, said);
	*strstr(whole.text, "uid 1000") = 'U';
	write_file(path, "000000000001.jsonl", whole.text, whole.size);
	audit_close(open_log(c, 1 << 20));
	verify(c, &r, &found, said);
	assert_string_equal(
		said, "the line after line 2 was changed: its hash is not that of its bytes");
	assert_non_null(strstr(r.text, "\"kind\":\"damaged\""));
	free(r.text);
	free(whole.text);
}

static void test_chain_goes_on_across_files_and_starts(void **state)
{
	struct store_case *c = *state;
	char said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct read r;
	struct waiter w = { 0 };
	size_t files;

	for (int start = 0; start < 5; start++) {
		struct audit *audit = open_log(c, 20000);

		for (int i = 0; i < 100; i++) {
			ask(audit, &w);
			if (i % 10 == 0)
				settle(c, audit);
		}
		settle(c, audit);
		assert_true(w.is_told && w.err.code == 0);
		audit_close(audit);
	}
	files = verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(r.requests, 500);
	assert_in_range(files, 5, 50);
	assert_int_equal(found.first.seq, 1);
	assert_int_equal(found.lines, found.last.seq);
	free(r.text);
}

struct chained {
	struct audit *audit;
	struct waiter then;
};

// A handler that answers at once has more to be written while it is told.
static void told_and_asks(void *arg, const struct error *err)
{
	struct chained *chained = arg;

	assert_null(err);
	ask(chained->audit, &chained->then);
}

static void test_who_is_told_asks_as_a_file_ends(void **state)
{
	struct store_case *c = *state;
	struct audit *audit = open_log(c, 1); // each line ends a file
	char said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct read r;

	for (int i = 0; i < 5; i++) {
		struct chained chained = { .audit = audit };

		audit_write(audit, &CHANGE, told_and_asks, &chained);
		settle(c, audit);
		assert_true(chained.then.is_told && chained.then.err.code == 0);
	}
	audit_close(audit);
	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(r.requests, 10);
	free(r.text);
}

// --- Reading -------------------------------------------------------------------------------------

static void test_pages_are_the_log(void **state)
{
	struct store_case *c = *state;
	struct audit *audit = open_log(c, 200000);
	char said[ERROR_TEXT_BYTES], *text;
	struct chain_found found;
	struct read whole;
	struct waiter w = { 0 };
	struct error err;
	size_t size, at = 0;

	for (int i = 0; i < 10000; i++) {
		ask(audit, &w);
		if (i % 500 == 0)
			settle(c, audit);
	}
	settle(c, audit);
	verify(c, &whole, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(whole.requests, 10000);
	for (uint64_t after = 0; after < found.last.seq; after += 777) {
		assert_int_equal(audit_read(audit, after, 777, &text, &size, &err), 0);
		assert_memory_equal(text, whole.text + at, size);
		at += size;
		free(text);
	}
	assert_int_equal(at, whole.size);
	assert_int_equal(audit_read(audit, found.last.seq, 10, &text, &size, &err), 0);
	assert_int_equal(size, 0);
	free(text);
	assert_int_equal(audit_read(audit, UINT64_MAX, 10, &text, &size, &err), 0);
	assert_int_equal(size, 0);
	free(text);
	assert_int_equal(audit_read(audit, 5, 0, &text, &size, &err), 0);
	assert_int_equal(size, 0);
	free(text);
	free(whole.text);
	audit_close(audit);
}

// --- Refusals ------------------------------------------------------------------------------------

#define SECOND UINT64_C(1000000000)

static void test_refusals_of_one_source_are_bounded(void **state)
{
	struct refusals *r = calloc(1, sizeof(*r));
	char most[REFUSALS_TEXT_BYTES];
	uint64_t now = 1000 * SECOND;
	unsigned n = 0;

	for (int i = 0; i < 100000; i++)
		n += refusals_admit(r, "mallory", now);
	assert_int_equal(n, REFUSALS_BURST);
	assert_true(refusals_admit(r, "alice", now));
	assert_int_equal(refusals_report(r, now, false, most), 100000 - REFUSALS_BURST);
	assert_string_equal(most, "mallory");
	assert_int_equal(refusals_report(r, now, false, most), 0);
	for (n = 0; now < 4600 * SECOND; now += SECOND / 2) // an hour
		n += refusals_admit(r, "mallory", now);
	assert_in_range(n, 59, 61);
	free(r);
}

static void test_refusals_of_many_sources_are_bounded(void **state)
{
	struct refusals *r = calloc(1, sizeof(*r));
	char source[32], most[REFUSALS_TEXT_BYTES];
	uint64_t now = 1000 * SECOND;
	unsigned n = 0;

	for (unsigned i = 0; i < 360000; i++, now += SECOND / 100) { // an hour
		snprintf(source, sizeof(source), "fd00::%x", i);
		n += refusals_admit(r, source, now);
	}
	assert_in_range(n, 360, 360 + REFUSALS_BURST_ALL + 1);
	assert_int_equal(refusals_report(r, now, true, most) + n, 360000);
	free(r);
}

static void test_refusals_that_were_left_out_are_said(void **state)
{
	struct store_case *c = *state;
	const struct chain_entry refusal = {
		.kind = CHAIN_REFUSED, .by = "anonymous", .from = "192.0.2.7", .status = 403
	};
	struct audit *audit = open_log(c, 1 << 20);
	char said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct read r;

	for (int i = 0; i < 5000; i++)
		audit_refused(audit, &refusal);
	settle(c, audit);
	audit_close(audit);
	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(found.omitted, 5000 - REFUSALS_BURST);
	assert_non_null(strstr(r.text,
		"\"why\":\"refusals that came too fast, most of them of "
		"anonymous, 192.0.2.7\""));
	assert_in_range(r.size, 1000, 20000);
	free(r.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_CASE_BOTH(test_each_call_fails),
		STORE_CASE_BOTH(test_disk_that_stays_full),
		STORE_CASE_BOTH(test_start_after_the_end_was_cut),
		STORE_CASE_BOTH(test_another_key_after_the_end_was_cut),
		STORE_CASE_BOTH(test_torn_end_that_the_next_file_binds),
		STORE_CASE_BOTH(test_cut_end_is_found_with_another_key),
		STORE_CASE_BOTH(test_start_with_a_changed_line),
		STORE_CASE_BOTH(test_chain_goes_on_across_files_and_starts),
		STORE_CASE_BOTH(test_who_is_told_asks_as_a_file_ends),
		STORE_CASE_BOTH(test_pages_are_the_log),
		STORE_CASE_BOTH(test_refusals_that_were_left_out_are_said),
		cmocka_unit_test(test_refusals_of_one_source_are_bounded),
		cmocka_unit_test(test_refusals_of_many_sources_are_bounded),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
