// SPDX-License-Identifier: BSD-3-Clause
#include "tests/conformance/compare.h"

#include "infer/ops/values.h"

#include <math.h>

bool compare_shapes(const struct tensor *file, const struct tensor *ours, uint32_t rows)
{
	if (file->rank != ours->rank)
		return false;
	for (uint32_t d = 0; d < file->rank; d++) {
		if (file->dims[d] != ours->dims[d] * (d == 0 ? rows : 1))
			return false;
	}
	return true;
}

static size_t width(const struct compare_ports *ports, uint32_t port)
{
	return (size_t)tensor_elements(tensors_get(ports->files, port)) / ports->rows;
}

void compare_fill(const struct compare_ports *inputs, uint32_t copies, float *rows)
{
	for (uint32_t r = 0; r < inputs->rows * copies; r++, rows += inputs->columns) {
		for (uint32_t p = 0; p < inputs->files->n; p++) {
			const struct tensor *file = tensors_get(inputs->files, p);
			size_t n = width(inputs, p), from = r % inputs->rows * n;

			for (size_t i = 0; i < n; i++)
				rows[inputs->ports[p].first_column + i] =
					(float)value_number(file->dtype, file->data, from + i);
		}
	}
}

bool compare_fits(const struct compare_ports *inputs)
{
	for (uint32_t p = 0; p < inputs->files->n; p++) {
		const struct tensor *file = tensors_get(inputs->files, p);

		for (size_t i = 0; i < (size_t)tensor_elements(file); i++) {
			double value = value_number(file->dtype, file->data, i);

			if (!dtype_is_float(file->dtype) && fabs(value) > 1 << 24)
				return false;
		}
	}
	return true;
}

// What the ONNX project's runner asks. Its bfloat16 files were cut off, not rounded: one place
// apart.
static double loosely(enum dtype dtype, double should)
{
	return dtype == DTYPE_BF16 ? fabs(should) / 128 : 1e-3 * fabs(should) + 1e-7;
}

static bool agree(double is, double should, double tolerance)
{
	if (isnan(should))
		return isnan(is);
	return is == should || fabs(is - should) <= tolerance; // infinities are equal or differ
}

bool compare_scores(const struct compare_ports *outputs, uint32_t copies, const float *scores,
	bool *loose, struct error *err)
{
	for (uint32_t r = 0; r < outputs->rows * copies; r++, scores += outputs->columns) {
		for (uint32_t p = 0; p < outputs->files->n; p++) {
			const struct tensor *file = tensors_get(outputs->files, p);
			size_t n = width(outputs, p), from = r % outputs->rows * n;
			bool whole = !dtype_is_float(file->dtype);

			for (size_t i = 0; i < n; i++) {
				double is = (double)scores[outputs->ports[p].first_column + i];
				double should = (double)(float)value_number(
					file->dtype, file->data, from + i);

				if (agree(is, should, whole ? 0 : 1e-5 * fmax(1, fabs(should))))
					continue;
				if (whole || !agree(is, should, loosely(file->dtype, should))) {
					error_set(err, 0,
						"row %u, output %u, value %zu is %.9g, should be "
						"%.9g",
						r, p, i, is, should);
					return false;
				}
				*loose = true;
			}
		}
	}
	return true;
}
