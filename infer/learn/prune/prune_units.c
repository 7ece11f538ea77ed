// SPDX-License-Identifier: BSD-3-Clause
// Units of dense layers that go as a whole, in tiles: kernels/product works on 8 (AVX2, NEON) or 16 (AVX-512) outputs at a
// time and packs weights in panels of 16, so that a layer of 17 units takes as long as one of 32.
//
// A unit is worth what the next layer would lose: how far it moves times the length of the weights that read it; its
// mean goes into that layer's bias. Of all layers the one gives up a tile whose loss, as a share of all that its units
// move, is the least for the multiply-adds that it saves.
#include "infer/learn/prune/prune_units.h"
#include "infer/learn/prune/prune_step.h"
#include "infer/learn/prune/prune_tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPARSITY_MOST 0.95 // where nothing is said but the loss

// --- Narrowing ------------------------------------------------------------------------------------

// Dense layer `l`, whose units are read by dense layer `next`, with affines in between that have the same units.
static uint32_t units_next(const struct net *net, uint32_t l)
{
	for (uint32_t next = l + 1; next < net->n_layers; next++)
		if (net->layers[next].weights)
			return next;
	return net->n_layers;
}

static uint64_t units_weights(const struct net *net)
{
	uint64_t n = 0;

	for (uint32_t l = 0; l < net->n_layers; l++)
		if (net->layers[l].weights)
			n += (uint64_t)net->layers[l].n_in * net->layers[l].n_out;
	return n;
}

// The columns of `from` that are kept, [n] of each of `rows`.
static void units_copy(const float *from, uint32_t rows, uint32_t columns, const bool *rows_kept,
	const bool *kept, float *to)
{
	for (uint32_t r = 0; r < rows; r++) {
		if (rows_kept && !rows_kept[r])
			continue;
		for (uint32_t c = 0; c < columns; c++)
			if (!kept || kept[c])
				*to++ = from[(size_t)r * columns + c];
	}
}

// kept[l]: [n_out] of each layer, NULL: all.
static int units_narrow(
	const struct net *net, bool *const *kept, struct net **narrow, struct error *err)
{
	struct net_shape *shapes = calloc(net->n_layers, sizeof(*shapes));
	int rc;

	if (!shapes)
		return error_set(err, -ENOMEM, "out of memory for layers");
	for (uint32_t l = 0; l < net->n_layers; l++) {
		const struct net_layer *layer = &net->layers[l];

		shapes[l] = (struct net_shape){ .affine = !layer->weights,
			.bias = layer->bias != NULL,
			.act = layer->act,
			.dropout = layer->dropout };
		for (uint32_t u = 0; u < layer->n_out; u++)
			shapes[l].n_out += !kept[l] || kept[l][u];
	}
	rc = net_create(net->n_in, net->n_layers, shapes, net->head, narrow, err);
	free(shapes);
	for (uint32_t l = 0; l < net->n_layers && rc == 0; l++) {
		const struct net_layer *from = &net->layers[l];
		struct net_layer *to = &(*narrow)->layers[l];
		const bool *in = l > 0 ? kept[l - 1] : NULL;

		to->node = from->node;
		if (from->weights)
			units_copy(
				from->weights, from->n_in, from->n_out, in, kept[l], to->weights);
		else
			units_copy(from->scale, 1, from->n_out, NULL, kept[l], to->scale);
		if (from->bias)
			units_copy(from->bias, 1, from->n_out, NULL, kept[l], to->bias);
	}
	return rc;
}

// --- Which units ----------------------------------------------------------------------------------

struct unit {
	double worth; // share of what all units of the layer move
	uint32_t number;
};

struct candidate { // a layer whose units may go
	uint32_t layer, next;
	struct unit *units; // [n_out], the least worth first
	uint32_t n, gone;
};

struct choosing {
	const struct net *net;
	struct candidate *candidates;
	uint32_t n_candidates, tile;
	bool **kept;     // [n_layers][n_out]
	uint32_t *width; // [n_layers] that are kept
	struct prune_inputs inputs;
};

static int compare_units(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;

	if (x->worth != y->worth)
		return x->worth < y->worth ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static void candidate_weigh(const struct choosing *c, struct candidate *candidate)
{
	const struct net_layer *reader = &c->net->layers[candidate->next];
	double sum = 0;

	for (uint32_t u = 0; u < candidate->n; u++) {
		const double spread = c->inputs.deviation[candidate->next][u];
		double squares = 0;

		for (uint32_t o = 0; o < reader->n_out; o++)
			squares += pow((double)reader->weights[(size_t)u * reader->n_out + o], 2);
		candidate->units[u] = (struct unit){ spread * spread * squares, u };
		sum += candidate->units[u].worth;
	}
	for (uint32_t u = 0; u < candidate->n && sum > 0; u++)
		candidate->units[u].worth /= sum;
	qsort(candidate->units, candidate->n, sizeof(*candidate->units), compare_units);
}

static void choosing_fini(struct choosing *c)
{
	for (uint32_t i = 0; i < c->n_candidates; i++)
		free(c->candidates[i].units);
	for (uint32_t l = 0; c->kept && l < c->net->n_layers; l++)
		free(c->kept[l]);
	free(c->candidates);
	free(c->kept);
	free(c->width);
	prune_inputs_fini(&c->inputs);
}

static int choosing_init(
	struct choosing *c, const struct prune_job *job, const struct net *net, struct error *err)
{
	int rc;

	c->net = net;
	c->tile = job->options->tile;
	c->candidates = calloc(net->n_layers, sizeof(*c->candidates));
	c->kept = calloc(net->n_layers, sizeof(*c->kept));
	c->width = calloc(net->n_layers, sizeof(*c->width));
	if (!c->candidates || !c->kept || !c->width)
		return error_set(err, -ENOMEM, "out of memory for layers");
	rc = prune_look(job, net, &c->inputs, err);
	for (uint32_t l = 0; l < net->n_layers && rc == 0; l++) {
		struct candidate *candidate = &c->candidates[c->n_candidates];
		const uint32_t next = units_next(net, l), n = net->layers[l].n_out;

		c->width[l] = n;
		c->kept[l] = malloc(n * sizeof(bool));
		if (!c->kept[l])
			return error_set(err, -ENOMEM, "out of memory for layers");
		memset(c->kept[l], true, n * sizeof(bool));
		if (!net->layers[l].weights || next == net->n_layers)
			continue;
		*candidate = (struct candidate){
			.layer = l, .next = next, .units = malloc(n * sizeof(struct unit)), .n = n
		};
		c->n_candidates++;
		if (!candidate->units)
			return error_set(err, -ENOMEM, "out of memory for units");
		candidate_weigh(c, candidate);
	}
	return rc;
}

// How many units go next from a layer: what is beyond whole tiles, else a tile; 0: none may.
static uint32_t candidate_next(const struct choosing *c, const struct candidate *candidate)
{
	const uint32_t left = candidate->n - candidate->gone;

	if (left <= c->tile)
		return 0;
	return left % c->tile ? left % c->tile : c->tile;
}

// What the layer's inputs and readers cost for each of its units.
static double candidate_cost(const struct choosing *c, const struct candidate *candidate)
{
	uint32_t n_in = c->net->n_in;

	if (candidate->layer > 0)
		n_in = c->width[candidate->layer - 1];
	return (double)n_in + c->width[candidate->next];
}

// Takes a tile away. False: no layer has one to spare.
static bool choosing_take(struct choosing *c)
{
	struct candidate *best = NULL;
	double least = INFINITY;

	for (uint32_t i = 0; i < c->n_candidates; i++) {
		struct candidate *candidate = &c->candidates[i];
		const uint32_t n = candidate_next(c, candidate);
		double worth = 0;

		for (uint32_t u = 0; u < n; u++)
			worth += candidate->units[candidate->gone + u].worth;
		worth /= n * candidate_cost(c, candidate);
		if (n > 0 && (!best || worth < least)) {
			best = candidate;
			least = worth;
		}
	}
	if (!best)
		return false;
	for (uint32_t n = candidate_next(c, best); n > 0; n--) {
		const uint32_t unit = best->units[best->gone++].number;

		for (uint32_t l = best->layer; l < best->next; l++) {
			c->kept[l][unit] = false;
			c->width[l]--;
		}
	}
	return true;
}

static uint64_t choosing_weights(const struct choosing *c)
{
	uint64_t n = 0;

	for (uint32_t l = 0; l < c->net->n_layers; l++)
		if (c->net->layers[l].weights)
			n += (uint64_t)(l > 0 ? c->width[l - 1] : c->net->n_in) * c->width[l];
	return n;
}

// What the units that go add in the mean stays, as far as their readers have a bias.
static void choosing_compensate(const struct choosing *c, struct net *net)
{
	for (uint32_t i = 0; i < c->n_candidates; i++) {
		const struct candidate *candidate = &c->candidates[i];
		struct net_layer *reader = &net->layers[candidate->next];

		for (uint32_t g = 0; g < candidate->gone && reader->bias; g++) {
			const uint32_t unit = candidate->units[g].number;
			const double mean = c->inputs.mean[candidate->next][unit];

			for (uint32_t o = 0; o < reader->n_out; o++)
				reader->bias[o] += (float)(mean *
					(double)reader->weights[(size_t)unit * reader->n_out + o]);
		}
	}
}

// A narrower copy of at most so many weights. *narrow NULL: no layer has a tile to spare.
static int units_choose(const struct prune_job *job, struct net *net, double weights_most,
	struct net **narrow, struct error *err)
{
	struct choosing c = { 0 };
	bool taken = false;
	int rc = choosing_init(&c, job, net, err);

	*narrow = NULL;
	while (rc == 0 && (!taken || (double)choosing_weights(&c) > weights_most)) {
		if (!choosing_take(&c))
			break;
		taken = true;
	}
	if (rc == 0 && taken) {
		choosing_compensate(&c, net);
		rc = units_narrow(net, c.kept, narrow, err);
	}
	choosing_fini(&c);
	return rc;
}

// --- Step by step ---------------------------------------------------------------------------------

struct narrowing {
	struct prune_job *job;
	struct net *best; // the job's, or the last that was good enough
	uint64_t n_weights;
	double sparsity;
	struct error *err;
};

// 0 with *done where no more can go.
static int narrowing_step(struct narrowing *n, uint32_t step, bool *done)
{
	struct prune_job *job = n->job;
	const double left = (double)n->n_weights * (1 - n->sparsity * step / job->options->steps);
	struct net *from = NULL, *next = NULL;
	double figure = 0;
	int rc;

	if ((double)units_weights(n->best) <= left)
		return 0; // the last step took as much
	rc = net_copy(n->best, &from, n->err);
	if (rc == 0)
		rc = units_choose(job, from, left, &next, n->err);
	net_destroy(from);
	*done = rc == 0 && !next;
	if (rc != 0 || !next)
		return rc;
	rc = prune_tune(job, next, NULL, step, n->err);
	if (rc == 0)
		rc = prune_judge_net(job, next, &figure, n->err);
	if (rc == 0)
		rc = prune_step(job, step, figure, n->err);
	if (rc == 0 && figure < prune_floor(job)) {
		job->result->by_loss = *done = true;
		if (n->best == job->net)
			rc = prune_refuse(job,
				1 - (double)units_weights(next) / (double)n->n_weights, figure,
				n->err);
		net_destroy(next);
		return rc;
	}
	if (rc != 0) {
		net_destroy(next);
		return rc;
	}
	if (n->best != job->net)
		net_destroy(n->best);
	n->best = next;
	job->result->steps = step;
	return 0;
}

static void narrowing_report(const struct narrowing *n)
{
	for (uint32_t l = 0; l < n->best->n_layers; l++) {
		const struct net_layer *layer = &n->best->layers[l];
		const uint32_t before = n->job->net->layers[l].n_out;

		if (layer->weights && layer->n_out < before)
			report_add(n->job->report, "layer %u has %" PRIu32 " units of %" PRIu32,
				l + 1, layer->n_out, before);
	}
}

int prune_units(struct prune_job *job, struct error *err)
{
	struct narrowing n = { .job = job,
		.best = job->net,
		.n_weights = units_weights(job->net),
		.sparsity = job->options->sparsity > 0 ? job->options->sparsity : SPARSITY_MOST,
		.err = err };
	bool done = false;
	int rc = 0;

	for (uint32_t step = 1; step <= job->options->steps && rc == 0 && !done; step++)
		rc = narrowing_step(&n, step, &done);
	if (rc == 0 && n.best == job->net)
		rc = error_set(err, -ENOTSUP,
			"no layer has units to spare: each hidden one has at most a tile of %u; a "
			"smaller "
			"--tile, or model distil, makes less of it",
			job->options->tile);
	if (rc == 0) {
		narrowing_report(&n);
		job->result->before.n_weights = n.n_weights;
		job->result->after.n_weights = units_weights(n.best);
		job->result->sparsity =
			1 - (double)job->result->after.n_weights / (double)n.n_weights;
		rc = net_put_back(n.best, job->loaded->graph, err);
	}
	if (n.best != job->net)
		net_destroy(n.best);
	return rc;
}
