// SPDX-License-Identifier: BSD-3-Clause
// Texts to numbers, by a keyed hash as values.c has it; which tensors hold texts, and which operators
// may have them.
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/marks.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/values.h"

#include <sodium.h>
#include <string.h>

#define TEXTS_DIFFERENT_MAX (1u << 20)

struct onnx_text {
	const char *bytes; // and a zero byte behind them
	size_t n_bytes;
};

// A text's place in the index: its number + 1, or 0 where it is to be put.
static uint32_t *texts_slot(
	struct onnx_texts *texts, const unsigned char key[16], const void *bytes, size_t n_bytes)
{
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t at;

	crypto_shorthash(hash, bytes, n_bytes, key);
	memcpy(&at, hash, sizeof(at));
	for (;; at++) {
		uint32_t *slot = &texts->index[at & (texts->index_size - 1)];
		const struct onnx_text *text = *slot ? &texts->texts[*slot - 1] : NULL;

		if (!text || (text->n_bytes == n_bytes && memcmp(text->bytes, bytes, n_bytes) == 0))
			return slot;
	}
}

static bool texts_grow(struct onnx *onnx)
{
	struct onnx_texts *texts = &onnx->texts;
	const size_t size = texts->index_size ? texts->index_size * 2 : 256;
	struct onnx_text *grown = arena_calloc(onnx->scratch, size / 2, sizeof(*grown));
	uint32_t *index = arena_calloc(onnx->scratch, size, sizeof(*index));

	if (!grown || !index)
		return false;
	if (texts->n_texts)
		memcpy(grown, texts->texts, texts->n_texts * sizeof(*grown));
	texts->texts = grown;
	texts->index = index;
	texts->index_size = size;
	for (uint32_t t = 0; t < texts->n_texts; t++)
		*texts_slot(texts, onnx->hash_key, grown[t].bytes, grown[t].n_bytes) = t + 1;
	return true;
}

int onnx_text_add(struct onnx *onnx, const void *bytes, size_t n_bytes, int64_t *number)
{
	struct onnx_texts *texts = &onnx->texts;
	uint32_t *slot;
	char *own;

	if (n_bytes == 0)
		bytes = ""; // an empty text of a protobuf may be NULL
	if (texts->n_texts * 2 >= texts->index_size && !texts_grow(onnx))
		return error_set(onnx->err, -ENOMEM, "out of memory for the model's texts");
	slot = texts_slot(texts, onnx->hash_key, bytes, n_bytes);
	if (!*slot) {
		if (texts->n_texts == TEXTS_DIFFERENT_MAX)
			return error_set(onnx->err, -ENOTSUP,
				"more than %u different texts in the model", TEXTS_DIFFERENT_MAX);
		own = arena_alloc(onnx->scratch, n_bytes + 1);
		if (!own)
			return error_set(onnx->err, -ENOMEM, "out of memory for the model's texts");
		memcpy(own, bytes, n_bytes);
		own[n_bytes] = '\0';
		texts->texts[texts->n_texts] = (struct onnx_text){ own, n_bytes };
		*slot = ++texts->n_texts;
	}
	*number = *slot - 1;
	return 0;
}

const char *onnx_text_at(const struct onnx *onnx, int64_t number)
{
	return onnx->texts.texts[number].bytes;
}

uint32_t onnx_n_texts(const struct onnx *onnx)
{
	return onnx->texts.n_texts;
}

int onnx_mark_text(struct onnx *onnx, uint32_t tensor)
{
	return onnx_marks_add(onnx, &onnx->texts.marks, tensor, "texts");
}

bool onnx_is_text(const struct onnx *onnx, uint32_t tensor)
{
	return onnx_marks_have(&onnx->texts.marks, tensor);
}

bool onnx_has_text_columns(const struct onnx *onnx, uint32_t index)
{
	const struct tensor *tensor;

	if (!onnx_is_text(onnx, index))
		return false;
	tensor = &onnx->graph->tensors[index];
	for (int64_t i = 0; tensor->data && i < tensor_elements(tensor); i++) {
		if (((const int64_t *)tensor->data)[i] < 0)
			return true;
	}
	return false;
}

static int texts_fill(
	struct onnx *onnx, const ProtobufCBinaryData *texts, size_t n, int64_t *numbers)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = onnx_text_add(onnx, texts[i].data, texts[i].len, &numbers[i]);
	return rc;
}

uint32_t onnx_text_list(
	struct onnx *onnx, const struct onnx_node *node, const ProtobufCBinaryData *texts, size_t n)
{
	const int64_t dims[1] = { (int64_t)n };
	uint32_t made;
	void *data;

	if (n > GRAPH_ELEMENTS_MAX) {
		onnx_refuse(onnx, node, -EINVAL, "%zu texts are too many", n);
		return GRAPH_NONE;
	}
	made = onnx_made(onnx, node, DTYPE_I64, 1, dims, &data);
	if (made == GRAPH_NONE || texts_fill(onnx, texts, n, data) != 0 ||
		onnx_mark_text(onnx, made) != 0)
		return GRAPH_NONE;
	return made;
}

static int texts_of_tensor(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor)
{
	int64_t elements;
	void *data;
	int rc = onnx_tensor_shape(onnx, proto, name, where, &elements);

	if (rc != 0)
		return rc;
	if (proto->n_string_data != (uint64_t)elements)
		return error_set(onnx->err, -EINVAL,
			"%s '%.80s' holds other than the %lld texts its dimensions say", where,
			name, (long long)elements);
	*tensor = onnx_constant(onnx, name, DTYPE_I64, (uint32_t)proto->n_dims, proto->dims, &data);
	if (*tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	rc = texts_fill(onnx, proto->string_data, proto->n_string_data, data);
	return rc != 0 ? rc : onnx_mark_text(onnx, *tensor);
}

int onnx_tensor_or_text(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor)
{
	if (proto->has_data_type && proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
		return texts_of_tensor(onnx, proto, name, where, tensor);
	return onnx_tensor(onnx, proto, name, where, tensor);
}

// Operators that may have texts: the inputs from `first` on, `count` of them or all, are texts all
// together; `moves`: so are their outputs.
static const struct text_operator {
	const char *type;
	uint32_t first, count;
	bool moves;
} TEXT_OPERATORS[] = {
	{ "Identity", 0, 1, true },
	{ "Reshape", 0, 1, true },
	{ "Flatten", 0, 1, true },
	{ "Squeeze", 0, 1, true },
	{ "Unsqueeze", 0, 1, true },
	{ "Transpose", 0, 1, true },
	{ "Expand", 0, 1, true },
	{ "Tile", 0, 1, true },
	{ "Slice", 0, 1, true },
	{ "Split", 0, 1, true },
	{ "Gather", 0, 1, true },
	{ "GatherElements", 0, 1, true },
	{ "GatherND", 0, 1, true },
	{ "ArrayFeatureExtractor", 0, 1, true },
	{ "Concat", 0, UINT32_MAX, true },
	{ "Where", 1, 2, true },
	{ "Cast", 0, 1, false },
	{ "Equal", 0, 2, false },
	{ "Shape", 0, 1, false },
	{ "Size", 0, 1, false },
	{ "LabelEncoder", 0, 1, false },
	{ "OneHotEncoder", 0, 1, false },
	{ "CategoryMapper", 0, 1, false },
	{ .type = NULL },
};

static bool texts_any(const struct onnx *onnx, const struct onnx_node *node)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE && onnx_is_text(onnx, node->inputs[i]))
			return true;
	}
	return false;
}

static const struct text_operator *texts_operator(const char *type)
{
	const struct text_operator *op = TEXT_OPERATORS;

	while (op->type && strcmp(op->type, type) != 0)
		op++;
	return op->type ? op : NULL;
}

int onnx_texts_before(struct onnx *onnx, const struct onnx_node *node)
{
	const struct text_operator *op;

	if (!texts_any(onnx, node))
		return 0;
	op = texts_operator(node->type);
	if (!op)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"computes on texts; they can be moved, compared with texts of the file, "
			"and looked up in its lists");
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const bool wanted = i >= op->first && i - op->first < op->count;

		if (node->inputs[i] == GRAPH_NONE || onnx_is_text(onnx, node->inputs[i]) == wanted)
			continue;
		return onnx_refuse(onnx, node, -EINVAL, "input %u ('%.80s') is %s, others are %s",
			i, onnx_input(onnx, node, i)->name, wanted ? "numbers" : "text",
			wanted ? "text" : "numbers");
	}
	return 0;
}

int onnx_texts_after(struct onnx *onnx, const struct onnx_node *node)
{
	const struct text_operator *op;
	bool columns = false;

	if (!texts_any(onnx, node))
		return 0;
	op = texts_operator(node->type);
	if (!op || !op->moves)
		return 0;
	for (uint32_t i = 0; i < node->n_inputs; i++)
		columns |= node->inputs[i] != GRAPH_NONE &&
			onnx_has_text_columns(onnx, node->inputs[i]);
	for (size_t o = 0; o < node->proto->n_output; o++) {
		const struct onnx_value *value;

		if (!*node->proto->output[o])
			continue;
		value = onnx_value(onnx, node->proto->output[o]);
		if (!value)
			return onnx_refused(onnx);
		if (value->tensor == GRAPH_NONE)
			continue;
		if (columns && !onnx->graph->tensors[value->tensor].data)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"chooses among the row's texts while scoring; they can be compared "
				"with texts of the file and looked up in its lists");
		if (onnx_mark_text(onnx, value->tensor) != 0)
			return onnx_refused(onnx);
	}
	return 0;
}
