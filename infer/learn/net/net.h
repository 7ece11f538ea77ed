// SPDX-License-Identifier: BSD-3-Clause
// A network of dense layers as it is trained: its weights, what it makes of rows, and its way from and to a graph.
// fit.h trains it.
//
// Owner: one thread; several may call net_score() at once while nobody changes it.
#pragma once

#include "infer/graph/act.h"
#include "infer/graph/graph.h"
#include "infer/learn/net/recurrent.h"

#define NET_LAYERS_MAX 256
#define NET_WIDTH_MAX  16384
// Weights of all layers: training keeps some six times as many floats.
#define NET_WEIGHTS_MAX ((size_t)1 << 27)

// What follows the last layer: sums become probabilities. Kept apart since losses are computed from the sums.
enum net_head { NET_PLAIN, NET_SOFTMAX, NET_LOG_SOFTMAX, NET_SIGMOID };

// y = act(x * W + b), or, where `weights` is NULL, y = act(x * scale + b), which is not trained. Or recurrent layers,
// before which there is nothing that is trained.
struct net_layer {
	uint32_t n_in, n_out;
	float *weights; // [n_in][n_out], as a Dense has them; NULL: an affine, n_in == n_out
	float *scale;   // [n_out] of an affine; else NULL
	float *bias;    // [n_out]; NULL: none
	struct act act;
	float dropout; // share of its outputs that are 0 in a step of training; 0 of the last
	// steps 0: none. Else `weights` are all of its parameters, and there is neither a bias nor an activation.
	struct recurrent_net recurrent;
	uint32_t node; // of the graph that it came from; GRAPH_NONE: of none
};

struct net {
	uint32_t n_layers, n_in, n_out;
	struct net_layer *layers; // [n_layers]
	enum net_head head;
	// All that is trained, which the layers' weights and biases of dense layers point into. Each begins on a
	// multiple of 16 floats; what is between them is 0.
	float *params; // [n_params]
	size_t n_params;
	float *fixed; // of the affines
};

// What a layer is to be. Weights are 0 until somebody fills them.
struct net_shape {
	uint32_t n_out;
	bool affine; // n_out is the width of what comes in
	bool bias;   // an affine always has one
	struct act act;
	float dropout;
	struct recurrent_net recurrent; // steps 0: none
};
// -EINVAL beyond the limits above, -ENOMEM.
int net_create(uint32_t n_in, uint32_t n_layers, const struct net_shape *shapes, enum net_head head,
	struct net **net, struct error *err);
int net_copy(const struct net *net, struct net **copy, struct error *err); // -ENOMEM
void net_destroy(struct net *net);                                         // NULL is fine
// Weights and biases uniform in +-sqrt(6 / (n_in + n_out)): X. Glorot, Y. Bengio, "Understanding the difficulty
// of training deep feedforward neural networks", 2010.
void net_draw(struct net *net, uint64_t seed);
// Are all weights finite?
bool net_is_finite(const struct net *net);

// The network that a graph is, which must be a chain from its one input [1, n] to its one output: Dense and
// Affine with whatever activations they carry, activations of their own, Softmax, LogSoftmax at the end. A Sigmoid
// of the last layer is the head. What fills missing values (fill.h) may stand in front, and is no part of it. -ENOTSUP: the sentence names the node that is none of these; -EINVAL, -ENOMEM.
int net_from_graph(const struct graph *graph, struct net **net, struct error *err);
// Puts weights and biases back into the graph that they came from, whose layers may have become narrower
// since: each layer's `node` says which is which. -EINVAL, -ENOMEM.
int net_put_back(const struct net *net, struct graph *graph, struct error *err);
// A graph of its own, of which the caller sets name, source, names of features and outputs, labels; or, where
// `like` is not NULL, with those that it has. -EINVAL, -ENOMEM.
int net_to_graph(
	const struct net *net, const struct graph *like, struct graph **graph, struct error *err);

// Layers first to end - 1, and the head behind the last, as operators that follow tensor x. The tensor of what comes
// out, or GRAPH_NONE.
uint32_t net_emit(const struct net *net, uint32_t first, uint32_t end, struct graph *graph,
	uint32_t x, struct error *err);

// Floats of scratch that net_score() needs for `rows` rows at a time.
size_t net_scratch(const struct net *net, uint32_t rows);
// x [n_rows][n_in]; y [n_rows][n_out], which must not overlap x: what comes out of the head, or, where `sums`, what
// goes into it.
void net_score(const struct net *net, const float *x, uint32_t n_rows, bool sums, float *y,
	float *scratch);

// Floats that a layer's weights are; 0 of an affine.
size_t net_layer_weights(const struct net_layer *layer);
// Floats of scratch that net_layer_forward() needs, and backpropagation goes on from: 0 but of recurrent layers.
size_t net_layer_scratch(const struct net_layer *layer, uint32_t rows);
// The steps of net_score(), for training: x * weights + bias, or an affine, without the activation; an activation;
// the head, which is nothing of a plain one. In place allowed but for the first.
void net_layer_forward(const struct net_layer *layer, const float *weights, const float *x,
	uint32_t n_rows, float *y, float *scratch);
void net_activate(const struct act *act, size_t count, const float *x, float *y);
void net_finish(const struct net *net, uint32_t n_rows, const float *sums, float *y);
