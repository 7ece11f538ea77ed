// SPDX-License-Identifier: BSD-3-Clause
// Bodies of requests to score, in each form. The first byte chooses the form and the model, the next two
// how much of the rest is JSON. What is taken is answered, and the answer is JSON.
#include "ctl/server/scoring/csv_rows.h"
#include "ctl/server/scoring/predict.h"
#include "ctl/server/scoring/tensor_answer.h"
#include "ctl/server/scoring/tensor_json.h"
#include "ctl/server/scoring/tensor_rows.h"
#include "tests/fuzz/must.h"
#include "tests/fuzz/text_model.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_json(const char *text, size_t size)
{
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

	must(root != NULL);
	json_decref(root);
}

// A score for each output of the rows, from their own values.
static float *score(const struct model_info *info, const float *rows, uint32_t n)
{
	float *scores = malloc((size_t)n * info->n_outputs * sizeof(float) + 1);

	for (size_t i = 0; i < (size_t)n * info->n_outputs; i++)
		scores[i] = rows[i / info->n_outputs * info->n_features + i % info->n_outputs];
	return scores;
}

static void infer(const struct model_info *info, char *body, size_t size, size_t json_bytes)
{
	struct error err = { .text = "" };
	struct tensor_request request;
	struct tensor_outputs outputs;
	struct bytes answer = { 0 };
	float *rows = NULL, *scores = NULL;
	uint32_t n = 0;
	size_t head = 0;
	int rc = tensor_json_parse(body, size, json_bytes, 32, info, &request, &err);

	if (rc == 0)
		rc = tensor_outputs_check(&request, info, &err);
	if (rc == 0)
		rc = tensor_rows(&request, info, &rows, &n, &err);
	must(rc == 0 || err.text[0]);
	if (rc == 0) {
		scores = score(info, rows, n);
		must(tensor_outputs(&request, info, scores, n, &outputs, &err) == 0);
		rc = tensor_outputs_write(&outputs, &request, "lab", 1, &answer, &head, &err);
		must(rc == 0 || rc == -ERANGE);
		if (rc == 0)
			must_be_json(answer.at, head ? head : answer.size);
		tensor_outputs_fini(&outputs);
	}
	bytes_fini(&answer);
	tensor_request_fini(&request);
	free(rows);
	free(scores);
}

static void predict(const struct model_info *info, char *body, size_t size)
{
	struct error err = { .text = "" };
	struct bytes answer = { 0 };
	float *rows, *scores;
	uint32_t n;

	if (predict_parse(body, size, 32, info, &rows, &n, &err) != 0) {
		must(err.text[0]);
		return;
	}
	scores = score(info, rows, n);
	if (predict_write(info, scores, n, &answer, &err) == 0)
		must_be_json(answer.at, answer.size);
	bytes_fini(&answer);
	free(rows);
	free(scores);
}

static void csv(
	const struct model_info *info, const char *body, size_t size, enum csv_header header)
{
	struct error err = { .text = "" };
	char note[CSV_NOTE_BYTES];
	float *rows = NULL;
	uint32_t n;

	must(csv_rows_parse(body, size, header, info, &rows, &n, note, &err) == 0 || err.text[0]);
	free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct model_info info =
		text_model(size > 0 ? data[0] >> 7 : 0, size > 0 && data[0] >> 6 & 1);
	size_t json_bytes;
	char *body;

	if (size < 3)
		return 0;
	size -= 3;
	json_bytes = data[1] | (size_t)data[2] << 8;
	json_bytes = json_bytes < size ? json_bytes : size;
	body = malloc(size + 1);
	memcpy(body, data + 3, size);
	body[size] = '\0';
	tensor_json_is_urgent(body, json_bytes);
	switch (data[0] % 4) {
	case 0:
		infer(&info, body, size, size);
		break;
	case 1:
		infer(&info, body, size, json_bytes);
		break;
	case 2:
		predict(&info, body, size);
		break;
	default:
		csv(&info, body, size, data[0] / 4 % 3);
	}
	free(body);
	return 0;
}
