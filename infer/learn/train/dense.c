// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/dense.h"

#include "infer/learn/describe.h"
#include "infer/learn/train/network.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// The rows of a part that bear a label.
struct dense_rows {
	struct dataset_part part;
	struct fit_rows fit;
	float *targets; // of all rows of the set: numbers, scaled
};

struct dense {
	struct train_job *job;
	struct dense_rows train, validation;
	const struct recurrent_net *front; // NULL: none
	struct net *net;
	float *class_weights;
	double mean, deviation; // of numbers
};

static void dense_fini(struct dense *dense)
{
	dataset_part_fini(&dense->train.part);
	dataset_part_fini(&dense->validation.part);
	free(dense->train.targets);
	free(dense->validation.targets);
	free(dense->class_weights);
	net_destroy(dense->net);
}

// --- Rows ----------------------------------------------------------------------------------------

static int dense_take_rows(
	const struct dataset_part *part, struct dense_rows *rows, struct error *err)
{
	const struct dataset *set = part->set;

	rows->part = (struct dataset_part){ .set = set,
		.index = malloc((part->n + 1) * sizeof(*rows->part.index)) };
	if (!rows->part.index)
		return error_set(err, -ENOMEM, "out of memory for %zu rows", part->n);
	for (size_t i = 0; i < part->n; i++) {
		const uint32_t row = part->index[i];
		const bool has = set->target == DATASET_CLASSES ? set->classes[row] >= 0
								: isfinite(set->numbers[row]);

		if (has)
			rows->part.index[rows->part.n++] = row;
	}
	rows->fit = (struct fit_rows){ .n_rows = rows->part.n,
		.x = set->values,
		.index = rows->part.index,
		.classes = set->classes,
		.weights = set->weights };
	return 0;
}

// There must be two classes, or two numbers, to tell apart.
static int dense_check_rows(const struct dense_rows *rows, struct error *err)
{
	const struct dataset *set = rows->part.set;
	const bool classes = set->target == DATASET_CLASSES;
	const uint32_t *index = rows->part.index;
	size_t same = 1;

	if (rows->part.n == 0)
		return error_set(
			err, -EINVAL, "%s: no row that is learnt from bears a label", set->path);
	while (same < rows->part.n &&
		(classes ? set->classes[index[same]] == set->classes[index[0]]
			 : set->numbers[index[same]] == set->numbers[index[0]]))
		same++;
	if (same < rows->part.n)
		return 0;
	if (classes)
		return error_set(err, -EINVAL,
			"%s: all rows that are learnt from are of class '%s', there should be two "
			"classes or more",
			set->path, set->class_labels[set->classes[index[0]]]);
	return error_set(err, -EINVAL,
		"%s: the target is %g in all rows that are learnt from, there is nothing to learn",
		set->path, (double)set->numbers[index[0]]);
}

// --- Targets -------------------------------------------------------------------------------------

// Each class weighs what it would if all had as many rows.
static int dense_balance(struct dense *dense, struct error *err)
{
	const struct dataset *set = dense->train.part.set;
	double *sums = calloc(set->n_classes, sizeof(*sums)), all = 0;

	dense->class_weights = calloc(set->n_classes, sizeof(*dense->class_weights));
	for (size_t i = 0; sums && dense->class_weights && i < dense->train.part.n; i++) {
		const uint32_t row = dense->train.part.index[i];
		const double weight = set->weights ? set->weights[row] : 1;

		sums[set->classes[row]] += weight;
		all += weight;
	}
	for (uint32_t c = 0; sums && dense->class_weights && c < set->n_classes; c++)
		dense->class_weights[c] =
			sums[c] > 0 ? (float)(all / (set->n_classes * sums[c])) : 1;
	free(sums);
	return dense->class_weights ? 0 : error_set(err, -ENOMEM, "out of memory for the classes");
}

static void dense_measure_numbers(struct dense *dense)
{
	const struct dataset_part *part = &dense->train.part;
	double sum = 0;

	for (size_t i = 0; i < part->n; i++)
		sum += part->set->numbers[part->index[i]];
	dense->mean = sum / (double)part->n;
	sum = 0;
	for (size_t i = 0; i < part->n; i++) {
		const double d = part->set->numbers[part->index[i]] - dense->mean;

		sum += d * d;
	}
	dense->deviation = sqrt(sum / (double)part->n);
}

// Numbers are learnt as multiples of their deviation from their mean.
static int dense_scale_numbers(
	const struct dense *dense, struct dense_rows *rows, struct error *err)
{
	const struct dataset *set = rows->part.set;

	if (rows->part.n == 0)
		return 0;
	rows->targets = calloc(set->n_rows, sizeof(*rows->targets));
	if (!rows->targets)
		return error_set(err, -ENOMEM, "out of memory for %zu targets", set->n_rows);
	for (size_t i = 0; i < rows->part.n; i++) {
		const uint32_t row = rows->part.index[i];

		rows->targets[row] = (float)((set->numbers[row] - dense->mean) / dense->deviation);
	}
	rows->fit.targets = rows->targets;
	return 0;
}

static int dense_aim(struct dense *dense, struct error *err)
{
	int rc;

	if (dense->train.part.set->target == DATASET_CLASSES)
		return dense->job->options->network.balanced ? dense_balance(dense, err) : 0;
	dense_measure_numbers(dense);
	rc = dense_scale_numbers(dense, &dense->train, err);
	return rc != 0 ? rc : dense_scale_numbers(dense, &dense->validation, err);
}

// --- The network ---------------------------------------------------------------------------------

static bool dense_is_sigmoid(const struct dense *dense)
{
	return dense->train.part.set->target == DATASET_CLASSES &&
		dense->job->options->network.loss == TRAIN_SIGMOID;
}

// Rows are windows: each feature is scaled by what it is over all steps of all rows, which in memory are rows of one step.
static int dense_scale_steps(struct dense *dense, struct error *err)
{
	const struct dataset_part *part = &dense->train.part;
	const uint32_t steps = dense->front->steps, n_in = dense->front->n_in;
	struct dataset set = *part->set;
	struct dataset_part each = { .set = &set };
	struct net_layer *layer = &dense->net->layers[0];
	struct net scaled = { .n_in = n_in, .n_layers = 1, .layers = layer };
	int rc = network_check_rows(part, err);

	if (rc != 0)
		return rc;
	set.n_rows *= steps;
	set.n_features = n_in;
	if (set.n_rows > UINT32_MAX)
		return error_set(err, -EINVAL, "%s: more than %u steps in all windows", set.path,
			UINT32_MAX);
	each.index = malloc((part->n * steps + 1) * sizeof(*each.index));
	if (!each.index)
		return error_set(err, -ENOMEM, "out of memory for %zu steps", part->n * steps);
	for (size_t r = 0; r < part->n; r++) {
		for (uint32_t s = 0; s < steps; s++)
			each.index[each.n++] = part->index[r] * steps + s;
	}
	rc = network_scale(&scaled, &each, false, dense->job->report, err);
	for (uint32_t i = n_in; i < dense->net->n_in; i++) {
		layer->scale[i] = layer->scale[i - n_in];
		layer->bias[i] = layer->bias[i - n_in];
	}
	free(each.index);
	return rc;
}

static int dense_make(struct dense *dense, struct error *err)
{
	static const uint32_t OTHERWISE[] = { 64, 32 };
	const struct dataset *set = dense->train.part.set;
	const struct train_network *network = &dense->job->options->network;
	const bool classes = set->target == DATASET_CLASSES, sigmoid = dense_is_sigmoid(dense);
	uint32_t widths[NETWORK_LAYERS_MAX], n;
	struct net_shape shapes[NETWORK_LAYERS_MAX + 3];
	uint32_t at = 0;
	int rc = network_widths(network->layers, dense->front ? 0 : 2, OTHERWISE, widths, &n, err);

	if (rc != 0)
		return rc;
	if (sigmoid && set->n_classes != 2)
		return error_set(err, -EINVAL,
			"the sigmoid of one output tells two classes apart, %s has %u: softmax",
			set->path, set->n_classes);
	shapes[at++] = (struct net_shape){ .n_out = set->n_features, .affine = true };
	if (dense->front)
		shapes[at++] = (struct net_shape){
			.n_out = dense->front->hidden[dense->front->n_layers - 1],
			.dropout = n > 0 ? 0 : (float)network->dropout,
			.recurrent = *dense->front
		};
	for (uint32_t i = 0; i < n; i++)
		shapes[at++] = network_hidden(network, widths[i]);
	shapes[at++] = (struct net_shape){ .n_out = classes && !sigmoid ? set->n_classes : 1,
		.bias = true };
	rc = net_create(set->n_features, at, shapes,
		!classes          ? NET_PLAIN
			: sigmoid ? NET_SIGMOID
				  : NET_SOFTMAX,
		&dense->net, err);
	if (rc != 0)
		return rc;
	net_draw(dense->net, dense->job->options->seed);
	return dense->front
		? dense_scale_steps(dense, err)
		: network_scale(dense->net, &dense->train.part, false, dense->job->report, err);
}

static void dense_report(const struct dense *dense, const struct fit_result *result)
{
	char layers[256];
	int used = snprintf(layers, sizeof(layers), "%u", dense->net->n_in);

	for (uint32_t l = 0;
		dense->front && l + 1 < dense->front->n_layers && used > 0 && used < 240; l++)
		used += snprintf(layers + used, sizeof(layers) - (size_t)used, "-%u",
			dense->front->hidden[l]);
	for (uint32_t i = 1; i < dense->net->n_layers && used > 0 && used < 240; i++)
		used += snprintf(layers + used, sizeof(layers) - (size_t)used, "-%u",
			dense->net->layers[i].n_out);
	report_add(dense->job->report, "%s %s, %zu weights, trained for %u epochs%s",
		dense->front ? dense->front->op == OP_GRU ? "GRU" : "LSTM" : "dense network",
		layers, dense->net->n_params, result->epochs,
		result->stopped ? ", after which it got no better" : "");
	if (dense->validation.fit.n_rows == 0)
		report_add(
			dense->job->report, "loss of the training rows %.6g", result->train_loss);
	else if (isnan(result->score))
		report_add(dense->job->report,
			"best after epoch %u: loss of %zu validation rows %.6g", result->best,
			dense->validation.fit.n_rows, result->loss);
	else
		report_add(dense->job->report,
			"best after epoch %u: loss of %zu validation rows %.6g, macro F1 %.4f",
			result->best, dense->validation.fit.n_rows, result->loss, result->score);
}

// Takes a number's scaling back: one more layer of the graph.
static int dense_net_of_numbers(struct dense *dense, struct error *err)
{
	const struct net *net = dense->net;
	struct net_shape shapes[NETWORK_LAYERS_MAX + 4];
	struct net *with;
	int rc;

	for (uint32_t i = 0; i < net->n_layers; i++)
		shapes[i] = (struct net_shape){ .n_out = net->layers[i].n_out,
			.affine = !net->layers[i].weights,
			.bias = true,
			.act = net->layers[i].act,
			.recurrent = net->layers[i].recurrent };
	shapes[net->n_layers] = (struct net_shape){ .n_out = 1, .affine = true };
	rc = net_create(net->n_in, net->n_layers + 1, shapes, NET_PLAIN, &with, err);
	if (rc != 0)
		return rc;
	memcpy(with->params, net->params, net->n_params * sizeof(float));
	memcpy(with->layers[0].scale, net->layers[0].scale, net->n_in * sizeof(float));
	memcpy(with->layers[0].bias, net->layers[0].bias, net->n_in * sizeof(float));
	with->layers[net->n_layers].scale[0] = (float)dense->deviation;
	with->layers[net->n_layers].bias[0] = (float)dense->mean;
	net_destroy(dense->net);
	dense->net = with;
	return 0;
}

static int dense_finish(struct dense *dense, struct error *err)
{
	struct train_job *job = dense->job;
	int rc = 0;

	if (dense->train.part.set->target == DATASET_NUMBERS)
		rc = dense_net_of_numbers(dense, err);
	if (rc == 0)
		rc = net_to_graph(dense->net, NULL, &job->graph, err);
	if (rc == 0)
		rc = describe_graph(job->graph, dense->train.part.set, err);
	return rc != 0 ? rc : graph_check(job->graph, err);
}

static int dense_learn(struct dense *dense, struct error *err)
{
	const bool classes = dense->train.part.set->target == DATASET_CLASSES;
	struct fit_options options = { .loss = !classes ? FIT_SQUARES
			: dense_is_sigmoid(dense)       ? FIT_SIGMOID
							: FIT_SOFTMAX,
		.class_weights = dense->class_weights };
	struct fit_result result;
	int rc = network_fit(dense->job, dense->net, &dense->train.fit, &dense->validation.fit,
		&options, &result, err);

	if (rc != 0)
		return rc;
	dense_report(dense, &result);
	return dense_finish(dense, err);
}

int dense_train_behind(struct train_job *job, const struct recurrent_net *front, struct error *err)
{
	struct dense dense = { .job = job, .front = front };
	int rc = dense_take_rows(&job->train, &dense.train, err);

	if (rc == 0 && job->validation.n > 0)
		rc = dense_take_rows(&job->validation, &dense.validation, err);
	if (rc == 0)
		rc = dense_check_rows(&dense.train, err);
	if (rc == 0 && dense.validation.part.n > 0)
		rc = network_check_rows(&dense.validation.part, err);
	if (rc == 0)
		rc = dense_aim(&dense, err);
	if (rc == 0)
		rc = dense_make(&dense, err);
	if (rc == 0)
		rc = dense_learn(&dense, err);
	dense_fini(&dense);
	return rc;
}

int dense_train(struct train_job *job, struct error *err)
{
	return dense_train_behind(job, NULL, err);
}
