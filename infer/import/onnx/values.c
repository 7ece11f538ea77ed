// SPDX-License-Identifier: BSD-3-Clause
// Names of values to what they are. The hash is keyed, so that no file can make all names collide.
#include "infer/import/onnx/values.h"
#include "infer/graph/text.h"

#include <sodium.h>
#include <string.h>

static struct onnx_value *values_find(struct onnx *onnx, const char *name)
{
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t at;

	crypto_shorthash(hash, (const unsigned char *)name, strlen(name), onnx->hash_key);
	memcpy(&at, hash, sizeof(at));
	for (;; at++) {
		struct onnx_value *value = &onnx->values[at & (onnx->values_size - 1)];

		if (!value->name || strcmp(value->name, name) == 0)
			return value;
	}
}

static int grow(struct onnx *onnx)
{
	struct onnx_value *old = onnx->values;
	size_t old_size = onnx->values_size;
	size_t size = old_size ? old_size * 2 : 256;
	struct onnx_value *values = arena_calloc(onnx->scratch, size, sizeof(*values));

	if (!values)
		return error_set(onnx->err, -ENOMEM, "out of memory for the model's names");
	onnx->values = values;
	onnx->values_size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].name)
			*values_find(onnx, old[i].name) = old[i];
	}
	return 0;
}

struct onnx_value *onnx_value(struct onnx *onnx, const char *name)
{
	struct onnx_value *value;

	if (onnx->n_values * 2 >= onnx->values_size && grow(onnx))
		return NULL;
	value = values_find(onnx, name);
	if (!value->name) {
		value->name = name;
		value->tensor = GRAPH_NONE;
		value->producer = GRAPH_NONE;
		onnx->n_values++;
	}
	return value;
}

bool onnx_value_exists(struct onnx *onnx, const char *name)
{
	return onnx->values_size != 0 && values_find(onnx, name)->name != NULL;
}

struct onnx_value *onnx_define(struct onnx *onnx, const char *name, const char *what)
{
	struct onnx_value *value;

	if (!*onnx_text(name)) {
		error_set(onnx->err, -EINVAL, "%s has no name", what);
		return NULL;
	}
	value = onnx_value(onnx, name);
	if (value && value->defined) {
		error_set(onnx->err, -EINVAL,
			"'%.80s' is defined twice; names of values must differ", name);
		return NULL;
	}
	if (value)
		value->defined = true;
	return value;
}

int onnx_define_outputs(struct onnx *onnx)
{
	for (size_t n = 0; n < onnx->proto->n_node; n++) {
		const Onnx__NodeProto *node = onnx->proto->node[n];

		for (size_t o = 0; o < node->n_output; o++) {
			struct onnx_value *value;

			if (!*node->output[o])
				continue;
			value = onnx_define(onnx, node->output[o], "an output");
			if (!value)
				return onnx_refused(onnx);
			value->producer = (uint32_t)n;
		}
	}
	return 0;
}

const char *onnx_fresh_name(struct onnx *onnx, const char *stem, char mark)
{
	char name[256];
	const char *own;

	do {
		snprintf(name, sizeof(name), "%.*s%c%u", text_cut(stem, 200), stem, mark,
			onnx->n_made++);
	} while (onnx_value_exists(onnx, name));
	own = arena_strdup(onnx->graph->arena, name);
	if (!own)
		error_set(onnx->err, -ENOMEM, "out of memory for a name of '%.80s'", stem);
	return own;
}
