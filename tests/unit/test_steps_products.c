// SPDX-License-Identifier: BSD-3-Clause
// Values of every step against the operator's formula in double: Gemm and MatMul.
#include "tests/cmocka.h"
#include "tests/unit/step_check.h"

#include <stdio.h>

static const float *w, *c;
static int64_t m, k, n, c_row, c_column; // strides of C in its broadcast
static bool trans_a, trans_b;

static void gemm_formula(const float *row, double *want)
{
	for (int64_t i = 0; i < m; i++) {
		for (int64_t j = 0; j < n; j++) {
			double sum = 0;

			for (int64_t l = 0; l < k; l++)
				sum += (double)(trans_a ? row[l * m + i] : row[i * k + l]) *
					(double)(trans_b ? w[j * k + l] : w[l * n + j]);
			want[i * n + j] = 0.5 * sum;
			if (c)
				want[i * n + j] += -1.5 * (double)c[i * c_row + j * c_column];
		}
	}
}

// form: of C; 0 none, 1 [n], 2 [1], 3 [m, 1], 4 [m, n], 5 a scalar
static void check_gemm(int form)
{
	uint32_t inputs[3];
	const struct attr attrs[] = { FLOAT_ATTR(ATTR_ALPHA, 0.5f), FLOAT_ATTR(ATTR_BETA, -1.5f),
		INT_ATTR(ATTR_TRANS_A, trans_a), INT_ATTR(ATTR_TRANS_B, trans_b) };
	const int64_t c_dims[][2] = { { 0 }, { n }, { 1 }, { m, 1 }, { m, n }, { 0 } };
	const uint32_t c_rank[] = { 0, 1, 1, 2, 2, 0 };
	char what[64];

	step_begin(DIMS(trans_a ? k : m, trans_a ? m : k));
	inputs[0] = step.x;
	inputs[1] = step_constant(DIMS(trans_b ? n : k, trans_b ? k : n));
	w = step_values(inputs[1]);
	c = NULL;
	if (form) {
		inputs[2] = step_constant(c_rank[form], c_dims[form]);
		c = step_values(inputs[2]);
		c_row = form == 3 ? 1 : form == 4 ? n : 0;
		c_column = form == 1 || form == 4;
	}
	step_emit(OP_GEMM, form ? 3 : 2, inputs, 4, attrs);
	snprintf(what, sizeof(what), "Gemm m %d transA %d transB %d C %d", (int)m, trans_a, trans_b,
		form);
	step_check(gemm_formula, what);
}

static void gemm_in_every_form(void **state)
{
	k = 7;
	n = 5;
	for (m = 1; m <= 3; m += 2) {
		for (int form = 0; form < 24; form++) {
			trans_a = form / 6 & 1;
			trans_b = form / 12;
			check_gemm(form % 6);
		}
	}
}

// x [2, 3, 4] times w [2 or 1, 4, 5]: the leading dimension broadcasts.
static int64_t w_batches;

static void matmul_formula(const float *row, double *want)
{
	for (int64_t b = 0; b < 2; b++) {
		for (int64_t i = 0; i < 3; i++) {
			for (int64_t j = 0; j < 5; j++) {
				double sum = 0;

				for (int64_t l = 0; l < 4; l++)
					sum += (double)row[b * 12 + i * 4 + l] *
						(double)w[b % w_batches * 20 + l * 5 + j];
				want[b * 15 + i * 5 + j] = sum;
			}
		}
	}
}

static void matmul_with_leading_dimensions(void **state)
{
	for (w_batches = 1; w_batches <= 2; w_batches++) {
		uint32_t right;

		step_begin(DIMS(2, 3, 4));
		right = step_constant(DIMS(w_batches, 4, 5));
		w = step_values(right);
		step_emit(OP_MATMUL, 2, (uint32_t[]){ step.x, right }, 0, NULL);
		step_check(matmul_formula, "MatMul [2, 3, 4] x [B, 4, 5]");
	}
	w_batches = 1;
	step_begin(DIMS(2, 3, 4));
	const uint32_t right = step_constant(DIMS(4, 5));

	w = step_values(right);
	step_emit(OP_MATMUL, 2, (uint32_t[]){ step.x, right }, 0, NULL);
	step_check(matmul_formula, "MatMul [2, 3, 4] x [4, 5]");
}

static void matrix_vector_formula(const float *row, double *want)
{
	for (int64_t i = 0; i < 3; i++) {
		want[i] = 0;
		for (int64_t l = 0; l < 4; l++)
			want[i] += (double)row[i * 4 + l] * (double)w[l];
	}
}

static void constant_on_the_left_formula(const float *row, double *want)
{
	for (int64_t i = 0; i < 2; i++) {
		for (int64_t j = 0; j < 4; j++) {
			want[i * 4 + j] = 0;
			for (int64_t l = 0; l < 3; l++)
				want[i * 4 + j] += (double)w[i * 3 + l] * (double)row[l * 4 + j];
		}
	}
}

static void matmul_of_vectors_and_from_the_left(void **state)
{
	uint32_t other;

	step_begin(DIMS(3, 4));
	other = step_constant(DIMS(4));
	w = step_values(other);
	step_emit(OP_MATMUL, 2, (uint32_t[]){ step.x, other }, 0, NULL);
	step_check(matrix_vector_formula, "MatMul [3, 4] x [4]");
	step_begin(DIMS(3, 4));
	other = step_constant(DIMS(2, 3));
	w = step_values(other);
	step_emit(OP_MATMUL, 2, (uint32_t[]){ other, step.x }, 0, NULL);
	step_check(constant_on_the_left_formula, "MatMul [2, 3] x [3, 4]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gemm_in_every_form),
		cmocka_unit_test(matmul_with_leading_dimensions),
		cmocka_unit_test(matmul_of_vectors_and_from_the_left),
	};

	return cmocka_run_group_tests_name("steps_products", tests, NULL, step_end);
}
