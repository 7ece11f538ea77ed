// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/api.h"
#include "ctl/tool/score_ask.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES        8 // of a request that is to be asked again later
#define WAIT_S_MAX   5u
#define HEAD_BYTES   512
#define STATUS_BUSY  429
#define STATUS_LATER 503

// The head, and behind it the rows, as bytes or as cells. NULL without memory.
static char *score_body(
	const struct score_rows *rows, uint32_t first, uint32_t n, size_t *json_bytes, size_t *size)
{
	const size_t columns = rows->n_columns, begin = (size_t)first * columns;
	size_t bytes = 0;
	char *body, *to;

	for (size_t i = 0; rows->cells && i < n * columns; i++)
		bytes += sizeof(uint32_t) + strlen(rows->cells[begin + i]);
	if (!rows->cells)
		bytes = n * columns * sizeof(float);
	body = malloc(HEAD_BYTES + bytes);
	if (!body)
		return NULL;
	*json_bytes = (size_t)snprintf(body, HEAD_BYTES,
		"{\"inputs\":[{\"name\":\"rows\",\"datatype\":\"%s\",\"shape\":[%u,%u],"
		"\"parameters\":{\"binary_data_size\":%zu}}],"
		"\"outputs\":[{\"name\":\"scores\",\"parameters\":{\"binary_data\":true}}]}",
		rows->cells ? "BYTES" : "FP32", n, rows->n_columns, bytes);
	to = body + *json_bytes;
	*size = *json_bytes + bytes;
	if (!rows->cells)
		memcpy(to, rows->values + begin, bytes);
	for (size_t i = 0; rows->cells && i < n * columns; i++) {
		const char *cell = rows->cells[begin + i];
		const uint32_t length = (uint32_t)strlen(cell);

		memcpy(to, &length, sizeof(length));
		to = mempcpy(to + sizeof(length), cell, length);
	}
	return body;
}

// The scores of an answer of 200: they must be of as many rows and outputs as were asked for.
static int score_take(const struct score_model *model, uint32_t n, const struct api_reply *reply,
	const struct api_headers *headers, struct score_sink *sink, struct error *err)
{
	const size_t bytes = (size_t)n * model->n_outputs * sizeof(float);
	const size_t json_bytes = headers->has_json_bytes ? headers->json_bytes : reply->size;
	json_t *head, *output, *shape;
	float *scores;
	bool good;
	int rc;

	head = json_bytes <= reply->size ? json_loadb(reply->text, json_bytes, 0, NULL) : NULL;
	output = json_array_get(json_object_get(head, "outputs"), 0);
	shape = json_object_get(output, "shape");
	good = json_array_size(shape) == 2 &&
		json_integer_value(json_array_get(shape, 0)) == (json_int_t)n &&
		json_integer_value(json_array_get(shape, 1)) == (json_int_t)model->n_outputs &&
		strcmp(api_text(output, "datatype"), "FP32") == 0 &&
		reply->size - json_bytes == bytes;
	score_sink_note_version(sink, (uint32_t)strtoul(api_text(head, "model_version"), NULL, 10));
	json_decref(head);
	if (!good)
		return error_set(err, -EPROTO,
			"the answer is not the scores of %u rows and %u outputs: is it martletd, "
			"and "
			"still the same version of the model?",
			n, model->n_outputs);
	scores = malloc(bytes + 1); // the text may lie at any address
	if (!scores)
		return error_set(err, -ENOMEM, "out of memory");
	memcpy(scores, reply->text + json_bytes, bytes);
	rc = score_sink_put(sink, scores, n, err);
	free(scores);
	return rc;
}

static const char *score_sentence(const struct api_reply *reply)
{
	static const char ROW[] =
		"row 1 (the first is 1), "; // of the request: the user's is another
	const char *text = json_string_value(json_object_get(reply->json, "error"));

	return text && strncmp(text, ROW, strlen(ROW)) == 0 ? text + strlen(ROW) : text;
}

static int score_refuse(long status, const struct api_reply *reply,
	const struct api_headers *headers, struct error *err)
{
	const char *sentence = score_sentence(reply);

	if (sentence)
		return error_set(err, -EPROTO, "%s", sentence);
	return error_set(err, -EPROTO, "HTTP status %ld and no reason%s%.200s: is it martletd?",
		status, headers->location[0] ? "; redirects are not followed: " : "",
		headers->location);
}

// Asks for n rows from `first` on, as often as the appliance says to come again. *status is the last answer's.
static int score_ask_once(const struct score_model *model, const struct score_rows *rows,
	uint32_t first, uint32_t n, struct api_reply *reply, struct api_headers *headers,
	long *status, struct error *err)
{
	char path[192], version[32] = "";
	size_t json_bytes, size;
	char *body = score_body(rows, first, n, &json_bytes, &size);
	bool answered;

	if (!body)
		return error_set(err, -ENOMEM, "out of memory");
	if (model->target.version)
		snprintf(version, sizeof(version), "/versions/%u", model->target.version);
	snprintf(path, sizeof(path), "/v2/models/%s%s/infer", model->target.model, version);
	for (unsigned tries = 1;; tries++) {
		answered = api_infer(path, body, size, json_bytes, reply, headers, status);
		if (!answered || (*status != STATUS_BUSY && *status != STATUS_LATER) ||
			!headers->retry_after_s || tries == TRIES)
			break;
		api_reply_fini(reply);
		sleep(headers->retry_after_s < WAIT_S_MAX ? headers->retry_after_s : WAIT_S_MAX);
	}
	free(body);
	if (!answered)
		return error_set(err, -EPROTO, "%s", ""); // api_infer() has said it
	reply->json = *status == 200 ? NULL : json_loadb(reply->text, reply->size, 0, NULL);
	return 0;
}

// Where rows are refused, halves of them are asked for, down to the ones at fault.
static int score_ask_range(const struct score_model *model, const struct score_rows *rows,
	uint32_t first, uint32_t n, struct score_sink *sink, struct error *err)
{
	struct api_headers headers;
	struct api_reply reply;
	long status = 0;
	bool divide;
	int rc = score_ask_once(model, rows, first, n, &reply, &headers, &status, err);

	if (rc != 0)
		return rc;
	divide = n > 1 && (status == 400 || status == 413);
	if (status == 200)
		rc = score_take(model, n, &reply, &headers, sink, err);
	else if (n == 1 && status == 400 && score_sentence(&reply))
		rc = score_sink_fail(sink, score_sentence(&reply), err);
	else if (!divide)
		rc = score_refuse(status, &reply, &headers, err);
	api_reply_fini(&reply);
	if (rc == 0 && divide)
		rc = score_ask_range(model, rows, first, n / 2, sink, err);
	if (rc == 0 && divide)
		rc = score_ask_range(model, rows, first + n / 2, n - n / 2, sink, err);
	return rc;
}

int score_ask_rest(const struct score_model *model, const struct score_rows *rows,
	struct score_sink *sink, struct error *err)
{
	return score_ask_range(model, rows, 0, rows->n, sink, err);
}
