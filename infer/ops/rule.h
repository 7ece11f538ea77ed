// SPDX-License-Identifier: BSD-3-Clause
// Shape rules: the output shapes and dtypes of every operator, and what the rules share. Each
// operator of graph/ops.h names its rule there; the rule is in the file of its family. They follow
// ONNX's specifications (Operators.md, Operators-ml.md, Broadcasting.md). Nobody outside of
// infer/ops includes this; pure functions, any thread.
//
// Inputs' own shapes have passed tensor_check_shape(), so their dims fit in 28 bits; products of
// two are safe, and the result is checked again before anybody multiplies it out.
#pragma once

#include "infer/graph/graph.h"

struct inference {
	const struct graph *graph;
	const struct node *node;
	struct error *err;
};

// Fills dtype, rank and dims of the node's outputs; -EINVAL with the sentence made.
typedef int shape_rule(const struct inference *in, struct tensor *out);
#define X(op, name, imin, imax, omin, omax, rule, plain) shape_rule rule;
OP_LIST(X)
#undef X

#define shape_refuse(in, ...) error_set((in)->err, -EINVAL, __VA_ARGS__)
// "inputs [1, 2] and [3]: <rule>"
int shape_refuse_pair(const struct inference *in, uint32_t a, uint32_t b, const char *rule);

const struct tensor *shape_input(const struct inference *in, uint32_t i); // NULL: left out
void shape_copy(struct tensor *out, const struct tensor *from);           // and the dtype

// -EINVAL with the sentence made where an input or attribute is not as needed. An input that is
// left out passes.
int shape_need_f32(const struct inference *in); // all inputs
int shape_need_dtype(const struct inference *in, uint32_t i, enum dtype dtype);
int shape_need_byte(const struct inference *in, uint32_t i); // int8 or uint8
int shape_need_integers(const struct inference *in);         // all inputs, BOOL not among them
int shape_need_constant(const struct inference *in, uint32_t i);
int shape_need_vector(const struct inference *in, uint32_t i, int64_t count); // [count]
// One value of any rank up to 1, or [count].
int shape_need_one_or(const struct inference *in, uint32_t i, int64_t count);
int shape_need_int(const struct inference *in, enum attr_key key, int64_t otherwise, int64_t low,
	int64_t high);
int shape_need_axis(const struct inference *in, uint32_t rank, int64_t otherwise, uint32_t *axis);
// Input i must broadcast to `to` without widening it.
int shape_need_broadcast_to(const struct inference *in, uint32_t i, const struct tensor *to);
// numpy's matmul of inputs a and b, dtypes unseen; the result's is F32.
int shape_product(const struct inference *in, uint32_t a, uint32_t b, struct tensor *out);
// Conv, or where `transposed` ConvTranspose, of inputs x and w, dtypes unseen; the result's is x's.
int shape_convolution(
	const struct inference *in, uint32_t x, uint32_t w, bool transposed, struct tensor *out);
// Windows of x [N, C, ...] by KERNEL_SHAPE: fills in `out` but for its channels.
int shape_windows(const struct inference *in, struct tensor *out);
