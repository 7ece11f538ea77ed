// SPDX-License-Identifier: BSD-3-Clause
// The audit log on what a crash, or somebody, left of it: where a start goes on, what it says, and that no byte is lost.
#include "ctl/server/audit/read.h"
#include "ctl/server/log.h"
#include "tests/unit/audit_case.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

static void write_file(const char *path, const char *name, const char *text, size_t size)
{
	char whole[256];
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	fd = open(whole, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, text, size), size);
	close(fd);
}

static int open_file(const char *path, const char *name)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	return open(whole, O_WRONLY | O_CREAT, 0600);
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

// Pages as martletctl asks for them, each behind the last line of the one before, in one: malloc'ed.
static char *join_pages(struct audit *audit, uint32_t limit, size_t *size)
{
	char *whole = NULL, *text;
	uint64_t after = 0;
	struct error err;
	size_t n;

	*size = 0;
	for (;;) {
		struct chain_line line;
		const char *last;
		char *more;

		assert_int_equal(audit_read(audit, after, limit, &text, &n, &err), 0);
		if (n == 0) {
			free(text);
			return whole;
		}
		last = memrchr(text, '\n', n - 1);
		last = last ? last + 1 : text;
		assert_int_equal(chain_read(last, (size_t)(text + n - 1 - last), &line, &err), 0);
		assert_true(line.seq > after);
		after = line.seq;
		more = realloc(whole, *size + n);
		assert_non_null(more);
		whole = more;
		memcpy(whole + *size, text, n);
		*size += n;
		free(text);
	}
}

// A page never ends with what a crash left of a line, wherever that was cut, or holds zeros where the disk had nothing.
static void test_pages_end_with_a_line(void **state)
{
	struct store_case *c = *state;
	struct audit *audit = open_log(c, 1 << 20);
	char path[128], said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct read whole, r;
	struct waiter w = { 0 };
	size_t last, n;
	char *joined;
	int fd;

	settle(c, audit);
	ask(audit, &w);
	settle(c, audit);
	verify(c, &whole, &found, said);
	audit_close(audit);
	last = (size_t)((char *)memrchr(whole.text, '\n', whole.size - 1) + 1 - whole.text);
	fd = open_folder(c, path);
	for (size_t size = last; size < whole.size; size++) {
		write_file(path, "000000000001.jsonl", whole.text, size);
		if (size + 2 == whole.size) { // all of it, but for some in its midst
			char *holed = memcpy(malloc(whole.size), whole.text, whole.size);

			memset(holed + last + 50, 0, 20);
			write_file(path, "000000000001.jsonl", holed, whole.size);
			free(holed);
		}
		assert_int_equal(unlinkat(fd, "head", 0), 0);
		audit = open_log(c, 1 << 20);
		settle(c, audit);
		verify(c, &r, &found, said);
		assert_string_equal(said, "");
		for (uint32_t limit = 1; limit < 6; limit++) {
			joined = join_pages(audit, limit, &n);
			assert_int_equal(n, r.size);
			assert_memory_equal(joined, r.text, n);
			free(joined);
		}
		free(r.text);
		audit_close(audit);
	}
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

static char *read_file(const struct store_case *c, uint64_t first, size_t *size)
{
	struct read r = { 0 };
	struct error err;
	char path[128];
	const int fd = open_folder(c, path);

	assert_int_equal(chain_file_read(fd, path, first, 0, UINT64_MAX, take, &r, &err), 0);
	close(fd);
	*size = r.size;
	return r.text;
}

static void remove_head(const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/head", path);
	assert_int_equal(unlink(whole), 0);
}

// A start finds lines missing, begins a file that says so, and the power fails before anything in it is signed, at each
// of its bytes: the next start writes over nothing, and goes on behind it.
static void test_power_cut_as_damage_was_written_down(void **state)
{
	struct store_case *c = *state;
	char path[128], said[ERROR_TEXT_BYTES], head[CHAIN_HEAD_BYTES];
	struct audit *audit = open_log(c, 1 << 20);
	struct chain_found found;
	struct waiter w = { 0 };
	struct read whole, r;
	size_t first, signed_at, n;
	char *second, *left;

	for (int i = 0; i < 3; i++) {
		ask(audit, &w);
		settle(c, audit);
	}
	memcpy(head, audit->head, sizeof(head));
	verify(c, &whole, &found, said);
	assert_int_equal(found.last.seq, 5);
	audit_close(audit);
	close(open_folder(c, path));
	first = (size_t)(strchr(whole.text, '\n') + 1 - whole.text);
	write_file(path, "000000000001.jsonl", whole.text, first);
	write_file(path, "head", head, sizeof(head));
	audit_close(open_log(c, 1 << 20));
	second = read_file(c, 6, &n);
	assert_non_null(strstr(second, "\"kind\":\"damaged\""));
	signed_at = (size_t)(strstr(second, "{\"seq\":8,") - second);
	for (size_t size = 1; size <= signed_at; size += 1 + (size + 9 < signed_at) * 6) {
		const uint64_t line = size < (size_t)(strchr(second, '\n') - second) ? 7 : 6;

		remove_files_but_the_first(c);
		close(open_file(path, "000000000006.jsonl"));
		write_file(path, "000000000006.jsonl", second, size);
		write_file(path, "head", head, sizeof(head));
		audit_close(open_log(c, 1 << 20));
		left = read_file(c, 6, &n);
		assert_in_range(n, size, 1 << 20);
		assert_memory_equal(left, second, size);
		free(left);
		left = read_file(c, 1, &n); // nor is anything added to what is damaged
		assert_int_equal(n, first);
		free(left);
		assert_int_equal(verify(c, &r, &found, said), 1 + 1 + (line == 7));
		free(r.text);
		// What says so is whole, and is not said again.
		audit_close(open_log(c, 1 << 20));
		assert_string_equal(verify_file(c, line, NULL, &r, &found), "");
		assert_ptr_equal(strstr(strstr(r.text, "\"damaged\"") + 1, "\"damaged\""), NULL);
		assert_int_equal(found.signed_seq, found.last.seq);
		free(r.text);
	}
	free(second);
	free(whole.text);
}

// Files that were changed from their first line on, and no head that knows of more: they stay as they are, and every start finds its way.
static void test_nothing_is_written_over(void **state)
{
	static const char *const NAMES[] = { "000000000004.jsonl", "000000000009.jsonl",
		"000000000123.jsonl" };
	struct store_case *c = *state;
	char path[128], said[ERROR_TEXT_BYTES], *left, *changed;
	struct chain_found found;
	struct audit *audit = open_log(c, 1 << 20);
	struct read r;
	size_t n;

	audit_close(audit);
	verify(c, &r, &found, said);
	changed = r.text;
	changed[2] = '!';
	assert_int_equal(found.last.seq, 4); // the next file is that of line 5
	close(open_folder(c, path));
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		close(open_file(path, NAMES[i]));
		write_file(path, NAMES[i], changed, r.size);
	}
	close(open_file(path, "18446744073709551615.jsonl")); // no number of a line
	write_file(path, "18446744073709551615.jsonl", changed, r.size);
	for (int i = 0; i < 3; i++) {
		struct read log;

		remove_head(path);
		audit_close(open_log(c, 1 << 20));
		for (size_t k = 0; k < sizeof(NAMES) / sizeof(NAMES[0]); k++) {
			left = read_file(c, strtoull(NAMES[k], NULL, 10), &n);
			assert_int_equal(n, r.size);
			assert_memory_equal(left, changed, n);
			free(left);
		}
		assert_int_equal(verify(c, &log, &found, said), 5);
		free(log.text);
		assert_string_equal(verify_file(c, 124, NULL, &log, &found), "");
		free(log.text);
	}
	free(changed);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_CASE_BOTH(test_start_after_the_end_was_cut),
		STORE_CASE_BOTH(test_another_key_after_the_end_was_cut),
		STORE_CASE_BOTH(test_torn_end_that_the_next_file_binds),
		STORE_CASE_BOTH(test_pages_end_with_a_line),
		STORE_CASE_BOTH(test_cut_end_is_found_with_another_key),
		STORE_CASE_BOTH(test_power_cut_as_damage_was_written_down),
		STORE_CASE_BOTH(test_nothing_is_written_over),
		STORE_CASE_BOTH(test_start_with_a_changed_line),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
