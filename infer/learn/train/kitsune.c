// SPDX-License-Identifier: BSD-3-Clause
// The ensemble's members are one network whose weights between clusters are 0: so they are trained all at once, and so are
// they scored. Where there are many features, most of that would be multiplications by 0, and the clusters are scored in
// groups.
#include "infer/learn/train/kitsune.h"

#include "base/random.h"
#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/learn/train/anomaly.h"
#include "infer/learn/train/kitsune_map.h"
#include "infer/learn/train/network.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT  1e6F // of scaled values: their squares stay finite
#define WHOLE  256u // features up to which the members are one product
#define GROUP  64u  // about as many features are one product beyond
#define LAYERS 3
// Of training, where the options say nothing.
#define RATE         0.01
#define BATCH        32
#define EPOCHS       100
#define PATIENCE     10
#define LAYER_HIDDEN 1 // of a network: 0 scales
#define LAYER_OUTPUT 2

struct kitsune {
	struct kitsune_map map;
	uint32_t n, n_hidden; // features; hidden units of all members
	uint32_t *hidden;     // [n_clusters + 1] first hidden unit of each
	uint32_t *cluster;    // [n] that a feature belongs to
	uint32_t *unit;       // [n_hidden] likewise
	struct net *members, *judge;
};

static void kitsune_fini(struct kitsune *k)
{
	kitsune_map_fini(&k->map);
	free(k->hidden);
	free(k->cluster);
	free(k->unit);
	net_destroy(k->members);
	net_destroy(k->judge);
}

static uint32_t kitsune_hidden(uint32_t features, double ratio)
{
	const uint32_t hidden = (uint32_t)ceil(features * ratio);

	return hidden > 0 ? hidden : 1;
}

static int kitsune_place(struct kitsune *k, double ratio, struct error *err)
{
	const uint32_t n_clusters = k->map.n_clusters;

	k->hidden = calloc(n_clusters + 1, sizeof(*k->hidden));
	k->cluster = calloc(k->n, sizeof(*k->cluster));
	for (uint32_t c = 0; k->hidden && c < n_clusters; c++)
		k->hidden[c + 1] =
			k->hidden[c] + kitsune_hidden(k->map.first[c + 1] - k->map.first[c], ratio);
	k->n_hidden = k->hidden ? k->hidden[n_clusters] : 0;
	k->unit = calloc(k->n_hidden + 1, sizeof(*k->unit));
	if (!k->hidden || !k->cluster || !k->unit)
		return error_set(err, -ENOMEM, "out of memory for %u clusters", n_clusters);
	for (uint32_t c = 0; c < n_clusters; c++) {
		for (uint32_t i = k->map.first[c]; i < k->map.first[c + 1]; i++)
			k->cluster[k->map.features[i]] = c;
		for (uint32_t i = k->hidden[c]; i < k->hidden[c + 1]; i++)
			k->unit[i] = c;
	}
	return 0;
}

// --- Learning --------------------------------------------------------------------------------------

// An autoencoder: inputs scaled to 0 to 1, a hidden layer, and as many outputs.
static int kitsune_net(uint32_t n, uint32_t hidden, struct net **net, struct error *err)
{
	const struct act sigmoid = { .kind = ACTIVATION_SIGMOID };
	const struct act clip = { .kind = ACTIVATION_CLIP, .alpha = -LIMIT, .beta = LIMIT };
	const struct net_shape shapes[LAYERS] = {
		{ .n_out = n, .affine = true, .bias = true, .act = clip },
		{ .n_out = hidden, .bias = true, .act = sigmoid },
		{ .n_out = n, .bias = true, .act = sigmoid },
	};

	return net_create(n, LAYERS, shapes, NET_PLAIN, net, err);
}

// Scales each column of the rows to 0 to 1; one that is constant is only shifted.
static void kitsune_scale(struct net *net, const struct fit_rows *rows)
{
	struct net_layer *layer = &net->layers[0];

	for (uint32_t c = 0; c < net->n_in; c++) {
		double low = INFINITY, high = -INFINITY, scale;

		for (size_t r = 0; r < rows->n_rows; r++) {
			const size_t row = rows->index ? rows->index[r] : r;
			const double x = (double)rows->x[row * net->n_in + c];

			low = x < low ? x : low;
			high = x > high ? x : high;
		}
		// Where the span is no float32's reciprocal, the column counts as constant.
		scale = high - low > (double)1e-30F ? 1 / (high - low) : 1;
		layer->scale[c] = (float)scale;
		layer->bias[c] = (float)(-low * scale);
	}
}

// Weights within clusters are drawn as those of small networks would be, the others are 0.
static void kitsune_draw(const struct kitsune *k, uint64_t seed)
{
	const struct net_layer *in = &k->members->layers[LAYER_HIDDEN];
	const struct net_layer *out = &k->members->layers[LAYER_OUTPUT];
	uint64_t random = random_start(seed, 0);

	for (uint32_t f = 0; f < k->n; f++) {
		const uint32_t c = k->cluster[f];
		const uint32_t width =
			k->hidden[c + 1] - k->hidden[c] + k->map.first[c + 1] - k->map.first[c];
		const double bound = sqrt(6.0 / width);

		for (uint32_t i = k->hidden[c]; i < k->hidden[c + 1]; i++) {
			in->weights[(size_t)f * k->n_hidden + i] =
				(float)((2 * random_double(&random) - 1) * bound);
			out->weights[(size_t)i * k->n + f] =
				(float)((2 * random_double(&random) - 1) * bound);
		}
	}
}

// After each step of training: what leads from one cluster to another stays 0.
static void kitsune_part(void *context, struct net *net, uint64_t step)
{
	const struct kitsune *k = context;
	float *in = net->layers[LAYER_HIDDEN].weights, *out = net->layers[LAYER_OUTPUT].weights;

	for (uint32_t f = 0; f < k->n; f++) {
		for (uint32_t i = 0; i < k->n_hidden; i++) {
			if (k->cluster[f] != k->unit[i])
				in[(size_t)f * k->n_hidden + i] = out[(size_t)i * k->n + f] = 0;
		}
	}
}

// Two trainings follow each other, of as many steps each: half of the progress is each one's.
struct kitsune_watch {
	const struct learn_watch *outer;
	bool second;
};

static bool kitsune_step(void *context, const struct learn_progress *progress)
{
	const struct kitsune_watch *watch = context;
	struct learn_progress both = *progress;

	both.done += watch->second ? progress->total : 0;
	both.total *= 2;
	return watch->outer->step(watch->outer->context, &both);
}

static void kitsune_spare(void *context, uint32_t seconds)
{
	const struct kitsune_watch *watch = context;

	learn_spare(watch->outer, seconds);
}

// What the options leave open.
static void kitsune_fill_steps(struct train_steps *steps)
{
	steps->learning_rate = steps->learning_rate > 0 ? steps->learning_rate : RATE;
	steps->batch = steps->batch > 0 ? steps->batch : BATCH;
	steps->epochs = steps->epochs > 0 ? steps->epochs : EPOCHS;
	steps->patience = steps->patience > 0 ? steps->patience : PATIENCE;
}

// Trains one network to give back its rows, scaled. A checkpoint is of one of the two trainings: where it is of the second,
// the first is done again, to the same result.
static int kitsune_fit(const struct train_job *job, struct kitsune *k, struct net *net,
	const struct fit_rows *rows, const struct fit_rows *validation, struct error *err)
{
	struct kitsune_watch watch = { job->watch, net == k->judge };
	const struct learn_watch wrapped = {
		.step = kitsune_step, .spare = kitsune_spare, .context = &watch
	};
	struct train_options own = *job->options;
	struct train_job each = *job;
	struct fit_options options = { .loss = FIT_SQUARES };
	struct fit_result result;
	bool of_second;
	int rc;

	kitsune_fill_steps(&own.steps);
	own.seed += watch.second;
	each.options = &own;
	each.watch = job->watch ? &wrapped : NULL;
	each.identity[0] ^= 1;
	of_second = network_resumes(&each);
	if (!watch.second)
		each.identity[0] ^= 1;
	if (watch.second && !of_second)
		own.checkpoint.resume = NULL;
	if (!watch.second && of_second)
		own.checkpoint = (struct train_checkpoint){ 0 };
	if (!watch.second) {
		options.hooks.context = k;
		options.hooks.stepped = kitsune_part;
	}
	kitsune_scale(net, rows);
	rc = network_fit(&each, net, rows, validation, &options, &result, err);
	if (rc == 0)
		report_add(job->report, "%s: trained for %" PRIu32 " epochs, loss %.4g",
			watch.second ? "output autoencoder" : "ensemble", result.epochs,
			result.loss);
	return rc;
}

static int kitsune_fit_members(const struct train_job *job, struct kitsune *k, struct error *err)
{
	const struct fit_rows rows = { .n_rows = job->train.n,
		.x = job->train.set->values,
		.index = job->train.index,
		.weights = job->train.set->weights };
	struct fit_rows validation = rows;
	int rc = kitsune_net(k->n, k->n_hidden, &k->members, err);

	if (rc != 0)
		return rc;
	validation.n_rows = job->validation.n;
	validation.index = job->validation.index;
	kitsune_draw(k, job->options->seed);
	return kitsune_fit(job, k, k->members, &rows, &validation, err);
}

// --- Into a graph ----------------------------------------------------------------------------------

// Some of the values that a layer takes or gives, by their places there.
struct kitsune_values {
	const uint32_t *at;
	uint32_t n;
};

// An autoencoder, or several side by side, whose inputs and hidden units are these.
struct kitsune_group {
	const struct net *net;
	struct kitsune_values inputs, hidden;
	const uint32_t *cluster; // of each value of the net's inputs; NULL: 0 of all
	uint32_t first, n;       // clusters
};

static int kitsune_set_act(struct graph *graph, const struct act *act, struct error *err)
{
	struct node *node = &graph->nodes[graph->n_nodes - 1];

	if (node_set_int(graph, node, ATTR_ACTIVATION, act->kind) != 0 ||
		node_set_float(graph, node, ATTR_ALPHA, act->alpha) != 0 ||
		node_set_float(graph, node, ATTR_BETA, act->beta) != 0)
		return error_set(err, -ENOMEM, "out of memory for an activation");
	return 0;
}

// [n], or where m is not 0 [m, n].
static uint32_t kitsune_constant(
	struct graph *graph, int64_t m, int64_t n, float **data, struct error *err)
{
	const int64_t dims[2] = { m, n };

	return build_constant(graph, m > 0 ? 2 : 1, m > 0 ? dims : dims + 1, data, err);
}

// [1, n] scaled to 0 to 1.
static uint32_t kitsune_emit_scale(
	struct graph *graph, const struct net_layer *layer, uint32_t x, struct error *err)
{
	float *scale, *shift;
	uint32_t inputs[3] = { x, kitsune_constant(graph, 0, layer->n_out, &scale, err) }, y;

	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = kitsune_constant(graph, 0, layer->n_out, &shift, err);
	if (inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(scale, layer->scale, layer->n_out * sizeof(*scale));
	memcpy(shift, layer->bias, layer->n_out * sizeof(*shift));
	y = build_node(graph, OP_AFFINE, 3, inputs, err);
	return y == GRAPH_NONE || kitsune_set_act(graph, &layer->act, err) != 0 ? GRAPH_NONE : y;
}

// The part of a dense layer that leads from some values to some.
static uint32_t kitsune_emit_dense(struct graph *graph, const struct net_layer *layer, uint32_t x,
	const struct kitsune_values *from, const struct kitsune_values *to, struct error *err)
{
	float *weights, *bias;
	uint32_t inputs[3] = { x, kitsune_constant(graph, from->n, to->n, &weights, err) }, y;

	if (x == GRAPH_NONE || inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = kitsune_constant(graph, 0, to->n, &bias, err);
	if (inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t j = 0; j < to->n; j++) {
		for (uint32_t i = 0; i < from->n; i++)
			weights[(size_t)i * to->n + j] =
				layer->weights[(size_t)from->at[i] * layer->n_out + to->at[j]];
		bias[j] = layer->bias[to->at[j]];
	}
	y = build_node(graph, OP_DENSE, 3, inputs, err);
	return y == GRAPH_NONE || kitsune_set_act(graph, &layer->act, err) != 0 ? GRAPH_NONE : y;
}

// The mean of the squares over each cluster, [1, n].
static uint32_t kitsune_emit_means(
	struct graph *graph, const struct kitsune_group *group, uint32_t squares, struct error *err)
{
	float *share;
	const uint32_t pair[2] = { squares,
		kitsune_constant(graph, group->inputs.n, group->n, &share, err) };

	if (pair[1] == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t c = 0; c < group->n; c++) {
		uint32_t size = 0;

		for (uint32_t i = 0; i < group->inputs.n; i++)
			size += !group->cluster ||
				group->cluster[group->inputs.at[i]] == group->first + c;
		for (uint32_t i = 0; i < group->inputs.n; i++) {
			if (!group->cluster ||
				group->cluster[group->inputs.at[i]] == group->first + c)
				share[(size_t)i * group->n + c] = 1 / (float)size;
		}
	}
	return build_node(graph, OP_DENSE, 2, pair, err);
}

// The errors of the group's clusters, [1, n], of its inputs x, which are scaled.
static uint32_t kitsune_emit_group(
	struct graph *graph, const struct kitsune_group *group, uint32_t x, struct error *err)
{
	const struct net_layer *layers = group->net->layers;
	uint32_t y = kitsune_emit_dense(
		graph, &layers[LAYER_HIDDEN], x, &group->inputs, &group->hidden, err);
	uint32_t by;

	y = kitsune_emit_dense(
		graph, &layers[LAYER_OUTPUT], y, &group->hidden, &group->inputs, err);
	by = build_pair(graph, OP_SUB, x, y, err);
	y = build_pair(graph, OP_MUL, by, by, err);
	y = y == GRAPH_NONE ? GRAPH_NONE : kitsune_emit_means(graph, group, y, err);
	return build_node(graph, OP_SQRT, 1, &y, err);
}

// The members' errors, [1, n_clusters], group by group. `order`: 0, 1, 2, ...; groups: [n_clusters] of its own.
static uint32_t kitsune_emit_groups(const struct kitsune *k, struct graph *graph, uint32_t x,
	const uint32_t *order, uint32_t *groups, struct error *err)
{
	const struct kitsune_map *map = &k->map;
	uint32_t n_groups = 0;

	for (uint32_t c = 0, end; c < map->n_clusters; c = end) {
		struct kitsune_group group = {
			.net = k->members, .cluster = k->cluster, .first = c
		};
		uint32_t own;

		for (end = c + 1;
			end < map->n_clusters && map->first[end + 1] - map->first[c] <= GROUP;
			end++)
			;
		group.n = end - c;
		group.inputs = (struct kitsune_values){ map->features + map->first[c],
			map->first[end] - map->first[c] };
		group.hidden = (struct kitsune_values){ order + k->hidden[c],
			k->hidden[end] - k->hidden[c] };
		own = build_columns(graph, x, group.inputs.n, group.inputs.at, err);
		own = own == GRAPH_NONE ? GRAPH_NONE : kitsune_emit_group(graph, &group, own, err);
		if (own == GRAPH_NONE)
			return GRAPH_NONE;
		groups[n_groups++] = own;
	}
	return build_joined(graph, n_groups, groups, err);
}

static uint32_t kitsune_emit_members(const struct kitsune *k, struct graph *graph, uint32_t input,
	const uint32_t *order, uint32_t *groups, struct error *err)
{
	const struct kitsune_group whole = { .net = k->members,
		.inputs = { order, k->n },
		.hidden = { order, k->n_hidden },
		.cluster = k->cluster,
		.n = k->map.n_clusters };
	const uint32_t x = kitsune_emit_scale(graph, &k->members->layers[0], input, err);

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	return k->n <= WHOLE ? kitsune_emit_group(graph, &whole, x, err)
			     : kitsune_emit_groups(k, graph, x, order, groups, err);
}

static uint32_t kitsune_emit_judge(const struct kitsune *k, struct graph *graph, uint32_t errors,
	const uint32_t *order, struct error *err)
{
	const struct kitsune_group judge = { .net = k->judge,
		.inputs = { order, k->judge->n_in },
		.hidden = { order, k->judge->layers[LAYER_HIDDEN].n_out },
		.n = 1 };
	const uint32_t x = kitsune_emit_scale(graph, &k->judge->layers[0], errors, err);

	return x == GRAPH_NONE ? GRAPH_NONE : kitsune_emit_group(graph, &judge, x, err);
}

// --- All of it -------------------------------------------------------------------------------------

// Trains the judge with what the members' part of the graph, which ends in `errors`, makes of the rows.
static int kitsune_fit_judge(
	struct train_job *job, struct kitsune *k, uint32_t errors, struct error *err)
{
	const uint32_t n = k->map.n_clusters;
	const size_t all = job->train.n + job->validation.n;
	float *scores = malloc((all * n + 1) * sizeof(*scores));
	float *weights = job->train.set->weights ? malloc(all * sizeof(*weights)) : NULL;
	struct fit_rows rows = { .n_rows = job->train.n, .x = scores, .weights = weights };
	struct fit_rows validation = { .n_rows = job->validation.n };
	int rc = scores && (weights || !job->train.set->weights)
		? build_output(job->graph, errors, err)
		: error_set(err, -ENOMEM, "out of memory for %zu rows of errors", all);

	if (rc == 0)
		rc = graph_check(job->graph, err);
	if (rc == 0)
		rc = anomaly_score_rows(job->graph, &job->train, scores, err);
	if (rc == 0 && job->validation.n > 0) {
		validation.x = scores + job->train.n * n;
		rc = anomaly_score_rows(
			job->graph, &job->validation, scores + job->train.n * n, err);
	}
	for (size_t r = 0; weights && r < all; r++)
		weights[r] = job->train.set->weights[r < job->train.n
				? job->train.index[r]
				: job->validation.index[r - job->train.n]];
	validation.weights = weights ? weights + job->train.n : NULL;
	if (rc == 0)
		rc = kitsune_net(n, kitsune_hidden(n, job->options->kitsune.ratio), &k->judge, err);
	if (rc == 0) {
		net_draw(k->judge, job->options->seed);
		rc = kitsune_fit(job, k, k->judge, &rows, &validation, err);
	}
	free(scores);
	free(weights);
	return rc;
}

static int kitsune_learn(struct train_job *job, struct kitsune *k, uint32_t *order,
	uint32_t *groups, struct error *err)
{
	uint32_t input, errors = GRAPH_NONE;
	int rc = kitsune_fit_members(job, k, err);

	if (rc == 0)
		rc = anomaly_begin(job, &input, err);
	if (rc == 0) {
		errors = kitsune_emit_members(k, job->graph, input, order, groups, err);
		rc = errors == GRAPH_NONE ? err->code : kitsune_fit_judge(job, k, errors, err);
	}
	if (rc == 0)
		rc = anomaly_end(job, kitsune_emit_judge(k, job->graph, errors, order, err), err);
	return rc;
}

int kitsune_train(struct train_job *job, struct error *err)
{
	const struct train_kitsune *how = &job->options->kitsune;
	struct kitsune k = { .n = job->train.set->n_features };
	uint32_t *order = NULL, *groups = NULL;
	int rc = kitsune_map_fit(&job->train, how->cluster, &k.map, err);

	if (rc == 0)
		rc = kitsune_place(&k, how->ratio, err);
	if (rc == 0) {
		const uint32_t most = k.n > k.n_hidden ? k.n : k.n_hidden;

		order = calloc(most + 1, sizeof(*order));
		groups = calloc(k.map.n_clusters + 1, sizeof(*groups));
		for (uint32_t i = 0; order && i < most; i++)
			order[i] = i;
		report_add(job->report,
			"ensemble: %" PRIu32 " autoencoders of at most %" PRIu32 " features",
			k.map.n_clusters, how->cluster);
		rc = order && groups ? kitsune_learn(job, &k, order, groups, err)
				     : error_set(err, -ENOMEM, "out of memory for an ensemble");
	}
	free(order);
	free(groups);
	kitsune_fini(&k);
	return rc;
}
