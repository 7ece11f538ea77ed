// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/scores_calibrate.h"

#include "infer/compile/copy.h"
#include "infer/compile/passes/constants.h"
#include "infer/graph/act.h"
#include "infer/learn/data/values_at.h"
#include "infer/learn/net/loss.h"

#include <math.h>
#include <stdlib.h>

#define TEMPERATURE_MOST 100.0 // and its reciprocal
#define GOLDEN_STEPS     80
#define NEWTON_STEPS     100
#define CALIBRATE_FOLDS  10

struct calibration {
	struct graph *graph;
	uint32_t node; // the last: Softmax, Sigmoid, or one that has a Sigmoid as its activation
	bool is_softmax;
	uint32_t n;    // logits
	float *logits; // [rows][n]
	const struct scores_rows *rows;
	// Row r is of fold r % CALIBRATE_FOLDS. Those of this fold alone count, or those of all others, or, where it is
	// CALIBRATE_FOLDS, all.
	size_t fold;
	bool others;
	struct error *err;
};

static int calibrate_refuse(struct calibration *c)
{
	return error_set(c->err, -ENOTSUP,
		"scores are calibrated before the Softmax or Sigmoid that a model ends in, and "
		"this "
		"one ends in no such");
}

// Finds the last node, and where it has its Sigmoid as an activation, takes that apart.
static int calibrate_find(struct calibration *c)
{
	struct graph *graph = c->graph;
	const uint32_t y = graph->outputs[0].tensor;
	uint32_t before, axis;
	struct node *node;
	char name[200];

	if (graph->n_outputs != 1)
		return calibrate_refuse(c);
	for (c->node = 0; c->node < graph->n_nodes; c->node++) {
		if (graph->nodes[c->node].outputs[0] == y)
			break;
	}
	if (c->node == graph->n_nodes)
		return calibrate_refuse(c);
	node = &graph->nodes[c->node];
	c->n = (uint32_t)tensor_elements(&graph->tensors[y]);
	c->is_softmax = node->op == OP_SOFTMAX;
	if (c->is_softmax) {
		const struct tensor *x = &graph->tensors[node->inputs[0]];

		return node_axis(node, x->rank, -1, &axis) == 0 && axis + 1 == x->rank &&
				x->dims[axis] == (int64_t)c->n
			? 0
			: calibrate_refuse(c);
	}
	if (node->op == OP_SIGMOID)
		return 0;
	if ((node->op != OP_DENSE && node->op != OP_AFFINE) ||
		act_of_attributes(node).kind != ACTIVATION_SIGMOID)
		return calibrate_refuse(c);
	snprintf(name, sizeof(name), "%.150s~logits", graph->tensors[y].name);
	before = graph_add_tensor(graph, name, DTYPE_F32, graph->tensors[y].rank,
		graph->tensors[y].dims, NULL, c->err);
	if (before == GRAPH_NONE)
		return c->err->code;
	if (node_set_int(graph, node, ATTR_ACTIVATION, ACTIVATION_NONE) != 0)
		return error_set(c->err, -ENOMEM, "out of memory");
	node->outputs[0] = before;
	c->node = graph_add_node(graph, OP_SIGMOID, NULL, 1, &before, 1, &y, c->err);
	return c->node == GRAPH_NONE ? c->err->code : 0;
}

// The first row from `r` on that counts.
static size_t calibrate_next(const struct calibration *c, size_t r)
{
	while (r < c->rows->n && c->fold < CALIBRATE_FOLDS &&
		(r % CALIBRATE_FOLDS == c->fold) == c->others)
		r++;
	return r;
}

// Loss of the logits times scale, plus shift in class 1 where there are two.
static double calibrate_loss(const struct calibration *c, double scale, double shift)
{
	float *z = malloc(c->n * sizeof(*z));
	double loss = 0;

	for (size_t r = calibrate_next(c, 0); z && r < c->rows->n; r = calibrate_next(c, r + 1)) {
		for (uint32_t i = 0; i < c->n; i++)
			z[i] = (float)((double)c->logits[r * c->n + i] * scale +
				(i + 1 == c->n ? shift : 0));
		loss += (c->is_softmax ? loss_softmax : loss_sigmoid)(
			c->n, z, c->rows->classes[r], NULL, 1, 0, NULL);
	}
	free(z);
	return loss;
}

// The loss is convex in the logarithm's neighbourhood of the best temperature: golden section.
static double calibrate_temperature(const struct calibration *c)
{
	const double part = (sqrt(5) - 1) / 2;
	double low = -log(TEMPERATURE_MOST), high = log(TEMPERATURE_MOST);

	for (uint32_t s = 0; s < GOLDEN_STEPS; s++) {
		const double a = high - part * (high - low), b = low + part * (high - low);

		if (calibrate_loss(c, exp(a), 0) < calibrate_loss(c, exp(b), 0))
			high = b;
		else
			low = a;
	}
	return exp((low + high) / 2);
}

// The logit of class 1 against class 0.
static double calibrate_logit(const struct calibration *c, size_t row)
{
	const float *z = c->logits + row * c->n;

	return c->n == 2 ? (double)z[1] - (double)z[0] : (double)z[0];
}

static double calibrate_platt_loss(
	const struct calibration *c, const double target[2], double a, double b)
{
	double loss = 0;

	for (size_t r = calibrate_next(c, 0); r < c->rows->n; r = calibrate_next(c, r + 1)) {
		const double f = a * calibrate_logit(c, r) + b, t = target[c->rows->classes[r]];

		loss += f >= 0 ? (1 - t) * f + log1p(exp(-f)) : -t * f + log1p(exp(f));
	}
	return loss;
}

static void calibrate_platt(const struct calibration *c, double *scale, double *shift)
{
	double counts[2] = { 0 }, target[2], a = 1, b = 0;

	for (size_t r = calibrate_next(c, 0); r < c->rows->n; r = calibrate_next(c, r + 1))
		counts[c->rows->classes[r]]++;
	target[0] = 1 / (counts[0] + 2);
	target[1] = (counts[1] + 1) / (counts[1] + 2);
	for (uint32_t s = 0; s < NEWTON_STEPS; s++) {
		const double before = calibrate_platt_loss(c, target, a, b);
		double g[2] = { 0 }, h[3] = { 1e-12, 1e-12, 0 }, step = 1, da, db, of;

		for (size_t r = calibrate_next(c, 0); r < c->rows->n;
			r = calibrate_next(c, r + 1)) {
			const double f = calibrate_logit(c, r);
			const double p = 1 / (1 + exp(-(a * f + b)));
			const double off = p - target[c->rows->classes[r]], w = p * (1 - p);

			g[0] += f * off;
			g[1] += off;
			h[0] += f * f * w;
			h[1] += w;
			h[2] += f * w;
		}
		of = h[0] * h[1] - h[2] * h[2];
		if (!(of > 0) || fabs(g[0]) + fabs(g[1]) < 1e-9 * (double)c->rows->n)
			break;
		da = -(h[1] * g[0] - h[2] * g[1]) / of;
		db = -(h[0] * g[1] - h[2] * g[0]) / of;
		while (step > 1e-10 &&
			calibrate_platt_loss(c, target, a + step * da, b + step * db) > before)
			step /= 2;
		a += step * da;
		b += step * db;
		if (step <= 1e-10)
			break;
	}
	*scale = a;
	*shift = b;
}

static void calibrate_choose(const struct calibration *c, bool platt, double *scale, double *shift)
{
	*scale = 1;
	*shift = 0;
	if (platt)
		calibrate_platt(c, scale, shift);
	else
		*scale = calibrate_temperature(c);
}

// The loss of rows that did not choose their scale: those of each fold by what the others choose.
static double calibrate_judge(struct calibration *c, bool platt)
{
	double loss = 0, scale, shift;

	for (c->fold = 0; c->fold < CALIBRATE_FOLDS; c->fold++) {
		c->others = true;
		calibrate_choose(c, platt, &scale, &shift);
		c->others = false;
		loss += calibrate_loss(c, scale, shift);
	}
	return loss;
}

// The last node becomes the Affine, and a new one what it was.
static int calibrate_insert(struct calibration *c, double scale, double shift)
{
	struct graph *graph = c->graph;
	const uint32_t logits = graph->nodes[c->node].inputs[0];
	const struct tensor like = graph->tensors[logits];
	uint32_t inputs[3] = { logits }, between;
	float *scales, *shifts;
	struct node last = graph->nodes[c->node], *copy;
	char name[200];

	snprintf(name, sizeof(name), "%.150s~calibrated", like.name);
	between = graph_add_tensor(graph, name, DTYPE_F32, like.rank, like.dims, NULL, c->err);
	if (between == GRAPH_NONE)
		return c->err->code;
	inputs[1] = pass_constant(graph, "calibrated", 1, c->n, 0, &scales, c->err);
	if (inputs[1] == GRAPH_NONE)
		return c->err->code;
	inputs[2] = pass_constant(graph, "calibrated", 1, c->n, 0, &shifts, c->err);
	if (inputs[2] == GRAPH_NONE)
		return c->err->code;
	for (uint32_t i = 0; i < c->n; i++) {
		scales[i] = (float)scale;
		shifts[i] = i + 1 == c->n ? (float)shift : 0;
	}
	last.inputs = &between;
	copy = graph_copy_node(graph, &last, c->err);
	if (!copy)
		return c->err->code;
	last = graph->nodes[c->node];
	last.op = OP_AFFINE;
	last.name = "calibrated";
	last.n_attrs = 0;
	last.n_inputs = 3;
	last.inputs = inputs;
	last.outputs = &between;
	copy = graph_copy_node(graph, &last, c->err);
	if (!copy)
		return c->err->code;
	graph->nodes[c->node] = graph->nodes[graph->n_nodes - 1];
	graph->n_nodes--; // the Affine stands where the last node stood
	return 0;
}

int scores_calibrate(struct graph *graph, const struct scores_rows *rows, bool platt,
	struct scores_calibrated *calibrated, struct error *err)
{
	struct calibration c = {
		.graph = graph, .rows = rows, .fold = CALIBRATE_FOLDS, .err = err
	};
	bool seen[2] = { false };
	int rc = calibrate_find(&c);

	if (rc != 0)
		return rc;
	if (platt && c.n != (c.is_softmax ? 2 : 1))
		return error_set(err, -ENOTSUP,
			"Platt's calibration is of two classes, and the model has %u scores: use "
			"temperature",
			c.n);
	for (size_t r = 0; r < rows->n; r++)
		seen[rows->classes[r] != rows->classes[0]] = true;
	if (!seen[1])
		return error_set(err, -EINVAL,
			"the rows that are held back bear fewer than two classes, which scores "
			"cannot be "
			"calibrated by");
	rc = values_at(
		graph, graph->nodes[c.node].inputs[0], rows->values, rows->n, &c.logits, err);
	if (rc != 0)
		return rc;
	calibrate_choose(&c, platt, &calibrated->scale, &calibrated->shift);
	calibrated->log_loss_before = calibrate_loss(&c, 1, 0) / (double)rows->n;
	calibrated->log_loss_after = calibrate_judge(&c, platt) / (double)rows->n;
	free(c.logits);
	return calibrate_insert(&c, calibrated->scale, calibrated->shift);
}
