// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/quantise_tune.h"

#include "infer/learn/net/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TUNE_RATE 2e-4 // of learning
#define TUNE_SOFT 0.5  // what the float model's scores count beside labels

struct tune {
	const struct quantise_tuning *tuning;
	struct quantum *in;                 // [n_layers] scale 0: the layer stays in float
	struct quantise_channels *channels; // [n_layers] n > 0: of its input's columns
	int8_t *bytes;                      // of the largest layer
	float *scales, *floats;
};

static void tune_use(void *context, uint32_t layer, const struct net_layer *from, float *used)
{
	const struct tune *tune = context;
	const struct quantise_matrix matrix = { .from = tune->floats,
		.step_k = from->n_out,
		.step_n = 1,
		.factors = tune->channels[layer].scales,
		.k = from->n_in,
		.n = from->n_out,
		.taps = 1,
		.to = tune->bytes,
		.scales = tune->scales };

	if (!(tune->in[layer].scale > 0))
		return;
	memcpy(tune->floats, used, (size_t)from->n_in * from->n_out * sizeof(*used));
	quantise_weights(tune->tuning->options, &matrix);
	for (uint32_t k = 0; k < from->n_in; k++) {
		const float by = matrix.factors ? 1 / matrix.factors[k] : 1;

		for (uint32_t n = 0; n < from->n_out; n++)
			used[(size_t)k * from->n_out + n] =
				tune->bytes[(size_t)k * from->n_out + n] * tune->scales[n] * by;
	}
}

// How column c of a layer's input is rounded.
static struct quantum tune_quantum(const struct tune *tune, uint32_t layer, uint32_t c)
{
	const struct quantise_channels *channels = &tune->channels[layer];

	if (channels->n == 0)
		return tune->in[layer];
	return (struct quantum){ channels->dtype, channels->scales[c], channels->zeros[c] };
}

static void tune_bounds(const struct quantum *q, float *low, float *high)
{
	const int32_t least = q->dtype == DTYPE_I8 ? -128 : 0;

	*low = (float)(least - q->zero) * q->scale;
	*high = (float)(least + 255 - q->zero) * q->scale;
}

static void tune_enter(void *context, uint32_t layer, float *x, uint32_t n_rows, uint32_t n)
{
	const struct tune *tune = context;

	if (!(tune->in[layer].scale > 0))
		return;
	for (uint32_t c = 0; c < n; c++) {
		const struct quantum q = tune_quantum(tune, layer, c);
		float low, high;

		tune_bounds(&q, &low, &high);
		for (size_t i = c; i < (size_t)n_rows * n; i += n)
			x[i] = fminf(high, fmaxf(low, nearbyintf(x[i] / q.scale) * q.scale));
	}
}

static void tune_leave(
	void *context, uint32_t layer, const float *x, float *dx, uint32_t n_rows, uint32_t n)
{
	const struct tune *tune = context;

	if (!(tune->in[layer].scale > 0))
		return;
	for (uint32_t c = 0; c < n; c++) {
		const struct quantum q = tune_quantum(tune, layer, c);
		float low, high;

		tune_bounds(&q, &low, &high);
		for (size_t i = c; i < (size_t)n_rows * n; i += n) {
			if (x[i] >= high || (low < 0 && x[i] <= low))
				dx[i] = 0;
		}
	}
}

// How the input of quantised layer `of` is rounded; what a layer before gives as bytes has one scale.
static int tune_set_input(struct tune *tune, const struct graph *graph,
	const struct quantise_layer *of, uint32_t layer, struct error *err)
{
	const struct quantise_layers *layers = tune->tuning->layers;
	const uint32_t x = graph->nodes[of->node].inputs[0];
	const struct range *range = &tune->tuning->ranges->of[x];

	tune->in[layer] = quantise_activation(tune->tuning->options, range);
	for (uint32_t l = 0; l < layers->count; l++) {
		if (layers->of[l].quantum.scale > 0 && layers->of[l].stands_for == x)
			return 0;
	}
	return quantise_channels_of(graph, tune->tuning->ranges, tune->tuning->options, layers, x,
		&tune->channels[layer], err);
}

static int tune_set_up(
	struct tune *tune, const struct graph *graph, const struct net *net, struct error *err)
{
	size_t most = 1, wide = 1;

	tune->in = calloc(net->n_layers + 1, sizeof(*tune->in));
	tune->channels = calloc(net->n_layers + 1, sizeof(*tune->channels));
	for (uint32_t l = 0; tune->in && tune->channels && l < net->n_layers; l++) {
		const struct net_layer *layer = &net->layers[l];
		const size_t weights = (size_t)layer->n_in * layer->n_out;

		if (!layer->weights)
			continue;
		most = weights > most ? weights : most;
		wide = layer->n_out > wide ? layer->n_out : wide;
		for (uint32_t q = 0; q < tune->tuning->layers->count; q++) {
			const struct quantise_layer *of = &tune->tuning->layers->of[q];

			if (of->node == layer->node && of->result != GRAPH_NONE &&
				tune_set_input(tune, graph, of, l, err) != 0)
				return err->code;
		}
	}
	tune->bytes = malloc(most);
	tune->floats = malloc(most * sizeof(float));
	tune->scales = malloc(wide * sizeof(float));
	return tune->in && tune->channels && tune->bytes && tune->floats && tune->scales
		? 0
		: error_set(err, -ENOMEM, "out of memory for fine-tuning");
}

// The float network's own scores of all rows, [n][n_out].
static float *tune_teach(const struct net *net, const float *rows, size_t n)
{
	float *scores = malloc(n * net->n_out * sizeof(*scores) + 1);
	float *scratch = malloc(net_scratch(net, 256) * sizeof(*scratch) + 1);

	for (size_t r = 0; scores && scratch && r < n; r += 256)
		net_score(net, rows + r * net->n_in, n - r < 256 ? (uint32_t)(n - r) : 256, false,
			scores + r * net->n_out, scratch);
	if (!scratch) {
		free(scores);
		scores = NULL;
	}
	free(scratch);
	return scores;
}

static int tune_fit(struct tune *tune, struct net *net, struct error *err)
{
	const struct quantise_tuning *t = tune->tuning;
	float *scores = tune_teach(net, t->rows, t->n);
	struct fit_rows rows = { .n_rows = t->n, .x = t->rows }, none = { 0 };
	struct fit_options options = { .loss = FIT_SQUARES,
		.learning_rate = TUNE_RATE,
		.soft = 1,
		.epochs = t->epochs,
		.seed = t->seed,
		.hooks = { .context = tune,
			.use = tune_use,
			.enter = tune_enter,
			.leave = tune_leave },
		.watch = t->watch };
	int rc;

	if (!scores)
		return error_set(err, -ENOMEM, "out of memory for fine-tuning");
	if (net->head == NET_PLAIN || net->head == NET_LOG_SOFTMAX) {
		rows.targets = scores;
	} else {
		options.loss = net->head == NET_SOFTMAX ? FIT_SOFTMAX : FIT_SIGMOID;
		options.soft = t->classes ? TUNE_SOFT : 1;
		rows.probabilities = scores;
		rows.classes = t->classes;
	}
	rc = fit_net(net, &rows, &none, &options, NULL, err);
	free(scores);
	return rc;
}

int quantise_tune(struct graph *graph, const struct quantise_tuning *tuning, struct error *err)
{
	struct tune tune = { .tuning = tuning };
	struct net *net = NULL;
	int rc = net_from_graph(graph, &net, err);

	if (rc != 0)
		error_prefix(err, "fine-tuning takes a chain of dense layers alone");
	if (rc == 0)
		rc = tune_set_up(&tune, graph, net, err);
	if (rc == 0)
		rc = tune_fit(&tune, net, err);
	if (rc == 0)
		rc = net_put_back(net, graph, err);
	for (uint32_t l = 0; tune.channels && l < net->n_layers; l++)
		quantise_channels_fini(&tune.channels[l]);
	net_destroy(net);
	free(tune.channels);
	free(tune.in);
	free(tune.bytes);
	free(tune.floats);
	free(tune.scales);
	return rc;
}
