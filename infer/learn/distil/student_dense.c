// SPDX-License-Identifier: BSD-3-Clause
// A student of dense layers.
#include "infer/learn/distil/student_dense.h"

#include "base/decision.h"
#include "infer/import/build.h"
#include "infer/learn/net/fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEARNING_RATE 0.003
#define FAR           8 // deviations; beyond, a feature's tail is heavy

// --- Scaling ----------------------------------------------------------------------------------------

static int compare_floats(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

struct scaling { // of a feature: (x - middle) / spread
	float middle, spread;
	bool heavy;
};

// Median, and half the distance between the tenth and the ninetieth percentile; where these are one, the
// deviation. `column` is sorted.
static struct scaling scaling_of(float *column, size_t n)
{
	struct scaling s;
	double sum = 0, squares = 0;

	qsort(column, n, sizeof(*column), compare_floats);
	for (size_t i = 0; i < n; i++)
		sum += (double)column[i];
	for (size_t i = 0; i < n; i++)
		squares += pow((double)column[i] - sum / (double)n, 2);
	s.middle = column[n / 2];
	s.spread = (column[n - 1 - n / 10] - column[n / 10]) / 2;
	if (!(s.spread > 0))
		s.spread = (float)sqrt(squares / (double)n);
	if (!(s.spread > 0) || !isfinite(1 / s.spread))
		s.spread = 1;
	s.heavy =
		column[n - 1] - s.middle > FAR * s.spread || s.middle - column[0] > FAR * s.spread;
	return s;
}

// Fills the first layer, an affine, by the rows that teach. Where a tail is heavy, its softsign, x / (1 + |x|),
// leaves something of what lies in it and far out.
static int dense_scale(struct net *net, const struct lesson *l, struct error *err)
{
	struct net_layer *layer = &net->layers[0];
	float *column = malloc(l->n * sizeof(*column));

	if (!column)
		return error_set(err, -ENOMEM, "out of memory for %zu rows", l->n);
	for (uint32_t f = 0; f < l->n_features; f++) {
		struct scaling s;

		for (size_t r = 0; r < l->n; r++)
			column[r] = l->x[r * l->n_features + f];
		s = scaling_of(column, l->n);
		layer->scale[f] = 1 / s.spread;
		layer->bias[f] = -s.middle / s.spread;
		if (s.heavy)
			layer->act = (struct act){ .kind = ACTIVATION_SOFTSIGN };
	}
	free(column);
	return 0;
}

// --- Learning ---------------------------------------------------------------------------------------

static int dense_create(const struct lesson *l, struct net **net, struct error *err)
{
	const struct distil_options *o = l->options;
	struct net_shape shapes[DISTIL_LAYERS_MAX + 2] = { { .n_out = l->n_features,
		.affine = true } };
	uint32_t n = 1;
	int rc;

	for (uint32_t i = 0; i < o->n_layers; i++)
		shapes[n++] = (struct net_shape){
			.n_out = o->layers[i], .bias = true, .act = { .kind = ACTIVATION_RELU }
		};
	shapes[n++] = (struct net_shape){ .n_out = l->n_outputs, .bias = true };
	rc = net_create(l->n_features, n, shapes,
		l->kind == LESSON_CLASSES               ? NET_SOFTMAX
			: l->kind == LESSON_PROBABILITY ? NET_SIGMOID
							: NET_PLAIN,
		net, err);
	if (rc != 0)
		return rc;
	net_draw(*net, o->seed);
	return dense_scale(*net, l, err);
}

// Room for what the teacher says as the loss wants it.
struct aims {
	float *soft;      // [n][outputs]
	int32_t *decided; // [n_judged] the teacher's decisions, which say which epoch was the best
};

static int dense_fit(
	const struct lesson *l, struct net *net, const struct aims *aims, struct error *err)
{
	const struct distil_options *o = l->options;
	const bool values = l->kind == LESSON_VALUES;
	const struct fit_options options = {
		.loss = values                      ? FIT_SQUARES
			: l->kind == LESSON_CLASSES ? FIT_SOFTMAX
						    : FIT_SIGMOID,
		.learning_rate = o->learning_rate > 0 ? o->learning_rate : LEARNING_RATE,
		.temperature = o->temperature,
		.soft = 1 - o->alpha,
		.batch = o->batch,
		.epochs = o->epochs,
		.threads = o->threads,
		.seed = o->seed,
		.watch = l->watch,
	};
	const struct fit_rows rows = { .n_rows = l->n,
		.x = l->x,
		.classes = values ? NULL : l->classes,
		.probabilities = values ? NULL : aims->soft,
		.targets = values ? l->scores : NULL,
		.weights = l->weights };
	const struct fit_rows judged = { .n_rows = l->n_judged,
		.x = l->x + l->n * l->n_features,
		.classes = values ? NULL : aims->decided,
		.targets = values ? l->scores + l->n * l->n_outputs : NULL,
		.weights = l->weights ? l->weights + l->n : NULL };

	return fit_net(net, &rows, &judged, &options, NULL, err);
}

static int dense_learn(const struct lesson *l, struct net *net, struct error *err)
{
	const size_t outputs = l->n_outputs;
	struct aims aims = { .soft = malloc((l->n * outputs + 1) * sizeof(float)),
		.decided = malloc((l->n_judged + 1) * sizeof(int32_t)) };
	int rc;

	if (!aims.soft || !aims.decided) {
		rc = error_set(err, -ENOMEM, "out of memory for %zu scores", l->n * outputs);
	} else {
		for (size_t r = 0; r < l->n && l->kind != LESSON_VALUES; r++)
			lesson_soften(l, l->scores + r * outputs, l->options->temperature,
				aims.soft + r * outputs);
		for (size_t r = 0; r < l->n_judged; r++) {
			const float *scores = l->scores + (l->n + r) * outputs;

			aims.decided[r] = outputs == 1
				? scores[0] >= 0.5f
				: (int32_t)decision_largest(scores, l->n_outputs);
		}
		rc = dense_fit(l, net, &aims, err);
	}
	free(aims.soft);
	free(aims.decided);
	return rc;
}

static int dense_graph(
	const struct lesson *l, const struct net *net, struct graph **graph, struct error *err)
{
	uint32_t made;
	int rc = net_to_graph(net, NULL, graph, err);

	if (rc != 0 || l->kind != LESSON_VALUES)
		return rc;
	made = lesson_restore(l, *graph, (*graph)->outputs[0].tensor, err);
	if (made == GRAPH_NONE)
		return err->code;
	(*graph)->outputs[0].tensor = made;
	return 0;
}

int student_dense(const struct lesson *lesson, struct graph **graph, struct error *err)
{
	struct net *net = NULL;
	int rc = dense_create(lesson, &net, err);

	*graph = NULL;
	if (rc == 0)
		rc = dense_learn(lesson, net, err);
	if (rc == 0)
		rc = dense_graph(lesson, net, graph, err);
	if (rc != 0) {
		graph_destroy(*graph);
		*graph = NULL;
	}
	net_destroy(net);
	return rc;
}
