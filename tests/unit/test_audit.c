// SPDX-License-Identifier: BSD-3-Clause
// The audit log on a disk that goes wrong: each of its system calls fails in each way, for once or for good. Nobody is
// told that a line lasts which does not, nothing that lasts is lost, and once the disk is well the log is whole.
#include "ctl/server/audit/read.h"
#include "ctl/server/log.h"
#include "tests/unit/audit_case.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#define ASKED 6

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

// --- Files ---------------------------------------------------------------------------------------

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

// Somebody put one where the next is to be: it stays as it is, and the last one goes on.
static void test_file_that_is_there_already_stays(void **state)
{
	static const char THEIRS[] = "theirs";
	struct store_case *c = *state;
	struct audit *audit = open_log(c, 1 << 20);
	char path[128], name[256], text[sizeof(THEIRS)] = "", said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct waiter w = { 0 };
	struct read r;
	FILE *file;

	settle(c, audit);
	close(open_folder(c, path));
	snprintf(name, sizeof(name), "%s/%012d.jsonl", path, (int)audit->durable.seq + 3);
	file = fopen(name, "w");
	fputs(THEIRS, file);
	fclose(file);
	audit->file_bytes_max = audit->file_bytes + 1; // the next line and a checkpoint end it
	for (int i = 0; i < 5; i++) {
		ask(audit, &w);
		settle(c, audit);
		assert_true(w.is_told && w.err.code == 0);
	}
	file = fopen(name, "r");
	assert_int_equal(fread(text, 1, sizeof(text), file), sizeof(THEIRS) - 1);
	assert_string_equal(text, THEIRS);
	fclose(file);
	assert_int_equal(unlink(name), 0);
	audit_close(audit);
	verify(c, &r, &found, said);
	assert_string_equal(said, "");
	assert_int_equal(r.requests, 5);
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
		STORE_CASE_BOTH(test_chain_goes_on_across_files_and_starts),
		STORE_CASE_BOTH(test_file_that_is_there_already_stays),
		STORE_CASE_BOTH(test_who_is_told_asks_as_a_file_ends),
		STORE_CASE_BOTH(test_pages_are_the_log),
		STORE_CASE_BOTH(test_refusals_that_were_left_out_are_said),
		cmocka_unit_test(test_refusals_of_one_source_are_bounded),
		cmocka_unit_test(test_refusals_of_many_sources_are_bounded),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
