// SPDX-License-Identifier: BSD-3-Clause
// Steps that compute value by value: activations, scale and shift, arithmetic of two operands.
#include "infer/plan/steps/elementwise.h"
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/elementwise/affine.h"
#include "infer/kernels/elementwise/binary.h"
#include "infer/kernels/elementwise/prelu.h"

#include <inttypes.h>
#include <string.h>

// --- Activations ---------------------------------------------------------------------------------

static void run_activate(const struct step *step, const struct pass *pass)
{
	const struct activate_kernel *kernel = step->kernel_run;

	kernel->run(step->params, (size_t)pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

int build_activation(struct builder *builder)
{
	struct act act = act_of_operator(builder->node);
	const struct activate_kernel *kernel = activate_pick(builder->plan->isa_mask);
	struct step *step = builder->step;

	step->run = run_activate;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)tensor_elements(builder_output(builder, 0));
	step->kernel_run = kernel;
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &act, sizeof(act));
}

// --- y = act(x * scale + shift) ------------------------------------------------------------------

static void run_affine(const struct step *step, const struct pass *pass)
{
	const struct affine_kernel *kernel = step->kernel_run;

	kernel->run(step->params, pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

int build_affine_of(struct builder *builder, struct affine affine)
{
	const struct affine_kernel *kernel = affine_pick(builder->plan->isa_mask);
	struct step *step = builder->step;

	step->run = run_affine;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)(tensor_elements(builder_output(builder, 0)) / affine.columns);
	step->kernel_run = kernel;
	step->bytes_touched += 2 * sizeof(float) * affine.columns;
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &affine, sizeof(affine));
}

int build_affine(struct builder *builder)
{
	const struct tensor *scale = builder_input(builder, 1);
	struct affine affine = { .columns = (uint32_t)scale->dims[0] };
	int rc = builder_expand(builder, 1, scale, &affine.scale);

	if (rc == 0)
		rc = builder_expand(builder, 2, scale, &affine.shift);
	if (rc != 0)
		return rc;
	affine.act = act_of_attributes(builder->node);
	return build_affine_of(builder, affine);
}

static void run_prelu(const struct step *step, const struct pass *pass)
{
	const struct prelu_kernel *kernel = step->kernel_run;

	kernel->run(step->params, pass->n, buffer_at(pass, &step->x), buffer_at(pass, &step->y));
}

int build_prelu(struct builder *builder)
{
	const struct prelu_kernel *kernel = prelu_pick(builder->plan->isa_mask);
	const struct tensor *out = builder_output(builder, 0);
	struct prelu prelu = { .columns = (uint32_t)tensor_elements(out) };
	struct step *step = builder->step;
	int rc = builder_expand(builder, 1, out, &prelu.slope);

	if (rc != 0)
		return rc;
	step->run = run_prelu;
	step->x = builder_input_buffer(builder, 0);
	step->kernel_run = kernel;
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &prelu, sizeof(prelu));
}

// --- Two operands --------------------------------------------------------------------------------

static void run_binary(const struct step *step, const struct pass *pass)
{
	const struct binary_kernel *kernel = step->kernel_run;

	kernel->run(step->params, pass->n, buffer_at(pass, &step->x), buffer_at(pass, &step->x2),
		buffer_at(pass, &step->y));
}

// The form in which f32_binary can take input i: computed and as big as the output, or constant.
// -ENOTSUP: neither.
static int binary_operand(
	struct builder *builder, uint32_t i, struct buffer *buffer, enum operand *operand)
{
	const struct tensor *in = builder_input(builder, i), *out = builder_output(builder, 0);

	if (!buffer->constant) {
		*operand = OPERAND_FULL;
		return tensor_elements(in) == tensor_elements(out)
			? 0
			: error_set(builder->err, -ENOTSUP, "input %u is broadcast", i);
	}
	if (tensor_elements(in) == 1) {
		*operand = OPERAND_SCALAR;
		return 0;
	}
	*operand = OPERAND_COLUMNS;
	return builder_expand(builder, i, out, (const float **)&buffer->constant);
}

int build_binary(struct builder *builder)
{
	enum binary_op op = builder->node->op == OP_ADD ? BINARY_ADD
		: builder->node->op == OP_SUB           ? BINARY_SUB
		: builder->node->op == OP_MUL           ? BINARY_MUL
							: BINARY_DIV;
	const struct binary_kernel *kernel = binary_pick(builder->plan->isa_mask);
	struct step *step = builder->step;
	struct binary binary = { .op = op,
		.columns = (uint32_t)tensor_elements(builder_output(builder, 0)) };
	struct buffer a = builder_input_buffer(builder, 0), b = builder_input_buffer(builder, 1);

	int rc;

	if (a.constant && b.constant)
		return error_set(builder->err, -ENOTSUP, "both inputs are constant");
	rc = binary_operand(builder, 0, &a, &binary.a);
	if (rc == 0)
		rc = binary_operand(builder, 1, &b, &binary.b);
	if (rc != 0)
		return rc;
	step->x = a;
	step->x2 = b;
	step->run = run_binary;
	step->kernel_run = kernel;
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &binary, sizeof(binary));
}
