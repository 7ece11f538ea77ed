// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/ops.h"

#include <stddef.h>

static const struct op_entry {
	const char *name;
	struct op_arity arity;
} OPS[OP_COUNT] = {
#define X(op, text, imin, imax, omin, omax, ...) [op] = { text, { imin, imax, omin, omax } },
	OP_LIST(X)
#undef X
};

static const struct attr_entry {
	const char *name;
	enum attr_kind kind;
} ATTRS[ATTR_KEY_COUNT] = {
#define X(key, text, kind) [key] = { text, kind },
	ATTR_LIST(X)
#undef X
};

static const char *const ACTIVATION_NAMES[ACTIVATION_ALL] = {
	[ACTIVATION_NONE] = "none",
	[ACTIVATION_RELU] = "Relu",
	[ACTIVATION_LEAKY_RELU] = "LeakyRelu",
	[ACTIVATION_CLIP] = "Clip",
	[ACTIVATION_SIGMOID] = "Sigmoid",
	[ACTIVATION_TANH] = "Tanh",
	[ACTIVATION_HARD_SIGMOID] = "HardSigmoid",
	[ACTIVATION_ELU] = "Elu",
	[ACTIVATION_SELU] = "Selu",
	[ACTIVATION_SOFTPLUS] = "Softplus",
	[ACTIVATION_SOFTSIGN] = "Softsign",
	[ACTIVATION_GELU] = "Gelu",
	[ACTIVATION_GELU_TANH] = "GeluTanh",
	[ACTIVATION_AFFINE] = "Affine",
	[ACTIVATION_THRESHOLDED_RELU] = "ThresholdedRelu",
	[ACTIVATION_SCALED_TANH] = "ScaledTanh",
};

const char *op_name(enum op op)
{
	return (unsigned)op < OP_COUNT ? OPS[op].name : "unknown";
}

const struct op_arity *op_arity(enum op op)
{
	return (unsigned)op < OP_COUNT ? &OPS[op].arity : NULL;
}

const char *attr_name(enum attr_key key)
{
	return (unsigned)key < ATTR_KEY_COUNT ? ATTRS[key].name : "unknown";
}

enum attr_kind attr_kind(enum attr_key key)
{
	return ATTRS[key].kind;
}

const char *activation_name(enum activation activation)
{
	return (unsigned)activation < ACTIVATION_ALL ? ACTIVATION_NAMES[activation] : "unknown";
}
