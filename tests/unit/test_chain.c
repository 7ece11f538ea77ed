// SPDX-License-Identifier: BSD-3-Clause
// The audit log's format, bent in every way: each byte of a small log another, each line removed, doubled, put
// elsewhere, added; its end cut at each byte; checkpoints and heads forged.
#include "base/trust/chain_check.h"
#include "base/trust/chain_files.h"
#include "base/trust/chain_sign.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES 8

static char folder[] = "/tmp/test_chain.XXXXXX";
static struct chain_key ours, other;

struct log {
	char text[LINES * CHAIN_LINE_BYTES_MAX];
	size_t size;
	size_t at[LINES + 1]; // where each line begins; behind the last: the end
	struct chain_place last;
};

static const struct chain_entry CHANGE = { .kind = CHAIN_REQUEST,
	.at_us = 1764435600123456,
	.by = "uid 1000",
	.from = "unix",
	.what = "PUT /v1/models/lab/deployment",
	.model = "lab",
	.version = 3,
	.sha256 = "00ff",
	.says_allowed = true,
	.allowed = true };

static void add(struct log *log, unsigned i, size_t bytes)
{
	log->at[i] = log->size;
	log->size += bytes;
	log->at[i + 1] = log->size;
}

// Changes, and a checkpoint in the midst of them and at the end.
static void make(struct log *log, const struct chain_key *key)
{
	memset(log, 0, sizeof(*log));
	chain_begin(&log->last);
	for (unsigned i = 0; i < LINES; i++) {
		char *to = log->text + log->size;

		add(log, i,
			i == 3 || i == LINES - 1
				? chain_checkpoint(key, &log->last, CHANGE.at_us, to)
				: chain_write(&log->last, &CHANGE, to));
	}
}

// Fed in pieces of that size: what is said, "" where all is well.
static const char *check(
	const char *text, size_t size, const char *key, size_t piece, struct chain_found *found)
{
	static char said[ERROR_TEXT_BYTES];
	struct chain_check *c = chain_check_create(key, NULL, NULL);
	struct error err = { .text = "" };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < size; i += piece)
		rc = chain_check_take(c, text + i, size - i < piece ? size - i : piece, &err);
	if (rc == 0)
		rc = chain_check_end(c, &err);
	if (found)
		*found = *chain_check_found(c);
	chain_check_destroy(c);
	snprintf(said, sizeof(said), "%s", rc ? err.text : "");
	return said;
}

static void test_line_is_as_documented(void **state)
{
	static const char WANTED[] =
		"{\"seq\":1,\"at\":\"2025-11-29T17:00:00.123456Z\",\"kind\":\"request\",\"by\":"
		"\"uid 1000\",\"from\":\"unix\",\"what\":\"PUT /v1/models/lab/deployment\","
		"\"model\":\"lab\",\"version\":3,\"sha256\":\"00ff\",\"allowed\":true,\"prev\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\"";
	unsigned char hash[32];
	char hex[CHAIN_HEX_BYTES], whole[1024];
	struct log log;

	make(&log, &ours);
	// As b2sum -l 256 makes it of these bytes.
	crypto_generichash(hash, 32, (const unsigned char *)WANTED, strlen(WANTED), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	snprintf(whole, sizeof(whole), "%s,\"hash\":\"%s\"}\n", WANTED, hex);
	assert_int_equal(strlen(whole), log.at[1]);
	assert_memory_equal(log.text, whole, log.at[1]);
}

static void test_whole_log_in_pieces(void **state)
{
	struct chain_found found;
	struct log log;

	make(&log, &ours);
	for (size_t piece = 1; piece < 700; piece += 7) {
		assert_string_equal(check(log.text, log.size, ours.public_hex, piece, &found), "");
		assert_int_equal(found.lines, LINES);
		assert_int_equal(found.checkpoints, 2);
		assert_int_equal(found.signed_seq, LINES);
		assert_int_equal(found.torn, 0);
		assert_string_equal(found.last.hash, log.last.hash);
	}
}

// Another byte anywhere: said at once, or the log's end is torn, which its head then says.
static void test_each_byte_changed(void **state)
{
	struct chain_found found;
	struct log log;
	char *text;

	make(&log, &ours);
	text = malloc(log.size);
	for (size_t i = 0; i < log.size; i++)
		for (int bit = 0; bit < 8; bit++) {
			const char *said;

			memcpy(text, log.text, log.size);
			text[i] ^= (char)(1 << bit);
			said = check(text, log.size, ours.public_hex, 512, &found);
			if (i < log.at[LINES - 1] - 1) // that newline joins the last two
				assert_true(said[0]);
			else
				assert_true(said[0] || found.torn > 0);
		}
	free(text);
}

static size_t put(char *to, size_t used, const struct log *log, unsigned line)
{
	const size_t bytes = log->at[line + 1] - log->at[line];

	memcpy(to + used, log->text + log->at[line], bytes);
	return used + bytes;
}

static void test_each_line_removed_doubled_swapped(void **state)
{
	struct log log;
	char *text, wanted[128];
	size_t n;

	make(&log, &ours);
	text = malloc(2 * sizeof(log.text));
	for (unsigned i = 1; i < LINES - 1; i++) {
		n = 0;
		for (unsigned k = 0; k < LINES; k++)
			if (k != i)
				n = put(text, n, &log, k);
		snprintf(wanted, sizeof(wanted),
			"line %u is followed by line %u: those between them were removed", i,
			i + 2);
		assert_string_equal(check(text, n, NULL, 4096, NULL), wanted);
		n = 0;
		for (unsigned k = 0; k < LINES; k++) {
			n = put(text, n, &log, k);
			if (k == i)
				n = put(text, n, &log, k);
		}
		snprintf(wanted, sizeof(wanted),
			"line %u is followed by line %u: a line was added, or lines were put "
			"elsewhere",
			i + 1, i + 1);
		assert_string_equal(check(text, n, NULL, 4096, NULL), wanted);
	}
	for (unsigned i = 0; i < LINES; i++)
		for (unsigned j = i + 1; j < LINES; j++) {
			n = 0;
			for (unsigned k = 0; k < LINES; k++)
				n = put(text, n, &log, k == i ? j : k == j ? i : k);
			assert_true(check(text, n, NULL, 4096, NULL)[0]);
		}
	free(text);
}

// A line with a good hash of its own, put in the place of another: who can compute hashes but has no key.
static void test_line_forged_with_its_hash(void **state)
{
	struct chain_entry entry = CHANGE;
	struct chain_place place;
	struct log log;
	char *text = malloc(sizeof(log.text)), *line = malloc(CHAIN_LINE_BYTES_MAX);
	size_t n = 0, bytes;

	make(&log, &ours);
	entry.by = "uid 0";
	chain_begin(&place);
	n = put(text, n, &log, 0);
	chain_write(&place, &CHANGE, line);
	bytes = chain_write(&place, &entry, line);
	memcpy(text + n, line, bytes);
	n += bytes;
	for (unsigned k = 2; k < LINES; k++)
		n = put(text, n, &log, k);
	assert_non_null(strstr(check(text, n, NULL, 4096, NULL),
		"line 3 does not follow from line 2 that stands before it"));
	// And all that follows made anew: the checkpoint's signature is of what was.
	n = log.at[1] + bytes;
	n += chain_write(&place, &CHANGE, text + n);
	{
		struct chain_entry forged = {
			.kind = CHAIN_CHECKPOINT, .at_us = CHANGE.at_us, .key = ours.public_hex
		};
		char signature[CHAIN_SIGNATURE_BYTES];

		snprintf(signature, sizeof(signature), "%s",
			strstr(log.text + log.at[3], "\"signature\":\"") + 13);
		signature[CHAIN_SIGNATURE_BYTES - 1] = '\0';
		forged.signature = signature;
		n += chain_write(&place, &forged, text + n);
	}
	assert_string_equal(check(text, n, NULL, 4096, NULL),
		"line 4 is a checkpoint whose signature is not good: it, or a line before it, is "
		"not "
		"what was signed");
	free(text);
	free(line);
}

static void test_checkpoint_of_another_key(void **state)
{
	char wanted[256];
	struct log log;

	make(&log, &other);
	snprintf(wanted, sizeof(wanted),
		"line 4 is a checkpoint signed by key %.16s..., not by %.16s...: the log is "
		"another "
		"appliance's, or was forged",
		other.public_hex, ours.public_hex);
	assert_string_equal(check(log.text, log.size, ours.public_hex, 4096, NULL), wanted);
	assert_string_equal(check(log.text, log.size, NULL, 4096, NULL), "");
}

// Two appliances' logs, one behind the other, and within each other.
static void test_files_of_another_appliance(void **state)
{
	struct log log, strange;
	char *text = malloc(2 * sizeof(log.text));
	size_t n = 0;

	make(&log, &ours);
	make(&strange, &other);
	for (unsigned k = 0; k < 4; k++)
		n = put(text, n, &log, k);
	for (unsigned k = 4; k < LINES; k++)
		n = put(text, n, &strange, k);
	assert_non_null(
		strstr(check(text, n, NULL, 4096, NULL), "line 5 does not follow from line 4"));
	free(text);
}

static void test_end_cut_at_each_byte(void **state)
{
	struct chain_found found;
	struct log log;
	unsigned whole = 0;

	make(&log, &ours);
	for (size_t size = 0; size < log.size; size++) {
		while (log.at[whole + 1] <= size)
			whole++;
		assert_string_equal(check(log.text, size, ours.public_hex, 300, &found), "");
		// A last line may lack its newline, and is whole.
		if (size + 1 == log.at[whole + 1]) {
			assert_int_equal(found.lines, whole + 1);
			assert_int_equal(found.torn, 0);
			assert_true(found.lacks_newline);
		} else {
			assert_int_equal(found.lines, whole);
			assert_int_equal(
				found.torn, size > log.at[whole] ? size - log.at[whole] + 1 : 0);
			assert_true(found.last.seq < log.last.seq);
		}
	}
}

// What a crash left stays where it is, and the line behind it says what it is.
static void test_torn_line_is_recovered_and_bound(void **state)
{
	struct chain_found found;
	struct chain_entry entry = { .kind = CHAIN_RECOVERED, .at_us = 1 };
	struct chain_place place;
	struct log log;
	char *text = malloc(2 * sizeof(log.text));
	size_t cut, n, end;

	make(&log, &ours);
	for (cut = log.at[5] + 1; cut < log.at[6] - 1; cut += 3) {
		memcpy(text, log.text, cut);
		check(text, cut, NULL, 4096, &found);
		place = found.last;
		entry.torn = found.torn;
		entry.torn_hash = found.torn_hash;
		n = cut;
		text[n++] = '\n';
		n += chain_write(&place, &entry, text + n);
		end = n;
		n += chain_checkpoint(&ours, &place, 2, text + n);
		assert_string_equal(check(text, n, NULL, 100, &found), "");
		assert_int_equal(found.recovered, 1);
		assert_int_equal(found.lines, 7);
		// No byte of the piece may be another, or go.
		text[cut - 1] ^= 1;
		assert_non_null(strstr(
			check(text, n, NULL, 100, NULL), "the line after line 5 was changed: "));
		text[cut - 1] ^= 1;
		memmove(text + log.at[5], text + cut + 1, n - cut - 1);
		assert_non_null(strstr(check(text, n - cut - 1 + log.at[5], NULL, 100, NULL),
			"bytes that a crash had left; they were removed"));
		(void)end;
	}
	free(text);
}

// The reason is that of the first thing that cannot be read, also where that is empty or comes in pieces.
static void test_reason_is_said(void **state)
{
	static const char LONG[] = "was changed: it is longer than any line of an audit log";
	struct error why;
	struct chain_line line;
	struct log log;
	char *text = malloc(sizeof(log.text) + 3 * CHAIN_LINE_BYTES_MAX);
	size_t n;

	make(&log, &ours);
	assert_int_equal(chain_read("", 0, &line, &why), -EINVAL);
	assert_true(why.text[0]);
	memcpy(text, log.text, log.at[5]);
	text[log.at[5]] = '\n';
	memcpy(text + log.at[5] + 1, log.text + log.at[5], log.size - log.at[5]);
	assert_non_null(strstr(check(text, log.size + 1, NULL, 4096, NULL), why.text));
	n = log.at[5];
	memset(text + n, 'x', 2 * CHAIN_LINE_BYTES_MAX);
	n += 2 * CHAIN_LINE_BYTES_MAX;
	text[n++] = '\n';
	memcpy(text + n, log.text + log.at[5], log.size - log.at[5]);
	n += log.size - log.at[5];
	assert_non_null(strstr(check(text, n, NULL, 100, NULL), LONG));
	assert_non_null(strstr(check(text, n, NULL, n, NULL), LONG));
	free(text);
}

static void test_damage_that_was_found_stays_said(void **state)
{
	struct chain_entry entry = { .kind = CHAIN_DAMAGED, .at_us = 1, .why = "lines are gone" };
	struct chain_place place;
	struct log log;
	size_t n;

	make(&log, &ours);
	place = log.last;
	n = log.at[5] + chain_write(&place, &entry, log.text + log.at[5]);
	assert_string_equal(check(log.text, n, NULL, 4096, NULL),
		"after line 5 lines are missing or were changed: line 9 says that martletd found "
		"it "
		"so when it started");
}

static void test_hostile_lines(void **state)
{
	static const char *const BAD[] = { "", "\n", "{}", "null\n", "{\"seq\":1}\n",
		"{\"seq\":18446744073709551616,\"at\":\"\",\"kind\":\"\",\"prev\":\"\"}\n" };
	struct chain_found found;
	char *text = malloc(1 << 20);
	struct chain_line line;
	struct error err;

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_string_equal(check(BAD[i], strlen(BAD[i]), NULL, 5, &found), "");
	memset(text, 'x', 1 << 20);
	assert_string_equal(check(text, 1 << 20, NULL, 4096, &found), "");
	assert_int_equal(found.torn, (1 << 20) + 1);
	assert_int_equal(chain_read(text, 1 << 20, &line, &err), -EINVAL);
	free(text);
}

// However long and strange what a client sends is, a line is one, and of bounded length.
static void test_texts_are_bounded_and_one_line(void **state)
{
	char *text = malloc(20000);
	struct chain_entry entry = { .kind = CHAIN_REFUSED,
		.by = text,
		.from = text,
		.what = text,
		.model = text,
		.why = text,
		.sha256 = text,
		.torn_hash = text,
		.key = text,
		.signature = text };
	char out[CHAIN_LINE_BYTES_MAX];
	struct chain_place place;
	struct chain_line line;
	struct error err;

	for (int c = 1; c < 256; c++) {
		size_t n;

		memset(text, c, 19999);
		text[19999] = '\0';
		chain_begin(&place);
		n = chain_write(&place, &entry, out);
		assert_in_range(n, 100, CHAIN_LINE_BYTES_MAX - 1);
		assert_ptr_equal(memchr(out, '\n', n), out + n - 1);
		assert_int_equal(chain_read(out, n - 1, &line, &err), 0);
	}
	free(text);
}

static void test_fields_are_read(void **state)
{
	struct chain_line line;
	struct error err;
	struct log log;

	make(&log, &ours);
	assert_int_equal(chain_read(log.text, log.at[1] - 1, &line, &err), 0);
	assert_int_equal(line.seq, 1);
	assert_int_equal(line.kind, CHAIN_REQUEST);
	assert_int_equal(chain_number(&line, CHAIN_version), 3);
	assert_int_equal(chain_number(&line, CHAIN_status), 0);
	assert_true(chain_is(&line, CHAIN_by, "uid 1000"));
	assert_false(chain_is(&line, CHAIN_by, "uid 100"));
}

// --- The head ------------------------------------------------------------------------------------

static void test_head_each_byte_changed(void **state)
{
	char head[CHAIN_HEAD_BYTES], bent[CHAIN_HEAD_BYTES], key[CHAIN_HEX_BYTES];
	struct chain_place place;
	struct error err;
	struct log log;

	make(&log, &ours);
	chain_head_write(&ours, &log.last, head);
	assert_int_equal(chain_head_read(head, sizeof(head), &place, key, &err), 0);
	assert_int_equal(place.seq, LINES);
	assert_string_equal(place.hash, log.last.hash);
	assert_string_equal(key, ours.public_hex);
	for (size_t i = 0; i < sizeof(head); i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(bent, head, sizeof(head));
			bent[i] ^= (char)(1 << bit);
			assert_int_equal(
				chain_head_read(bent, sizeof(bent), &place, key, &err), -EINVAL);
		}
	for (size_t size = 0; size < sizeof(head); size++)
		assert_int_equal(chain_head_read(head, size, &place, key, &err), -EINVAL);
}

// --- Keys and files ------------------------------------------------------------------------------

static void test_key_is_made_once_and_guarded(void **state)
{
	char path[128], public[128], hex[CHAIN_HEX_BYTES], wanted[256];
	struct chain_key key, again;
	struct error err;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/audit.key", folder);
	snprintf(public, sizeof(public), "%s/audit.pub", folder);
	assert_int_equal(chain_key_open(path, &key, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chain_key_open(path, &again, &err), 0);
	assert_string_equal(key.public_hex, again.public_hex);
	assert_int_equal(chain_public_read(public, hex, &err), 0);
	assert_string_equal(hex, key.public_hex);
	// The public half is put back where it went.
	unlink(public);
	assert_int_equal(chain_key_open(path, &again, &err), 0);
	assert_int_equal(chain_public_read(public, hex, &err), 0);
	chmod(path, 0640);
	chown(path, (uid_t)-1, 12345);
	assert_int_equal(chain_key_open(path, &again, &err), -EPERM);
	chmod(path, 0600);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "martlet-audit-secret 12\n", 24), 24);
	close(fd);
	snprintf(wanted, sizeof(wanted),
		"%s: is no secret key of an audit log: one line, \"martlet-audit-secret \" and 64 "
		"hexadecimal digits",
		path);
	assert_int_equal(chain_key_open(path, &again, &err), -EINVAL);
	assert_string_equal(err.text, wanted);
}

static void test_files_go_by_their_first_line(void **state)
{
	static const char *const NAMES[] = { "000000000101.jsonl", "000000000001.jsonl",
		"000000000000.jsonl", "1.jsonl", "000000000101.jsonl~", "head",
		"1000000000000.jsonl" };
	struct chain_files files;
	char path[128];
	struct error err;
	int fd = open(folder, O_RDONLY | O_DIRECTORY);

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
		close(open(path, O_WRONLY | O_CREAT, 0600));
	}
	assert_int_equal(chain_files_list(fd, folder, &files, &err), 0);
	assert_int_equal(files.n, 3);
	assert_int_equal(files.first[0], 1);
	assert_int_equal(files.first[1], 101);
	assert_int_equal(files.first[2], 1000000000000);
	chain_files_free(&files);
	close(fd);
}

static int begin(void **state)
{
	char path[128];
	struct error err;

	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/ours", folder);
	if (chain_key_open(path, &ours, &err) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/other", folder);
	return chain_key_open(path, &other, &err);
}

static int end(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_is_as_documented),
		cmocka_unit_test(test_whole_log_in_pieces),
		cmocka_unit_test(test_each_byte_changed),
		cmocka_unit_test(test_each_line_removed_doubled_swapped),
		cmocka_unit_test(test_line_forged_with_its_hash),
		cmocka_unit_test(test_checkpoint_of_another_key),
		cmocka_unit_test(test_files_of_another_appliance),
		cmocka_unit_test(test_end_cut_at_each_byte),
		cmocka_unit_test(test_torn_line_is_recovered_and_bound),
		cmocka_unit_test(test_reason_is_said),
		cmocka_unit_test(test_damage_that_was_found_stays_said),
		cmocka_unit_test(test_hostile_lines),
		cmocka_unit_test(test_texts_are_bounded_and_one_line),
		cmocka_unit_test(test_fields_are_read),
		cmocka_unit_test(test_head_each_byte_changed),
		cmocka_unit_test(test_key_is_made_once_and_guarded),
		cmocka_unit_test(test_files_go_by_their_first_line),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
