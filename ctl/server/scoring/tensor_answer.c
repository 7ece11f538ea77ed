// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/tensor_answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool answer_is(const struct tensor_wanted *wanted, const char *name)
{
	return wanted->name_bytes == strlen(name) && memcmp(wanted->name, name, strlen(name)) == 0;
}

int tensor_outputs_check(
	const struct tensor_request *request, const struct model_info *info, struct error *err)
{
	for (uint32_t i = 0; i < request->n_wanted; i++) {
		const struct tensor_wanted *wanted = &request->wanted[i];
		const bool label = answer_is(wanted, TENSOR_LABEL);

		if (!answer_is(wanted, TENSOR_SCORES) && !(label && tensor_has_labels(info)))
			return error_set(err, -EINVAL,
				"unexpected inference output '%.80s' for model %s, which has "
				"'%s'%s",
				wanted->name, info->name, TENSOR_SCORES,
				tensor_has_labels(info) ? " and '" TENSOR_LABEL "'" : "");
		if (label && wanted->classification)
			return error_set(err, -EINVAL,
				"output '" TENSOR_LABEL
				"' is a class already: \"classification\" is "
				"for '" TENSOR_SCORES "'");
		for (uint32_t k = 0; k < i; k++)
			if (answer_is(&request->wanted[k], label ? TENSOR_LABEL : TENSOR_SCORES))
				return error_set(err, -EINVAL, "output '%.80s' is wanted twice",
					wanted->name);
	}
	return 0;
}

static void answer_add_text(struct bytes *bytes, const char *text)
{
	const uint32_t size = (uint32_t)strlen(text);

	bytes_add(bytes, &size, sizeof(size));
	bytes_add(bytes, text, size);
}

// The best class of a row; -1 where a score is no number, so that none is the best.
static int64_t answer_best(const float *scores, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t c = 0; c < n; c++) {
		if (isnan(scores[c]))
			return -1;
		best = scores[c] > scores[best] ? c : best;
	}
	return best;
}

static void answer_make_labels(struct tensor_output *output, const struct model_info *info,
	const float *scores, uint32_t n_rows)
{
	*output = (struct tensor_output){
		.name = TENSOR_LABEL, .type = TENSOR_BYTES, .shape = { n_rows, 1 }
	};
	for (uint32_t row = 0; row < n_rows; row++) {
		const int64_t best =
			answer_best(scores + (size_t)row * info->n_outputs, info->n_outputs);

		answer_add_text(&output->own, best < 0 ? "" : info->class_labels[best]);
	}
}

struct ranked {
	float score;
	uint32_t index;
};

// The best first; of equal ones the first; NaN last.
static int answer_compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (isnan(x->score) != isnan(y->score))
		return isnan(x->score) ? 1 : -1;
	if (x->score != y->score && !isnan(x->score))
		return x->score > y->score ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

// "score:index:label" of the k best, as the classification extension has it.
static int answer_make_classes(struct tensor_output *output, const struct model_info *info,
	const float *scores, uint32_t n_rows, uint32_t k, struct error *err)
{
	struct ranked *ranked = malloc(info->n_outputs * sizeof(*ranked));

	k = k < info->n_outputs ? k : info->n_outputs;
	*output = (struct tensor_output){
		.name = TENSOR_SCORES, .type = TENSOR_BYTES, .shape = { n_rows, k }
	};
	if (!ranked)
		return error_set(err, -ENOMEM, "no memory to rank %u scores", info->n_outputs);
	for (uint32_t row = 0; row < n_rows; row++, scores += info->n_outputs) {
		for (uint32_t c = 0; c < info->n_outputs; c++)
			ranked[c] = (struct ranked){ scores[c], c };
		qsort(ranked, info->n_outputs, sizeof(*ranked), answer_compare);
		for (uint32_t i = 0; i < k; i++) {
			const uint32_t index = ranked[i].index;
			char text[512];

			snprintf(text, sizeof(text), "%f:%u%s%.400s", (double)ranked[i].score,
				index, tensor_has_labels(info) ? ":" : "",
				tensor_has_labels(info) ? info->class_labels[index] : "");
			answer_add_text(&output->own, text);
		}
	}
	free(ranked);
	return 0;
}

int tensor_outputs(const struct tensor_request *request, const struct model_info *info,
	const float *scores, uint32_t n_rows, struct tensor_outputs *outputs, struct error *err)
{
	const struct tensor_wanted all[] = { { .name = TENSOR_SCORES,
						     .name_bytes = strlen(TENSOR_SCORES),
						     .binary = request->binary },
		{ .name = TENSOR_LABEL,
			.name_bytes = strlen(TENSOR_LABEL),
			.binary = request->binary } };
	const struct tensor_wanted *wanted = request->n_wanted ? request->wanted : all;
	const uint32_t n =
		request->n_wanted ? request->n_wanted : 1 + (uint32_t)tensor_has_labels(info);

	int rc = 0;

	*outputs = (struct tensor_outputs){ 0 };
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		struct tensor_output *output = &outputs->outputs[outputs->n++];

		if (answer_is(&wanted[i], TENSOR_LABEL))
			answer_make_labels(output, info, scores, n_rows);
		else if (wanted[i].classification)
			rc = answer_make_classes(
				output, info, scores, n_rows, wanted[i].classification, err);
		else
			*output = (struct tensor_output){ .name = TENSOR_SCORES,
				.type = TENSOR_FP32,
				.shape = { n_rows, info->n_outputs },
				.at = (const char *)scores,
				.size = (size_t)n_rows * info->n_outputs * sizeof(float) };
		output->binary = wanted[i].binary;
		if (output->type == TENSOR_BYTES) {
			output->at = output->own.at;
			output->size = output->own.size;
		}
		if (rc == 0)
			rc = bytes_check(&output->own, err);
	}
	return rc;
}

void tensor_outputs_fini(struct tensor_outputs *outputs)
{
	for (uint32_t i = 0; i < outputs->n; i++)
		bytes_fini(&outputs->outputs[i].own);
	outputs->n = 0;
}

// --- Over REST -----------------------------------------------------------------------------------

static int answer_write_floats(
	const struct tensor_output *output, struct bytes *answer, struct error *err)
{
	const uint64_t n = output->size / sizeof(float);

	for (uint64_t i = 0; i < n; i++) {
		float value;

		memcpy(&value, output->at + i * sizeof(value), sizeof(value));
		if (!isfinite(value))
			return error_set(err, -ERANGE,
				"row %llu (the first is 1), output %llu of '%s' is %s, which JSON "
				"cannot say: ask for bytes (\"binary_data_output\": true)",
				(unsigned long long)(i / output->shape[1]) + 1,
				(unsigned long long)(i % output->shape[1]) + 1, output->name,
				isnan(value) ? "NaN" : "infinite");
		if (i > 0)
			bytes_add(answer, ",", 1);
		bytes_add_float(answer, value);
	}
	return 0;
}

static void answer_write_texts(const struct tensor_output *output, struct bytes *answer)
{
	const char *at = output->at, *end = at + output->size;

	for (uint32_t size; at < end; at += size) {
		memcpy(&size, at, sizeof(size));
		if (at > output->at)
			bytes_add(answer, ",", 1);
		at += sizeof(size);
		bytes_add_string(answer, at, size);
	}
}

static int answer_write_output(
	const struct tensor_output *output, struct bytes *answer, struct error *err)
{
	int rc = 0;

	bytes_add_text(answer, "{\"name\":");
	bytes_add_string(answer, output->name, strlen(output->name));
	bytes_add_text(answer, ",\"datatype\":\"");
	bytes_add_text(answer, tensor_type_name(output->type));
	bytes_add_text(answer, "\",\"shape\":[");
	bytes_add_u64(answer, output->shape[0]);
	bytes_add(answer, ",", 1);
	bytes_add_u64(answer, output->shape[1]);
	if (output->binary) {
		bytes_add_text(answer, "],\"parameters\":{\"binary_data_size\":");
		bytes_add_u64(answer, output->size);
		bytes_add_text(answer, "}}");
		return 0;
	}
	bytes_add_text(answer, "],\"data\":[");
	if (output->type == TENSOR_FP32)
		rc = answer_write_floats(output, answer, err);
	else
		answer_write_texts(output, answer);
	bytes_add_text(answer, "]}");
	return rc;
}

int tensor_outputs_write(const struct tensor_outputs *outputs, const struct tensor_request *request,
	const char *model, uint16_t version, struct bytes *answer, size_t *json_bytes,
	struct error *err)
{
	size_t raw = 0;
	int rc = 0;

	bytes_add_text(answer, "{");
	if (request->id) {
		bytes_add_text(answer, "\"id\":");
		bytes_add_string(answer, request->id, request->id_bytes);
		bytes_add_text(answer, ",");
	}
	bytes_add_text(answer, "\"model_name\":");
	bytes_add_string(answer, model, strlen(model));
	bytes_add_text(answer, ",\"model_version\":\"");
	bytes_add_u64(answer, version);
	bytes_add_text(answer, "\",\"outputs\":[");
	for (uint32_t i = 0; rc == 0 && i < outputs->n; i++) {
		if (i > 0)
			bytes_add(answer, ",", 1);
		rc = answer_write_output(&outputs->outputs[i], answer, err);
	}
	if (rc != 0)
		return rc;
	bytes_add_text(answer, "]}");
	*json_bytes = answer->size;
	for (uint32_t i = 0; i < outputs->n; i++) {
		if (!outputs->outputs[i].binary)
			continue;
		bytes_add(answer, outputs->outputs[i].at, outputs->outputs[i].size);
		raw += outputs->outputs[i].size;
	}
	*json_bytes = raw > 0 ? *json_bytes : 0;
	return bytes_check(answer, err);
}
