// SPDX-License-Identifier: BSD-3-Clause
// What happens to a net between two steps of pruning: it is trained, judged and looked at.
#include "infer/learn/prune/prune_tune.h"
#include "infer/learn/net/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TUNE_CHUNK 256u
#define TUNE_LOOK  8192u // rows that inputs are looked at by

// --- Training -------------------------------------------------------------------------------------

struct tuning {
	const struct prune_job *job;
	const struct prune_masks *masks;
	uint32_t step;
	uint32_t first; // layer of the net that is trained which is the first of the masks
};

static bool tune_watch(void *context, const struct learn_progress *progress)
{
	const struct tuning *tuning = context;
	const struct learn_watch *watch = tuning->job->watch;
	const uint64_t steps = tuning->job->options->steps;
	struct learn_progress all = *progress;

	// Epochs of all steps together, as far as this one's are known.
	all.stage = "step";
	all.total = steps * (progress->total ? progress->total : 1);
	all.done = (tuning->step - 1) * (progress->total ? progress->total : 1) + progress->done;
	return watch->step(watch->context, &all);
}

static void tune_mask(void *context, struct net *net, uint64_t step)
{
	const struct tuning *tuning = context;

	(void)step;
	for (uint32_t l = 0; l < net->n_layers; l++) {
		const struct net_layer *layer = &net->layers[l];
		const size_t n = (size_t)layer->n_in * layer->n_out;

		for (size_t i = 0; layer->weights && i < n; i++)
			layer->weights[i] *= tuning->masks->kept[l - tuning->first][i];
	}
}

static enum fit_loss tune_loss(const struct prune_job *job, const struct net *net)
{
	if (job->exam->numbers)
		return FIT_SQUARES;
	return net->n_out == 1 ? FIT_SIGMOID : FIT_SOFTMAX;
}

// The rows of a part as fit_net() has them.
static struct fit_rows tune_rows(const struct exam *exam, const struct dataset_part *part)
{
	return (struct fit_rows){
		.n_rows = part->n,
		.x = exam->set.values,
		.index = part->index,
		.classes = exam->truth,
		.targets = exam->numbers ? exam->set.numbers : NULL,
		.weights = exam->set.weights,
	};
}

// The same net with its rows scaled first, as they were when it was trained: that scaling is folded into the
// weights of its first layer, where a step of Adam, which is as long for all weights, would mean nothing for
// one feature and everything for another.
static int tune_scale(const struct prune_job *job, const struct net *net,
	struct prune_inputs *inputs, struct net **scaled, struct error *err)
{
	struct net_shape *shapes = calloc(net->n_layers + 1ull, sizeof(*shapes));
	int rc = shapes ? prune_look(job, net, inputs, err)
			: error_set(err, -ENOMEM, "out of memory for layers");

	for (uint32_t l = 0; l < net->n_layers && rc == 0; l++)
		shapes[l + 1] = (struct net_shape){ .n_out = net->layers[l].n_out,
			.affine = !net->layers[l].weights,
			.bias = net->layers[l].bias != NULL,
			.act = net->layers[l].act,
			.dropout = net->layers[l].dropout };
	if (rc == 0) {
		shapes[0] = (struct net_shape){ .n_out = net->n_in, .affine = true };
		rc = net_create(net->n_in, net->n_layers + 1, shapes, net->head, scaled, err);
	}
	free(shapes);
	return rc;
}

static double tune_deviation(const struct prune_inputs *inputs, uint32_t feature)
{
	// A net has layers: NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
	const double deviation = inputs->deviation[0][feature];

	return deviation > 0 ? deviation : 1;
}

// Layers from one net to the other, whose layer l + 1 is this one's l; `back` the other way. What the scaling
// does is taken out of, or put back into, the first dense layer.
static void tune_move(
	const struct net *net, struct net *scaled, const struct prune_inputs *inputs, bool back)
{
	struct net_layer *a = &net->layers[0], *b = &scaled->layers[1];

	for (uint32_t l = 0; l < net->n_layers; l++) {
		const struct net_layer *from = back ? &scaled->layers[l + 1] : &net->layers[l];
		const struct net_layer *to = back ? &net->layers[l] : &scaled->layers[l + 1];
		const size_t n = (size_t)to->n_in * to->n_out;

		if (to->weights)
			memcpy(to->weights, from->weights, n * sizeof(float));
		else
			memcpy(to->scale, from->scale, to->n_out * sizeof(float));
		if (to->bias && from->bias)
			memcpy(to->bias, from->bias, to->n_out * sizeof(float));
	}
	for (uint32_t o = 0; o < a->n_out; o++) {
		double shift = 0;

		for (uint32_t i = 0; i < a->n_in; i++) {
			const size_t at = (size_t)i * a->n_out + o;
			const double deviation = tune_deviation(inputs, i);

			if (back)
				a->weights[at] = (float)((double)b->weights[at] / deviation);
			else
				b->weights[at] = (float)((double)a->weights[at] * deviation);
			shift += inputs->mean[0][i] * (double)a->weights[at];
		}
		if (back)
			a->bias[o] = (float)((double)b->bias[o] - shift);
		else
			b->bias[o] = (float)((double)b->bias[o] + shift);
	}
	for (uint32_t i = 0; i < net->n_in; i++) {
		scaled->layers[0].scale[i] = (float)(1 / tune_deviation(inputs, i));
		scaled->layers[0].bias[i] =
			(float)(-inputs->mean[0][i] / tune_deviation(inputs, i));
	}
}

static int tune_fit(struct tuning *tuning, struct net *net, struct error *err)
{
	const struct prune_job *job = tuning->job;
	const struct prune_options *options = job->options;
	const bool is_watched = job->watch && job->watch->step;
	const struct learn_watch watch = { .step = tune_watch, .context = tuning };
	const struct fit_rows train = tune_rows(job->exam, &job->exam->train);
	const struct fit_options fit = {
		.loss = tune_loss(job, net),
		.learning_rate = options->learning_rate,
		.epochs = options->epochs,
		.threads = options->threads,
		.seed = options->seed + tuning->step,
		.hooks = { .context = tuning, .stepped = tuning->masks ? tune_mask : NULL },
		.watch = is_watched ? &watch : NULL,
	};
	const struct fit_rows held = { .n_rows = 0 }; // not by these: the loss is judged on them

	return fit_net(net, &train, &held, &fit, NULL, err);
}

int prune_tune(struct prune_job *job, struct net *net, const struct prune_masks *masks,
	uint32_t step, struct error *err)
{
	struct tuning tuning = { .job = job, .masks = masks, .step = step };
	struct prune_inputs inputs = { 0 };
	struct net *scaled = NULL;
	int rc;

	if (job->options->epochs == 0)
		return 0;
	// A layer without weights in front is a scaling that is not folded, and one without bias has no place for it.
	if (!net->layers[0].weights || !net->layers[0].bias)
		return tune_fit(&tuning, net, err);
	tuning.first = 1;
	rc = tune_scale(job, net, &inputs, &scaled, err);
	if (rc == 0) {
		tune_move(net, scaled, &inputs, false);
		rc = tune_fit(&tuning, scaled, err);
	}
	if (rc == 0)
		tune_move(net, scaled, &inputs, true);
	prune_inputs_fini(&inputs);
	net_destroy(scaled);
	return rc;
}

// --- Judging --------------------------------------------------------------------------------------

int prune_judge_net(
	const struct prune_job *job, const struct net *net, double *figure, struct error *err)
{
	const struct exam *exam = job->exam;
	const size_t n = exam->held.n;
	float *values = exam_held_values(exam);
	float *scores = malloc((n * net->n_out + 1) * sizeof(*scores));
	float *scratch = malloc((net_scratch(net, TUNE_CHUNK) + 1) * sizeof(*scratch));
	int rc;

	if (values && scores && scratch) {
		for (size_t at = 0; at < n; at += TUNE_CHUNK) {
			const uint32_t rows = n - at < TUNE_CHUNK ? (uint32_t)(n - at) : TUNE_CHUNK;

			net_score(net, values + at * net->n_in, rows, false,
				scores + at * net->n_out, scratch);
		}
		rc = exam_judge(exam, scores, figure, err);
	} else {
		rc = error_set(err, -ENOMEM, "out of memory to judge %zu rows", n);
	}
	free(values);
	free(scores);
	free(scratch);
	return rc;
}

// --- Looking --------------------------------------------------------------------------------------

void prune_inputs_fini(struct prune_inputs *inputs)
{
	for (uint32_t l = 0; l < inputs->n_layers; l++) {
		if (inputs->mean)
			free(inputs->mean[l]);
		if (inputs->deviation)
			free(inputs->deviation[l]);
	}
	free(inputs->mean);
	free(inputs->deviation);
	*inputs = (struct prune_inputs){ 0 };
}

static bool inputs_init(struct prune_inputs *inputs, const struct net *net)
{
	inputs->n_layers = net->n_layers;
	inputs->mean = calloc(net->n_layers, sizeof(*inputs->mean));
	inputs->deviation = calloc(net->n_layers, sizeof(*inputs->deviation));
	for (uint32_t l = 0; inputs->mean && inputs->deviation && l < net->n_layers; l++) {
		inputs->mean[l] = calloc(net->layers[l].n_in, sizeof(double));
		inputs->deviation[l] = calloc(net->layers[l].n_in, sizeof(double));
		if (!inputs->mean[l] || !inputs->deviation[l])
			return false;
	}
	return inputs->mean && inputs->deviation;
}

static uint32_t inputs_width(const struct net *net)
{
	uint32_t width = net->n_in;

	for (uint32_t l = 0; l < net->n_layers; l++)
		if (net->layers[l].n_out > width)
			width = net->layers[l].n_out;
	return width;
}

// Sums of what goes into a layer, and of its squares from a value of the first rows: what is far from 0 and
// hardly moves has a deviation nevertheless.
static void inputs_add(double *sum, double *squares, const double *middle, const float *x,
	uint32_t n_rows, uint32_t n)
{
	for (uint32_t r = 0; r < n_rows; r++)
		for (uint32_t i = 0; i < n; i++) {
			const double apart = (double)x[(size_t)r * n + i] - middle[i];

			sum[i] += apart;
			squares[i] += apart * apart;
		}
}

// Runs chunks of rows through the layers. x, y: [TUNE_CHUNK][width].
static void inputs_run(const struct prune_job *job, const struct net *net,
	struct prune_inputs *inputs, double **middle, float *x, float *y)
{
	const struct dataset_part *train = &job->exam->train;
	const size_t n = train->n < TUNE_LOOK ? train->n : TUNE_LOOK;

	for (size_t at = 0; at < n; at += TUNE_CHUNK) {
		const uint32_t rows = n - at < TUNE_CHUNK ? (uint32_t)(n - at) : TUNE_CHUNK;

		// Spread over all rows: those of a file may be sorted.
		for (uint32_t r = 0; r < rows; r++)
			memcpy(x + (size_t)r * net->n_in,
				job->exam->set.values +
					train->index[(at + r) * train->n / n] * (size_t)net->n_in,
				net->n_in * sizeof(*x));
		for (uint32_t l = 0; l < net->n_layers; l++) {
			const struct net_layer *layer = &net->layers[l];
			float *swap = x;

			for (uint32_t i = 0; at == 0 && i < layer->n_in; i++)
				middle[l][i] = (double)x[i];
			inputs_add(inputs->mean[l], inputs->deviation[l], middle[l], x, rows,
				layer->n_in);
			net_layer_forward(layer, layer->weights, x, rows, y, NULL);
			net_activate(&layer->act, (size_t)rows * layer->n_out, y, y);
			x = y;
			y = swap;
		}
	}
	for (uint32_t l = 0; l < net->n_layers; l++)
		for (uint32_t i = 0; i < net->layers[l].n_in; i++) {
			const double mean = inputs->mean[l][i] / (double)n;
			const double variance = inputs->deviation[l][i] / (double)n - mean * mean;

			inputs->mean[l][i] = middle[l][i] + mean;
			inputs->deviation[l][i] = sqrt(variance > 0 ? variance : 0);
		}
}

int prune_look(const struct prune_job *job, const struct net *net, struct prune_inputs *inputs,
	struct error *err)
{
	const size_t width = inputs_width(net);
	float *x = malloc(TUNE_CHUNK * width * sizeof(*x)),
	      *y = malloc(TUNE_CHUNK * width * sizeof(*y));
	struct prune_inputs middle = { 0 };
	int rc = 0;

	*inputs = (struct prune_inputs){ 0 };
	if (x && y && inputs_init(inputs, net) && inputs_init(&middle, net)) {
		inputs_run(job, net, inputs, middle.mean, x, y);
	} else {
		prune_inputs_fini(inputs);
		rc = error_set(err, -ENOMEM, "out of memory to look at the layers");
	}
	prune_inputs_fini(&middle);
	free(x);
	free(y);
	return rc;
}
