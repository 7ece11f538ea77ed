// SPDX-License-Identifier: BSD-3-Clause
// GRU and LSTM as they are trained: the states are the graph's, the gradients those of differences.
#include "infer/learn/net/recurrent.h"

#include "base/random.h"
#include "infer/import/build.h"
#include "infer/learn/net/fit.h"
#include "infer/learn/train/anomaly.h"
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
		"16384 time steps through layers that wide take more than 4 MiB a row: choose "
		"fewer of either");
}

// --- Within a network ------------------------------------------------------------------------------

#define MANY 900

struct sequences { // of class 1 where the larger of two peaks comes first
	float x[MANY][STEPS * N_IN];
	int32_t classes[MANY];
};

static struct sequences *sequences_new(void)
{
	struct sequences *s = calloc(1, sizeof(*s));
	uint64_t random = random_start(4, 0);

	assert_non_null(s);
	for (uint32_t r = 0; r < MANY; r++) {
		const uint32_t first = (uint32_t)random_below(&random, STEPS - 1);
		const uint32_t second =
			first + 1 + (uint32_t)random_below(&random, STEPS - 1 - first);

		for (uint32_t i = 0; i < STEPS * N_IN; i++)
			s->x[r][i] = (float)(10 + 0.1 * random_double(&random));
		s->classes[r] = (int32_t)random_below(&random, 2);
		s->x[r][first * N_IN] += s->classes[r] ? 2 : 1;
		s->x[r][second * N_IN] += s->classes[r] ? 1 : 2;
	}
	return s;
}

static struct net *sequence_net(enum op op)
{
	const struct net_shape shapes[] = {
		{ .n_out = STEPS * N_IN, .affine = true, .bias = true },
		{ .n_out = 6, .recurrent = { op, STEPS, N_IN, 2, { 8, 6 } } },
		{ .n_out = 2, .bias = true },
	};
	struct net *net;

	if (net_create(STEPS * N_IN, 3, shapes, NET_SOFTMAX, &net, &err) != 0)
		fail_msg("%s", err.text);
	for (uint32_t i = 0; i < STEPS * N_IN; i++) {
		net->layers[0].scale[i] = 1;
		net->layers[0].bias[i] = -10;
	}
	net_draw(net, 3);
	return net;
}

static void order_is_learnt(enum op op)
{
	struct sequences *s = sequences_new();
	struct fit_rows rows = { .n_rows = 551, .x = s->x[0], .classes = s->classes };
	struct fit_rows held = {
		.n_rows = MANY - 600, .x = s->x[600], .classes = s->classes + 600
	};
	struct fit_options options = { .loss = FIT_SOFTMAX,
		.learning_rate = 0.02,
		.batch = 200, // of which the last one has larger shards
		.epochs = 60,
		.weight_decay = 1e-3,
		.clip = 1,
		.seed = 5 };
	struct fit_result result[2];
	struct net *net[2];

	for (int i = 0; i < 2; i++) {
		net[i] = sequence_net(op);
		options.threads = i ? 3 : 1;
		if (fit_net(net[i], &rows, &held, &options, &result[i], &err) != 0)
			fail_msg("%s", err.text);
	}
	assert_true(result[0].score > 0.95);
	// Any number of threads gives the same bits.
	assert_memory_equal(net[0]->params, net[1]->params, net[0]->n_params * sizeof(float));
	net_destroy(net[0]);
	net_destroy(net[1]);
	free(s);
}

static void gru_learns_an_order(void **state)
{
	order_is_learnt(OP_GRU);
}

static void lstm_learns_an_order(void **state)
{
	order_is_learnt(OP_LSTM);
}

static void network_is_its_graph_and_its_copy(void **state)
{
	struct sequences *s = sequences_new();
	struct dataset set = learn_rows(s->x[0], MANY, STEPS * N_IN);
	uint32_t index[MANY];
	const struct dataset_part part = learn_part(&set, index, 0, 100);
	struct net *net = sequence_net(OP_LSTM), *copy;
	float *scratch = malloc(net_scratch(net, 100) * sizeof(*scratch));
	float y[100][2], again[100][2], scores[100][2];
	struct graph *graph;

	assert_non_null(scratch);
	assert_int_equal(net_copy(net, &copy, &err), 0);
	net_score(net, s->x[0], 100, false, y[0], scratch);
	net_score(copy, s->x[0], 100, false, again[0], scratch);
	assert_memory_equal(y, again, sizeof(y));
	if (net_to_graph(net, NULL, &graph, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(anomaly_score_rows(graph, &part, scores[0], &err), 0);
	for (uint32_t r = 0; r < 100; r++)
		assert_true(fabsf(y[r][1] - scores[r][1]) < 2e-6F);
	graph_destroy(graph);
	net_destroy(net);
	net_destroy(copy);
	free(scratch);
	free(s);
}

static void layers_that_do_not_fit_are_refused(void **state)
{
	struct net_shape shapes[] = {
		{ .n_out = 12, .bias = true },
		{ .n_out = 4, .recurrent = { OP_GRU, 4, 3, 1, { 4 } } },
	};
	struct net *net;

	assert_int_equal(net_create(12, 2, shapes, NET_PLAIN, &net, &err), -EINVAL);
	assert_string_equal(err.text, "layer 2 is recurrent, and layer 1 before it is trained");
	shapes[0].affine = true;
	shapes[1].recurrent.steps = 5;
	assert_int_equal(net_create(12, 2, shapes, NET_PLAIN, &net, &err), -EINVAL);
	assert_string_equal(err.text, "layer 2 takes 5 steps of 3 values, 12 values come in");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_the_graphs),
		cmocka_unit_test(gradients_are_those_of_differences),
		cmocka_unit_test(gradients_add_up),
		cmocka_unit_test(layers_beyond_the_limits_are_refused),
		cmocka_unit_test(gru_learns_an_order),
		cmocka_unit_test(lstm_learns_an_order),
		cmocka_unit_test(network_is_its_graph_and_its_copy),
		cmocka_unit_test(layers_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
