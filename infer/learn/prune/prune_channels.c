// SPDX-License-Identifier: BSD-3-Clause
// Channels of convolutions that go as a whole, in tiles, where what follows a convolution is a chain up to the
// convolution or dense layer that reads the channels: pools and activations of single values, and a Reshape to a row.
//
// A channel is worth the length of its filter times the length of the weights that read it. H. Li et al., "Pruning
// filters for efficient ConvNets", 2017, has the first factor alone.
#include "infer/learn/prune/prune_channels.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"
#include "infer/learn/prune/prune_anew.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE_MOST 0.9 // where nothing is said but the loss
#define BETWEEN    32u // nodes between a convolution and its reader

// A convolution and who reads its channels.
struct link {
	struct node *conv, *reader;
	struct node *between[BETWEEN]; // whose outputs have the channels, too
	uint32_t n_between;
	int64_t spatial;  // columns of a channel in a row, where the reader is dense; else 1
	uint32_t n, left; // channels
	double *worth;    // [n]
	bool *kept;       // [n]
};

struct channels {
	struct graph *graph;
	struct uses uses;
	struct link *links; // [n]
	uint32_t n;
	uint64_t weights;
};

// --- Finding them ---------------------------------------------------------------------------------

static bool channel_keeps(const struct node *node) // its channels are those of its input
{
	switch (node->op) {
	case OP_RELU:
	case OP_LEAKY_RELU:
	case OP_ELU:
	case OP_SELU:
	case OP_SIGMOID:
	case OP_HARD_SIGMOID:
	case OP_TANH:
	case OP_SOFTPLUS:
	case OP_SOFTSIGN:
	case OP_GELU:
	case OP_CLIP:
	case OP_AVERAGE_POOL:
	case OP_LP_POOL:
	case OP_RESHAPE:
		return true;
	case OP_MAX_POOL:
		return node->n_outputs == 1 || node->outputs[1] == GRAPH_NONE;
	default:
		return false;
	}
}

static bool channel_is_float(const struct graph *graph, uint32_t tensor)
{
	return tensor != GRAPH_NONE && graph->tensors[tensor].data &&
		graph->tensors[tensor].dtype == DTYPE_F32;
}

static bool channel_is_conv(const struct graph *graph, const struct node *node)
{
	return node->op == OP_CONV && node_int(node, ATTR_GROUP, 1) == 1 &&
		channel_is_float(graph, node->inputs[1]) &&
		(node->n_inputs < 3 || node->inputs[2] == GRAPH_NONE ||
			channel_is_float(graph, node->inputs[2]));
}

// From the convolution to the node that reads its channels. False: none does that can lose some.
static bool link_follow(struct channels *c, struct link *link)
{
	struct graph *graph = c->graph;
	uint32_t at = link->conv->outputs[0];
	bool is_row = false;

	while (link->n_between < BETWEEN && c->uses.count[at] == 1 &&
		c->uses.reader[at] != GRAPH_NONE) {
		struct node *node = &graph->nodes[c->uses.reader[at]];
		const struct tensor *x = &graph->tensors[at];

		if (node->inputs[0] != at)
			return false;
		link->reader = node;
		if (!is_row && channel_is_conv(graph, node))
			return true;
		if (is_row && node->op == OP_DENSE && channel_is_float(graph, node->inputs[1]))
			return x->rank == 2 && x->dims[0] == 1;
		if (!channel_keeps(node) || (is_row && node->op != OP_RELU))
			return false;
		if (node->op == OP_RESHAPE) {
			const struct tensor *y = &graph->tensors[node->outputs[0]];

			if (y->rank != 2 || y->dims[0] != 1)
				return false;
			is_row = true;
			link->spatial = y->dims[1] / link->n;
		}
		link->between[link->n_between++] = node;
		at = node->outputs[0];
	}
	return false;
}

// What channel `k` is worth.
static double link_worth(const struct graph *graph, const struct link *link, uint32_t k)
{
	const struct tensor *w = &graph->tensors[link->conv->inputs[1]];
	const struct tensor *v = &graph->tensors[link->reader->inputs[1]];
	const float *filter = w->data, *read = v->data;
	const size_t each = (size_t)tensor_elements(w) / link->n;
	double own = 0, others = 0;

	for (size_t i = 0; i < each; i++)
		own += pow((double)filter[k * each + i], 2);
	if (link->reader->op == OP_DENSE) { // [n * spatial][outputs]
		const size_t rows = (size_t)link->spatial * (size_t)v->dims[1];

		for (size_t i = 0; i < rows; i++)
			others += pow((double)read[k * rows + i], 2);
	} else { // [outputs][n][kernel]
		const size_t kernel =
			(size_t)tensor_elements(v) / (size_t)(v->dims[0] * v->dims[1]);

		for (int64_t o = 0; o < v->dims[0]; o++)
			for (size_t i = 0; i < kernel; i++)
				others += pow(
					(double)read[((size_t)o * link->n + k) * kernel + i], 2);
	}
	return own * others;
}

static int channels_find(struct channels *c, struct error *err)
{
	struct graph *graph = c->graph;

	c->links = calloc(graph->n_nodes + 1ull, sizeof(*c->links));
	if (!c->links)
		return error_set(err, -ENOMEM, "out of memory for channels");
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct link *link = &c->links[c->n];
		double sum = 0;

		if (!channel_is_conv(graph, &graph->nodes[n]))
			continue;
		*link = (struct link){ .conv = &graph->nodes[n], .spatial = 1 };
		link->n = (uint32_t)graph->tensors[link->conv->inputs[1]].dims[0];
		link->left = link->n;
		if (!link_follow(c, link))
			continue;
		c->n++;
		link->worth = calloc(link->n, sizeof(*link->worth));
		link->kept = malloc(link->n * sizeof(*link->kept));
		if (!link->worth || !link->kept)
			return error_set(err, -ENOMEM, "out of memory for channels");
		memset(link->kept, true, link->n * sizeof(*link->kept));
		for (uint32_t k = 0; k < link->n; k++)
			sum += link->worth[k] = link_worth(graph, link, k);
		for (uint32_t k = 0; k < link->n && sum > 0; k++)
			link->worth[k] /= sum;
	}
	if (c->n == 0)
		return error_set(err, -ENOTSUP,
			"structured pruning takes units of a chain of dense layers, or channels of "
			"convolutions that a convolution or dense layer reads; the model has "
			"neither: "
			"--method magnitude, or model distil");
	return 0;
}

static void channels_fini(struct channels *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		free(c->links[i].worth);
		free(c->links[i].kept);
	}
	free(c->links);
	uses_fini(&c->uses);
}

// --- Choosing -------------------------------------------------------------------------------------

static uint32_t link_least(const struct link *link)
{
	uint32_t least = link->n;

	for (uint32_t k = 0; k < link->n; k++)
		if (link->kept[k] && (least == link->n || link->worth[k] < link->worth[least]))
			least = k;
	return least;
}

// Takes a tile of the convolution whose least channel is worth the least. False: none has one to spare.
static bool channels_take(struct channels *c, uint32_t tile)
{
	struct link *best = NULL;
	uint32_t n;

	for (uint32_t i = 0; i < c->n; i++) {
		struct link *link = &c->links[i];

		if (link->left > tile &&
			(!best || link->worth[link_least(link)] < best->worth[link_least(best)]))
			best = link;
	}
	if (!best)
		return false;
	n = best->left % tile ? best->left % tile : tile;
	for (; n > 0; n--) {
		best->kept[link_least(best)] = false;
		best->left--;
	}
	return true;
}

// --- Taking away ----------------------------------------------------------------------------------

// Input `input` of a node becomes a constant without the parts that go: [outer][n][inner] values, n channels.
static int link_cut(struct graph *graph, const struct link *link, struct node *node, uint32_t input,
	size_t outer, size_t inner, uint32_t axis, struct error *err)
{
	const uint32_t from = node->inputs[input];
	struct tensor tensor = graph->tensors[from];
	const float *values = tensor.data;
	float *cut, *to;
	char name[64];
	uint32_t made;

	cut = to = arena_alloc(graph->arena, (outer * link->left * inner + 1) * sizeof(*cut));
	if (!cut)
		return error_set(err, -ENOMEM, "out of memory for weights");
	for (size_t o = 0; o < outer; o++)
		for (uint32_t k = 0; k < link->n; k++) {
			if (!link->kept[k])
				continue;
			memcpy(to, values + (o * link->n + k) * inner, inner * sizeof(*to));
			to += inner;
		}
	tensor.dims[axis] = tensor.dims[axis] / link->n * link->left;
	snprintf(name, sizeof(name), "pruned_%u_%u", (unsigned)(node - graph->nodes),
		graph->n_tensors);
	made = graph_add_tensor(graph, arena_strdup(graph->arena, name), DTYPE_F32, tensor.rank,
		tensor.dims, cut, err);
	if (made == GRAPH_NONE)
		return err->code;
	node->inputs[input] = made;
	return 0;
}

// Between the two, shapes have the channels at axis 1.
static int link_narrow(struct graph *graph, const struct link *link, struct error *err)
{
	graph->tensors[link->conv->outputs[0]].dims[1] = link->left;
	for (uint32_t b = 0; b < link->n_between; b++) {
		struct node *node = link->between[b];
		struct tensor *y = &graph->tensors[node->outputs[0]];

		y->dims[1] = y->dims[1] / link->n * link->left;
		if (node->op == OP_RESHAPE &&
			node_set_ints(graph, node, ATTR_SHAPE, y->rank, y->dims) != 0)
			return error_set(err, -ENOMEM, "out of memory for a shape");
	}
	return 0;
}

static int link_apply(struct graph *graph, struct link *link, struct error *err)
{
	const struct tensor *w = &graph->tensors[link->conv->inputs[1]];
	const struct tensor *v = &graph->tensors[link->reader->inputs[1]];
	const bool is_row = link->reader->op == OP_DENSE;
	const size_t each = (size_t)tensor_elements(w) / link->n;
	const size_t outer = is_row ? 1 : (size_t)v->dims[0];
	const size_t inner = (size_t)tensor_elements(v) / outer / link->n;
	int rc = link_cut(graph, link, link->conv, 1, 1, each, 0, err);

	if (rc == 0 && link->conv->n_inputs > 2 && link->conv->inputs[2] != GRAPH_NONE)
		rc = link_cut(graph, link, link->conv, 2, 1, 1, 0, err);
	if (rc == 0)
		rc = link_cut(graph, link, link->reader, 1, outer, inner, is_row ? 0 : 1, err);
	return rc != 0 ? rc : link_narrow(graph, link, err);
}

static uint64_t channels_weights(const struct graph *graph)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		const struct node *node = &graph->nodes[i];

		if ((node->op == OP_CONV || node->op == OP_DENSE) &&
			channel_is_float(graph, node->inputs[1]))
			n += (uint64_t)tensor_elements(&graph->tensors[node->inputs[1]]);
	}
	return n;
}

static int channels_change(struct prune_job *job, struct graph *graph, double share,
	const void *context, struct prune_made *made, struct error *err)
{
	struct channels c = { .graph = graph };
	uint64_t all = 0, left = 0;
	int rc = uses_init(&c.uses, graph, err);

	(void)context;
	made->before = channels_weights(graph);
	if (rc == 0)
		rc = channels_find(&c, err);
	for (uint32_t i = 0; i < c.n; i++)
		all += c.links[i].n;
	left = all;
	while (rc == 0 && (left == all || (double)left > (double)all * (1 - share)) &&
		channels_take(&c, job->options->tile)) {
		left = 0;
		for (uint32_t i = 0; i < c.n; i++)
			left += c.links[i].left;
	}
	if (rc == 0 && left == all)
		rc = error_set(err, -ENOTSUP,
			"no convolution has channels to spare: each has at most a tile of %u; a "
			"smaller "
			"--tile makes less of it",
			job->options->tile);
	for (uint32_t i = 0; i < c.n && rc == 0; i++)
		if (c.links[i].left < c.links[i].n)
			rc = link_apply(graph, &c.links[i], err);
	channels_fini(&c);
	made->after = channels_weights(graph);
	made->share = made->before ? 1 - (double)made->after / (double)made->before : 0;
	snprintf(made->text, sizeof(made->text), "%llu channels of %llu", (unsigned long long)left,
		(unsigned long long)all);
	return rc;
}

int prune_channels(struct prune_job *job, struct error *err)
{
	return prune_anew(job, SHARE_MOST, channels_change, NULL, err);
}
