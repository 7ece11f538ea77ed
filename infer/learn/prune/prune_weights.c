// SPDX-License-Identifier: BSD-3-Clause
// Weights that become 0, by their magnitude or by shrinking all of them.
//
// Magnitude is not that of the number alone: what a weight moves is its magnitude times how far its input moves
// (M. Sun et al., "A simple and effective pruning approach for large language models", 2023). Features that were
// scaled in training have that scaling folded into the first layer's weights, so that the number alone would tell how
// wide a feature is and not how much it matters. What a weight adds in the mean goes to the bias when it is cut.
//
// The proximal step is W <- sign(W) max(|W| - alpha, 0), of which 0 is a fixed point. W - alpha sign(W), which is
// also seen, is not the same: it takes a weight of less than alpha beyond 0 to the other side and back again in the
// next step, so that it oscillates about 0 and none is ever pruned.
#include "infer/learn/prune/prune_weights.h"
#include "infer/graph/arena.h"
#include "infer/learn/prune/prune_step.h"
#include "infer/learn/prune/prune_tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPARSITY_MOST 0.99 // where nothing is said but the loss

// The weights of one layer: of a net's, or a constant of a graph whose other inputs nothing is known of.
struct block {
	float *weights;
	size_t n;
	uint8_t *kept;                  // [n]
	uint32_t n_out;                 // weight i belongs to input i / n_out and output i % n_out
	float *bias;                    // [n_out]; NULL: none
	const double *mean, *deviation; // of the inputs, [n / n_out]; NULL: not known
};

struct pruning {
	struct prune_job *job;
	struct block *blocks;
	uint32_t n_blocks;
	size_t n_weights;
	struct prune_inputs inputs;
	struct prune_masks masks; // of a net, by layer: those of the blocks
	float *saved;             // what it was after the last step that was good enough
	size_t n_saved;
	struct error *err;
};

// --- Which weights --------------------------------------------------------------------------------

static bool weights_are_pruned(const struct graph *graph, const struct node *node, uint32_t input)
{
	const struct tensor *tensor;

	if (input >= node->n_inputs || node->inputs[input] == GRAPH_NONE)
		return false;
	tensor = &graph->tensors[node->inputs[input]];
	if (!tensor->data || tensor->dtype != DTYPE_F32 || tensor_elements(tensor) == 0)
		return false;
	switch (node->op) {
	case OP_DENSE:
	case OP_CONV:
	case OP_CONV_TRANSPOSE:
	case OP_GEMM:
	case OP_MATMUL:
		return input == 1;
	case OP_RNN:
	case OP_GRU:
	case OP_LSTM:
		return input == 1 || input == 2;
	default:
		return false;
	}
}

static int block_init(struct block *block, float *weights, size_t n, struct error *err)
{
	block->weights = weights;
	block->n = n;
	block->kept = malloc(n + 1);
	if (!block->kept)
		return error_set(err, -ENOMEM, "out of memory for %zu weights", n);
	// Those that are 0 already stay so.
	for (size_t i = 0; i < n; i++)
		block->kept[i] = weights[i] != 0;
	return 0;
}

static int weights_of_net(struct pruning *p)
{
	const struct net *net = p->job->net;

	p->blocks = calloc(net->n_layers, sizeof(*p->blocks));
	p->masks.kept = calloc(net->n_layers, sizeof(*p->masks.kept));
	if (!p->blocks || !p->masks.kept)
		return error_set(p->err, -ENOMEM, "out of memory for layers");
	for (uint32_t l = 0; l < net->n_layers; l++) {
		const struct net_layer *layer = &net->layers[l];
		struct block *block = &p->blocks[p->n_blocks];

		if (!layer->weights)
			continue;
		if (block_init(block, layer->weights, (size_t)layer->n_in * layer->n_out, p->err))
			return p->err->code;
		block->n_out = layer->n_out;
		block->bias = layer->bias;
		p->masks.kept[l] = block->kept;
		p->n_blocks++;
	}
	return 0;
}

// The values of a graph may be an image's: they are copied before they change, once for all nodes that read them.
static int weights_of_graph(struct pruning *p)
{
	struct graph *graph = p->job->loaded->graph;
	bool *is_seen = calloc(graph->n_tensors + 1ull, sizeof(*is_seen));
	int rc = 0;

	p->blocks = calloc((size_t)graph->n_tensors + 1, sizeof(*p->blocks));
	if (!p->blocks || !is_seen)
		rc = error_set(p->err, -ENOMEM, "out of memory for layers");
	for (uint32_t n = 0; n < graph->n_nodes && rc == 0; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t i = 1; i <= 2 && rc == 0; i++) {
			struct tensor *tensor;
			float *copy;

			if (!weights_are_pruned(graph, node, i) || is_seen[node->inputs[i]])
				continue;
			is_seen[node->inputs[i]] = true;
			tensor = &graph->tensors[node->inputs[i]];
			copy = arena_memdup(graph->arena, tensor->data, tensor_bytes(tensor));
			if (!copy) {
				rc = error_set(p->err, -ENOMEM, "out of memory for weights");
				break;
			}
			tensor->data = copy;
			rc = block_init(&p->blocks[p->n_blocks++], copy,
				(size_t)tensor_elements(tensor), p->err);
		}
	}
	free(is_seen);
	return rc;
}

// --- Saving ---------------------------------------------------------------------------------------

// A net keeps all that is trained in one array.
static void weights_move(struct pruning *p, bool save)
{
	const struct net *net = p->job->net;
	size_t at = 0;

	if (net) {
		memcpy(save ? p->saved : net->params, save ? net->params : p->saved,
			net->n_params * sizeof(float));
		return;
	}
	for (uint32_t b = 0; b < p->n_blocks; b++) {
		memcpy(save ? p->saved + at : p->blocks[b].weights,
			save ? p->blocks[b].weights : p->saved + at,
			p->blocks[b].n * sizeof(float));
		at += p->blocks[b].n;
	}
}

static int weights_begin(struct pruning *p)
{
	int rc = p->job->net ? weights_of_net(p) : weights_of_graph(p);

	for (uint32_t b = 0; b < p->n_blocks; b++)
		p->n_weights += p->blocks[b].n;
	if (rc == 0 && p->n_weights == 0)
		return error_set(p->err, -ENOTSUP,
			"the model has no float32 weights of layers to prune (a model of 8 bits is "
			"pruned before it is quantised, one of trees by its trees)");
	if (rc != 0)
		return rc;
	p->saved =
		malloc(((p->job->net ? p->job->net->n_params : p->n_weights) + 1) * sizeof(float));
	if (!p->saved)
		return error_set(p->err, -ENOMEM, "out of memory for %zu weights", p->n_weights);
	weights_move(p, true);
	return 0;
}

static void weights_end(struct pruning *p)
{
	for (uint32_t b = 0; b < p->n_blocks; b++)
		free(p->blocks[b].kept);
	free(p->blocks);
	free(p->masks.kept);
	free(p->saved);
	prune_inputs_fini(&p->inputs);
}

static int weights_look(struct pruning *p)
{
	const struct net *net = p->job->net;
	uint32_t b = 0;
	int rc;

	if (!net)
		return 0;
	prune_inputs_fini(&p->inputs);
	rc = prune_look(p->job, net, &p->inputs, p->err);
	for (uint32_t l = 0; l < net->n_layers && rc == 0; l++) {
		if (!net->layers[l].weights)
			continue;
		p->blocks[b].mean = p->inputs.mean[l];
		p->blocks[b++].deviation = p->inputs.deviation[l];
	}
	return rc;
}

// --- A step ---------------------------------------------------------------------------------------

static double block_spread(const struct block *block, size_t i)
{
	return block->deviation ? block->deviation[i / block->n_out] : 1;
}

static double block_weight(const struct block *block, size_t i)
{
	return fabs((double)block->weights[i]) * block_spread(block, i);
}

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// The magnitude below which, or at which, `share` of the weights of `n` blocks are; -1: none.
static int weights_quantile(
	struct pruning *p, const struct block *blocks, uint32_t n, double share, double *bound)
{
	size_t count = 0, at = 0, rank;
	double *all;

	for (uint32_t b = 0; b < n; b++)
		count += blocks[b].n;
	all = malloc((count + 1) * sizeof(*all));
	if (!all)
		return error_set(p->err, -ENOMEM, "out of memory for %zu magnitudes", count);
	for (uint32_t b = 0; b < n; b++)
		for (size_t i = 0; i < blocks[b].n; i++)
			all[at++] = blocks[b].kept[i] ? block_weight(&blocks[b], i) : 0;
	qsort(all, count, sizeof(*all), compare_doubles);
	rank = (size_t)(share * (double)count + 0.5);
	*bound = rank > 0 ? all[(rank < count ? rank : count) - 1] : -1;
	free(all);
	return 0;
}

// Sets a weight; its bias takes what it loses in the mean.
static void block_set(struct block *block, size_t i, float value)
{
	if (block->bias && block->mean)
		block->bias[i % block->n_out] +=
			(float)(((double)block->weights[i] - (double)value) *
				block->mean[i / block->n_out]);
	block->weights[i] = value;
	block->kept[i] &= value != 0;
}

static int weights_cut(struct pruning *p, double share)
{
	double bound = 0;
	int rc = p->job->options->per_layer
		? 0
		: weights_quantile(p, p->blocks, p->n_blocks, share, &bound);

	for (uint32_t b = 0; b < p->n_blocks && rc == 0; b++) {
		struct block *block = &p->blocks[b];

		if (p->job->options->per_layer)
			rc = weights_quantile(p, block, 1, share, &bound);
		for (size_t i = 0; i < block->n && rc == 0; i++)
			if (block->kept[i] && block_weight(block, i) <= bound)
				block_set(block, i, 0);
	}
	return rc;
}

// Shrinks by alpha in what the weights move. A weight whose input never moves goes to the bias as a whole.
static void weights_shrink(struct pruning *p, double alpha)
{
	for (uint32_t b = 0; b < p->n_blocks; b++) {
		struct block *block = &p->blocks[b];

		for (size_t i = 0; i < block->n; i++) {
			const double spread = block_spread(block, i),
				     weight = (double)block->weights[i];
			const double left = spread > 0 ? fabs(weight) - alpha / spread : 0;

			if (block->kept[i])
				block_set(block, i, (float)(left > 0 ? copysign(left, weight) : 0));
		}
	}
}

static uint64_t weights_zero(const struct pruning *p)
{
	uint64_t n = 0;

	for (uint32_t b = 0; b < p->n_blocks; b++)
		for (size_t i = 0; i < p->blocks[b].n; i++)
			n += p->blocks[b].weights[i] == 0;
	return n;
}

static int weights_judge(struct pruning *p, double *figure)
{
	return p->job->net ? prune_judge_net(p->job, p->job->net, figure, p->err)
			   : exam_judge_graph(p->job->exam, p->job->loaded->graph, figure, p->err);
}

static int weights_alpha(struct pruning *p, double sparsity, double *alpha)
{
	const struct prune_options *options = p->job->options;
	int rc;

	*alpha = options->alpha;
	if (*alpha > 0)
		return 0;
	// By the weights as they are, which training moves; so it is at most a guide.
	rc = weights_quantile(p, p->blocks, p->n_blocks, sparsity, alpha);
	*alpha = (*alpha > 0 ? *alpha : 0) / options->steps;
	if (rc == 0 && !(*alpha > 0))
		rc = error_set(
			p->err, -EINVAL, "so many weights are 0 already: give another sparsity");
	return rc;
}

static int weights_step(
	struct pruning *p, uint32_t step, double sparsity, double alpha, double *figure)
{
	const struct prune_options *options = p->job->options;
	// Fast while there is much to take, slower towards the end.
	const double left = 1 - (double)step / options->steps;
	int rc = weights_look(p);

	if (rc != 0)
		return rc;
	if (p->job->result->method == PRUNE_MAGNITUDE)
		rc = weights_cut(p, sparsity * (1 - left * left * left));
	else
		weights_shrink(p, alpha);
	if (rc == 0 && p->job->net)
		rc = prune_tune(p->job, p->job->net, &p->masks, step, p->err);
	return rc != 0 ? rc : weights_judge(p, figure);
}

static int weights_run(struct pruning *p)
{
	struct prune_job *job = p->job;
	const struct prune_options *options = job->options;
	const double sparsity = options->sparsity > 0 ? options->sparsity : SPARSITY_MOST;
	double alpha = 0, figure;
	int rc = weights_look(p);

	if (rc == 0 && job->result->method == PRUNE_PROXIMAL)
		rc = weights_alpha(p, sparsity, &alpha);
	for (uint32_t step = 1; step <= options->steps && rc == 0; step++) {
		double share;

		rc = weights_step(p, step, sparsity, alpha, &figure);
		if (rc == 0)
			rc = prune_step(job, step, figure, p->err);
		if (rc != 0)
			return rc;
		share = (double)weights_zero(p) / (double)p->n_weights;
		if (figure < prune_floor(job)) {
			job->result->by_loss = true;
			if (step == 1)
				return prune_refuse(job, share, figure, p->err);
			break;
		}
		weights_move(p, true);
		job->result->steps = step;
		if (job->result->method == PRUNE_PROXIMAL && options->sparsity > 0 &&
			share >= sparsity)
			break;
	}
	if (rc == 0)
		weights_move(p, false);
	return rc;
}

int prune_weights(struct prune_job *job, struct error *err)
{
	struct pruning p = { .job = job, .err = err };
	int rc = weights_begin(&p);

	job->result->before.n_weights = p.n_weights;
	if (rc == 0) {
		job->result->before.n_zero = weights_zero(&p);
		rc = weights_run(&p);
	}
	if (rc == 0 && job->net)
		rc = net_put_back(job->net, job->loaded->graph, err);
	if (rc == 0) {
		job->result->after.n_weights = p.n_weights;
		job->result->after.n_zero = weights_zero(&p);
		job->result->sparsity = (double)job->result->after.n_zero / (double)p.n_weights;
	}
	weights_end(&p);
	return rc;
}
