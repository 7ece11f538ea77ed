// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/graph.h"

#include "infer/graph/arena.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *name;
	size_t bytes;
} DTYPES[DTYPE_COUNT] = {
	[DTYPE_F32] = { "float32", 4 },
	[DTYPE_F64] = { "float64", 8 },
	[DTYPE_F16] = { "float16", 2 },
	[DTYPE_BF16] = { "bfloat16", 2 },
	[DTYPE_I8] = { "int8", 1 },
	[DTYPE_U8] = { "uint8", 1 },
	[DTYPE_I16] = { "int16", 2 },
	[DTYPE_U16] = { "uint16", 2 },
	[DTYPE_I32] = { "int32", 4 },
	[DTYPE_U32] = { "uint32", 4 },
	[DTYPE_I64] = { "int64", 8 },
	[DTYPE_U64] = { "uint64", 8 },
	[DTYPE_BOOL] = { "bool", 1 },
};

size_t dtype_bytes(enum dtype dtype)
{
	return (unsigned)dtype < DTYPE_COUNT ? DTYPES[dtype].bytes : 0;
}

bool dtype_is_float(enum dtype dtype)
{
	return dtype <= DTYPE_BF16;
}

bool dtype_is_signed(enum dtype dtype)
{
	return dtype == DTYPE_I8 || dtype == DTYPE_I16 || dtype == DTYPE_I32 || dtype == DTYPE_I64;
}

const char *dtype_name(enum dtype dtype)
{
	return (unsigned)dtype < DTYPE_COUNT ? DTYPES[dtype].name : "unknown";
}

int64_t tensor_elements(const struct tensor *tensor)
{
	int64_t elements = 1;

	for (uint32_t d = 0; d < tensor->rank; d++)
		elements *= tensor->dims[d];
	return elements;
}

size_t tensor_bytes(const struct tensor *tensor)
{
	return (size_t)tensor_elements(tensor) * dtype_bytes(tensor->dtype);
}

struct shape_text tensor_shape_text(const struct tensor *tensor)
{
	struct shape_text shape = { "[" };
	size_t at = 1;

	for (uint32_t d = 0; d < tensor->rank && d < GRAPH_RANK_MAX; d++)
		at += (size_t)snprintf(shape.text + at, sizeof(shape.text) - at, "%s%" PRId64,
			d ? ", " : "", tensor->dims[d]);
	snprintf(shape.text + at, sizeof(shape.text) - at, "]");
	return shape;
}

int tensor_check_shape(const struct tensor *tensor, struct error *err)
{
	int64_t elements = 1;

	if ((unsigned)tensor->dtype >= DTYPE_COUNT)
		return error_set(
			err, -EINVAL, "has unknown element type %u", (unsigned)tensor->dtype);
	if (tensor->rank > GRAPH_RANK_MAX)
		return error_set(err, -EINVAL,
			"has %" PRIu32 " dimensions, at most %d are supported", tensor->rank,
			GRAPH_RANK_MAX);
	for (uint32_t d = 0; d < tensor->rank; d++) {
		if (tensor->dims[d] < 0 || tensor->dims[d] > GRAPH_ELEMENTS_MAX)
			return error_set(err, -EINVAL,
				"has dimension %" PRId64 " where 0 to %" PRId64 " is supported",
				tensor->dims[d], GRAPH_ELEMENTS_MAX);
	}
	for (uint32_t d = 0; d < tensor->rank; d++) {
		if (__builtin_mul_overflow(elements, tensor->dims[d], &elements) ||
			elements > GRAPH_ELEMENTS_MAX)
			return error_set(err, -EINVAL,
				"has shape %s, more than the %" PRId64 " elements supported",
				tensor_shape_text(tensor).text, GRAPH_ELEMENTS_MAX);
	}
	return 0;
}

struct graph *graph_create(void)
{
	struct arena *arena = arena_create(GRAPH_ARENA_BYTES_MAX);
	struct graph *graph = arena ? arena_alloc(arena, sizeof(*graph)) : NULL;

	if (!graph) {
		arena_destroy(arena);
		return NULL;
	}
	graph->arena = arena;
	return graph;
}

void graph_destroy(struct graph *graph)
{
	if (graph)
		arena_destroy(graph->arena);
}

size_t graph_capacity(uint32_t count)
{
	size_t capacity = 16;

	while (capacity < count)
		capacity *= 2;
	return capacity;
}

// Makes sure that an array of `count` can take one more; it grows at each power of two. Returns the
// array, or NULL without memory.
static void *array_grown(struct arena *arena, void *array, uint32_t count, size_t bytes)
{
	void *grown;

	if (count && (count < 16 || (count & (count - 1)) != 0))
		return array;
	grown = arena_calloc(arena, count < 16 ? 16 : (size_t)count * 2, bytes);
	if (grown && count)
		memcpy(grown, array, count * bytes);
	return grown;
}

uint32_t graph_add_tensor(struct graph *graph, const char *name, enum dtype dtype, uint32_t rank,
	const int64_t *dims, const void *data, struct error *err)
{
	struct tensor tensor = { .dtype = dtype, .rank = rank, .data = data };
	struct tensor *tensors;

	if (rank <= GRAPH_RANK_MAX && rank)
		memcpy(tensor.dims, dims, rank * sizeof(*dims));
	if (tensor_check_shape(&tensor, err) != 0) {
		error_prefix(err, "tensor \"%s\"", name);
		return GRAPH_NONE;
	}
	if (graph->n_tensors >= GRAPH_TENSORS_MAX) {
		error_set(err, -EINVAL, "tensor \"%s\" is one more than the %u a model may have",
			name, GRAPH_TENSORS_MAX);
		return GRAPH_NONE;
	}
	tensor.name = arena_strdup(graph->arena, name);
	tensors = array_grown(graph->arena, graph->tensors, graph->n_tensors, sizeof(tensor));
	if (!tensor.name || !tensors) {
		error_set(err, -ENOMEM, "no memory for tensor \"%s\"", name);
		return GRAPH_NONE;
	}
	graph->tensors = tensors;
	tensors[graph->n_tensors] = tensor;
	return graph->n_tensors++;
}

static char *node_default_name(struct graph *graph, enum op op)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%" PRIu32, op_name(op), graph->n_nodes);
	return arena_strdup(graph->arena, name);
}

uint32_t graph_add_node(struct graph *graph, enum op op, const char *name, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_outputs, const uint32_t *outputs, struct error *err)
{
	struct node node = { .op = op, .n_inputs = n_inputs, .n_outputs = n_outputs };
	struct node *nodes;

	if (graph->n_nodes >= GRAPH_NODES_MAX || n_inputs > GRAPH_NODE_IO_MAX ||
		n_outputs > GRAPH_NODE_IO_MAX) {
		error_set(err, -EINVAL,
			"node \"%s\" (%s) is beyond what a model may have: %u nodes of %d inputs "
			"and outputs",
			name ? name : "", op_name(op), GRAPH_NODES_MAX, GRAPH_NODE_IO_MAX);
		return GRAPH_NONE;
	}
	node.name = name && *name ? arena_strdup(graph->arena, name) : node_default_name(graph, op);
	node.inputs = arena_memdup(graph->arena, inputs, n_inputs * sizeof(*inputs));
	node.outputs = arena_memdup(graph->arena, outputs, n_outputs * sizeof(*outputs));
	nodes = array_grown(graph->arena, graph->nodes, graph->n_nodes, sizeof(node));
	if (!node.name || !node.inputs || !node.outputs || !nodes) {
		error_set(err, -ENOMEM, "no memory for node \"%s\"", name ? name : "");
		return GRAPH_NONE;
	}
	graph->nodes = nodes;
	nodes[graph->n_nodes] = node;
	return graph->n_nodes++;
}

// The attribute to fill for `key`. Always a fresh array: an image's is not ours to grow.
static struct attr *node_attr_slot(struct graph *graph, struct node *node, enum attr_key key)
{
	struct attr *attrs;

	for (uint32_t a = 0; a < node->n_attrs; a++) {
		if (node->attrs[a].key == key)
			return &node->attrs[a];
	}
	attrs = arena_calloc(graph->arena, (size_t)node->n_attrs + 1, sizeof(*attrs));
	if (!attrs)
		return NULL;
	if (node->n_attrs)
		memcpy(attrs, node->attrs, node->n_attrs * sizeof(*attrs));
	node->attrs = attrs;
	return &attrs[node->n_attrs++];
}

static int node_set(struct graph *graph, struct node *node, struct attr value)
{
	struct attr *slot = node_attr_slot(graph, node, value.key);

	if (!slot)
		return -ENOMEM;
	*slot = value;
	return 0;
}

int node_set_int(struct graph *graph, struct node *node, enum attr_key key, int64_t value)
{
	return node_set(graph, node,
		(struct attr){ .key = key, .kind = ATTR_KIND_INT, .count = 1, .i = value });
}

int node_set_float(struct graph *graph, struct node *node, enum attr_key key, float value)
{
	return node_set(graph, node,
		(struct attr){ .key = key, .kind = ATTR_KIND_FLOAT, .count = 1, .f = value });
}

int node_set_ints(struct graph *graph, struct node *node, enum attr_key key, uint32_t count,
	const int64_t *values)
{
	int64_t *copy = arena_memdup(graph->arena, values, count * sizeof(*values));

	if (!copy)
		return -ENOMEM;
	return node_set(graph, node,
		(struct attr){ .key = key, .kind = ATTR_KIND_INTS, .count = count, .ints = copy });
}

int node_set_floats(struct graph *graph, struct node *node, enum attr_key key, uint32_t count,
	const float *values)
{
	float *copy = arena_memdup(graph->arena, values, count * sizeof(*values));

	if (!copy)
		return -ENOMEM;
	return node_set(graph, node,
		(struct attr){
			.key = key, .kind = ATTR_KIND_FLOATS, .count = count, .floats = copy });
}

const struct attr *node_attr(const struct node *node, enum attr_key key)
{
	for (uint32_t a = 0; a < node->n_attrs; a++) {
		if (node->attrs[a].key == key)
			return &node->attrs[a];
	}
	return NULL;
}

int64_t node_int(const struct node *node, enum attr_key key, int64_t otherwise)
{
	const struct attr *attr = node_attr(node, key);

	return attr && attr->kind == ATTR_KIND_INT ? attr->i : otherwise;
}

float node_float(const struct node *node, enum attr_key key, float otherwise)
{
	const struct attr *attr = node_attr(node, key);

	return attr && attr->kind == ATTR_KIND_FLOAT ? attr->f : otherwise;
}

int node_axis(const struct node *node, uint32_t rank, int64_t otherwise, uint32_t *axis)
{
	int64_t value = node_int(node, ATTR_AXIS, otherwise);

	if (value < -(int64_t)rank || value >= (int64_t)rank)
		return -EINVAL;
	*axis = (uint32_t)(value < 0 ? value + rank : value);
	return 0;
}

int dims_broadcast(struct tensor *out, const struct tensor *a, const struct tensor *b)
{
	struct tensor shape = { .dtype = a->dtype, .rank = a->rank > b->rank ? a->rank : b->rank };

	for (uint32_t d = 1; d <= shape.rank; d++) { // from the last
		int64_t x = d <= a->rank ? a->dims[a->rank - d] : 1;
		int64_t y = d <= b->rank ? b->dims[b->rank - d] : 1;

		if (x != y && x != 1 && y != 1)
			return -EINVAL;
		shape.dims[shape.rank - d] = x == 1 ? y : x;
	}
	out->dtype = shape.dtype;
	out->rank = shape.rank;
	memcpy(out->dims, shape.dims, sizeof(out->dims));
	return 0;
}
