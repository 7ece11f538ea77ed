// SPDX-License-Identifier: BSD-3-Clause
// Runs tests of the ONNX project's form and says of each: passed, refused by name, or wrong.
//
// usage: conformance [--tap] [--expected REFUSED.txt] SET=FOLDER...
//
// FOLDER holds a folder a test. REFUSED.txt has a line for each test that may be refused,
// "SET/TEST": any other that is refused fails; without it none does. Exit 1: something is wrong, or
// refused unexpectedly.
#include "tests/conformance/case.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TESTS_MAX     20000
#define OPERATORS_MAX 512

struct tally {
	char op[64];
	unsigned n;
};

static struct {
	bool tap;
	char *expected; // the file's lines, each between newlines; NULL: nothing is expected
	struct tally refused[OPERATORS_MAX];
	unsigned n_operators, n_lines;
	unsigned total[VERDICT_COUNT], unexpected;
} run;

static void tally_refused(const char *op)
{
	for (unsigned i = 0; i < run.n_operators; i++) {
		if (strcmp(run.refused[i].op, op) == 0) {
			run.refused[i].n++;
			return;
		}
	}
	if (run.n_operators == OPERATORS_MAX)
		return;
	snprintf(run.refused[run.n_operators].op, sizeof(run.refused->op), "%s", op);
	run.refused[run.n_operators++].n = 1;
}

static bool is_expected(const char *prefix, const char *name)
{
	char line[600];

	snprintf(line, sizeof(line), "\n%s%s\n", prefix, name);
	return run.expected && strstr(run.expected, line);
}

static void tap(bool ok, const char *name, const char *text)
{
	if (run.tap)
		printf("%sok %u - %s%s%s\n", ok ? "" : "not ", ++run.n_lines, name,
			*text ? ": " : "", text);
}

static void say(const char *name, const struct outcome *outcome)
{
	static const char *const WORDS[] = { "passed", "refused", "wrong" };

	if (!run.tap)
		printf("%s %s%s%s%s\n", WORDS[outcome->verdict], name, *outcome->text ? ": " : "",
			outcome->text, outcome->loose ? " (within 1e-3 only)" : "");
	else if (outcome->verdict == VERDICT_PASSED)
		tap(true, name, "");
	else if (outcome->verdict == VERDICT_WRONG)
		tap(false, name, outcome->text);
}

static void run_test(const char *set, const char *folder, const char *test, unsigned counts[])
{
	struct outcome outcome;
	char path[4096], name[512];

	snprintf(path, sizeof(path), "%s/%s", folder, test);
	snprintf(name, sizeof(name), "%s/%s", set, test);
	case_run_apart(path, &outcome);
	if (outcome.unsound && is_expected("unsound ", name))
		outcome.verdict = VERDICT_REFUSED;
	counts[outcome.verdict]++;
	say(name, &outcome);
	if (outcome.verdict == VERDICT_REFUSED) {
		tally_refused(outcome.op);
		if (run.expected && !outcome.unsound && !is_expected("", name)) {
			run.unexpected++;
			tap(false, name, outcome.text);
		}
	} else if (outcome.verdict == VERDICT_PASSED && is_expected("", name)) {
		printf("# %s passes: take it out of the tests that may be refused\n", name);
	}
	counts[VERDICT_COUNT] += outcome.loose;
}

static int is_test(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool has_data(const char *folder, const char *test)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s/test_data_set_0", folder, test);
	return access(path, R_OK) == 0;
}

static void run_set(const char *set, const char *folder)
{
	unsigned counts[VERDICT_COUNT + 1] = { 0 }, unexpected = run.unexpected;
	struct dirent **entries;
	int n = scandir(folder, &entries, is_test, alphasort);
	char text[200];

	for (int i = 0; i < n; i++) {
		if (has_data(folder, entries[i]->d_name))
			run_test(set, folder, entries[i]->d_name, counts);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		run.total[v] += counts[v];
	snprintf(text, sizeof(text), "%u passed (%u within 1e-3 only), %u refused, %u wrong",
		counts[VERDICT_PASSED], counts[VERDICT_COUNT], counts[VERDICT_REFUSED],
		counts[VERDICT_WRONG]);
	if (run.tap)
		tap(n >= 0 && run.unexpected == unexpected && counts[VERDICT_WRONG] == 0, set,
			text);
	else
		printf("%s: %s\n\n", set, text);
}

static int by_number(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->op, y->op);
}

static void print_refused(void)
{
	qsort(run.refused, run.n_operators, sizeof(*run.refused), by_number);
	for (unsigned i = 0; i < run.n_operators; i++)
		printf("# refused %4u  %s\n", run.refused[i].n, run.refused[i].op);
}

static void read_expected(const char *path)
{
	FILE *file = fopen(path, "re");
	long size;

	if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
		perror(path);
		exit(2);
	}
	rewind(file);
	run.expected = calloc(1, (size_t)size + 3);
	if (!run.expected)
		exit(2);
	run.expected[0] = '\n';
	if (fread(run.expected + 1, 1, (size_t)size, file) != (size_t)size)
		exit(2);
	fclose(file);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (strcmp(argv[i], "--tap") == 0) {
			run.tap = true;
		} else if (strcmp(argv[i], "--expected") == 0 && i + 1 < argc) {
			read_expected(argv[++i]);
		} else if (equals) {
			*equals = '\0';
			run_set(argv[i], equals + 1);
		} else {
			fprintf(stderr,
				"usage: conformance [--tap] [--expected FILE] SET=FOLDER...\n");
			return 2;
		}
	}
	if (!run.tap)
		print_refused();
	printf("# %u passed, %u refused, %u wrong\n", run.total[VERDICT_PASSED],
		run.total[VERDICT_REFUSED], run.total[VERDICT_WRONG]);
	if (run.tap)
		printf("1..%u\n", run.n_lines);
	free(run.expected);
	return run.total[VERDICT_WRONG] || run.unexpected ? 1 : 0;
}
