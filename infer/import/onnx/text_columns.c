// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/text_columns.h"
#include "infer/graph/text.h"
#include "infer/graph/text_maps.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/texts.h"
#include "infer/infer.h"

#include <sodium.h>
#include <string.h>

struct onnx_text_column { // where the number of a column's text is found
	uint32_t map;     // of onnx->text_maps
	uint32_t tensor;  // float32
	int64_t element;  // of it
};

struct onnx_text_map {
	uint32_t feature;
	uint32_t n_texts, capacity;
	int64_t *texts;     // [n_texts] by number: the text's number in the file
	bool takes_unknown; // nothing that it is compared with minds
	bool is_number;
	const char *input; // for sentences
};

// The texts' numbers by map and text, open-addressed.
struct onnx_text_code {
	int64_t text; // + 1; 0: none
	uint32_t map, code;
};

static struct onnx_text_code *codes_find(struct onnx *onnx, uint32_t map, int64_t text)
{
	struct onnx_columns *columns = &onnx->columns;
	const int64_t key[2] = { map, text };
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t at;

	crypto_shorthash(hash, (const unsigned char *)key, sizeof(key), onnx->hash_key);
	memcpy(&at, hash, sizeof(at));
	for (;; at++) {
		struct onnx_text_code *code = &columns->codes[at & (columns->codes_size - 1)];

		if (code->text == 0 || (code->text == text + 1 && code->map == map))
			return code;
	}
}

static bool codes_grow(struct onnx *onnx)
{
	struct onnx_columns *columns = &onnx->columns;
	struct onnx_text_code *old = columns->codes;
	const size_t old_size = columns->codes_size, size = old_size ? old_size * 2 : 256;

	columns->codes = arena_calloc(onnx->scratch, size, sizeof(*columns->codes));
	if (!columns->codes)
		return false;
	columns->codes_size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].text)
			*codes_find(onnx, old[i].map, old[i].text - 1) = old[i];
	}
	return true;
}

static bool map_grow(struct onnx *onnx, struct onnx_text_map *map)
{
	const uint32_t capacity = map->capacity ? map->capacity * 2 : 16;
	int64_t *grown = arena_calloc(onnx->scratch, capacity, sizeof(*grown));

	if (!grown)
		return false;
	if (map->n_texts)
		memcpy(grown, map->texts, map->n_texts * sizeof(*grown));
	map->texts = grown;
	map->capacity = capacity;
	return true;
}

// The number of a text in a column's map, new where it was not compared with before.
static int map_code(struct onnx *onnx, uint32_t index, int64_t text, float *number)
{
	struct onnx_columns *columns = &onnx->columns;
	struct onnx_text_map *map = &columns->maps[index];
	struct onnx_text_code *code;

	if (columns->n_codes * 2 >= columns->codes_size && !codes_grow(onnx))
		return error_set(onnx->err, -ENOMEM, "out of memory for the columns' texts");
	code = codes_find(onnx, index, text);
	if (code->text == 0) {
		if (columns->n_codes == MODEL_TEXTS_MAX)
			return error_set(onnx->err, -ENOTSUP,
				"columns of text are compared with more than %d texts in all",
				MODEL_TEXTS_MAX);
		if (map->n_texts == map->capacity && !map_grow(onnx, map))
			return error_set(
				onnx->err, -ENOMEM, "out of memory for the columns' texts");
		*code = (struct onnx_text_code){ text + 1, index, map->n_texts };
		map->texts[map->n_texts++] = text;
		columns->n_codes++;
	}
	*number = (float)code->code;
	return 0;
}

// Grows a list that ends at a power of two.
static void *list_grown(struct onnx *onnx, void *list, uint32_t n, size_t bytes)
{
	void *grown;

	if (n != 0 && (n & (n - 1)) != 0)
		return list;
	grown = arena_calloc(onnx->scratch, n ? 2 * (size_t)n : 1, bytes);
	if (!grown)
		error_set(onnx->err, -ENOMEM, "out of memory for columns of text");
	else if (n)
		memcpy(grown, list, n * bytes);
	return grown;
}

// Refuses a tensor of texts that are not all columns of the row.
static int need_columns(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	const struct tensor *tensor = &onnx->graph->tensors[x];

	for (int64_t i = 0; i < tensor_elements(tensor); i++) {
		const int64_t symbol = ((const int64_t *)tensor->data)[i];

		if (symbol >= 0)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"has the text '%.40s' of the file among columns of the row",
				onnx_text_at(onnx, symbol));
	}
	return 0;
}

static const struct onnx_text_column *column_at(const struct onnx *onnx, int64_t symbol)
{
	return &onnx->columns.columns[-1 - symbol];
}

// The columns of a float32 tensor, one for each of its values, with the map of each, as a constant of
// texts.
static uint32_t columns_add(
	struct onnx *onnx, const char *stem, uint32_t tensor, const uint32_t *maps)
{
	struct onnx_columns *columns = &onnx->columns;
	const struct onnx_node node = { .name = stem, .type = "text" };
	const struct tensor shape = onnx->graph->tensors[tensor];
	const int64_t n = tensor_elements(&shape);
	uint32_t made;
	void *data;

	made = onnx_made(onnx, &node, DTYPE_I64, shape.rank, shape.dims, &data);
	if (made == GRAPH_NONE || onnx_mark_text(onnx, made) != 0)
		return GRAPH_NONE;
	for (int64_t i = 0; i < n; i++) {
		if (columns->n_columns == GRAPH_TENSORS_MAX) {
			error_set(onnx->err, -ENOTSUP, "more than %u columns of text are made",
				GRAPH_TENSORS_MAX);
			return GRAPH_NONE;
		}
		columns->columns = list_grown(
			onnx, columns->columns, columns->n_columns, sizeof(*columns->columns));
		if (!columns->columns)
			return GRAPH_NONE;
		columns->columns[columns->n_columns++] =
			(struct onnx_text_column){ maps[i], tensor, i };
		((int64_t *)data)[i] = -(int64_t)columns->n_columns;
	}
	return made;
}

uint32_t onnx_text_input(struct onnx *onnx, const char *name, uint32_t port, uint32_t first_feature)
{
	struct onnx_columns *columns = &onnx->columns;
	const uint32_t n = (uint32_t)tensor_elements(&onnx->graph->tensors[port]);
	uint32_t *maps = arena_calloc(onnx->scratch, n, sizeof(*maps));

	if (!maps) {
		error_set(onnx->err, -ENOMEM, "out of memory for columns of text");
		return GRAPH_NONE;
	}
	for (uint32_t i = 0; i < n; i++) {
		columns->maps =
			list_grown(onnx, columns->maps, columns->n_maps, sizeof(*columns->maps));
		if (!columns->maps)
			return GRAPH_NONE;
		maps[i] = columns->n_maps;
		columns->maps[columns->n_maps++] = (struct onnx_text_map){
			.feature = first_feature + i,
			.takes_unknown = true,
			.input = name,
		};
	}
	return columns_add(onnx, name, port, maps);
}

// The values at `elements` of a float32 tensor, in one row.
static uint32_t gather(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, int64_t n,
	const int64_t *elements)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const int64_t all = tensor_elements(&onnx->graph->tensors[tensor]);
	uint32_t pair[2];
	bool same = n == all;
	void *data;

	for (int64_t i = 0; i < n; i++)
		same &= elements[i] == i;
	pair[0] = onnx_emit_reshape(onnx, node, tensor, 1, &all);
	if (same || pair[0] == GRAPH_NONE)
		return pair[0];
	pair[1] = onnx_made(onnx, node, DTYPE_I64, 1, &n, &data);
	if (pair[1] == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(data, elements, (size_t)n * sizeof(*elements));
	return onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
}

uint32_t onnx_text_codes(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const struct tensor shape = onnx->graph->tensors[x];
	const int64_t n = tensor_elements(&shape), *symbols = shape.data;
	uint32_t *parts = arena_calloc(onnx->scratch, (size_t)n + 1, sizeof(*parts)), n_parts = 0;
	int64_t *elements = arena_calloc(onnx->scratch, (size_t)n + 1, sizeof(*elements));

	if (need_columns(onnx, node, x) != 0)
		return GRAPH_NONE;
	if (!parts || !elements) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	for (int64_t i = 0, from = 0; i < n; i++) {
		const struct onnx_text_column *column;

		column = column_at(onnx, symbols[i]);
		elements[i] = column->element;
		if (i + 1 < n && column_at(onnx, symbols[i + 1])->tensor == column->tensor)
			continue;
		parts[n_parts] = gather(onnx, node, column->tensor, i + 1 - from, elements + from);
		if (parts[n_parts++] == GRAPH_NONE)
			return GRAPH_NONE;
		from = i + 1;
	}
	if (n_parts == 0) {
		onnx_refuse(onnx, node, -EINVAL, "an input of texts is empty");
		return GRAPH_NONE;
	}
	return onnx_emit_reshape(onnx, node,
		n_parts == 1 ? parts[0]
			     : onnx_emit(onnx, node, OP_CONCAT, n_parts, parts, 1, &axis),
		shape.rank, shape.dims);
}

uint32_t onnx_text_keys(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t keys,
	bool takes_unknown)
{
	const struct tensor columns = onnx->graph->tensors[x];
	const struct tensor texts = onnx->graph->tensors[keys];
	const int64_t n = tensor_elements(&texts), n_columns = tensor_elements(&columns);
	int64_t dims[GRAPH_RANK_MAX + 1];
	bool same = true;
	uint32_t made;
	float *codes;
	void *data;

	memcpy(dims, columns.dims, columns.rank * sizeof(*dims));
	dims[columns.rank] = n;
	if (need_columns(onnx, node, x) != 0)
		return GRAPH_NONE;
	if (columns.rank == GRAPH_RANK_MAX || n * n_columns > MODEL_TEXTS_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"compares %lld columns of text with %lld texts; at most %d pairs are "
			"possible",
			(long long)n_columns, (long long)n, MODEL_TEXTS_MAX);
		return GRAPH_NONE;
	}
	made = onnx_made(onnx, node, DTYPE_F32, columns.rank + 1, dims, &data);
	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	codes = data;
	for (int64_t c = 0; c < n_columns; c++) {
		const struct onnx_text_column *column =
			column_at(onnx, ((const int64_t *)columns.data)[c]);

		onnx->columns.maps[column->map].takes_unknown &= takes_unknown;
		for (int64_t k = 0; k < n; k++) {
			if (map_code(onnx, column->map, ((const int64_t *)texts.data)[k],
				    &codes[c * n + k]) != 0) {
				onnx_refuse_as(onnx, node);
				return GRAPH_NONE;
			}
			same &= codes[c * n + k] == codes[k];
		}
	}
	return same ? onnx_reshaped(onnx, made, node->name, 1, &n) : made;
}

// Two inputs of texts that are broadcast to one shape: of each element of both the symbol.
struct text_pair {
	struct tensor shape;
	int64_t n, *symbols[2]; // [n]
	uint32_t *maps;         // [n] of the column that is met; UINT32_MAX: none is
};

// The element of a tensor that is broadcast to `shape` for the element i of that.
static int64_t broadcast_from(const struct tensor *shape, const struct tensor *from, int64_t i)
{
	int64_t at = 0, stride = 1;

	for (uint32_t d = 0; d < from->rank; d++) {
		const int64_t own = from->dims[from->rank - 1 - d];
		const int64_t dim = shape->dims[shape->rank - 1 - d];

		at += own == 1 ? 0 : i % dim * stride;
		i /= dim;
		stride *= own;
	}
	return at;
}

static int pair_read(struct onnx *onnx, const struct onnx_node *node, uint32_t a, uint32_t b,
	struct text_pair *pair)
{
	const uint32_t sides[2] = { a, b };
	const struct tensor *tensors = onnx->graph->tensors;

	if (!tensors[a].data || !tensors[b].data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"has a text that is computed beside a column of the row");
	if (dims_broadcast(&pair->shape, &tensors[a], &tensors[b]) != 0)
		return onnx_refuse(onnx, node, -EINVAL, "texts %s and %s do not broadcast",
			tensor_shape_text(&tensors[a]).text, tensor_shape_text(&tensors[b]).text);
	pair->n = tensor_elements(&pair->shape);
	if (pair->n > MODEL_TEXTS_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP, "has %lld texts, at most %d are possible",
			(long long)pair->n, MODEL_TEXTS_MAX);
	pair->maps = arena_calloc(onnx->scratch, (size_t)pair->n + 1, sizeof(*pair->maps));
	for (int s = 0; s < 2; s++) {
		const struct tensor *from = &tensors[sides[s]];

		pair->symbols[s] =
			arena_calloc(onnx->scratch, (size_t)pair->n + 1, sizeof(int64_t));
		if (!pair->maps || !pair->symbols[s])
			return onnx_refuse_memory(onnx, node);
		for (int64_t i = 0; i < pair->n; i++) {
			const int64_t symbol = ((
				const int64_t *)from->data)[broadcast_from(&pair->shape, from, i)];

			pair->symbols[s][i] = symbol;
			if (s == 0 || symbol < 0)
				pair->maps[i] =
					symbol < 0 ? column_at(onnx, symbol)->map : UINT32_MAX;
			if (s == 1 && symbol < 0 && pair->symbols[0][i] < 0 &&
				column_at(onnx, pair->symbols[0][i])->map != pair->maps[i])
				return onnx_refuse(onnx, node, -ENOTSUP,
					"takes two columns of text together; one and texts of the "
					"file are possible");
		}
	}
	return 0;
}

// One side as float32 of the pair's shape: the row's numbers, and for texts of the file those that stand
// for them in the column they meet; in none, any that differ as the texts do.
static uint32_t pair_codes(
	struct onnx *onnx, const struct onnx_node *node, const struct text_pair *pair, int side)
{
	const int64_t *symbols = pair->symbols[side];
	uint32_t constant, mask, columns;
	bool any_column = false, any_text = false;
	int64_t first = 0, *own;
	float *codes;
	bool *is_text;
	void *data[3];

	constant = onnx_made(onnx, node, DTYPE_F32, pair->shape.rank, pair->shape.dims, &data[0]);
	mask = onnx_made(onnx, node, DTYPE_BOOL, pair->shape.rank, pair->shape.dims, &data[1]);
	columns = onnx_made(onnx, node, DTYPE_I64, pair->shape.rank, pair->shape.dims, &data[2]);
	if (constant == GRAPH_NONE || mask == GRAPH_NONE || columns == GRAPH_NONE)
		return GRAPH_NONE;
	assert(symbols || pair->n == 0);
	codes = data[0];
	is_text = data[1];
	own = data[2];
	for (int64_t i = 0; i < pair->n; i++) {
		is_text[i] = symbols[i] >= 0;
		any_text |= is_text[i];
		any_column |= !is_text[i];
		first = symbols[i] < 0 ? symbols[i] : first;
		if (!is_text[i])
			continue;
		codes[i] = (float)symbols[i];
		if (pair->maps[i] != UINT32_MAX &&
			map_code(onnx, pair->maps[i], symbols[i], &codes[i]) != 0) {
			onnx_refuse_as(onnx, node);
			return GRAPH_NONE;
		}
	}
	if (!any_column)
		return constant;
	for (int64_t i = 0; i < pair->n; i++)
		own[i] = is_text[i] ? first : symbols[i]; // which is not looked at
	columns = onnx_text_codes(onnx, node, columns);
	return any_text ? onnx_emit_where(onnx, node, mask, constant, columns) : columns;
}

uint32_t onnx_text_equal(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t y)
{
	struct text_pair pair = { .n = 0 };
	uint32_t codes;

	if (pair_read(onnx, node, x, y, &pair) != 0)
		return GRAPH_NONE;
	codes = pair_codes(onnx, node, &pair, 0);
	return onnx_emit_pair(onnx, node, OP_EQUAL, codes, pair_codes(onnx, node, &pair, 1));
}

uint32_t onnx_text_where(
	struct onnx *onnx, const struct onnx_node *node, uint32_t condition, uint32_t x, uint32_t y)
{
	struct text_pair pair = { .n = 0 };
	struct tensor wide;
	uint32_t codes, made;

	if (pair_read(onnx, node, x, y, &pair) != 0)
		return GRAPH_NONE;
	if (dims_broadcast(&wide, &pair.shape, &onnx->graph->tensors[condition]) != 0 ||
		tensor_elements(&wide) != pair.n || wide.rank != pair.shape.rank) {
		onnx_refuse(onnx, node, -ENOTSUP, "chooses texts of %s by a condition of %s",
			tensor_shape_text(&pair.shape).text,
			tensor_shape_text(&onnx->graph->tensors[condition]).text);
		return GRAPH_NONE;
	}
	for (int64_t i = 0; i < pair.n; i++) {
		if (pair.maps[i] != UINT32_MAX)
			continue;
		onnx_refuse(onnx, node, -ENOTSUP,
			"chooses among texts of the file alone beside columns of the row");
		return GRAPH_NONE;
	}
	codes = pair_codes(onnx, node, &pair, 0);
	made = onnx_emit_where(onnx, node, condition, codes, pair_codes(onnx, node, &pair, 1));
	return made == GRAPH_NONE ? made : columns_add(onnx, node->name, made, pair.maps);
}

uint32_t onnx_text_numbers(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	const struct tensor columns = onnx->graph->tensors[x];

	for (int64_t i = 0; i < tensor_elements(&columns); i++) {
		const int64_t symbol = ((const int64_t *)columns.data)[i];

		if (symbol < 0)
			onnx->columns.maps[column_at(onnx, symbol)->map].is_number = true;
	}
	return onnx_text_codes(onnx, node, x);
}

static int map_keep(struct onnx *onnx, const struct onnx_text_map *map, struct model_texts *kept)
{
	const char **texts = arena_calloc(onnx->graph->arena, map->n_texts + 1, sizeof(*texts));

	if (!texts)
		return error_set(onnx->err, -ENOMEM, "out of memory for columns of text");
	if (map->is_number && map->n_texts != 0)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' is text that is both compared with texts and cast to "
			"numbers",
			map->input);
	for (uint32_t t = 0; t < map->n_texts; t++) {
		const char *text = onnx_text_at(onnx, map->texts[t]);
		size_t step = 1;

		for (const char *at = text; *at && step; at += step)
			step = text_character(at);
		if (!step)
			return error_set(onnx->err, -ENOTSUP,
				"input '%.80s' is compared with a text that has control characters "
				"or is not UTF-8",
				map->input);
		texts[t] = arena_strdup(onnx->graph->arena, text);
		if (!texts[t])
			return error_set(onnx->err, -ENOMEM, "out of memory for columns of text");
	}
	*kept = (struct model_texts){
		.feature = map->feature,
		.n_texts = map->n_texts,
		.takes_unknown = map->takes_unknown,
		.texts = texts,
	};
	report_add(onnx->report,
		"input '%.80s', feature %u: text; numbers from 0 stand for the %u it is compared "
		"with, others are %s",
		map->input, map->feature + 1, map->n_texts,
		map->takes_unknown ? "taken as unknown" : "refused");
	return 0;
}

int onnx_keep_text_maps(struct onnx *onnx)
{
	const struct onnx_columns *columns = &onnx->columns;
	struct graph *graph = onnx->graph;
	struct model_texts *kept;

	if (columns->n_maps == 0)
		return 0;
	kept = arena_calloc(graph->arena, columns->n_maps, sizeof(*kept));
	if (!kept)
		return error_set(onnx->err, -ENOMEM, "out of memory for columns of text");
	graph->texts = kept;
	for (uint32_t m = 0; m < columns->n_maps; m++) {
		const struct onnx_text_map *map = &columns->maps[m];
		int rc;

		if (map->is_number && map->n_texts == 0)
			continue;
		rc = map_keep(onnx, map, &kept[graph->n_texts++]);
		if (rc != 0)
			return rc;
	}
	return text_maps_order(kept, graph->n_texts, graph->arena, onnx->err);
}
