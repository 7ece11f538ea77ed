// SPDX-License-Identifier: BSD-3-Clause
// Softmax and the normalisations.
#include "infer/plan/steps/norm.h"
#include "infer/graph/act.h"
#include "infer/kernels/norm/layer_norm.h"
#include "infer/kernels/norm/normalizer.h"
#include "infer/kernels/norm/softmax.h"
#include "infer/plan/steps/elementwise.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static uint32_t norm_product(const struct tensor *tensor, uint32_t first, uint32_t end)
{
	uint32_t product = 1;

	for (uint32_t d = first; d < end; d++)
		product *= (uint32_t)tensor->dims[d];
	return product;
}

static void run_softmax(const struct step *step, const struct pass *pass)
{
	const struct softmax_kernel *kernel = step->kernel_run;

	kernel->run(step->params, pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

int build_softmax(struct builder *builder)
{
	const struct softmax_kernel *kernel = softmax_pick(builder->plan->isa_mask);
	const struct tensor *x = builder_input(builder, 0);
	struct softmax softmax = { .log = builder->node->op == OP_LOG_SOFTMAX };
	uint32_t axis;

	if (node_axis(builder->node, x->rank, -1, &axis) != 0)
		return error_set(builder->err, -EINVAL, "the axis is not one of the input's");
	softmax.n = (uint32_t)x->dims[axis];
	softmax.inner = norm_product(x, axis + 1, x->rank);
	builder->step->per_row = norm_product(x, 0, axis);
	builder->step->run = run_softmax;
	builder->step->kernel_run = kernel;
	snprintf(builder->step->shape, sizeof(builder->step->shape), "%" PRIu32, softmax.n);
	builder->step->x = builder_input_buffer(builder, 0);
	step_set_kernel(builder->step, kernel->name);
	return builder_finish(builder, &softmax, sizeof(softmax));
}

static void run_layer_norm(const struct step *step, const struct pass *pass)
{
	const struct layer_norm_kernel *kernel = step->kernel_run;

	kernel->run(step->params, pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y), step->has_y2 ? buffer_at(pass, &step->y2) : NULL,
		step->has_y3 ? buffer_at(pass, &step->y3) : NULL);
}

int build_layer_norm(struct builder *builder)
{
	const struct layer_norm_kernel *kernel = layer_norm_pick(builder->plan->isa_mask);
	const struct tensor *x = builder_input(builder, 0);
	struct layer_norm norm = { .epsilon = node_float(builder->node, ATTR_EPSILON, 1e-5f) };
	struct tensor normalised = { .dtype = DTYPE_F32 };
	uint32_t axis;
	int rc;

	if (node_axis(builder->node, x->rank, -1, &axis) != 0)
		return error_set(builder->err, -EINVAL, "the axis is not one of the input's");
	normalised.rank = x->rank - axis;
	memcpy(normalised.dims, x->dims + axis, normalised.rank * sizeof(*x->dims));
	norm.n = norm_product(x, axis, x->rank);
	rc = builder_expand(builder, 1, &normalised, &norm.scale);
	if (rc == 0 && builder_input(builder, 2))
		rc = builder_expand(builder, 2, &normalised, &norm.bias);
	if (rc != 0)
		return rc;
	builder->step->per_row = norm_product(x, 0, axis);
	builder->step->run = run_layer_norm;
	builder->step->kernel_run = kernel;
	builder->step->x = builder_input_buffer(builder, 0);
	step_set_kernel(builder->step, kernel->name);
	return builder_finish(builder, &norm, sizeof(norm));
}

static void run_normalizer(const struct step *step, const struct pass *pass)
{
	const struct normalizer_kernel *kernel = step->kernel_run;

	kernel->run(step->params, pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

int build_normalizer(struct builder *builder)
{
	const struct normalizer_kernel *kernel = normalizer_pick(builder->plan->isa_mask);
	const struct tensor *x = builder_input(builder, 0);
	struct normalizer normalizer = {
		.norm = (enum norm)node_int(builder->node, ATTR_NORM, 0),
		.n = (uint32_t)x->dims[x->rank - 1],
	};

	builder->step->per_row = norm_product(x, 0, x->rank - 1);
	builder->step->run = run_normalizer;
	builder->step->kernel_run = kernel;
	builder->step->x = builder_input_buffer(builder, 0);
	step_set_kernel(builder->step, kernel->name);
	return builder_finish(builder, &normalizer, sizeof(normalizer));
}

// Inputs: x [N, C, ...], scale, bias, mean, variance [C]. They become an Affine with a scale and a
// shift for each value of a row.
int build_batch_norm(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const float *in[5];
	size_t count = (size_t)tensor_elements(x), channels = (size_t)x->dims[1];
	size_t inner = count / (size_t)x->dims[0] / channels;
	float epsilon = node_float(builder->node, ATTR_EPSILON, 1e-5f);
	float *scale = builder_weights(builder, count * sizeof(float));
	float *shift = scale ? builder_weights(builder, count * sizeof(float)) : NULL;

	if (!shift)
		return builder->err->code;
	for (uint32_t i = 1; i < 5; i++) {
		int rc = builder_expand(builder, i, builder_input(builder, i), &in[i]);

		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < count; i++) {
		size_t c = i / inner % channels;
		double factor = in[1][c] / sqrt((double)in[4][c] + epsilon);

		scale[i] = (float)factor;
		shift[i] = (float)(in[2][c] - in[3][c] * factor);
	}
	return build_affine_of(builder,
		(struct affine){ .scale = scale,
			.shift = shift,
			.columns = (uint32_t)count,
			.act = act_defaults(ACTIVATION_NONE) });
}
