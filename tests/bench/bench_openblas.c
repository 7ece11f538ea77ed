// SPDX-License-Identifier: BSD-3-Clause
// The peer of the dense bench: the same nets by OpenBLAS, one thread: cblas_sgemv for one row,
// cblas_sgemm for more, then bias and activation in plain loops. And the CPU's own limits
// (limits.h). Prints one JSON object:
// {"fma_per_ns":…,"models":{"NAME":{"weights_ns":…,"1":ns_per_row,"16":…},…}} usage: bench_openblas
// NAME:WIDTH,WIDTH,...:SOFTMAX(0|1) ...
#include "tests/bench/limits.h"

#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LAYERS_MAX 8
#define BATCH_MAX  256
#define ROWS       1024
#define PASSES     15
#define CLONES                                                                                     \
	__attribute__((target_clones("arch=skylake-avx512", "avx2", "default"), optimize("O3")))

struct openblas_net {
	char name[64];
	int widths[LAYERS_MAX + 1];
	int n_layers;
	int softmax;
	float *weights[LAYERS_MAX]; // [in][out]
	float *bias[LAYERS_MAX];
	float *rows;
	float *a, *b; // activations
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static float *filled(size_t n, float scale)
{
	float *values = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);

	for (size_t i = 0; values && i < n; i++)
		values[i] = scale * ((float)rand() / (float)RAND_MAX - 0.5f);
	if (!values)
		exit(1);
	return values;
}

static int net_parse(struct openblas_net *net, const char *text)
{
	const char *at = strchr(text, ':');
	int widest = 0, used;

	memset(net, 0, sizeof(*net));
	if (!at)
		return -1;
	snprintf(net->name, sizeof(net->name), "%.*s", (int)(at - text), text);
	for (int i = 0; i <= LAYERS_MAX && sscanf(at + 1, "%d%n", &net->widths[i], &used) == 1;
		i++) {
		at += 1 + used;
		net->n_layers = i;
		widest = net->widths[i] > widest ? net->widths[i] : widest;
		if (*at == ':')
			break;
	}
	net->softmax = at[0] == ':' && at[1] == '1';
	for (int i = 0; i < net->n_layers; i++) {
		const size_t in = (size_t)net->widths[i], out = (size_t)net->widths[i + 1];

		net->weights[i] = filled(in * out, 2 / sqrtf((float)in));
		net->bias[i] = filled(out, 0.1f);
	}
	net->rows = filled((size_t)ROWS * (size_t)net->widths[0], 2);
	net->a = filled((size_t)BATCH_MAX * (size_t)widest, 1);
	net->b = filled((size_t)BATCH_MAX * (size_t)widest, 1);
	return net->n_layers ? 0 : -1;
}

CLONES static void bias_relu(float *y, const float *bias, int n, int relu)
{
	for (int i = 0; i < n; i++) {
		const float v = y[i] + bias[i];

		y[i] = relu && v < 0 ? 0 : v;
	}
}

static void softmax(float *y, int n)
{
	float top = y[0], sum = 0;

	for (int i = 1; i < n; i++)
		top = y[i] > top ? y[i] : top;
	for (int i = 0; i < n; i++)
		sum += y[i] = expf(y[i] - top);
	for (int i = 0; i < n; i++)
		y[i] /= sum;
}

static void net_score(const struct openblas_net *net, const float *rows, int batch)
{
	const float *x = rows;
	float *y;

	for (int l = 0; l < net->n_layers; l++) {
		const int in = net->widths[l], out = net->widths[l + 1];
		const int last = l == net->n_layers - 1;

		y = l % 2 ? net->b : net->a;
		if (batch == 1)
			cblas_sgemv(CblasRowMajor, CblasTrans, in, out, 1, net->weights[l], out, x,
				1, 0, y, 1);
		else
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, out, in, 1, x,
				in, net->weights[l], out, 0, y, out);
		for (int r = 0; r < batch; r++) {
			bias_relu(y + (size_t)r * (size_t)out, net->bias[l], out, !last);
			if (last && net->softmax)
				softmax(y + (size_t)r * (size_t)out, out);
		}
		x = y;
	}
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// Median over passes of at least 2 ms, each over different rows.
static double net_time(const struct openblas_net *net, int batch)
{
	double pass_ns[PASSES];

	for (int pass = 0; pass < PASSES; pass++) {
		const double begin = now_ns();
		uint64_t rows = 0;

		do {
			for (int r = 0; r + batch <= ROWS; r += batch, rows += (uint64_t)batch)
				net_score(
					net, net->rows + (size_t)r * (size_t)net->widths[0], batch);
		} while (now_ns() - begin < 2e6);
		pass_ns[pass] = (now_ns() - begin) / (double)rows;
	}
	qsort(pass_ns, PASSES, sizeof(pass_ns[0]), compare);
	return pass_ns[PASSES / 2];
}

static double net_weights_ns(const struct openblas_net *net)
{
	size_t count = 0;

	for (int l = 0; l < net->n_layers; l++)
		count += (size_t)net->widths[l] * (size_t)net->widths[l + 1];
	return limit_weights_ns(count);
}

int main(int argc, char **argv)
{
	static const int BATCHES[] = { 1, 16, 64, 256 };

	printf("{\"fma_per_ns\": %.3f, \"models\": {", limit_fma_per_ns());
	for (int i = 1; i < argc; i++) {
		struct openblas_net net;

		if (net_parse(&net, argv[i])) {
			fprintf(stderr, "bench_openblas: '%s' is not NAME:WIDTH,...:SOFTMAX\n",
				argv[i]);
			return 2;
		}
		printf("%s\"%s\": {\"weights_ns\": %.2f, ", i > 1 ? ", " : "", net.name,
			net_weights_ns(&net));
		for (int b = 0; b < 4; b++)
			printf("%s\"%d\": %.2f", b ? ", " : "", BATCHES[b],
				net_time(&net, BATCHES[b]));
		printf("}");
		for (int l = 0; l < net.n_layers; l++) {
			free(net.weights[l]);
			free(net.bias[l]);
		}
		free(net.rows);
		free(net.a);
		free(net.b);
	}
	printf("}}\n");
	return 0;
}
