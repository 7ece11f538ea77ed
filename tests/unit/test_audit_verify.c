// SPDX-License-Identifier: BSD-3-Clause
// martletctl audit verify on the folder of a log of several files that somebody bent: each way that one who can write the
// files, and has not the key, can choose is found, but for the two that a hash kept elsewhere finds.
#include "ctl/tool/audit_verify.h"

#include "base/trust/chain_sign.h"
#include "ctl/server/log.h"
#include "ctl/tool/tool.h"
#include "tests/unit/audit_case.h"

#include <sodium.h>

#define FILES_MAX 16

// The log's files in memory, to be bent and written.
static struct {
	char *text[FILES_MAX];
	uint64_t first[FILES_MAX];
	size_t n;
	char head[CHAIN_HEAD_BYTES];
} whole;
static char path[128], key[160];

static void put(const char *name, const char *bytes, size_t size)
{
	char at[256];
	FILE *to;

	snprintf(at, sizeof(at), "%s/%s", path, name);
	to = fopen(at, "w");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, size, to), size);
	fclose(to);
}

static void put_file(uint64_t first, const char *text)
{
	char name[CHAIN_NAME_BYTES];

	chain_file_name(first, name);
	put(name, text, strlen(text));
}

static void restore(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -f %s/*.jsonl", path);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < whole.n; i++)
		put_file(whole.first[i], whole.text[i]);
	put(CHAIN_HEAD_FILE, whole.head, sizeof(whole.head));
}

static void make_log(struct store_case *c)
{
	struct audit *audit = open_log(c, 4000);
	struct chain_files files;
	struct waiter w = { 0 };
	struct error err;
	int fd, file;

	for (int i = 0; i < 40; i++) {
		ask(audit, &w);
		settle(c, audit);
	}
	audit_close(audit);
	fd = open_folder(c, path);
	snprintf(key, sizeof(key), "%s/" CHAIN_PUBLIC_FILE, path);
	assert_int_equal(chain_files_list(fd, path, &files, &err), 0);
	assert_in_range(files.n, 4, FILES_MAX);
	whole.n = files.n;
	for (size_t i = 0; i < files.n; i++) {
		struct read r = { 0 };

		whole.first[i] = files.first[i];
		assert_int_equal(
			chain_file_read(fd, path, files.first[i], 0, UINT64_MAX, take, &r, &err),
			0);
		whole.text[i] = r.text;
	}
	file = openat(fd, CHAIN_HEAD_FILE, O_RDONLY);
	assert_int_equal(pread(file, whole.head, sizeof(whole.head), 0), sizeof(whole.head));
	close(file);
	chain_files_free(&files);
	close(fd);
}

static void forget_log(void)
{
	for (size_t i = 0; i < whole.n; i++)
		free(whole.text[i]);
	memset(&whole, 0, sizeof(whole));
}

// The sentence; "" where all is well.
static const char *verify_with(const char *expect)
{
	static struct error err;
	const struct audit_verify request = { .path = path, .key = key, .expect = expect };

	err.text[0] = '\0';
	return audit_verify(&request, &err) == 0 ? "" : err.text;
}

#define ASSERT_SAYS(sentence) assert_says(sentence, __LINE__)
static void assert_says(const char *sentence, int line)
{
	const char *said = verify_with(NULL);

	if (!strstr(said, sentence))
		printf("# line %d: %s\n", line, said);
	assert_non_null(strstr(said, sentence));
	restore();
}

// --- Lines ---------------------------------------------------------------------------------------

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static const char *line_at(const char *text, size_t i)
{
	for (; i > 0; i--)
		text = strchr(text, '\n') + 1;
	return text;
}

static size_t line_bytes(const char *line)
{
	return (size_t)(strchr(line, '\n') - line) + 1;
}

// A file of which `more` stands in the place of so many bytes at `at`.
static void put_bent(size_t f, const char *at, size_t gone, const char *more, size_t more_bytes)
{
	const char *text = whole.text[f];
	const size_t before = (size_t)(at - text), rest = strlen(at + gone);
	char *bent = malloc(before + more_bytes + rest + 1);

	memcpy(bent, text, before);
	memcpy(bent + before, more, more_bytes);
	memcpy(bent + before + more_bytes, at + gone, rest + 1);
	put_file(whole.first[f], bent);
	free(bent);
}

// Each line of each file changed, removed, doubled and put behind the next one.
static void each_line_of_each_file(void **state)
{
	make_log(*state);
	assert_string_equal(verify_with(NULL), "");
	for (size_t f = 0; f < whole.n; f++)
		for (size_t i = 0, n = count_lines(whole.text[f]); i < n; i++) {
			const char *line = line_at(whole.text[f], i),
				   *next = line + line_bytes(line);
			const bool is_last = f == whole.n - 1 && i == n - 1;
			char other[CHAIN_LINE_BYTES_MAX];

			memcpy(other, line, line_bytes(line));
			other[line_bytes(line) / 2] ^= 1;
			put_bent(f, line, line_bytes(line), other, line_bytes(line));
			if (!is_last) // told apart from what a crash may leave below
				ASSERT_SAYS(" was changed: ");
			put_bent(f, line, line_bytes(line), "", 0);
			if (f == 0 && i == 0)
				ASSERT_SAYS(
					"should begin with line 1 by its name, and begins with "
					"line 2");
			else if (!is_last)
				ASSERT_SAYS(": those between them were removed");
			put_bent(f, next, 0, line, line_bytes(line));
			ASSERT_SAYS(": a line was added, or lines were put elsewhere");
			if (!*next)
				continue;
			memcpy(other, next, line_bytes(next));
			memcpy(other + line_bytes(next), line, line_bytes(line));
			put_bent(f, line, line_bytes(line) + line_bytes(next), other,
				line_bytes(line) + line_bytes(next));
			ASSERT_SAYS(f == 0 && i == 0
					? "a line was added, or lines were put elsewhere"
					: "were removed");
		}
	forget_log();
}

// A line of one's own, with the right number and hashes all the way to the end: the next signature does not fit.
static void line_forged_with_all_hashes_behind_it(void **state)
{
	char *bent = calloc(1, 1 << 20);

	make_log(*state);
	for (size_t forged = 0; forged < whole.n; forged++) {
		const struct chain_entry entry = {
			.kind = CHAIN_OWN, .by = "martletd", .what = "x"
		};
		struct chain_place place;
		struct chain_line line;
		struct error err;
		size_t seq = 0, n_forged = 0;

		chain_begin(&place);
		for (size_t f = 0; f < whole.n; f++) {
			size_t n = 0;

			for (size_t i = 0; i < count_lines(whole.text[f]); i++) {
				const char *text = line_at(whole.text[f], i);

				assert_int_equal(
					chain_read(text, line_bytes(text) - 1, &line, &err), 0);
				seq++;
				if (f < forged || line.kind == CHAIN_CHECKPOINT) {
					memcpy(bent + n, text, line_bytes(text));
					n += line_bytes(text);
					place.seq = seq;
					memcpy(place.hash, line.hash, sizeof(place.hash));
				} else {
					n += chain_write(&place, &entry, bent + n);
					n_forged++;
				}
			}
			bent[n] = '\0';
			put_file(whole.first[f], bent);
		}
		if (n_forged > 0) // the last file may hold its checkpoint alone
			ASSERT_SAYS("one of the two was put in the place of another");
		assert_true(n_forged > 0 || forged == whole.n - 1);
	}
	free(bent);
	forget_log();
}

// --- Files ---------------------------------------------------------------------------------------

static void remove_file(size_t f)
{
	char at[256], name[CHAIN_NAME_BYTES];

	chain_file_name(whole.first[f], name);
	snprintf(at, sizeof(at), "%s/%s", path, name);
	assert_int_equal(unlink(at), 0);
}

static void files_removed_doubled_and_exchanged(void **state)
{
	char line[CHAIN_LINE_BYTES_MAX];
	const char *last;
	size_t bytes;

	make_log(*state);
	for (size_t f = 1; f + 1 < whole.n; f++) {
		remove_file(f);
		ASSERT_SAYS(": those between them were removed");
		put_file(whole.first[f], "");
		ASSERT_SAYS(": those between them were removed");
		put_file(whole.first[f], whole.text[f + 1]);
		put_file(whole.first[f + 1], whole.text[f]);
		ASSERT_SAYS("were removed");
		put_file(whole.first[f] + 1, whole.text[f]); // once more, under another name
		ASSERT_SAYS("a line was added, or lines were put elsewhere");
		// A file's last line as the first one of the next, which is in order, and no file of this log's making.
		last = line_at(whole.text[f], count_lines(whole.text[f]) - 1);
		bytes = line_bytes(last);
		memcpy(line, last, bytes);
		put_bent(f, last, bytes, "", 0);
		put_bent(f + 1, whole.text[f + 1], 0, line, bytes);
		assert_string_equal(verify_with(NULL), ""); // no line is another, or elsewhere
		restore();
	}
	put_file(9999, "not a line\n");
	ASSERT_SAYS("bytes that are no line");
	forget_log();
}

// --- Its ends ------------------------------------------------------------------------------------

static const char *hash_of(const char *line, char hash[CHAIN_HEX_BYTES])
{
	struct chain_line read;
	struct error err;

	assert_int_equal(chain_read(line, line_bytes(line) - 1, &read, &err), 0);
	memcpy(hash, read.hash, sizeof(read.hash));
	return hash;
}

static void cut_end_is_found_by_the_head(void **state)
{
	const char *last;
	char *bent;
	size_t f;

	make_log(*state);
	f = whole.n - 1;
	remove_file(f);
	ASSERT_SAYS("but the signed head knows line ");
	last = line_at(whole.text[f], count_lines(whole.text[f]) - 1);
	put_bent(f, last, line_bytes(last), "", 0);
	ASSERT_SAYS(": its end was cut off");
	bent = strdup(last);
	bent[line_bytes(last) / 2] ^= 1;
	put_bent(f, last, line_bytes(last), bent, line_bytes(last));
	ASSERT_SAYS("but the signed head knows line ");
	free(bent);
	// The head is no more, or bent.
	put(CHAIN_HEAD_FILE, whole.head, sizeof(whole.head) - 1);
	ASSERT_SAYS("the signed head is cut");
	bent = malloc(sizeof(whole.head));
	memcpy(bent, whole.head, sizeof(whole.head));
	bent[8] = bent[8] == '1' ? '2' : '1';
	put(CHAIN_HEAD_FILE, bent, sizeof(whole.head));
	ASSERT_SAYS("the signed head is not signed by the key that it names");
	free(bent);
	forget_log();
}

// What the files alone cannot tell, as docs/security.md has it; a hash that was kept elsewhere does.
static void what_is_found_only_by_a_hash_kept_elsewhere(void **state)
{
	struct store_case *c = *state;
	char newest[CHAIN_HEX_BYTES], oldest[CHAIN_HEX_BYTES], head[CHAIN_HEAD_BYTES];
	struct waiter w = { 0 };
	struct audit *audit;
	char *last;

	make_log(c);
	memcpy(head, whole.head, sizeof(head));
	hash_of(whole.text[0], oldest);
	// Lines come behind, and are taken away again with the head put back to what it was.
	audit = open_log(c, 4000);
	ask(audit, &w);
	settle(c, audit);
	audit_close(audit);
	last = read_log(c);
	hash_of(line_at(last, count_lines(last) - 1), newest);
	free(last);
	assert_string_equal(verify_with(newest), "");
	restore();
	assert_string_equal(verify_with(NULL), "");
	assert_non_null(strstr(verify_with(newest), "the log was cut off before it, or made anew"));
	// The oldest files are gone, as they may be.
	assert_string_equal(verify_with(oldest), "");
	remove_file(0);
	assert_string_equal(verify_with(NULL), "");
	assert_non_null(strstr(verify_with(oldest), "no line has the hash "));
	forget_log();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function)                                                                             \
	cmocka_unit_test_setup_teardown(function, store_case_begin_plain, store_case_end)
		TEST(each_line_of_each_file),
		TEST(line_forged_with_all_hashes_behind_it),
		TEST(files_removed_doubled_and_exchanged),
		TEST(cut_end_is_found_by_the_head),
		TEST(what_is_found_only_by_a_hash_kept_elsewhere),
	};

	tool.json = false;
	log_set_level(LOG_LEVEL_ERROR);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
