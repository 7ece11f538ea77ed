// SPDX-License-Identifier: BSD-3-Clause
// The other peer of the model bench: the same nets by oneDNN's inner products, in float32, in
// bfloat16 (rows rounded by a reorder, bfloat16 between the layers) or in int8 (uint8 rows
// quantised by a reorder, int8 weights with a scale for each column, uint8 between the layers),
// activations fused as its post-ops, weights in the layout it asks for, softmax behind them. Set
// OMP_NUM_THREADS=1. Prints one JSON object: {"NAME":{"1":ns_per_row,"16":...},...} usage:
// bench_onednn NAME:WIDTH,WIDTH,...:SOFTMAX(0|1):f32|bf16|int8 ...
#include <dnnl.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LAYERS_MAX 8
#define STEPS_MAX  (LAYERS_MAX + 2) // a reorder before, a softmax behind
#define ROWS       1024
#define PASSES     15
#define MUST(call)                                                                                 \
	do {                                                                                       \
		const dnnl_status_t status_ = (call);                                              \
		if (status_ != dnnl_success) {                                                     \
			fprintf(stderr, "bench_onednn: %s: %d\n", #call, (int)status_);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

struct onednn_step {
	dnnl_primitive_t primitive;
	dnnl_exec_arg_t args[4];
	int n_args;
	dnnl_memory_t made[3]; // weights, bias, what it writes
};

struct onednn_net {
	char name[64];
	int widths[LAYERS_MAX + 1], n_layers;
	bool softmax;
	dnnl_data_type_t type; // of rows and what is between the layers: f32, bf16 or u8
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	struct onednn_step steps[STEPS_MAX];
	int n_steps;
	dnnl_memory_t input;
	float *rows;
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int net_parse(struct onednn_net *net, const char *text)
{
	const char *at = strchr(text, ':');
	int used;

	if (!at)
		return -1;
	snprintf(net->name, sizeof(net->name), "%.*s", (int)(at - text), text);
	for (int i = 0; i <= LAYERS_MAX && sscanf(at + 1, "%d%n", &net->widths[i], &used) == 1;
		i++) {
		at += 1 + used;
		net->n_layers = i;
		if (*at == ':')
			break;
	}
	net->softmax = at[0] == ':' && at[1] == '1';
	net->type = strstr(at, ":int8") ? dnnl_u8 : strstr(at, ":bf16") ? dnnl_bf16 : dnnl_f32;
	return net->n_layers > 0 ? 0 : -1;
}

static dnnl_memory_desc_t matrix(int64_t rows, int64_t columns, dnnl_data_type_t type, bool any)
{
	const dnnl_dims_t dims = { rows, columns };
	dnnl_memory_desc_t md;

	MUST(dnnl_memory_desc_init_by_tag(&md, 2, dims, type, any ? dnnl_format_tag_any : dnnl_ab));
	return md;
}

// Memory of a descriptor's size, filled with small numbers of either kind.
static dnnl_memory_t filled(
	const struct onednn_net *net, const dnnl_memory_desc_t *md, dnnl_data_type_t type)
{
	const size_t bytes = dnnl_memory_desc_get_size(md);
	dnnl_memory_t memory;
	void *data;

	MUST(dnnl_memory_create(&memory, md, net->engine, DNNL_MEMORY_ALLOCATE));
	MUST(dnnl_memory_get_data_handle(memory, &data));
	for (size_t i = 0; i < bytes / dnnl_data_type_size(type); i++) {
		if (type == dnnl_f32)
			((float *)data)[i] = (float)(rand() % 2001 - 1000) / 8000;
		else if (type == dnnl_bf16)
			((uint16_t *)data)[i] = (uint16_t)(0x3d00 + rand() % 256); // 0.03 to 0.12
		else
			((int8_t *)data)[i] = (int8_t)(type == dnnl_s32 ? 0 : rand() % 16);
	}
	return memory;
}

static struct onednn_step *step_add(
	struct onednn_net *net, dnnl_primitive_desc_t pd, dnnl_memory_t from)
{
	struct onednn_step *step = &net->steps[net->n_steps++];

	MUST(dnnl_primitive_create(&step->primitive, pd));
	MUST(dnnl_primitive_desc_destroy(pd));
	step->args[0] = (dnnl_exec_arg_t){ DNNL_ARG_SRC, from };
	step->n_args = 1;
	return step;
}

static dnnl_memory_t step_arg(struct onednn_step *step, int which, dnnl_memory_t memory, int slot)
{
	step->args[step->n_args++] = (dnnl_exec_arg_t){ which, memory };
	step->made[slot] = memory;
	return memory;
}

// Rows to the type that the layers compute in.
static dnnl_memory_t add_reorder(struct onednn_net *net, dnnl_memory_t from, int batch)
{
	const dnnl_memory_desc_t in = matrix(batch, net->widths[0], dnnl_f32, false);
	const dnnl_memory_desc_t out = matrix(batch, net->widths[0], net->type, false);
	const float scale = 40;
	dnnl_primitive_attr_t attr;
	dnnl_primitive_desc_t pd;

	MUST(dnnl_primitive_attr_create(&attr));
	if (net->type == dnnl_u8)
		MUST(dnnl_primitive_attr_set_output_scales(attr, 1, 0, &scale));
	MUST(dnnl_reorder_primitive_desc_create(&pd, &in, net->engine, &out, net->engine, attr));
	MUST(dnnl_primitive_attr_destroy(attr));
	return step_arg(step_add(net, pd, from), DNNL_ARG_DST, filled(net, &out, net->type), 2);
}

static dnnl_primitive_attr_t attributes(const struct onednn_net *net, int layer)
{
	const int columns = net->widths[layer + 1];
	float *scales = calloc((size_t)columns, sizeof(float));
	dnnl_primitive_attr_t attr;
	dnnl_post_ops_t post;

	MUST(dnnl_primitive_attr_create(&attr));
	for (int i = 0; i < columns && scales; i++)
		scales[i] = 0.01f;
	if (net->type == dnnl_u8)
		MUST(dnnl_primitive_attr_set_output_scales(attr, columns, 1 << 1, scales));
	MUST(dnnl_post_ops_create(&post));
	if (layer < net->n_layers - 1)
		MUST(dnnl_post_ops_append_eltwise(post, 1, dnnl_eltwise_relu, 0, 0));
	MUST(dnnl_primitive_attr_set_post_ops(attr, post));
	MUST(dnnl_post_ops_destroy(post));
	free(scales);
	return attr;
}

static dnnl_memory_t add_layer(struct onednn_net *net, dnnl_memory_t from, int layer, int batch)
{
	const bool last = layer == net->n_layers - 1;
	const bool int8 = net->type == dnnl_u8;
	const dnnl_data_type_t type = net->type, w_type = int8 ? dnnl_s8 : type;
	const dnnl_data_type_t b_type = int8 ? dnnl_s32 : dnnl_f32;
	const int64_t in = net->widths[layer], out = net->widths[layer + 1];
	const dnnl_dims_t columns = { out };
	const dnnl_memory_desc_t x = matrix(batch, in, type, false);
	const dnnl_memory_desc_t w = matrix(out, in, w_type, true);
	const dnnl_memory_desc_t y = matrix(batch, out, last ? dnnl_f32 : type, false);
	dnnl_primitive_attr_t attr = attributes(net, layer);
	dnnl_inner_product_desc_t desc;
	dnnl_memory_desc_t b, packed;
	dnnl_primitive_desc_t pd;
	struct onednn_step *step;

	MUST(dnnl_memory_desc_init_by_tag(&b, 1, columns, b_type, dnnl_a));
	MUST(dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, &x, &w, &b, &y));
	MUST(dnnl_primitive_desc_create(&pd, &desc, attr, net->engine, NULL));
	MUST(dnnl_primitive_attr_destroy(attr));
	packed = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
	step = step_add(net, pd, from);
	step_arg(step, DNNL_ARG_WEIGHTS, filled(net, &packed, w_type), 0);
	step_arg(step, DNNL_ARG_BIAS, filled(net, &b, b_type), 1);
	return step_arg(step, DNNL_ARG_DST, filled(net, &y, last ? dnnl_f32 : type), 2);
}

static void add_softmax(struct onednn_net *net, dnnl_memory_t from, int batch)
{
	const dnnl_memory_desc_t md = matrix(batch, net->widths[net->n_layers], dnnl_f32, false);
	dnnl_softmax_desc_t desc;
	dnnl_primitive_desc_t pd;

	MUST(dnnl_softmax_forward_desc_init(&desc, dnnl_forward_inference, &md, 1));
	MUST(dnnl_primitive_desc_create(&pd, &desc, NULL, net->engine, NULL));
	step_arg(step_add(net, pd, from), DNNL_ARG_DST, filled(net, &md, dnnl_f32), 2);
}

static void net_make(struct onednn_net *net, int batch)
{
	const dnnl_memory_desc_t in = matrix(batch, net->widths[0], dnnl_f32, false);
	dnnl_memory_t at;

	net->n_steps = 0;
	memset(net->steps, 0, sizeof(net->steps));
	MUST(dnnl_memory_create(&net->input, &in, net->engine, net->rows));
	at = net->input;
	if (net->type != dnnl_f32)
		at = add_reorder(net, at, batch);
	for (int l = 0; l < net->n_layers; l++)
		at = add_layer(net, at, l, batch);
	if (net->softmax)
		add_softmax(net, at, batch);
}

static void net_forget(struct onednn_net *net)
{
	for (int s = 0; s < net->n_steps; s++) {
		dnnl_primitive_destroy(net->steps[s].primitive);
		for (int m = 0; m < 3; m++)
			if (net->steps[s].made[m])
				dnnl_memory_destroy(net->steps[s].made[m]);
	}
	dnnl_memory_destroy(net->input);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// Median over passes of at least 2 ms, each over different rows.
static double net_time(struct onednn_net *net, int batch)
{
	double pass_ns[PASSES];

	for (int pass = 0; pass < PASSES; pass++) {
		const double begin = now_ns();
		uint64_t rows = 0;

		do {
			for (int r = 0; r + batch <= ROWS; r += batch, rows += (uint64_t)batch) {
				MUST(dnnl_memory_set_data_handle(net->input,
					net->rows + (size_t)r * (size_t)net->widths[0]));
				for (int s = 0; s < net->n_steps; s++)
					MUST(dnnl_primitive_execute(net->steps[s].primitive,
						net->stream, net->steps[s].n_args,
						net->steps[s].args));
			}
		} while (now_ns() - begin < 2e6);
		pass_ns[pass] = (now_ns() - begin) / (double)rows;
	}
	qsort(pass_ns, PASSES, sizeof(pass_ns[0]), compare);
	return pass_ns[PASSES / 2];
}

static void net_bench(struct onednn_net *net)
{
	static const int BATCHES[] = { 1, 16, 64, 256 };
	const size_t count = (size_t)ROWS * (size_t)net->widths[0];

	net->rows = aligned_alloc(64, count * sizeof(float));
	if (!net->rows)
		exit(1);
	for (size_t i = 0; i < count; i++)
		net->rows[i] = (float)(rand() % 2001 - 1000) / 500;
	for (int b = 0; b < 4; b++) {
		net_make(net, BATCHES[b]);
		printf("%s\"%d\": %.2f", b ? ", " : "", BATCHES[b], net_time(net, BATCHES[b]));
		net_forget(net);
	}
	free(net->rows);
}

int main(int argc, char **argv)
{
	dnnl_engine_t engine;
	dnnl_stream_t stream;

	MUST(dnnl_engine_create(&engine, dnnl_cpu, 0));
	MUST(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
	printf("{");
	for (int i = 1; i < argc; i++) {
		struct onednn_net net = { .engine = engine, .stream = stream };

		if (net_parse(&net, argv[i])) {
			fprintf(stderr, "bench_onednn: '%s' is not NAME:WIDTH,...:SOFTMAX:KIND\n",
				argv[i]);
			return 2;
		}
		printf("%s\"%s\": {", i > 1 ? ", " : "", net.name);
		net_bench(&net);
		printf("}");
	}
	printf("}\n");
	dnnl_stream_destroy(stream);
	dnnl_engine_destroy(engine);
	return 0;
}
