// SPDX-License-Identifier: BSD-3-Clause
// RNN, GRU and LSTM.
#include "infer/graph/act.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>
#include <strings.h>

#define FUNCTIONS_MAX 6

struct functions {
	uint32_t n;
	int64_t kinds[FUNCTIONS_MAX];
	float alphas[FUNCTIONS_MAX], betas[FUNCTIONS_MAX];
};

static bool takes_beta(enum activation kind)
{
	return kind == ACTIVATION_AFFINE || kind == ACTIVATION_SCALED_TANH ||
		kind == ACTIVATION_HARD_SIGMOID;
}

static bool takes_alpha(enum activation kind)
{
	return takes_beta(kind) || kind == ACTIVATION_LEAKY_RELU || kind == ACTIVATION_ELU ||
		kind == ACTIVATION_THRESHOLDED_RELU;
}

// The number of an activation in a graph; RECURRENT_COUNT: there is none of that name.
static uint32_t find_function(const ProtobufCBinaryData *name)
{
	uint32_t k = 0;

	for (; k < RECURRENT_COUNT; k++) {
		const char *own = activation_name(recurrent_activation(k));

		if (strlen(own) == name->len &&
			strncasecmp(own, (const char *)name->data, name->len) == 0)
			break;
	}
	return k;
}

// The lists of alphas and betas have values for those activations only that take one, in order.
static int read_functions(
	struct onnx *onnx, const struct onnx_node *node, uint32_t each, struct functions *f)
{
	const Onnx__AttributeProto *names, *alphas, *betas;
	size_t alpha = 0, beta = 0;

	if (onnx_attr(onnx, node, "activations", ONNX_ATTRIBUTE(STRINGS), &names) ||
		onnx_attr(onnx, node, "activation_alpha", ONNX_ATTRIBUTE(FLOATS), &alphas) ||
		onnx_attr(onnx, node, "activation_beta", ONNX_ATTRIBUTE(FLOATS), &betas))
		return onnx_refused(onnx);
	if (names && names->n_strings > 0 && names->n_strings != f->n)
		return onnx_refuse(onnx, node, -EINVAL, "names %zu activations, should name %u",
			names->n_strings, f->n);
	for (uint32_t i = 0; i < f->n; i++) {
		bool gate = each > 1 && i % each == 0;
		uint32_t k = gate ? RECURRENT_SIGMOID : RECURRENT_TANH;
		struct act act;

		if (names && names->n_strings > 0) {
			const ProtobufCBinaryData *s = &names->strings[i];

			k = find_function(s);
			if (k == RECURRENT_COUNT)
				return onnx_refuse(onnx, node, -ENOTSUP,
					"activation '%.*s' is not supported",
					(int)(s->len < 40 ? s->len : 40), (const char *)s->data);
		}
		act = act_defaults(recurrent_activation(k));
		f->kinds[i] = k;
		f->alphas[i] = act.alpha;
		f->betas[i] = act.beta;
		if (takes_alpha(act.kind) && alphas && alpha < alphas->n_floats)
			f->alphas[i] = alphas->floats[alpha++];
		if (takes_beta(act.kind) && betas && beta < betas->n_floats)
			f->betas[i] = betas->floats[beta++];
	}
	return 0;
}

static int read_direction(struct onnx *onnx, const struct onnx_node *node, int64_t *direction)
{
	static const char *const NAMES[DIRECTION_COUNT] = { "forward", "reverse", "bidirectional" };
	const char *name;

	if (onnx_string(onnx, node, "direction", "forward", &name))
		return onnx_refused(onnx);
	for (*direction = 0; *direction < DIRECTION_COUNT; ++*direction) {
		if (strcasecmp(NAMES[*direction], name) == 0)
			return 0;
	}
	return onnx_refuse(onnx, node, -EINVAL,
		"direction is '%.20s', should be forward, reverse or bidirectional", name);
}

static int import_recurrent(struct onnx *onnx, const struct onnx_node *node)
{
	const enum op op = node->op;
	const uint32_t each = op == OP_LSTM ? 3 : op == OP_GRU ? 2 : 1;
	const uint32_t n_outputs = op == OP_LSTM ? 3 : 2;
	int64_t direction, linear, forget, layout;
	uint32_t outputs[3];
	struct functions f;
	float clip;
	int rc;

	if (read_direction(onnx, node, &direction) ||
		onnx_int(onnx, node, "linear_before_reset", 0, &linear) ||
		onnx_int(onnx, node, "input_forget", 0, &forget) ||
		onnx_int(onnx, node, "layout", 0, &layout) ||
		onnx_float(onnx, node, "clip", 0, &clip))
		return onnx_refused(onnx);
	f.n = each * (direction == DIRECTION_BOTH ? 2 : 1);
	if (read_functions(onnx, node, each, &f))
		return onnx_refused(onnx);
	if (node->proto->n_output > n_outputs)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu outputs, should have 1 to %u",
			node->proto->n_output, n_outputs);
	const struct attr attrs[] = { ONNX_INT(ATTR_DIRECTION, direction),
		ONNX_INTS(ATTR_ACTIVATIONS, f.n, f.kinds),
		{ .key = ATTR_ALPHAS, .kind = ATTR_KIND_FLOATS, .count = f.n, .floats = f.alphas },
		{ .key = ATTR_BETAS, .kind = ATTR_KIND_FLOATS, .count = f.n, .floats = f.betas },
		ONNX_FLOAT(ATTR_CLIP, clip), ONNX_INT(ATTR_LINEAR_BEFORE_RESET, linear != 0),
		ONNX_INT(ATTR_INPUT_FORGET, forget != 0), ONNX_INT(ATTR_LAYOUT, layout) };
	const struct onnx_emission emission = { .op = op,
		.n_inputs = node->n_inputs,
		.inputs = node->inputs,
		.n_attrs = 8,
		.attrs = attrs };

	rc = onnx_emit_outputs(onnx, node, &emission, n_outputs, outputs);
	for (uint32_t o = 0; o < n_outputs && rc == 0; o++)
		rc = onnx_output(onnx, node, o, outputs[o]);
	return rc;
}

const struct onnx_operator ONNX_RECURRENT[] = {
	{ "RNN", 3, 6, import_recurrent, OP_RNN },
	{ "GRU", 3, 6, import_recurrent, OP_GRU },
	{ "LSTM", 3, 8, import_recurrent, OP_LSTM },
	{ .type = NULL },
};
