// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/score_sink.h"

#include "base/rows.h"
#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int score_sink_open(struct score_sink *sink, struct error *err)
{
	*sink = (struct score_sink){ .file = tmpfile() };
	sink->failed = calloc(SCORE_FAILED_MAX, sizeof(*sink->failed));
	if (sink->file && sink->failed)
		return 0;
	return error_set(err, -errno, "no temporary file for the scores: %s", strerror(errno));
}

void score_sink_close(struct score_sink *sink)
{
	if (sink->file)
		fclose(sink->file);
	free(sink->failed);
	*sink = (struct score_sink){ 0 };
}

void score_sink_note_version(struct score_sink *sink, uint32_t version)
{
	if (!sink->versions[0])
		sink->versions[0] = version;
	else if (!sink->versions[1] && version != sink->versions[0])
		sink->versions[1] = version;
}

int score_sink_put(struct score_sink *sink, const float *scores, uint32_t n, struct error *err)
{
	if (fwrite(scores, sizeof(float) * sink->n_outputs, n, sink->file) != n)
		return error_set(err, -EIO, "the scores cannot be kept in a temporary file: %s",
			strerror(errno));
	sink->n_rows += n;
	return 0;
}

int score_sink_fail(struct score_sink *sink, const char *why, struct error *err)
{
	struct score_failed *failed;

	if (sink->n_failed == SCORE_FAILED_MAX)
		return error_set(err, -ECANCELED,
			"more than %u rows have no scores; the first, row %llu (the first is 1): "
			"%s",
			SCORE_FAILED_MAX, (unsigned long long)sink->failed[0].row + 1,
			sink->failed[0].why);
	failed = &sink->failed[sink->n_failed++];
	failed->row = sink->n_rows;
	snprintf(failed->why, sizeof(failed->why), "%s", why);
	tool_clean(failed->why);
	for (uint32_t o = 0; o < sink->n_outputs; o++) {
		const float none = NAN;

		if (fwrite(&none, sizeof(none), 1, sink->file) != 1)
			return error_set(err, -EIO,
				"the scores cannot be kept in a temporary file: %s",
				strerror(errno));
	}
	sink->n_rows++;
	return 0;
}

// --- What comes out ------------------------------------------------------------------------------

// Hands out the rows again, one after the other.
struct score_reader {
	struct score_sink *sink;
	float *row;
	const char *why; // of that row; NULL: it has scores
	uint64_t n;
	uint32_t failed;
};

static bool score_reader_next(struct score_reader *reader)
{
	struct score_sink *sink = reader->sink;

	if (reader->n == sink->n_rows ||
		fread(reader->row, sizeof(float), sink->n_outputs, sink->file) != sink->n_outputs)
		return false;
	reader->why = NULL;
	if (reader->failed < sink->n_failed && sink->failed[reader->failed].row == reader->n)
		reader->why = sink->failed[reader->failed++].why;
	reader->n++;
	return true;
}

static void score_write_quoted(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void score_write_csv(struct score_reader *reader, const char *const *names, FILE *to)
{
	const struct score_sink *sink = reader->sink;
	const bool has_errors = sink->n_failed > 0;

	for (uint32_t o = 0; names && o < sink->n_outputs; o++) {
		fputs(o ? "," : "", to);
		if (strpbrk(names[o], ",\"\r\n"))
			score_write_quoted(to, names[o]);
		else
			fputs(names[o], to);
	}
	for (uint32_t o = 0; !names && o < sink->n_outputs; o++)
		fprintf(to, "%sscore%u", o ? "," : "", o);
	fputs(has_errors ? ",error\n" : "\n", to);
	while (score_reader_next(reader)) {
		for (uint32_t o = 0; o < sink->n_outputs; o++) {
			fputs(o ? "," : "", to);
			if (!reader->why)
				fprintf(to, "%.9g", (double)reader->row[o]);
		}
		if (has_errors)
			fputc(',', to);
		if (reader->why)
			score_write_quoted(to, reader->why);
		fputc('\n', to);
	}
}

static void score_write_json_text(FILE *to, const char *text)
{
	json_t *value = json_string(text ? text : "");

	if (value)
		json_dumpf(value, to, JSON_ENCODE_ANY);
	else
		fputs("\"?\"", to);
	json_decref(value);
}

static void score_write_json(
	struct score_reader *reader, const char *model, const char *const *names, FILE *to)
{
	const struct score_sink *sink = reader->sink;

	fputs("{\"model\": ", to);
	score_write_json_text(to, model);
	fputs(", \"outputs\": [", to);
	for (uint32_t o = 0; o < sink->n_outputs; o++) {
		char made[24];

		snprintf(made, sizeof(made), "score%u", o);
		fputs(o ? ", " : "", to);
		score_write_json_text(to, names ? names[o] : made);
	}
	fputs("], \"scores\": [", to);
	while (score_reader_next(reader)) {
		fputs(reader->n > 1 ? ",\n" : "\n", to);
		fputs(reader->why ? "null" : "[", to);
		for (uint32_t o = 0; o < sink->n_outputs && !reader->why; o++) {
			fputs(o ? ", " : "", to);
			if (isfinite(reader->row[o]))
				fprintf(to, "%.9g", (double)reader->row[o]);
			else
				fputs("null", to); // NaN or infinite
		}
		fputs(reader->why ? "" : "]", to);
	}
	fputs("], \"errors\": [", to);
	for (uint32_t i = 0; i < sink->n_failed; i++) {
		fprintf(to, "%s{\"row\": %llu, \"error\": ", i ? ", " : "",
			(unsigned long long)sink->failed[i].row + 1);
		score_write_json_text(to, sink->failed[i].why);
		fputc('}', to);
	}
	fputs("]}\n", to);
}

int score_sink_write(struct score_sink *sink, const char *path, const char *model,
	const char *const *names, struct error *err)
{
	const bool printed = !path || strcmp(path, "-") == 0;
	const char *dot = printed ? NULL : strrchr(path, '.');
	struct score_reader reader = { .sink = sink };
	struct output output;
	int rc;

	if (fflush(sink->file) != 0)
		return error_set(err, -EIO, "the scores cannot be kept in a temporary file: %s",
			strerror(errno));
	rewind(sink->file);
	reader.row = malloc(sink->n_outputs * sizeof(float) + 1);
	if (!reader.row)
		return error_set(err, -ENOMEM, "out of memory");
	rc = output_open(&output, printed ? NULL : path, err);
	if (rc == 0) {
		if (printed && tool.json) {
			score_write_json(&reader, model, names, output.file);
		} else if (printed || strcmp(dot, ".csv") == 0) {
			score_write_csv(&reader, names, output.file);
		} else {
			if (strcmp(dot, ".npy") == 0)
				rows_write_npy_header(output.file, sink->n_rows, sink->n_outputs);
			while (score_reader_next(&reader))
				fwrite(reader.row, sizeof(float), sink->n_outputs, output.file);
		}
		if (reader.n < sink->n_rows) {
			output_abort(&output);
			rc = error_set(
				err, -EIO, "the scores cannot be read back: %s", strerror(errno));
		} else {
			rc = output_commit(&output, err);
		}
	}
	free(reader.row);
	return rc;
}
