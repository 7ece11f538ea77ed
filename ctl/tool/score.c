// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/score.h"

#include "base/file.h"
#include "base/rows.h"
#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/model_rows.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX ((size_t)64 << 20) // as the appliance takes at a time

struct score {
	const char *model, *rows, *output;
	struct rows_options how;
};

// A CSV travels as it is, since the image in the appliance knows names and texts.
struct score_body {
	char *text;
	size_t size;
	const char *type;
};

static int score_read_csv(const struct score *score, struct score_body *body, struct error *err)
{
	const bool piped = strcmp(score->rows, "-") == 0;
	struct error why = { .text = "" };
	FILE *in = piped ? stdin : file_open(score->rows, &why);
	FILE *out = open_memstream(&body->text, &body->size);
	char chunk[1 << 16];
	size_t got, all = 0;
	int rc = 0;

	body->type = score->how.header ? "text/csv; header=present"
		: score->how.no_header ? "text/csv; header=absent"
				       : "text/csv";
	if (!in)
		rc = error_set(err, why.code, "%s", why.text);
	while (rc == 0 && out && (got = fread(chunk, 1, sizeof(chunk), in)) > 0) {
		all += got;
		fwrite(chunk, 1, got, out);
		if (all > BODY_BYTES_MAX)
			rc = error_set(err, -EFBIG,
				"%s: more than %zu MiB, which is what is scored at a time: split "
				"it",
				score->rows, BODY_BYTES_MAX >> 20);
	}
	if (rc == 0 && ferror(in))
		rc = error_set(err, -EIO, "%s: reading it failed", score->rows);
	if (in && !piped)
		fclose(in);
	if (!out || fclose(out) != 0)
		rc = rc ? rc : error_set(err, -ENOMEM, "out of memory");
	return rc;
}

// Features of the model; 0: refused, and said.
static uint32_t score_ask_columns(const char *model)
{
	struct api_reply reply;
	uint32_t columns;
	char path[128];

	snprintf(path, sizeof(path), "/v2/models/%s", model);
	if (!api_call("GET", path, NULL, &reply))
		return 0;
	columns = (uint32_t)json_array_size(
		json_object_get(json_object_get(reply.json, "parameters"), "feature_names"));
	api_reply_fini(&reply);
	if (columns == 0)
		tool_refuse("GET %s: the answer names no features", path);
	return columns;
}

// .npy and .f32 become a CSV without a header, which holds the same floats.
static int score_read_values(const struct score *score, struct score_body *body, struct error *err)
{
	struct rows_options options = score->how;
	struct rows rows;
	FILE *out;
	int rc;

	options.n_columns = score_ask_columns(score->model);
	if (options.n_columns == 0)
		return error_set(err, -ENOENT, "%s is not asked", score->model);
	rc = rows_read(score->rows, &options, &rows, err);
	if (rc != 0)
		return rc;
	body->type = "text/csv; header=absent";
	out = open_memstream(&body->text, &body->size);
	if (out)
		rows_write_csv(out, rows.values, rows.n_rows, rows.n_columns, NULL);
	rows_fini(&rows);
	return out && fclose(out) == 0 ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static bool score_is_csv(const struct score *score)
{
	const enum rows_format format = rows_tell_format(score->rows, &score->how);

	return format == ROWS_FORMAT_CSV || format == ROWS_FORMAT_ENDING;
}

static int score_print_json(const struct score *score, const struct rows *scores)
{
	json_t *rows = json_array(), *names = json_array();

	for (uint32_t c = 0; c < scores->n_columns; c++)
		json_array_append_new(names, image_string(scores->names[c]));
	for (size_t r = 0; r < scores->n_rows; r++) {
		json_t *row = json_array();

		for (uint32_t c = 0; c < scores->n_columns; c++) {
			const double value = (double)scores->values[r * scores->n_columns + c];
			json_t *number = json_real(value); // NULL: NaN or infinite

			json_array_append_new(row, number ? number : json_null());
		}
		json_array_append_new(rows, row);
	}
	return tool_print_json(json_pack(
		"{s:s, s:o, s:o}", "model", score->model, "outputs", names, "scores", rows));
}

static int score_show(const struct score *score, const struct api_reply *reply)
{
	const struct rows_options options = { .header = true, .label_columns = "" };
	const bool printed = !score->output || strcmp(score->output, "-") == 0;
	struct rows scores;
	struct error err;
	int exit = TOOL_DONE, rc;

	if (printed && !tool.json) {
		fwrite(reply->text, 1, reply->size, stdout);
		return TOOL_DONE;
	}
	rc = rows_read_bytes("the answer", reply->text, reply->size, &options, &scores, &err);
	if (rc != 0)
		return tool_refuse("%s", err.text);
	if (!printed &&
		model_rows_write(score->output, scores.values, scores.n_rows, scores.n_columns,
			(const char *const *)scores.names, &err) != 0)
		exit = tool_refuse("%s", err.text);
	else if (tool.json)
		exit = score_print_json(score, &scores);
	else
		printf("%s: %s rows of %s scored by %s, %u output%s each\n", score->output,
			format_count(scores.n_rows).s, score->rows, score->model, scores.n_columns,
			scores.n_columns == 1 ? "" : "s");
	rows_fini(&scores);
	return exit;
}

static const struct option_entry SCORE[] = {
	COMMAND_MODEL(struct score),
	{ NULL, 0, "ROWS", "the rows to score: .csv, .npy or .f32; - is standard input",
		OPTION_TO_TEXT(struct score, rows), .required = true },
	{ "output", 'o', "OUT",
		"where the scores go: .csv, .npy or .f32; else CSV on standard output",
		OPTION_TO_OWN(struct score, output, model_rows_parse_output) },
	ROWS_OPTION_FORMAT(struct score, how),
	ROWS_OPTION_HEADER(struct score, how),
	ROWS_OPTION_NO_HEADER(struct score, how),
	{ 0 },
};

static int score_run(const struct command *command, char **argv)
{
	struct score score = { 0 };
	struct score_body body = { 0 };
	struct api_reply reply;
	struct error err;
	char path[128];
	int exit, rc;

	if (!command_parse(command, argv, &score, &exit))
		return exit;
	if (score.how.header && score.how.no_header)
		return tool_refuse("give only one of --header and --no-header");
	rc = score_is_csv(&score) ? score_read_csv(&score, &body, &err)
				  : score_read_values(&score, &body, &err);
	snprintf(path, sizeof(path), "/v2/models/%s/infer", score.model);
	exit = TOOL_REFUSED;
	if (rc != 0 && !tool.refused)
		tool_refuse("%s", err.text);
	if (rc == 0 && api_post(path, body.type, body.text, body.size, &reply)) {
		exit = score_show(&score, &reply);
		api_reply_fini(&reply);
	}
	free(body.text);
	return exit;
}

const struct command score_command = {
	.words = "score",
	.summary = "score rows by the model in service, over the API",
	.entries = SCORE,
	.run = score_run,
};
