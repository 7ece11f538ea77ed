// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/autoencoder.h"

#include "infer/import/build.h"
#include "infer/learn/train/anomaly.h"
#include "infer/learn/train/network.h"

// The layers up to the narrowest, and the same ones back.
static int autoencoder_make(struct train_job *job, struct net **net, struct error *err)
{
	const uint32_t n_features = job->train.set->n_features;
	const uint32_t otherwise[2] = { (n_features + 1) / 2, (n_features + 3) / 4 };
	const struct train_network *network = &job->options->network;
	struct net_shape shapes[2 * NETWORK_LAYERS_MAX + 2];
	uint32_t widths[NETWORK_LAYERS_MAX], n;
	int rc = network_widths(network->layers, 2, otherwise, widths, &n, err);

	if (rc != 0)
		return rc;
	if (n == 0)
		return error_set(err, -EINVAL,
			"an autoencoder needs a hidden layer, of fewer units than there are "
			"features: "
			"layers %u,%u",
			otherwise[0], otherwise[1]);
	shapes[0] = (struct net_shape){ .n_out = n_features, .affine = true };
	for (uint32_t i = 0; i < n; i++) {
		shapes[1 + i] = network_hidden(network, widths[i]);
		shapes[2 * n - 1 - i] = shapes[1 + i];
	}
	shapes[2 * n] = (struct net_shape){ .n_out = n_features, .bias = true };
	rc = net_create(n_features, 2 * n + 1, shapes, NET_PLAIN, net, err);
	if (rc != 0)
		return rc;
	net_draw(*net, job->options->seed);
	return network_scale(*net, &job->train, true, job->report, err);
}

// The mean of the squares of what the network gives less what came in.
static uint32_t autoencoder_error(
	struct graph *graph, uint32_t scaled, uint32_t given, uint32_t n, struct error *err)
{
	const uint32_t difference = build_pair(graph, OP_SUB, given, scaled, err);
	const uint32_t square = build_pair(graph, OP_MUL, difference, difference, err);
	const int64_t dims[2] = { n, 1 };
	uint32_t inputs[2] = { square, GRAPH_NONE };
	float *shares;

	inputs[1] = build_constant(graph, 2, dims, &shares, err);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t i = 0; i < n; i++)
		shares[i] = 1 / (float)n;
	return build_node(graph, OP_DENSE, 2, inputs, err);
}

static int autoencoder_finish(struct train_job *job, const struct net *net, struct error *err)
{
	uint32_t input, scaled, given;
	int rc = anomaly_begin(job, &input, err);

	if (rc != 0)
		return rc;
	scaled = net_emit(net, 0, 1, job->graph, input, err);
	given = net_emit(net, 1, net->n_layers, job->graph, scaled, err);
	if (given == GRAPH_NONE)
		return err->code;
	return anomaly_end(job, autoencoder_error(job->graph, scaled, given, net->n_in, err), err);
}

static struct fit_rows autoencoder_rows(const struct dataset_part *part)
{
	if (part->n == 0)
		return (struct fit_rows){ 0 };
	return (struct fit_rows){ .n_rows = part->n,
		.x = part->set->values,
		.index = part->index,
		.weights = part->set->weights };
}

int autoencoder_train(struct train_job *job, struct error *err)
{
	const struct fit_rows rows = autoencoder_rows(&job->train),
			      validation = autoencoder_rows(&job->validation);
	struct fit_options options = { .loss = FIT_SQUARES };
	struct fit_result result;
	struct net *net = NULL;
	int rc = autoencoder_make(job, &net, err);

	if (rc == 0 && job->validation.n > 0)
		rc = network_check_rows(&job->validation, err);
	if (rc == 0)
		rc = network_fit(job, net, &rows, &validation, &options, &result, err);
	if (rc == 0) {
		report_add(job->report,
			"autoencoder of %u layers, %zu weights, trained for %u epochs%s: the "
			"scaled rows' "
			"mean squared error is %.6g",
			net->n_layers - 1, net->n_params, result.epochs,
			result.stopped ? ", after which it got no better" : "",
			2 * result.loss / net->n_in);
		rc = autoencoder_finish(job, net, err);
	}
	net_destroy(net);
	return rc;
}
