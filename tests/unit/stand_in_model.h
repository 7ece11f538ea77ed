// SPDX-License-Identifier: BSD-3-Clause
// A model whose outputs tell which rows were scored by which model: output o of a row is
// mark + o + the sum of the row. It stands in for libinfer in tests of the dataplane, which needs
// only these functions of it. Include this, then the .c files under test: they then call these.
#pragma once

#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct model {
	struct model_info info;
	float mark;
	size_t scratch_bytes_per_row;
	bool golden_fails;
};

static int stand_in_models_closed;
static int stand_in_score_calls;
static uint32_t stand_in_longest_call;

#define row_dtype_bytes     stand_in_row_dtype_bytes
#define model_info(model)   stand_in_info(model)
#define model_close         stand_in_close
#define model_check_golden  stand_in_check_golden
#define model_scratch_bytes stand_in_scratch_bytes
#define model_score         stand_in_score
#define model_unpack_rows   stand_in_unpack_rows

static inline struct model *stand_in_model(uint32_t n_features, uint32_t n_outputs, float mark)
{
	struct model *model = calloc(1, sizeof(*model));

	model->info.n_features = n_features;
	model->info.n_outputs = n_outputs;
	model->info.n_golden = 1;
	model->mark = mark;
	model->scratch_bytes_per_row = 64;
	return model;
}

static inline size_t row_dtype_bytes(unsigned dtype)
{
	static const size_t BYTES[] = { 4, 2, 2, 1, 1 };

	return dtype < ROW_DTYPE_COUNT ? BYTES[dtype] : 0;
}

static inline const struct model_info *stand_in_info(const struct model *model)
{
	return &model->info;
}

static inline void model_close(struct model *model)
{
	stand_in_models_closed++;
	free(model);
}

static inline int model_check_golden(const struct model *model, struct error *err)
{
	if (model->golden_fails)
		return error_set(err, -EINVAL, "golden row 0 differs");
	return 0;
}

static inline size_t model_scratch_bytes(const struct model *model, uint32_t rows)
{
	return rows * model->scratch_bytes_per_row;
}

static inline void model_score(const struct model *model, const float *rows, float *outputs,
	uint32_t n, void *scratch, uint32_t scratch_rows)
{
	stand_in_score_calls++;
	if (n > stand_in_longest_call)
		stand_in_longest_call = n;
	memset(scratch, 0x5a, model_scratch_bytes(model, scratch_rows));
	for (uint32_t row = 0; row < n; row++, rows += model->info.n_features) {
		float sum = model->mark;

		for (uint32_t f = 0; f < model->info.n_features; f++)
			sum += rows[f];
		for (uint32_t o = 0; o < model->info.n_outputs; o++)
			*outputs++ = sum + (float)o;
	}
}

// f32, and u8 without a scale: as much as the tests send.
static inline bool model_unpack_rows(
	const struct model *model, float *dst, const void *src, uint32_t n_rows, unsigned dtype)
{
	uint32_t n = n_rows * model->info.n_features;
	bool finite = true;

	if (dtype == ROW_DTYPE_F32)
		memcpy(dst, src, n * sizeof(float));
	for (uint32_t i = 0; i < n; i++) {
		if (dtype != ROW_DTYPE_F32)
			dst[i] = ((const uint8_t *)src)[i];
		finite = finite && isfinite(dst[i]);
	}
	return finite;
}
