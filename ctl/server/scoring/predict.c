// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/predict.h"

#include "ctl/server/scoring/json_walk.h"
#include "ctl/server/scoring/tensor_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct predict {
	const struct model_info *info;
	float *rows; // [capacity][n_features]
	uint64_t n, capacity;
	// Of instances by name: the features, and [n_features]: the instance, from 1, that had it last.
	struct tensor_column *columns;
	uint32_t *seen;
	uint32_t n_values; // of the instance at hand
	bool has_instances;
};

static int predict_grow(struct predict *p, struct error *err)
{
	const uint64_t capacity = p->n < 16 ? 16 : p->n * 2;
	float *rows;
	int rc = tensor_rows_check(p->info, p->n + 1, err);

	if (rc != 0 || p->n < p->capacity)
		return rc;
	rows = realloc(p->rows, capacity * p->info->n_features * sizeof(float));
	if (!rows)
		return error_set(err, -ENOMEM, "no memory for the instances");
	p->rows = rows;
	p->capacity = capacity;
	return 0;
}

static int predict_value(struct predict *p, struct json_walk *reader, uint32_t feature)
{
	int rc = tensor_rows_value(
		p->info, feature, false, reader, p->rows + p->n * p->info->n_features + feature);

	return rc == 0 ? 0 : tensor_rows_place(p->info, p->n, feature, reader->err);
}

static int predict_element(void *arg, struct json_walk *reader, uint64_t index)
{
	struct predict *p = arg;

	if (index >= p->info->n_features) // counted, and refused at the end
		return json_walk_skip(reader);
	return predict_value(p, reader, (uint32_t)index);
}

static int predict_array(struct predict *p, struct json_walk *reader)
{
	struct json_walk_numbers numbers = { p->rows + p->n * p->info->n_features, 1,
		p->info->n_features, 0 };
	int rc = json_walk_numbers(reader, &numbers, predict_element, p);

	p->n_values = numbers.n;
	return rc;
}

static int predict_member(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct predict *p = arg;
	const struct tensor_column *column = tensor_columns_find(p->columns, p->info, key.at);
	const uint32_t f = column ? column->feature : 0;

	if (!column || strlen(key.at) != key.size)
		return error_set(reader->err, -EINVAL,
			"instance %llu (the first is 1): model %s has no feature '%.80s'",
			(unsigned long long)p->n + 1, p->info->name, key.at);
	if (p->seen[f] == p->n + 1)
		return json_walk_refuse(reader, "the key \"%.40s\" is there twice", key.at);
	p->seen[f] = (uint32_t)p->n + 1;
	p->n_values++;
	return predict_value(p, reader, f);
}

static int predict_name_features(struct predict *p, struct error *err)
{
	if (p->columns)
		return 0;
	free(p->seen);
	p->seen = calloc(p->info->n_features, sizeof(*p->seen));
	if (!p->seen)
		return error_set(err, -ENOMEM, "no memory for the instances");
	p->columns = tensor_columns_create(p->info, err);
	return p->columns ? 0 : err->code;
}

static int predict_instance(void *arg, struct json_walk *reader, uint64_t index)
{
	struct predict *p = arg;
	int rc = predict_grow(p, reader->err);

	p->n_values = 0;
	if (rc != 0)
		return rc;
	switch (json_walk_next(reader)) {
	case '[':
		rc = predict_array(p, reader);
		break;
	case '{':
		rc = predict_name_features(p, reader->err);
		if (rc == 0)
			rc = json_walk_object(reader, 0, predict_member, p);
		break;
	default: // of a model of one feature
		p->n_values = 1;
		rc = p->info->n_features == 1
			? predict_element(p, reader, 0)
			: json_walk_refuse(reader,
				  "instance %llu is an array of %u features, or an object of them "
				  "by name",
				  (unsigned long long)index + 1, p->info->n_features);
	}
	if (rc == 0 && p->n_values != p->info->n_features)
		rc = error_set(reader->err, -EINVAL,
			"instance %llu (the first is 1) has %u values, model %s takes %u",
			(unsigned long long)index + 1, p->n_values, p->info->name,
			p->info->n_features);
	p->n += rc == 0;
	return rc;
}

static int predict_key(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct predict *p = arg;

	if (!json_walk_is(key, "instances"))
		return json_walk_skip(reader);
	p->has_instances = true;
	return json_walk_array(reader, predict_instance, p);
}

int predict_parse(char *body, size_t size, unsigned depth_max, const struct model_info *info,
	float **rows, uint32_t *n, struct error *err)
{
	struct predict p = { .info = info };
	struct json_walk reader;
	int rc;

	json_walk_open(&reader, body, size, depth_max, err);
	rc = json_walk_object(&reader, JSON_WALK_KEYS_MAX, predict_key, &p);
	if (rc == 0)
		rc = json_walk_close(&reader);
	if (rc == 0 && !p.has_instances)
		rc = error_set(err, -EINVAL,
			"there are no \"instances\": as in {\"instances\": [[...]]}, each of %u "
			"values",
			info->n_features);
	free(p.seen);
	free(p.columns);
	if (rc != 0) {
		free(p.rows);
		p.rows = NULL;
	}
	*rows = p.rows;
	*n = (uint32_t)p.n;
	return rc;
}

int predict_write(const struct model_info *info, const float *scores, uint32_t n,
	struct bytes *answer, struct error *err)
{
	bytes_add_text(answer, "{\"predictions\":[");
	for (uint32_t row = 0; row < n; row++) {
		bytes_add_text(answer, row > 0 ? ",[" : "[");
		for (uint32_t c = 0; c < info->n_outputs; c++, scores++) {
			if (!isfinite(*scores))
				return error_set(err, -ERANGE,
					"instance %u (the first is 1), score %u is %s, which JSON "
					"cannot say: ask for bytes, by POST /v2/models/%s/infer",
					row + 1, c + 1, isnan(*scores) ? "NaN" : "infinite",
					info->name);
			if (c > 0)
				bytes_add(answer, ",", 1);
			bytes_add_float(answer, *scores);
		}
		bytes_add(answer, "]", 1);
	}
	bytes_add_text(answer, "]}");
	return bytes_check(answer, err);
}
