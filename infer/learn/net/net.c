// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/net.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/elementwise/affine.h"
#include "infer/kernels/norm/softmax.h"
#include "infer/learn/net/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NET_ALIGN 16 // floats

static size_t net_room(size_t floats)
{
	return align_up(floats, NET_ALIGN);
}

static size_t net_layer_weights_of(const struct net_layer *layer)
{
	return layer->recurrent.steps > 0 ? recurrent_n_params(&layer->recurrent)
					  : (size_t)layer->n_in * layer->n_out;
}

size_t net_layer_weights(const struct net_layer *layer)
{
	return layer->weights ? net_layer_weights_of(layer) : 0;
}

size_t net_layer_scratch(const struct net_layer *layer, uint32_t rows)
{
	return layer->recurrent.steps > 0 ? recurrent_scratch(&layer->recurrent, rows) : 0;
}

// Of each layer: where its arrays begin, in params or in fixed. `net` has their pointers set where it has memory.
static void net_lay_out(struct net *net, const struct net_shape *shapes)
{
	size_t trained = 0, fixed = 0;

	for (uint32_t i = 0; i < net->n_layers; i++) {
		struct net_layer *layer = &net->layers[i];
		size_t *at = shapes[i].affine ? &fixed : &trained;
		float *base = shapes[i].affine ? net->fixed : net->params;
		float *first = base ? base + *at : NULL;

		*at += net_room(shapes[i].affine ? layer->n_out : net_layer_weights_of(layer));
		if (shapes[i].affine)
			layer->scale = first;
		else
			layer->weights = first;
		if (!shapes[i].affine && !shapes[i].bias)
			continue;
		layer->bias = base ? base + *at : NULL;
		*at += net_room(layer->n_out);
	}
	net->n_params = trained;
	if (net->params)
		return;
	net->params = aligned_alloc(64, (trained + NET_ALIGN) * sizeof(float));
	net->fixed = aligned_alloc(64, (fixed + NET_ALIGN) * sizeof(float));
	if (net->params && net->fixed) {
		memset(net->params, 0, (trained + NET_ALIGN) * sizeof(float));
		memset(net->fixed, 0, (fixed + NET_ALIGN) * sizeof(float));
	}
}

// Recurrent layers take what comes in as steps, and nothing before them is trained.
static int net_check_recurrent(
	const struct net_shape *shapes, uint32_t at, uint32_t from, struct error *err)
{
	const struct recurrent_net *recurrent = &shapes[at].recurrent;
	int rc = recurrent_check(recurrent, err);

	if (rc != 0)
		return rc;
	if ((uint64_t)recurrent->steps * recurrent->n_in != from ||
		shapes[at].n_out != recurrent->hidden[recurrent->n_layers - 1])
		return error_set(err, -EINVAL,
			"layer %u takes %u steps of %u values, %u values come in", at + 1,
			recurrent->steps, recurrent->n_in, from);
	for (uint32_t i = 0; i < at; i++) {
		if (!shapes[i].affine)
			return error_set(err, -EINVAL,
				"layer %u is recurrent, and layer %u before it is trained", at + 1,
				i + 1);
	}
	return 0;
}

static size_t net_shape_weights(const struct net_shape *shape, uint32_t from)
{
	return shape->recurrent.steps > 0 ? recurrent_n_params(&shape->recurrent)
					  : (size_t)from * shape->n_out;
}

static int net_check_shapes(
	uint32_t n_in, uint32_t n_layers, const struct net_shape *shapes, struct error *err)
{
	size_t weights = 0;
	uint32_t from = n_in;

	if (n_layers == 0 || n_layers > NET_LAYERS_MAX)
		return error_set(
			err, -EINVAL, "%u layers, there may be 1 to %u", n_layers, NET_LAYERS_MAX);
	if (n_in == 0 || n_in > NET_WIDTH_MAX)
		return error_set(
			err, -EINVAL, "%u inputs, there may be 1 to %u", n_in, NET_WIDTH_MAX);
	for (uint32_t i = 0; i < n_layers; i++) {
		if (shapes[i].n_out == 0 || shapes[i].n_out > NET_WIDTH_MAX)
			return error_set(err, -EINVAL,
				"layer %u has %u outputs, there may be 1 to %u", i + 1,
				shapes[i].n_out, NET_WIDTH_MAX);
		if (shapes[i].affine && shapes[i].n_out != from)
			return error_set(err, -EINVAL, "layer %u scales %u values, %u come in",
				i + 1, shapes[i].n_out, from);
		if (shapes[i].recurrent.steps > 0) {
			int rc = net_check_recurrent(shapes, i, from, err);

			if (rc != 0)
				return rc;
		}
		weights += net_shape_weights(&shapes[i], from);
		from = shapes[i].n_out;
		if (weights > NET_WEIGHTS_MAX)
			return error_set(err, -EINVAL,
				"the network has more than %zu weights: fewer or narrower layers",
				NET_WEIGHTS_MAX);
	}
	return 0;
}

int net_create(uint32_t n_in, uint32_t n_layers, const struct net_shape *shapes, enum net_head head,
	struct net **out, struct error *err)
{
	int rc = net_check_shapes(n_in, n_layers, shapes, err);
	struct net *net = NULL;

	*out = NULL;
	if (rc != 0)
		return rc;
	net = calloc(1, sizeof(*net));
	if (net)
		net->layers = calloc(n_layers, sizeof(*net->layers));
	if (!net || !net->layers) {
		net_destroy(net);
		return error_set(err, -ENOMEM, "out of memory for a network");
	}
	net->n_layers = n_layers;
	net->n_in = n_in;
	net->n_out = shapes[n_layers - 1].n_out;
	net->head = head;
	for (uint32_t i = 0; i < n_layers; i++) {
		net->layers[i] = (struct net_layer){ .n_in = i ? shapes[i - 1].n_out : n_in,
			.n_out = shapes[i].n_out,
			.act = shapes[i].act,
			.dropout = i + 1 < n_layers ? shapes[i].dropout : 0,
			.recurrent = shapes[i].recurrent,
			.node = GRAPH_NONE };
	}
	net_lay_out(net, shapes);
	if (net->params && net->fixed) {
		net_lay_out(net, shapes);
		*out = net;
		return 0;
	}
	net_destroy(net);
	return error_set(err, -ENOMEM, "out of memory for a network of %u layers", n_layers);
}

int net_copy(const struct net *net, struct net **copy, struct error *err)
{
	struct net_shape shapes[NET_LAYERS_MAX];
	int rc;

	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *layer = &net->layers[i];

		shapes[i] = (struct net_shape){ .n_out = layer->n_out,
			.affine = !layer->weights,
			.bias = layer->bias,
			.act = layer->act,
			.dropout = layer->dropout,
			.recurrent = layer->recurrent };
	}
	rc = net_create(net->n_in, net->n_layers, shapes, net->head, copy, err);
	if (rc != 0)
		return rc;
	memcpy((*copy)->params, net->params, net->n_params * sizeof(float));
	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *from = &net->layers[i];
		struct net_layer *to = &(*copy)->layers[i];

		to->node = from->node;
		if (from->weights)
			continue;
		memcpy(to->scale, from->scale, from->n_out * sizeof(float));
		memcpy(to->bias, from->bias, from->n_out * sizeof(float));
	}
	return 0;
}

void net_destroy(struct net *net)
{
	if (!net)
		return;
	free(net->params);
	free(net->fixed);
	free(net->layers);
	free(net);
}

void net_draw(struct net *net, uint64_t seed)
{
	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *layer = &net->layers[i];
		const double bound = sqrt(6.0 / (layer->n_in + layer->n_out));
		uint64_t state = random_start(seed, i);

		if (!layer->weights)
			continue;
		if (layer->recurrent.steps > 0) {
			recurrent_draw(&layer->recurrent, random_next(&state), layer->weights);
			continue;
		}
		for (size_t w = 0; w < (size_t)layer->n_in * layer->n_out; w++)
			layer->weights[w] = (float)((2 * random_double(&state) - 1) * bound);
		for (uint32_t b = 0; layer->bias && b < layer->n_out; b++)
			layer->bias[b] = (float)((2 * random_double(&state) - 1) * bound);
	}
}

bool net_is_finite(const struct net *net)
{
	// A sum of finite floats in double is finite.
	double sum = 0;

	for (size_t i = 0; i < net->n_params; i++)
		sum += net->params[i];
	return isfinite(sum);
}

// Floats of the widest values of `rows` rows.
static size_t net_widest_room(const struct net *net, uint32_t rows)
{
	uint32_t widest = net->n_in;

	for (uint32_t i = 0; i < net->n_layers; i++) {
		if (net->layers[i].n_out > widest)
			widest = net->layers[i].n_out;
	}
	return net_room((size_t)widest * rows);
}

// Of the layer that needs most by itself; no two do at once.
static size_t net_most_scratch(const struct net *net, uint32_t rows)
{
	size_t most = 0;

	for (uint32_t i = 0; i < net->n_layers; i++) {
		const size_t floats = net_layer_scratch(&net->layers[i], rows);

		most = floats > most ? floats : most;
	}
	return net_room(most);
}

size_t net_scratch(const struct net *net, uint32_t rows)
{
	return net_most_scratch(net, rows) + 2 * net_widest_room(net, rows);
}

void net_layer_forward(const struct net_layer *layer, const float *weights, const float *x,
	uint32_t n_rows, float *y, float *scratch)
{
	if (layer->recurrent.steps > 0) {
		recurrent_forward(&layer->recurrent, weights, x, n_rows, y, scratch);
		return;
	}
	if (!layer->weights) {
		const struct affine affine = { layer->scale, layer->bias, layer->n_out,
			{ ACTIVATION_NONE, 0, 0 } };

		affine_pick(isa_detected())->run(&affine, n_rows, x, y);
		return;
	}
	blas_product_bias(n_rows, layer->n_out, layer->n_in,
		(struct blas_matrix){ x, layer->n_in, false },
		(struct blas_matrix){ weights, layer->n_out, false }, layer->bias, y);
}

void net_activate(const struct act *act, size_t count, const float *x, float *y)
{
	if (act->kind != ACTIVATION_NONE)
		activate_pick(isa_detected())->run(act, count, x, y);
	else if (x != y)
		memcpy(y, x, count * sizeof(float));
}

void net_finish(const struct net *net, uint32_t n_rows, const float *sums, float *y)
{
	const struct softmax softmax = { net->n_out, 1, net->head == NET_LOG_SOFTMAX };
	const struct act sigmoid = { .kind = ACTIVATION_SIGMOID };

	if (net->head == NET_SOFTMAX || net->head == NET_LOG_SOFTMAX)
		softmax_pick(isa_detected())->run(&softmax, n_rows, sums, y);
	else if (net->head == NET_SIGMOID)
		net_activate(&sigmoid, (size_t)n_rows * net->n_out, sums, y);
}

void net_score(
	const struct net *net, const float *x, uint32_t n_rows, bool sums, float *y, float *scratch)
{
	float *first = scratch + net_most_scratch(net, n_rows);
	float *room[2] = { first, first + net_widest_room(net, n_rows) };

	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *layer = &net->layers[i];
		float *to = i + 1 < net->n_layers ? room[i % 2] : y;

		net_layer_forward(layer, layer->weights, x, n_rows, to, scratch);
		net_activate(&layer->act, (size_t)n_rows * layer->n_out, to, to);
		x = to;
	}
	if (!sums)
		net_finish(net, n_rows, y, y);
}
