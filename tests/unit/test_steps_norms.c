// SPDX-License-Identifier: BSD-3-Clause
// Values of every step against the operator's formula in double: softmax and the norms, over each
// axis.
#include "tests/cmocka.h"
#include "tests/unit/step_check.h"

#include <math.h>

static enum op op_now;
static int64_t axis;

static void softmax_formula(const float *row, double *want) // row [2, 3, 4]
{
	static const int64_t DIM[3] = { 2, 3, 4 }, STRIDE[3] = { 12, 4, 1 };

	for (int64_t i = 0; i < 24; i++) {
		int64_t first = i - i / STRIDE[axis] % DIM[axis] * STRIDE[axis];
		double sum = 0;

		for (int64_t d = 0; d < DIM[axis]; d++)
			sum += exp((double)row[first + d * STRIDE[axis]]);
		want[i] = op_now == OP_SOFTMAX ? exp((double)row[i]) / sum
					       : (double)row[i] - log(sum);
	}
}

static void softmax_on_each_axis(void **state)
{
	for (op_now = OP_SOFTMAX; op_now <= OP_LOG_SOFTMAX; op_now++) {
		for (axis = 0; axis < 3; axis++) {
			step_begin(DIMS(2, 3, 4));
			step_emit(op_now, 1, &step.x, 1,
				&INT_ATTR(ATTR_AXIS, axis == 1 ? axis - 3 : axis));
			step_check(softmax_formula, op_name(op_now));
		}
	}
}

static const float *norm[5];

static void batch_norm_formula(const float *row, double *want) // row [2, 3, 4]
{
	for (int i = 0; i < 24; i++) {
		int ch = i / 4 % 3;

		want[i] = ((double)row[i] - (double)norm[3][ch]) /
				sqrt((double)norm[4][ch] + (double)1e-3f) * (double)norm[1][ch] +
			(double)norm[2][ch];
	}
}

static void batch_norm_a_channel(void **state)
{
	static const float VARIANCE[3] = { 0.5f, 1.0f, 2.5f };
	uint32_t inputs[5];

	step_begin(DIMS(2, 3, 4));
	inputs[0] = step.x;
	for (int i = 1; i < 5; i++)
		inputs[i] = step_constant(DIMS(3));
	step.graph->tensors[inputs[4]].data = VARIANCE;
	for (int i = 1; i < 5; i++)
		norm[i] = step_values(inputs[i]);
	step_emit(OP_BATCH_NORM, 5, inputs, 1, &FLOAT_ATTR(ATTR_EPSILON, 1e-3f));
	step_check(batch_norm_formula, "BatchNormalization");
}

static bool has_bias;

static void layer_norm_formula(const float *row, double *want) // row [2, 3, 4]
{
	int length = axis == 0 ? 24 : axis == 1 ? 12 : 4;

	for (int i = 0; i < 24; i++) {
		const float *from = row + i / length * length;
		double mean = 0, variance = 0;

		for (int j = 0; j < length; j++)
			mean += (double)from[j] / length;
		for (int j = 0; j < length; j++)
			variance += pow((double)from[j] - mean, 2) / length;
		// scale [4] broadcasts over the normalised dimensions
		want[i] = ((double)row[i] - mean) / sqrt(variance + (double)1e-4f) *
				(double)norm[1][i % 4] +
			(has_bias ? (double)norm[2][i % 4] : 0);
	}
}

static void layer_norm_from_each_axis(void **state)
{
	for (int form = 0; form < 6; form++) {
		uint32_t inputs[3];
		const struct attr attrs[] = { INT_ATTR(ATTR_AXIS, form / 2 - 3),
			FLOAT_ATTR(ATTR_EPSILON, 1e-4f) };

		axis = form / 2;
		has_bias = form & 1;
		step_begin(DIMS(2, 3, 4));
		inputs[0] = step.x;
		inputs[1] = step_constant(DIMS(4));
		inputs[2] = step_constant(DIMS(4));
		norm[1] = step_values(inputs[1]);
		norm[2] = step_values(inputs[2]);
		step_emit(OP_LAYER_NORM, has_bias ? 3 : 2, inputs, 2, attrs);
		step_check(layer_norm_formula, "LayerNormalization");
	}
}

static int64_t norm_kind;

// MAX takes the largest value, not the largest magnitude: so does ONNX Runtime.
static void normalizer_formula(const float *row, double *want)
{
	double by = norm_kind == NORM_MAX ? -INFINITY : 0;

	for (int i = 0; i < 11; i++) {
		if (norm_kind == NORM_MAX)
			by = fmax(by, (double)row[i]);
		else
			by += norm_kind == NORM_L1 ? fabs((double)row[i])
						   : (double)row[i] * (double)row[i];
	}
	by = norm_kind == NORM_L2 ? sqrt(by) : by;
	for (int i = 0; i < 11; i++)
		want[i] = (double)row[i] / by;
}

static void normalizer_of_each_norm(void **state)
{
	for (int form = 0; form < 2 * NORM_COUNT; form++) {
		norm_kind = form / 2;
		step_begin(DIMS(1, 11));
		step.low = form & 1 ? -3.0f : -2.0f;
		step.high = form & 1 ? -1.0f : 2.0f; // all negative: MAX changes the signs
		step_emit(OP_NORMALIZER, 1, &step.x, 1, &INT_ATTR(ATTR_NORM, norm_kind));
		step_check(normalizer_formula, "Normalizer");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(softmax_on_each_axis),
		cmocka_unit_test(batch_norm_a_channel),
		cmocka_unit_test(layer_norm_from_each_axis),
		cmocka_unit_test(normalizer_of_each_norm),
	};

	return cmocka_run_group_tests_name("steps_norms", tests, NULL, step_end);
}
