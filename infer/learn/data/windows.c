// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/windows.h"

#include "base/csv.h"
#include "base/rows_cell.h"
#include "infer/infer.h"
#include "infer/learn/data/text_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NO_COLUMN SIZE_MAX

struct windows_session {
	uint64_t n; // steps so far
	char **steps; // [options->steps] the last ones: step n at n % steps, its cells as they are written
};

struct windows {
	const struct windows_options *options;
	struct csv csv;
	FILE *out;
	struct windows_figures *figures;
	struct error *err;
	size_t n_cells; // of each record
	size_t session, label;
	bool *dropped; // [n_cells] and neither of them is a step's
	struct text_set names;
	struct windows_session *sessions; // [n_sessions]
	uint32_t n_sessions, capacity;
	size_t bytes;
};

static int windows_no_memory(struct windows *w)
{
	return error_set(w->err, -ENOMEM, "%s: out of memory for the windows", w->csv.path);
}

// --- Columns ---------------------------------------------------------------------------------------

// The column that a user means by a name in the first record, or by a number from 1.
static int windows_find(struct windows *w, const char *what, const char *name, size_t *column)
{
	char *end;
	const unsigned long number = strtoul(name, &end, 10);

	for (size_t c = 0; !w->options->no_header && c < w->n_cells; c++) {
		if (strcmp(w->csv.cells[c], name) == 0) {
			*column = c;
			return 0;
		}
	}
	if (*name >= '1' && *name <= '9' && *end == '\0' && number <= w->n_cells) {
		*column = number - 1;
		return 0;
	}
	return error_set(w->err, -EINVAL,
		"%s: %s names the column \"%.64s\", which is neither a name in the first line nor "
		"a number from 1 to %zu",
		w->csv.path, what, name, w->n_cells);
}

static int windows_drop(struct windows *w)
{
	char *list = w->options->drop ? strdup(w->options->drop) : NULL;
	char *names[1024];
	int n, rc = 0;

	if (!w->options->drop)
		return 0;
	if (!list)
		return windows_no_memory(w);
	n = csv_split_list(list, names, sizeof(names) / sizeof(names[0]));
	if (n < 0)
		rc = error_set(w->err, n, "--drop: more than 1024 names, or an open quote");
	for (int i = 0; i < n && rc == 0; i++) {
		size_t column = 0;

		rc = windows_find(w, "--drop", names[i], &column);
		if (rc == 0)
			w->dropped[column] = true;
	}
	free(list);
	return rc;
}

static size_t windows_find_label(const struct windows *w)
{
	static const char *const NAMES[] = { "label", "class", "target" };

	for (size_t i = 0; !w->options->no_header && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		for (size_t c = 0; c < w->n_cells; c++) {
			if (!w->dropped[c] && strcasecmp(w->csv.cells[c], NAMES[i]) == 0)
				return c;
		}
	}
	return NO_COLUMN;
}

static int windows_decide(struct windows *w)
{
	const struct windows_options *options = w->options;
	int rc;

	w->n_cells = w->csv.n_cells;
	w->session = w->label = NO_COLUMN;
	w->dropped = calloc(w->n_cells + 1, sizeof(*w->dropped));
	if (!w->dropped)
		return windows_no_memory(w);
	rc = windows_drop(w);
	if (rc == 0 && options->session)
		rc = windows_find(w, "--session", options->session, &w->session);
	if (rc == 0 && options->label)
		rc = windows_find(w, "--label", options->label, &w->label);
	else if (rc == 0)
		w->label = windows_find_label(w);
	if (rc != 0)
		return rc;
	if (w->session != NO_COLUMN)
		w->dropped[w->session] = true;
	if (w->label != NO_COLUMN)
		w->dropped[w->label] = true;
	for (size_t c = 0; c < w->n_cells; c++)
		w->figures->n_columns += !w->dropped[c];
	if (w->figures->n_columns == 0)
		return error_set(
			w->err, -EINVAL, "%s: no column is left for the steps", w->csv.path);
	if ((uint64_t)w->figures->n_columns * options->steps > MODEL_FEATURES_MAX)
		return error_set(w->err, -EINVAL,
			"%s: %u columns in windows of %u steps are %" PRIu64
			" features, a model has at most %d",
			w->csv.path, w->figures->n_columns, options->steps,
			(uint64_t)w->figures->n_columns * options->steps, MODEL_FEATURES_MAX);
	return 0;
}

// --- Writing ---------------------------------------------------------------------------------------

// A cell as CSV has it, quoted where it must be.
static void windows_put(FILE *to, const char *cell)
{
	if (!strpbrk(cell, ",;\t\"\r\n")) {
		fputs(cell, to);
		return;
	}
	fputc('"', to);
	for (; *cell; cell++) {
		if (*cell == '"')
			fputc('"', to);
		fputc(*cell, to);
	}
	fputc('"', to);
}

static int windows_put_header(struct windows *w)
{
	const uint32_t steps = w->options->steps;
	const char *between = "";

	for (uint32_t s = steps; s-- > 0;) {
		for (size_t c = 0; c < w->n_cells; c++) {
			char *name = NULL;

			if (w->dropped[c])
				continue;
			if ((s > 0 ? asprintf(&name, "%s[t-%u]", w->csv.cells[c], s)
				   : asprintf(&name, "%s[t]", w->csv.cells[c])) < 0)
				return windows_no_memory(w);
			fputs(between, w->out);
			windows_put(w->out, name);
			between = ",";
			free(name);
		}
	}
	if (w->label != NO_COLUMN) {
		fputs(",", w->out);
		windows_put(w->out, w->csv.cells[w->label]);
	}
	fputs("\n", w->out);
	return 0;
}

static void windows_put_row(struct windows *w, const struct windows_session *session)
{
	const uint32_t steps = w->options->steps;

	for (uint32_t s = 0; s < steps; s++) {
		if (s > 0)
			fputc(',', w->out);
		fputs(session->steps[(session->n + s) % steps], w->out);
	}
	if (w->label != NO_COLUMN) {
		fputc(',', w->out);
		windows_put(w->out, w->csv.cells[w->label]);
	}
	fputc('\n', w->out);
	w->figures->n_windows++;
}

// --- Steps -----------------------------------------------------------------------------------------

static int windows_add_session(struct windows *w, struct windows_session **session)
{
	const uint32_t steps = w->options->steps;

	if (w->n_sessions == w->capacity) {
		const uint32_t capacity = w->capacity ? 2 * w->capacity : 16;
		struct windows_session *grown =
			realloc(w->sessions, capacity * sizeof(*w->sessions));

		if (!grown)
			return windows_no_memory(w);
		w->sessions = grown;
		w->capacity = capacity;
	}
	*session = &w->sessions[w->n_sessions];
	**session = (struct windows_session){ .steps = calloc(steps, sizeof(char *)) };
	if (!(*session)->steps)
		return windows_no_memory(w);
	w->n_sessions++;
	w->bytes += steps * sizeof(char *);
	return 0;
}

// The record's session, which is made where it is new.
static int windows_session_of(struct windows *w, struct windows_session **session)
{
	const char *name = w->session == NO_COLUMN ? "" : w->csv.cells[w->session];
	uint32_t number;
	int rc = text_set_add(&w->names, name, WINDOWS_SESSIONS_MAX, &number);

	if (rc == -EFBIG)
		return CSV_ERROR(&w->csv, -EFBIG, "more than %u sessions", WINDOWS_SESSIONS_MAX);
	if (rc != 0)
		return windows_no_memory(w);
	if (number < w->n_sessions) {
		*session = &w->sessions[number];
		return 0;
	}
	return windows_add_session(w, session);
}

// The cells of a step as they are written, malloc'ed.
static int windows_step(struct windows *w, char **step)
{
	size_t size = 0;
	FILE *to = open_memstream(step, &size);
	const char *between = "";
	bool failed;

	if (!to)
		return windows_no_memory(w);
	for (size_t c = 0; c < w->n_cells; c++) {
		const char *cell = w->csv.cells[c];
		float value;

		if (w->dropped[c])
			continue;
		if (rows_cell_read(cell, &value) == ROWS_CELL_TEXT) {
			fclose(to);
			free(*step);
			*step = NULL;
			return CSV_ERROR(&w->csv, -EINVAL,
				"column %zu has \"%.40s\", steps are numbers: --drop leaves "
				"columns out, --session and --label take texts",
				c + 1, cell);
		}
		fputs(between, to);
		windows_put(to, cell);
		between = ",";
	}
	failed = ferror(to);
	if (fclose(to) == 0 && !failed)
		return 0;
	free(*step);
	*step = NULL;
	return windows_no_memory(w);
}

static int windows_add(struct windows *w)
{
	const uint32_t steps = w->options->steps;
	struct windows_session *session = NULL;
	char *step, **place;
	int rc;

	if (w->csv.n_cells != w->n_cells)
		return CSV_ERROR(&w->csv, -EINVAL, "%zu cells, the first line has %zu",
			w->csv.n_cells, w->n_cells);
	rc = windows_session_of(w, &session);
	if (rc == 0)
		rc = windows_step(w, &step);
	if (rc != 0)
		return rc;
	place = &session->steps[session->n % steps];
	w->bytes += strlen(step) + 1;
	w->bytes -= *place ? strlen(*place) + 1 : 0;
	free(*place);
	*place = step;
	session->n++;
	w->figures->n_steps++;
	if (w->bytes > WINDOWS_BYTES_MAX)
		return CSV_ERROR(&w->csv, -EFBIG,
			"the last %u steps of %u sessions take more than %zu MiB", steps,
			w->n_sessions, WINDOWS_BYTES_MAX >> 20);
	if (session->n >= steps && (session->n - steps) % w->options->stride == 0)
		windows_put_row(w, session);
	// windows_make() frees the sessions: NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
	return 0;
}

static int windows_run(struct windows *w)
{
	int rc = csv_next(&w->csv);

	if (rc == 0)
		return error_set(w->err, -EINVAL, "%s: has no lines", w->csv.path);
	if (rc > 0)
		rc = windows_decide(w);
	if (rc == 0 && w->options->no_header)
		rc = windows_add(w);
	else if (rc == 0)
		rc = windows_put_header(w);
	while (rc == 0) {
		rc = csv_next(&w->csv);
		if (rc <= 0)
			break;
		rc = windows_add(w);
	}
	if (rc != 0)
		return rc;
	w->figures->n_sessions = w->n_sessions;
	for (uint32_t s = 0; s < w->n_sessions; s++)
		w->figures->n_short += w->sessions[s].n < w->options->steps;
	if (w->figures->n_windows > 0)
		return 0;
	return error_set(w->err, -EINVAL,
		"%s: no session has the %u steps of a window (%" PRIu64 " steps in %u sessions)",
		w->csv.path, w->options->steps, w->figures->n_steps, w->n_sessions);
}

int windows_make(const char *path, FILE *in, const struct windows_options *options, FILE *out,
	struct windows_figures *figures, struct error *err)
{
	struct windows w = { .options = options, .out = out, .figures = figures, .err = err };
	int rc;

	*figures = (struct windows_figures){ 0 };
	csv_init(&w.csv, in, path, err);
	rc = windows_run(&w);
	csv_fini(&w.csv);
	for (uint32_t s = 0; s < w.n_sessions; s++) {
		for (uint32_t i = 0; w.sessions[s].steps && i < options->steps; i++)
			free(w.sessions[s].steps[i]);
		free(w.sessions[s].steps);
	}
	free(w.sessions);
	free(w.dropped);
	text_set_fini(&w.names);
	return rc;
}
