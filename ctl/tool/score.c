// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/score.h"

#include "base/rows.h"
#include "ctl/tool/api.h"
#include "ctl/tool/api_server.h"
#include "ctl/tool/format.h"
#include "ctl/tool/model_rows.h"
#include "ctl/tool/score_ask.h"
#include "ctl/tool/score_sink.h"
#include "ctl/tool/score_texts.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_VALUES (1u << 20) // of a request; far below what the appliance takes at a time
#define PIECE_ROWS   16384u
#define UDP_ROWS     4096u
#define UDP_MS       500u
#define UDP_TRIES    6u
#define UDP_MTU      1500u

struct score {
	struct command_target target;
	const char *rows, *output;
	struct rows_options how;
	struct api_server server;
	struct score_udp_options udp;
	uint32_t outputs; // over UDP, where the appliance is not asked; 0: not said
};

// Cells as they stand in a CSV, for a model that has texts: a value stands for the number of its cell.
struct score_cells {
	char **texts; // [n]
	uint32_t n, capacity;
};

struct score_run {
	const struct score *score;
	struct score_model model;
	struct model_info
		texts; // over UDP: the numbers of the model's texts; n_texts 0: it has none
	struct score_cells cells;
	const char **row_cells; // [rows][n_columns]; NULL: values are sent
	struct score_udp *udp;  // NULL: REST
	struct score_sink sink;
	uint32_t piece;
	bool has_noted;
};

// --- The model -----------------------------------------------------------------------------------

// Strings of json, which lives on. NULL without memory, or where they are none.
static const char **score_strings(const json_t *list, uint32_t *n)
{
	const char **strings = calloc(json_array_size(list) + 1, sizeof(*strings));
	json_t *value;
	size_t i;

	*n = (uint32_t)json_array_size(list);
	json_array_foreach (list, i, value) {
		if (strings)
			strings[i] = json_string_value(value) ? json_string_value(value) : "?";
	}
	return strings;
}

static bool score_ask_model(struct score_model *model)
{
	char path[192], version[32] = "";
	const json_t *parameters, *input;
	struct api_reply reply;

	if (model->target.version)
		snprintf(version, sizeof(version), "/versions/%u", model->target.version);
	snprintf(path, sizeof(path), "/v2/models/%s%s", model->target.model, version);
	if (!api_call("GET", path, NULL, &reply))
		return false;
	model->json = json_incref(reply.json);
	api_reply_fini(&reply);
	parameters = json_object_get(model->json, "parameters");
	input = json_array_get(json_object_get(model->json, "inputs"), 0);
	model->id = (uint32_t)api_count(parameters, "id");
	model->has_texts = strcmp(api_text(input, "datatype"), "BYTES") == 0;
	model->feature_names =
		score_strings(json_object_get(parameters, "feature_names"), &model->n_features);
	model->output_names =
		score_strings(json_object_get(parameters, "output_names"), &model->n_outputs);
	if (model->n_features && model->n_outputs && model->n_features <= MODEL_FEATURES_MAX &&
		model->n_outputs <= MODEL_OUTPUTS_MAX && model->feature_names &&
		model->output_names)
		return true;
	tool_refuse("GET %s: the answer names no features and outputs: is it martletd?", path);
	return false;
}

// Packets have the numbers of texts, which the appliance tells.
static bool score_find_texts(struct score_run *run)
{
	const json_t *parameters = json_object_get(run->model.json, "parameters");
	struct error err;

	run->texts.n_features = run->model.n_features;
	if (score_texts_load(&run->texts, json_object_get(parameters, "texts"), &err) == 0)
		return true;
	tool_refuse("model %s: %s", run->model.target.model, err.text);
	return false;
}

// Over UDP a number is the model's id on the wire, and nobody is asked for more.
static bool score_find_model(struct score_run *run)
{
	const struct score *score = run->score;
	struct score_model *model = &run->model;

	model->target = score->target;
	if (score->udp.where &&
		strspn(model->target.model, "0123456789") == strlen(model->target.model)) {
		model->id = (uint32_t)strtoul(model->target.model, NULL, 10);
		model->n_outputs = score->outputs;
		if (model->id < 1 || model->id > 65535 || !score->outputs) {
			tool_refuse(
				"over UDP alone, model %s must be an id from 1 to 65535, and "
				"--outputs say how many scores a row has",
				model->target.model);
			return false;
		}
		return true;
	}
	if (!score_ask_model(model))
		return false;
	return !score->udp.where || !model->has_texts || score_find_texts(run);
}

// --- Rows ----------------------------------------------------------------------------------------

// For rows_options.code.
static int score_keep_cell(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *err)
{
	struct score_cells *cells = (struct score_cells *)(uintptr_t)codes;
	char *copy = strdup(text);

	if (copy && cells->n < cells->capacity) {
		cells->texts[cells->n] = copy;
		*value = (float)cells->n++; // below 2^24, and so exact
		return 1;
	}
	free(copy);
	return error_set(err, -ENOMEM, "out of memory");
}

static void score_drop_cells(struct score_cells *cells)
{
	while (cells->n > 0)
		free(cells->texts[--cells->n]);
}

// Rows of another format than CSV have numbers only, which are written as a CSV would have them.
static int score_find_cells(
	struct score_run *run, const float *values, size_t n, bool is_csv, struct error *err)
{
	float number;
	int rc = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		char text[32];

		number = values[i];
		snprintf(text, sizeof(text), "%.9g", (double)values[i]);
		if (!is_csv)
			rc = score_keep_cell(&run->cells, 0, text, &number, err);
		if (rc >= 0)
			run->row_cells[i] = run->cells.texts[(uint32_t)number];
	}
	return rc < 0 ? rc : 0;
}

static bool score_is_csv(const struct score *score)
{
	return rows_tell_format(score->rows, &score->how) == ROWS_FORMAT_CSV;
}

static int score_take_piece(struct score_run *run, const float *values, uint32_t n,
	uint32_t n_columns, struct error *err)
{
	const struct score_rows rows = {
		.values = values, .cells = run->row_cells, .n = n, .n_columns = n_columns
	};

	if (run->udp)
		return score_ask_udp(run->udp, &run->model, &rows, &run->sink, err);
	return score_ask_rest(&run->model, &rows, &run->sink, err);
}

static int score_take_rows(void *context, const struct rows *rows, size_t first, struct error *err)
{
	struct score_run *run = context;
	const bool is_csv = score_is_csv(run->score);
	int rc = 0;

	for (uint32_t i = 0; i < rows->n_notes && !run->has_noted; i++)
		tool_note("%s", rows->notes[i]);
	run->has_noted = true;
	for (size_t r = 0; r < rows->n_rows && rc == 0; r += run->piece) {
		const size_t left = rows->n_rows - r;
		const uint32_t n = (uint32_t)(left < run->piece ? left : run->piece);
		const float *values = rows->values + r * rows->n_columns;

		if (run->row_cells)
			rc = score_find_cells(
				run, values, (size_t)n * rows->n_columns, is_csv, err);
		if (rc == 0)
			rc = score_take_piece(run, values, n, rows->n_columns, err);
		if (run->row_cells && !is_csv)
			score_drop_cells(&run->cells);
	}
	score_drop_cells(&run->cells);
	return rc;
}

static int score_prepare(struct score_run *run, struct rows_options *options, struct error *err)
{
	const struct score_model *model = &run->model;
	const uint32_t columns = model->n_features ? model->n_features : 64;
	const uint32_t wider = columns > model->n_outputs ? columns : model->n_outputs;
	const uint32_t fit = PIECE_VALUES / wider;

	run->piece = run->udp ? UDP_ROWS : PIECE_ROWS;
	run->piece = fit < run->piece ? (fit ? fit : 1) : run->piece;
	run->sink.n_outputs = model->n_outputs;
	options->n_columns = model->n_features;
	options->names = model->feature_names;
	if (run->texts.n_texts) {
		options->code = model_text_code;
		options->codes = &run->texts;
	}
	if (!model->has_texts || run->udp)
		return 0;
	// A piece and the row that may be under way.
	run->cells.capacity = (run->piece + 1) * columns;
	run->cells.texts = calloc(run->cells.capacity, sizeof(*run->cells.texts));
	run->row_cells = calloc(run->cells.capacity, sizeof(*run->row_cells));
	if (!run->cells.texts || !run->row_cells)
		return error_set(err, -ENOMEM, "out of memory");
	if (score_is_csv(run->score)) {
		options->code = score_keep_cell;
		options->codes = &run->cells;
	}
	return 0;
}

// --- All of it -----------------------------------------------------------------------------------

static int score_all(struct score_run *run, struct error *err)
{
	const struct score *score = run->score;
	const bool printed = !score->output || strcmp(score->output, "-") == 0;
	struct rows_options options = score->how;
	const struct rows_pieces *pieces;
	int rc = score->udp.where ? score_udp_open(&score->udp, &run->udp, err) : 0;

	if (rc == 0)
		rc = score_sink_open(&run->sink, err);
	if (rc == 0)
		rc = score_prepare(run, &options, err);
	pieces = &(struct rows_pieces){ run->piece, score_take_rows, run };
	if (rc == 0)
		rc = rows_read_pieces(score->rows, NULL, &options, pieces, err);
	if (rc == 0)
		rc = score_sink_write(&run->sink, score->output, run->model.target.model,
			run->model.output_names, err);
	if (run->sink.versions[1])
		tool_note(
			"rows were scored by version %u and by version %u: one was promoted "
			"meanwhile, or there is a canary; MODEL:VERSION asks one of them",
			run->sink.versions[0], run->sink.versions[1]);
	if (rc == 0 && !printed && !tool.json)
		printf("%s: %s rows of %s scored by %s, %u outputs each\n", score->output,
			format_count(run->sink.n_rows - run->sink.n_failed).s, score->rows,
			run->model.target.model, run->model.n_outputs);
	return rc;
}

static const struct option_entry SCORE[] = {
	{ NULL, 0, "MODEL",
		"the model's name, or MODEL:VERSION; with --udp also its id on the wire",
		OPTION_TO_OWN(struct score, target, command_parse_target), .required = true },
	{ NULL, 0, "ROWS", "the rows to score: .csv, .npy or .f32; - is standard input",
		OPTION_TO_TEXT(struct score, rows), .required = true },
	{ "output", 'o', "OUT", "where the scores go: .csv, .npy or .f32; else standard output",
		OPTION_TO_OWN(struct score, output, model_rows_parse_output) },
	{ "url", 0, "URL", "http://HOST:PORT or https://HOST:PORT; else martletd's socket",
		OPTION_TO_TEXT(struct score, server.url) },
	{ "cacert", 0, "FILE",
		"the authority that signs the server's certificate; else the system's",
		OPTION_TO_TEXT(struct score, server.cacert) },
	{ "cert", 0, "FILE", "a client's certificate, where the server wants one",
		OPTION_TO_TEXT(struct score, server.cert) },
	{ "key", 0, "FILE", "its private key", OPTION_TO_TEXT(struct score, server.key) },
	{ "timeout", 0, "S", "seconds that the answer to a request may take (60)",
		OPTION_TO_U32(struct score, server.timeout_s, 1, 86400) },
	{ "udp", 0, "HOST:PORT", "send the rows over UDP",
		OPTION_TO_TEXT(struct score, udp.where) },
	{ "mtu", 0, "N", "over UDP: the longest packet that the way carries (1500)",
		OPTION_TO_U32(struct score, udp.mtu, 576, 65535) },
	{ "wire-key", 0, "FILE", "over UDP: authenticate by a key of this file",
		OPTION_TO_TEXT(struct score, udp.key) },
	{ "key-id", 0, "N", "the key's id, where the file has several",
		OPTION_TO_U32(struct score, udp.key_id, 1, 65535) },
	{ "outputs", 0, "N", "over UDP, of a model by its id: scores of a row",
		OPTION_TO_U32(struct score, outputs, 1, MODEL_OUTPUTS_MAX) },
	ROWS_OPTIONS(struct score, how),
	{ 0 },
};

static int score_run(const struct command *command, char **argv)
{
	struct score score = { .server.timeout_s = 60,
		.udp = { .mtu = UDP_MTU, .timeout_ms = UDP_MS, .tries = UDP_TRIES } };
	struct score_run run = { .score = &score };
	struct error err = { .text = "" };
	int exit, rc;

	if (!command_parse(command, argv, &score, &exit))
		return exit;
	if (!score.udp.where && (score.udp.key || score.udp.key_id))
		return tool_refuse(
			"--wire-key and --key-id are of --udp HOST:PORT, which is missing");
	if (score.udp.key_id && !score.udp.key)
		return tool_refuse(
			"--key-id chooses among the keys of --wire-key FILE, which is missing");
	if (!api_use(&score.server))
		return TOOL_REFUSED;
	exit = TOOL_REFUSED;
	if (score_find_model(&run)) {
		rc = score_all(&run, &err);
		if (rc != 0 && (err.text[0] || !tool.refused))
			tool_refuse("%s", err.text);
		if (rc == 0 && run.sink.n_failed)
			tool_refuse(
				"%s of %s rows have no scores; the first, row %s (the first is "
				"1): %s",
				format_count(run.sink.n_failed).s, format_count(run.sink.n_rows).s,
				format_count(run.sink.failed[0].row + 1).s, run.sink.failed[0].why);
		exit = tool.refused ? TOOL_REFUSED : TOOL_DONE;
	}
	score_sink_close(&run.sink);
	score_udp_close(run.udp);
	score_drop_cells(&run.cells);
	free(run.cells.texts);
	score_texts_free(&run.texts);
	free(run.row_cells);
	free(run.model.feature_names);
	free(run.model.output_names);
	json_decref(run.model.json);
	return exit;
}

const struct command score_command = {
	.words = "score",
	.summary = "score rows by the model in service, over the API or UDP",
	.entries = SCORE,
	.run = score_run,
};
