// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int verifier_init(struct verifier *verifier, const struct load_options *options, uint32_t n_rows,
	struct error *err)
{
	memset(verifier, 0, sizeof(*verifier));
	verifier->tolerance = options->tolerance;
	verifier->n_rows = n_rows;
	verifier->keep_scores = options->scores_path != NULL;
	for (uint32_t i = 0; i < options->n_expect; i++) {
		struct verifier_expectation *expected = &verifier->expected[i];
		// A score may bear the name of a label.
		const struct rows_options how = { .label_columns = "" };
		int rc = rows_read(options->expect[i].path, &how, &expected->rows, err);

		if (rc != 0)
			return rc;
		verifier->n_expected++;
		expected->version = options->expect[i].version;
		if (expected->rows.n_rows != n_rows)
			return error_set(err, -EINVAL,
				"%s: %zu rows of scores, but %u rows to send",
				options->expect[i].path, expected->rows.n_rows, n_rows);
	}
	return 0;
}

void verifier_fini(struct verifier *verifier)
{
	for (uint32_t i = 0; i < verifier->n_expected; i++)
		rows_fini(&verifier->expected[i].rows);
	free(verifier->scores);
	memset(verifier, 0, sizeof(*verifier));
}

static bool verifier_fields_right(
	const struct verifier_request *request, const struct frame_reply *reply)
{
	const struct wire_header *wire = reply->wire;
	const uint32_t values = (uint32_t)wire->rows * wire->columns;

	if (wire->magic[0] != WIRE_MAGIC_0 || wire->magic[1] != WIRE_MAGIC_1 ||
		wire->version != WIRE_VERSION || wire->type != request->reply_type ||
		wire->model != request->model)
		return false;
	if (wire->type != WIRE_TYPE_RESULT)
		return true;
	if (wire->status != WIRE_STATUS_OK)
		return wire->rows == 0 && wire->columns == 0;
	if (request->model_version && wire->model_version != request->model_version)
		return false;
	return wire->rows == request->n_rows && wire->columns && wire->dtype == 0 &&
		values * sizeof(float) <= reply->payload_bytes;
}

static bool verifier_keep(struct verifier *verifier, const struct verifier_request *request,
	const struct frame_reply *reply)
{
	const uint32_t columns = reply->wire->columns;

	if (!verifier->scores) {
		const size_t values = (size_t)verifier->n_rows * columns;

		verifier->scores = malloc(values * sizeof(float));
		if (!verifier->scores)
			return false;
		verifier->columns = columns;
		for (size_t i = 0; i < values; i++)
			verifier->scores[i] = NAN;
	}
	if (columns != verifier->columns)
		return false;
	memcpy(verifier->scores + (size_t)request->first_row * columns, reply->payload,
		(size_t)request->n_rows * columns * sizeof(float));
	return true;
}

static bool verifier_scores_right(struct verifier *verifier, const struct rows *expected,
	uint32_t first_row, const struct frame_reply *reply)
{
	const float *want = expected->values + (size_t)first_row * expected->n_columns;
	const uint32_t n = (uint32_t)reply->wire->rows * reply->wire->columns;
	bool right = true;

	if (reply->wire->columns != expected->n_columns)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		double difference;
		float got;

		memcpy(&got, reply->payload + (size_t)i * sizeof(float), sizeof(got));
		difference = fabs((double)got - want[i]) / fmax(1, fabs((double)want[i]));
		if (!(difference <= verifier->tolerance)) // NaN is wrong as well
			right = false;
		if (difference > verifier->max_difference)
			verifier->max_difference = difference;
	}
	return right;
}

enum verdict verifier_check(struct verifier *verifier, const struct verifier_request *request,
	const struct frame_reply *reply)
{
	if (!verifier_fields_right(request, reply))
		return VERDICT_WRONG_FIELDS;
	if (reply->wire->type != WIRE_TYPE_RESULT || reply->wire->status != WIRE_STATUS_OK)
		return VERDICT_RIGHT;
	if (verifier->keep_scores && !verifier_keep(verifier, request, reply))
		return VERDICT_WRONG_FIELDS;
	if (!verifier->n_expected)
		return VERDICT_RIGHT;
	for (uint32_t i = 0; i < verifier->n_expected; i++) {
		const struct verifier_expectation *expected = &verifier->expected[i];

		if (!expected->version || expected->version == reply->wire->model_version)
			return verifier_scores_right(
				       verifier, &expected->rows, request->first_row, reply)
				? VERDICT_RIGHT
				: VERDICT_MISMATCH;
	}
	return VERDICT_UNEXPECTED_VERSION;
}

int verifier_write_scores(const struct verifier *verifier, const char *path, struct error *err)
{
	if (!verifier->scores)
		return error_set(
			err, -ENODATA, "%s: no reply carried scores, nothing written", path);
	return rows_write(path, verifier->scores, verifier->n_rows, verifier->columns, NULL, err);
}
