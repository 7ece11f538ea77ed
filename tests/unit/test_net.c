// SPDX-License-Identifier: BSD-3-Clause
#include "base/random.h"
#include "infer/learn/net/fit.h"
#include "infer/learn/net/net.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 700
#define IN   6

// Rows of three classes that a line does not part: the class is told by the distance from the middle.
struct rings {
	float x[ROWS][IN];
	int32_t classes[ROWS];
	float weights[ROWS];
};

static float draw(uint64_t *state)
{
	return (float)((double)(random_next(state) >> 40) * 0x1p-23 - 1);
}

static void rings_fill(struct rings *rings, uint64_t seed)
{
	uint64_t state = seed;

	for (uint32_t r = 0; r < ROWS; r++) {
		float from_middle;

		for (uint32_t c = 0; c < IN; c++)
			rings->x[r][c] = draw(&state);
		from_middle = hypotf(rings->x[r][0], rings->x[r][1]);
		rings->classes[r] = from_middle < 0.5F ? 0 : from_middle < 0.9F ? 1 : 2;
		rings->weights[r] = 1 + (float)(r % 3);
	}
}

static struct net *net_made(
	const enum activation *acts, enum net_head head, uint32_t n_out, float dropout)
{
	const struct net_shape shapes[] = {
		{ .n_out = IN, .affine = true },
		{ .n_out = 24, .bias = true, .act = act_defaults(acts[0]), .dropout = dropout },
		{ .n_out = 12, .bias = false, .act = act_defaults(acts[1]) },
		{ .n_out = n_out, .bias = true },
	};
	struct error err;
	struct net *net;

	assert_int_equal(net_create(IN, 4, shapes, head, &net, &err), 0);
	for (uint32_t i = 0; i < IN; i++) {
		net->layers[0].scale[i] = 1.5F;
		net->layers[0].bias[i] = 0.1F * (float)i;
	}
	net_draw(net, 7);
	return net;
}

static const enum activation RELU[2] = { ACTIVATION_RELU, ACTIVATION_RELU };

// Loss of all rows in one batch, seen through one step of no size: Adam's first step moves each weight by the
// rate against the sign of its gradient, so the gradient itself comes from the first moment.
static double loss_at(
	struct net *net, const struct fit_rows *rows, const struct fit_options *options)
{
	struct fit_options once = *options;
	struct fit_result result;
	struct net *copy;
	struct error err;

	once.epochs = 1;
	once.learning_rate = 1e-30;
	assert_int_equal(net_copy(net, &copy, &err), 0);
	assert_int_equal(fit_net(copy, rows, NULL, &once, &result, &err), 0);
	net_destroy(copy);
	return result.train_loss;
}

// A gradient that is right points where the loss falls as fast as differences say: the weights are moved along
// what one step of Adam with rate h does (h times the sign of each gradient), the loss must fall by about h times the sum of
// the gradients' sizes. Compared with differences at single weights.
static void check_gradient(struct net *net, const struct fit_rows *rows, struct fit_options options)
{
	struct fit_result result;
	struct net *moved;
	struct error err;
	uint32_t seen = 0;

	options.batch = ROWS;
	options.epochs = 1;
	options.learning_rate = 1e-3;
	options.threads = 1;
	assert_int_equal(net_copy(net, &moved, &err), 0);
	assert_int_equal(fit_net(moved, rows, NULL, &options, &result, &err), 0);
	for (size_t i = 0; i < net->n_params; i += 7) {
		const float kept = net->params[i];
		double up, down;

		net->params[i] = kept + 1e-2F;
		up = loss_at(net, rows, &options);
		net->params[i] = kept - 1e-2F;
		down = loss_at(net, rows, &options);
		net->params[i] = kept;
		if (fabs(up - down) < 2e-5)
			continue;
		// The weight went down where the loss grows with it.
		assert_true((up > down) == (moved->params[i] < kept));
		seen++;
	}
	assert_true(seen > 20);
	net_destroy(moved);
	net_destroy(net);
}

static void gradients_of_all_losses_and_activations_point_down(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	float *p = calloc(ROWS, 3 * sizeof(*p));
	struct fit_rows rows = { .n_rows = ROWS,
		.x = rings->x[0],
		.classes = rings->classes,
		.weights = rings->weights };
	const float class_weights[3] = { 1, 2, 0.5F };

	rings_fill(rings, 1);
	for (uint32_t r = 0; r < ROWS; r++) {
		p[3 * r + (uint32_t)rings->classes[r]] = 0.7F;
		p[3 * r + (uint32_t)(rings->classes[r] + 1) % 3] = 0.3F;
	}
	for (enum activation a = ACTIVATION_NONE; a < ACTIVATION_COUNT; a++) {
		const enum activation acts[2] = { a, a };

		check_gradient(net_made(acts, NET_SOFTMAX, 3, 0), &rows,
			(struct fit_options){
				.loss = FIT_SOFTMAX, .class_weights = class_weights });
	}
	check_gradient(net_made(RELU, NET_SIGMOID, 3, 0), &rows,
		(struct fit_options){ .loss = FIT_SIGMOID });
	rows.probabilities = p;
	check_gradient(net_made(RELU, NET_SOFTMAX, 3, 0), &rows,
		(struct fit_options){ .loss = FIT_SOFTMAX, .temperature = 3, .soft = 0.6 });
	check_gradient(net_made(RELU, NET_SIGMOID, 3, 0), &rows,
		(struct fit_options){ .loss = FIT_SIGMOID, .temperature = 2, .soft = 1 });
	check_gradient(net_made(RELU, NET_PLAIN, IN, 0),
		&(struct fit_rows){ .n_rows = ROWS, .x = rings->x[0] },
		(struct fit_options){ .loss = FIT_SQUARES });
	free(p);
	free(rings);
}

static void classes_are_learnt(void **state)
{
	struct rings *rings = calloc(2, sizeof(*rings));
	const struct fit_rows rows = {
		.n_rows = ROWS, .x = rings[0].x[0], .classes = rings[0].classes
	};
	const struct fit_rows validation = {
		.n_rows = ROWS, .x = rings[1].x[0], .classes = rings[1].classes
	};
	const struct fit_options options = { .loss = FIT_SOFTMAX,
		.epochs = 60,
		.batch = 64,
		.learning_rate = 5e-3,
		.patience = 20,
		.threads = 2 };
	struct net *net = net_made(RELU, NET_SOFTMAX, 3, 0);
	struct fit_result result;
	struct error err;

	rings_fill(&rings[0], 11);
	rings_fill(&rings[1], 12);
	assert_int_equal(fit_net(net, &rows, &validation, &options, &result, &err), 0);
	assert_true(result.score > 0.9);
	net_destroy(net);
	free(rings);
}

static void threads_give_the_same_bits(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	const struct fit_rows rows = { .n_rows = ROWS,
		.x = rings->x[0],
		.classes = rings->classes,
		.weights = rings->weights };
	struct net *nets[3];
	struct error err;

	rings_fill(rings, 3);
	for (uint32_t t = 0; t < 3; t++) {
		const struct fit_options options = { .loss = FIT_SOFTMAX,
			.epochs = 5,
			.batch = 300,
			.weight_decay = 0.01,
			.clip = 0.5,
			.threads = 1 + 2 * t,
			.seed = 5 };

		nets[t] = net_made(RELU, NET_SOFTMAX, 3, 0.2F);
		assert_int_equal(fit_net(nets[t], &rows, &rows, &options, NULL, &err), 0);
		assert_memory_equal(
			nets[t]->params, nets[0]->params, nets[0]->n_params * sizeof(float));
	}
	for (uint32_t t = 0; t < 3; t++)
		net_destroy(nets[t]);
	free(rings);
}

// Six times the same rows in one minibatch, which takes several rounds, point where the rows do by themselves. So
// do they clipped, where the norm is known after the last round alone.
static void a_large_minibatch_goes_by_the_mean_of_its_rows(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	uint32_t *index = calloc(6 * ROWS, sizeof(*index));
	const struct fit_rows once = {
		.n_rows = ROWS, .x = rings->x[0], .classes = rings->classes
	};
	struct fit_rows often = once;
	struct error err;

	rings_fill(rings, 9);
	for (uint32_t i = 0; i < 6 * ROWS; i++)
		index[i] = i % ROWS;
	often.index = index;
	often.n_rows = 6 * ROWS;
	for (uint32_t clip = 0; clip < 2; clip++) {
		struct fit_options options = { .loss = FIT_SOFTMAX,
			.epochs = 40,
			.clip = clip ? 0.01 : 0,
			.learning_rate = 1e-2,
			.threads = 2 };
		struct net *a = net_made(RELU, NET_SOFTMAX, 3, 0);
		struct net *b = net_made(RELU, NET_SOFTMAX, 3, 0);
		struct fit_result few, many;

		options.batch = ROWS;
		assert_int_equal(fit_net(a, &once, NULL, &options, &few, &err), 0);
		options.batch = 6 * ROWS;
		assert_int_equal(fit_net(b, &often, NULL, &options, &many, &err), 0);
		assert_true(few.train_loss < 0.95);
		assert_true(fabs(many.train_loss - few.train_loss) < 1e-3 * few.train_loss);
		net_destroy(a);
		net_destroy(b);
	}
	free(index);
	free(rings);
}

// Ends, or saves, after so many steps.
struct stop {
	uint32_t after, steps;
	void *saved;
	size_t size;
};

static bool stop_step(void *context, const struct learn_progress *progress)
{
	struct stop *stop = context;

	assert_true(progress->done <= progress->total);
	return ++stop->steps < stop->after;
}

static int stop_pause(
	void *context, const struct fit *fit, enum fit_moment moment, struct error *err)
{
	struct stop *stop = context;

	return moment == FIT_CANCELED ? fit_save(fit, &stop->saved, &stop->size, err) : 0;
}

static void an_interrupted_training_goes_on_to_the_same_bits(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	const struct fit_rows rows = {
		.n_rows = ROWS, .x = rings->x[0], .classes = rings->classes
	};
	struct fit_options options = { .loss = FIT_SOFTMAX, .epochs = 6, .batch = 100, .seed = 9 };
	struct net *whole = net_made(RELU, NET_SOFTMAX, 3, 0.1F);
	struct error err;

	rings_fill(rings, 4);
	assert_int_equal(fit_net(whole, &rows, &rows, &options, NULL, &err), 0);
	for (uint32_t after = 1; after < 42; after += 8) {
		struct stop stop = { .after = after };
		const struct learn_watch watch = { .step = stop_step, .context = &stop };
		struct net *net = net_made(RELU, NET_SOFTMAX, 3, 0.1F);
		struct fit_options interrupted = options;
		struct fit_result result;
		struct fit *fit;

		interrupted.watch = &watch;
		interrupted.pause = stop_pause;
		interrupted.pause_context = &stop;
		assert_int_equal(fit_net(net, &rows, &rows, &interrupted, NULL, &err), -ECANCELED);
		net_destroy(net);
		net = net_made(RELU, NET_SOFTMAX, 3, 0.1F);
		net_draw(net, 1234);
		assert_int_equal(fit_create(net, &rows, &rows, &options, &fit, &err), 0);
		assert_int_equal(fit_restore(fit, stop.saved, stop.size, &err), 0);
		assert_int_equal(fit_run(fit, &result, &err), 0);
		fit_destroy(fit);
		assert_memory_equal(net->params, whole->params, net->n_params * sizeof(float));
		net_destroy(net);
		free(stop.saved);
	}
	net_destroy(whole);
	free(rings);
}

static void a_state_of_something_else_is_refused(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	const struct fit_rows rows = {
		.n_rows = ROWS, .x = rings->x[0], .classes = rings->classes
	};
	struct fit_options options = { .loss = FIT_SOFTMAX };
	struct net *net = net_made(RELU, NET_SOFTMAX, 3, 0);
	struct error err;
	struct fit *fit;
	char *saved;
	size_t size;

	rings_fill(rings, 4);
	assert_int_equal(fit_create(net, &rows, NULL, &options, &fit, &err), 0);
	assert_int_equal(fit_save(fit, (void **)&saved, &size, &err), 0);
	assert_int_equal(fit_restore(fit, saved, size, &err), 0);
	for (size_t cut = 0; cut < size; cut += size / 9)
		assert_int_equal(fit_restore(fit, saved, cut, &err), -EINVAL);
	saved[size / 2] ^= 1;
	assert_int_equal(fit_restore(fit, saved, size, &err), -EINVAL);
	assert_string_equal(err.text, "is damaged: its SHA-256 is another");
	saved[size / 2] ^= 1;
	fit_destroy(fit);
	options.seed = 1;
	assert_int_equal(fit_create(net, &rows, NULL, &options, &fit, &err), 0);
	assert_int_equal(fit_restore(fit, saved, size, &err), -EINVAL);
	assert_string_equal(
		err.text, "is of a training with other layers or other options than these");
	fit_destroy(fit);
	free(saved);
	net_destroy(net);
	free(rings);
}

static void what_diverges_ends_with_its_reason(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	const struct fit_rows rows = { .n_rows = ROWS, .x = rings->x[0] };
	const struct fit_options options = {
		.loss = FIT_SQUARES, .learning_rate = 1e6, .epochs = 50
	};
	struct net *net = net_made(RELU, NET_PLAIN, IN, 0);
	struct error err;

	rings_fill(rings, 4);
	assert_int_equal(fit_net(net, &rows, NULL, &options, NULL, &err), -EDOM);
	assert_non_null(strstr(err.text, "training diverges in epoch "));
	assert_non_null(strstr(err.text, "try a lower learning rate than 1e+06"));
	net_destroy(net);
	free(rings);
}

static void rows_that_cannot_be_learnt_are_refused(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	struct fit_rows rows = { .n_rows = ROWS, .x = rings->x[0], .classes = rings->classes };
	const struct fit_options options = { .loss = FIT_SOFTMAX };
	struct net *net = net_made(RELU, NET_SOFTMAX, 3, 0);
	struct error err;

	rings_fill(rings, 4);
	rings->x[4][2] = NAN;
	assert_int_equal(fit_net(net, &rows, NULL, &options, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "row 5: feature 2 is nan, a network takes finite numbers");
	rings->x[4][2] = 0;
	rings->classes[8] = 3;
	assert_int_equal(fit_net(net, &rows, NULL, &options, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "row 9 bears no class of the 3 that there are");
	rings->classes[8] = 0;
	rows.weights = rings->weights;
	rings->weights[1] = 0;
	assert_int_equal(fit_net(net, &rows, NULL, &options, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "row 2: its weight 0 is not above 0");
	rows.weights = NULL;
	assert_int_equal(
		fit_net(net, &rows, NULL, &(struct fit_options){ .loss = FIT_SQUARES }, NULL, &err),
		-EINVAL);
	rows.n_rows = 0;
	assert_int_equal(fit_net(net, &rows, NULL, &options, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "there are no rows to train with");
	net_destroy(net);
	free(rings);
}

// Hooks: weights rounded to eighths while they are used, every other one masked, inputs cut at 0.5.
static void hook_use(void *context, uint32_t layer, const struct net_layer *from, float *used)
{
	for (size_t i = 0; i < (size_t)from->n_in * from->n_out; i++)
		used[i] = roundf(used[i] * 8) / 8;
}

static void hook_stepped(void *context, struct net *net, uint64_t step)
{
	for (size_t i = 0; i < (size_t)net->layers[1].n_in * net->layers[1].n_out; i += 2)
		net->layers[1].weights[i] = 0;
	*(uint64_t *)context = step;
}

static void hook_enter(void *context, uint32_t layer, float *x, uint32_t n_rows, uint32_t n)
{
	for (size_t i = 0; i < (size_t)n_rows * n; i++)
		x[i] = fminf(x[i], 0.5F);
}

static void hook_leave(
	void *context, uint32_t layer, const float *x, float *dx, uint32_t n_rows, uint32_t n)
{
	for (size_t i = 0; i < (size_t)n_rows * n; i++)
		dx[i] = x[i] < 0.5F ? dx[i] : 0;
}

static void hooks_change_weights_and_what_enters(void **state)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	const struct fit_rows rows = {
		.n_rows = ROWS, .x = rings->x[0], .classes = rings->classes
	};
	uint64_t steps = 0;
	const struct fit_options options = { .loss = FIT_SOFTMAX,
		.epochs = 30,
		.batch = 100,
		.learning_rate = 5e-3,
		.hooks = { &steps, hook_use, hook_stepped, hook_enter, hook_leave } };
	struct net *net = net_made(RELU, NET_SOFTMAX, 3, 0);
	struct fit_result result;
	struct error err;

	rings_fill(rings, 4);
	assert_int_equal(fit_net(net, &rows, NULL, &options, &result, &err), 0);
	assert_int_equal(steps, 210);
	assert_true(result.train_loss < 0.9);
	for (uint32_t i = 0; i < 40; i += 2)
		assert_true(net->layers[1].weights[i] == 0 && net->layers[1].weights[i + 1] != 0);
	net_destroy(net);
	free(rings);
}

static void score(const struct net *net, const float *x, float *y)
{
	float *scratch = aligned_alloc(64, net_scratch(net, 5) * sizeof(float));

	assert_non_null(scratch);
	net_score(net, x, 5, false, y, scratch);
	free(scratch);
}

static void a_network_becomes_a_graph_and_comes_back(void **state)
{
	static const enum activation ACTS[2] = { ACTIVATION_LEAKY_RELU, ACTIVATION_TANH };
	static const enum net_head HEADS[] = { NET_PLAIN, NET_SOFTMAX, NET_LOG_SOFTMAX,
		NET_SIGMOID };
	struct rings *rings = calloc(1, sizeof(*rings));
	struct error err;

	rings_fill(rings, 4);
	for (uint32_t h = 0; h < 4; h++) {
		struct net *net = net_made(ACTS, HEADS[h], 3, 0), *again;
		struct graph *graph;
		float before[15], after[15];

		score(net, rings->x[0], before);
		assert_int_equal(net_to_graph(net, NULL, &graph, &err), 0);
		assert_int_equal(net_from_graph(graph, &again, &err), 0);
		assert_int_equal(again->head, HEADS[h]);
		score(again, rings->x[0], after);
		assert_memory_equal(before, after, sizeof(before));
		net_draw(again, 99);
		score(again, rings->x[0], before);
		assert_int_equal(net_put_back(again, graph, &err), 0);
		net_destroy(again);
		assert_int_equal(net_from_graph(graph, &again, &err), 0);
		score(again, rings->x[0], after);
		assert_memory_equal(before, after, sizeof(before));
		net_destroy(again);
		net_destroy(net);
		graph_destroy(graph);
	}
	free(rings);
}

static void a_narrower_layer_is_put_back(void **state)
{
	const uint32_t sizes[] = { 4, 8, 3 };
	struct graph *graph = graph_mlp(3, sizes, true, 1);
	struct net *net, *narrow;
	struct error err;

	assert_int_equal(net_from_graph(graph, &net, &err), 0);
	assert_int_equal(net_create(4, 2,
				 (const struct net_shape[]){
					 { .n_out = 5, .bias = true, .act = net->layers[0].act },
					 { .n_out = 3, .bias = true } },
				 NET_SOFTMAX, &narrow, &err),
		0);
	net_draw(narrow, 3);
	narrow->layers[0].node = net->layers[0].node;
	narrow->layers[1].node = net->layers[1].node;
	assert_int_equal(net_put_back(narrow, graph, &err), 0);
	assert_int_equal(graph_check(graph, &err), 0);
	net_destroy(net);
	assert_int_equal(net_from_graph(graph, &net, &err), 0);
	assert_int_equal(net->layers[0].n_out, 5);
	assert_memory_equal(net->params, narrow->params, net->n_params * sizeof(float));
	net_destroy(net);
	net_destroy(narrow);
	graph_destroy(graph);
}

static void what_is_no_chain_is_refused_by_name(void **state)
{
	struct graph *graph = graph_create();
	const int64_t dims[2] = { 1, 4 };
	const uint32_t input = graph_f32(graph, "x", 2, dims);
	uint32_t pair[2] = { graph_op(graph, OP_RELU, 1, &input), input };
	struct error err;
	struct net *net;

	graph_finish(graph, input, graph_op(graph, OP_ADD, 2, pair));
	assert_int_equal(net_from_graph(graph, &net, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "(Relu): it follows no layer that could carry it"));
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_of_all_losses_and_activations_point_down),
		cmocka_unit_test(classes_are_learnt),
		cmocka_unit_test(threads_give_the_same_bits),
		cmocka_unit_test(a_large_minibatch_goes_by_the_mean_of_its_rows),
		cmocka_unit_test(an_interrupted_training_goes_on_to_the_same_bits),
		cmocka_unit_test(a_state_of_something_else_is_refused),
		cmocka_unit_test(what_diverges_ends_with_its_reason),
		cmocka_unit_test(rows_that_cannot_be_learnt_are_refused),
		cmocka_unit_test(hooks_change_weights_and_what_enters),
		cmocka_unit_test(a_network_becomes_a_graph_and_comes_back),
		cmocka_unit_test(a_narrower_layer_is_put_back),
		cmocka_unit_test(what_is_no_chain_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
