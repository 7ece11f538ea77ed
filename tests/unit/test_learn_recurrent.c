// SPDX-License-Identifier: BSD-3-Clause
// GRU and LSTM as they are trained: the states are the graph's, the gradients those of differences.
#include "infer/learn/recurrent.h"

#include "base/random.h"
#include "infer/import/build.h"
#include "infer/learn/anomaly.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/learn_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS  7
#define STEPS 5
#define N_IN  3

static const struct recurrent_net CASES[] = {
	{ OP_GRU, STEPS, N_IN, 1, { 4 } },
	{ OP_LSTM, STEPS, N_IN, 1, { 4 } },
	{ OP_GRU, STEPS, N_IN, 3, { 4, 6, 2 } },
	{ OP_LSTM, STEPS, N_IN, 3, { 2, 6, 4 } },
	{ OP_GRU, 1, N_IN, 2, { 9, 3 } },
	{ OP_LSTM, 1, N_IN, 2, { 3, 9 } },
};
#define N_CASES (sizeof(CASES) / sizeof(*CASES))

static struct error err;

struct trial {
	const struct recurrent_net *of;
	uint32_t h;
	float *params, *gradient, *scratch;
	float x[ROWS * STEPS * N_IN], y[ROWS * 16], wanted[ROWS * 16];
};

static struct trial *trial_new(const struct recurrent_net *of, uint64_t seed)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	const size_t n = recurrent_n_params(of);
	uint64_t random = seed;

	assert_non_null(trial);
	assert_int_equal(recurrent_check(of, &err), 0);
	trial->of = of;
	trial->h = of->hidden[of->n_layers - 1];
	trial->params = calloc(n, sizeof(float));
	trial->gradient = calloc(n, sizeof(float));
	trial->scratch = malloc(recurrent_scratch(of, ROWS) * sizeof(float));
	assert_true(trial->params && trial->gradient && trial->scratch);
	recurrent_draw(of, seed, trial->params);
	for (uint32_t i = 0; i < ROWS * STEPS * N_IN; i++)
		trial->x[i] = (float)(2 * random_double(&random) - 1);
	for (uint32_t i = 0; i < ROWS * 16; i++)
		trial->wanted[i] = (float)(2 * random_double(&random) - 1);
	for (size_t i = 0; i < n; i++)
		trial->gradient[i] = NAN;
	// What is left from other rows may be anything.
	for (size_t i = 0; i < recurrent_scratch(of, ROWS); i++)
		trial->scratch[i] = NAN;
	return trial;
}

static void trial_free(struct trial *trial)
{
	free(trial->params);
	free(trial->gradient);
	free(trial->scratch);
	free(trial);
}

static double loss(struct trial *trial)
{
	double sum = 0;

	recurrent_forward(trial->of, trial->params, trial->x, ROWS, trial->y, trial->scratch);
	for (uint32_t i = 0; i < ROWS * trial->h; i++)
		sum += (double)trial->y[i] * (double)trial->wanted[i];
	return sum;
}

static void states_are_the_graphs(void **state)
{
	for (uint32_t c = 0; c < N_CASES; c++) {
		struct trial *trial = trial_new(&CASES[c], c + 1);
		const uint32_t n = CASES[c].steps * N_IN;
		struct dataset set = learn_rows(trial->x, ROWS, n);
		uint32_t index[ROWS], input, output;
		const struct dataset_part part = learn_part(&set, index, 0, ROWS);
		struct graph *graph = graph_create();
		float scores[ROWS * 16];

		assert_non_null(graph);
		input = build_input(graph, n, (const char **)(uintptr_t)set.feature_names, &err);
		output = recurrent_emit(&CASES[c], trial->params, graph, input, &err);
		assert_int_not_equal(output, GRAPH_NONE);
		assert_int_equal(build_output(graph, output, &err), 0);
		if (graph_check(graph, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(anomaly_score_rows(graph, &part, scores, &err), 0);
		loss(trial);
		for (uint32_t i = 0; i < ROWS * trial->h; i++)
			assert_true(fabsf(scores[i] - trial->y[i]) < 2e-6F);
		graph_destroy(graph);
		trial_free(trial);
	}
}

static void gradients_are_those_of_differences(void **state)
{
	for (uint32_t c = 0; c < N_CASES; c++) {
		struct trial *trial = trial_new(&CASES[c], c + 11);

		loss(trial);
		recurrent_backward(trial->of, trial->params, trial->wanted, ROWS, trial->gradient,
			trial->scratch);
		for (size_t i = 0; i < recurrent_n_params(trial->of); i++) {
			const float was = trial->params[i], by = 1e-2F;
			double up, down, up2, down2, slope;

			trial->params[i] = was + by;
			up = loss(trial);
			trial->params[i] = was - by;
			down = loss(trial);
			trial->params[i] = was + 2 * by;
			up2 = loss(trial);
			trial->params[i] = was - 2 * by;
			down2 = loss(trial);
			trial->params[i] = was;
			slope = (8 * (up - down) - (up2 - down2)) / (12 * (double)by);
			assert_true(fabs(slope - (double)trial->gradient[i]) < 3e-4);
		}
		trial_free(trial);
	}
}

// Rows by themselves add up to all of them.
static void gradients_add_up(void **state)
{
	for (uint32_t c = 0; c < N_CASES; c++) {
		struct trial *trial = trial_new(&CASES[c], c + 21);
		const size_t n = recurrent_n_params(trial->of);
		float *each = calloc(n, sizeof(*each)), *sum = calloc(n, sizeof(*sum)), y[16];

		assert_true(each && sum);
		loss(trial);
		recurrent_backward(trial->of, trial->params, trial->wanted, ROWS, trial->gradient,
			trial->scratch);
		for (uint32_t r = 0; r < ROWS; r++) {
			recurrent_forward(trial->of, trial->params,
				trial->x + (size_t)r * trial->of->steps * N_IN, 1, y,
				trial->scratch);
			recurrent_backward(trial->of, trial->params,
				trial->wanted + (size_t)r * trial->h, 1, each, trial->scratch);
			for (size_t i = 0; i < n; i++)
				sum[i] += each[i];
		}
		for (size_t i = 0; i < n; i++)
			assert_true(
				fabsf(trial->gradient[i] - sum[i]) < 1e-5F * (1 + fabsf(sum[i])));
		free(each);
		free(sum);
		trial_free(trial);
	}
}

static void refused(const struct recurrent_net *recurrent, const char *sentence)
{
	assert_int_equal(recurrent_check(recurrent, &err), -EINVAL);
	assert_string_equal(err.text, sentence);
}

static void layers_beyond_the_limits_are_refused(void **state)
{
	refused(&(struct recurrent_net){ OP_GRU, 0, 1, 1, { 4 } },
		"a window has a time step at least");
	refused(&(struct recurrent_net){ OP_GRU, 2, 1, 9, { 4 } },
		"9 recurrent layers, should be 1 to 8");
	refused(&(struct recurrent_net){ OP_GRU, 2, 1, 2, { 4, 4097 } },
		"a recurrent layer of 4097 units, should be 1 to 4096");
	refused(&(struct recurrent_net){ OP_LSTM, 16384, 1, 1, { 4096 } },
		"16384 time steps through layers that wide take more than 256 MiB a row: choose "
		"fewer of either");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_the_graphs),
		cmocka_unit_test(gradients_are_those_of_differences),
		cmocka_unit_test(gradients_add_up),
		cmocka_unit_test(layers_beyond_the_limits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
