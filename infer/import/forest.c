// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/forest.h"
#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/ops/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct list { // grows by doubling
	void *data;
	size_t count, capacity, size;
};

struct forest_visit {
	uint32_t number; // of the file
	size_t parent;   // branch + 1; 0: a root
	uint32_t side, depth;
};

struct forest {
	uint32_t n_features, n_targets, depth;
	bool has_sets, has_terms;
	struct list root, feature, threshold, kind, children, set;
	struct list weight_first, weight_target, weight;
	struct list set_first, set_words;
	struct list linear_first, linear_constant, linear_feature, linear_coefficient;
	uint32_t *seen; // [seen_size] the tree that met a node last
	size_t seen_size;
	uint32_t trees_tried;
};

// The largest float32 that is not above, and the smallest that is not below.
static float floor_f32(double value)
{
	const float near = (float)value;

	return (double)near > value ? nextafterf(near, -INFINITY) : near;
}

static float ceil_f32(double value)
{
	const float near = (float)value;

	return (double)near < value ? nextafterf(near, INFINITY) : near;
}

void forest_less_or_equal(struct forest_node *node, double threshold, bool nearest)
{
	const float last = nearest ? (float)threshold : floor_f32(threshold);
	const int64_t yes = node->yes;

	node->threshold = nextafterf(last, INFINITY);
	if (!isinf(last) || last < 0)
		return;
	node->threshold = -INFINITY;
	node->yes = node->no;
	node->no = yes;
	node->kind ^= TREE_MISSING_TRUE;
}

void forest_less(struct forest_node *node, double threshold, bool nearest)
{
	node->threshold = nearest ? (float)threshold : ceil_f32(threshold);
}

static int forest_push(struct list *list, const void *value, struct error *err)
{
	if (list->count == list->capacity) {
		const size_t capacity = list->capacity ? 2 * list->capacity : 64;
		void *data = capacity * list->size <= GRAPH_ARENA_BYTES_MAX
			? realloc(list->data, capacity * list->size)
			: NULL;

		if (!data)
			return error_set(err, -ENOMEM, "out of memory for the trees");
		list->data = data;
		list->capacity = capacity;
	}
	memcpy((char *)list->data + list->count * list->size, value, list->size);
	list->count++;
	return 0;
}

struct forest *forest_create(uint32_t n_features, uint32_t n_targets)
{
	struct forest *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	struct list *words[] = { &f->root, &f->feature, &f->threshold, &f->set, &f->weight_first,
		&f->weight_target, &f->weight, &f->set_first, &f->set_words, &f->linear_first,
		&f->linear_constant, &f->linear_feature, &f->linear_coefficient };

	f->n_features = n_features;
	f->n_targets = n_targets;
	f->kind.size = 1;
	f->children.size = 8;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		words[i]->size = 4;
	return f;
}

void forest_destroy(struct forest *f)
{
	if (!f)
		return;
	struct list *all[] = { &f->root, &f->feature, &f->threshold, &f->kind, &f->children,
		&f->set, &f->weight_first, &f->weight_target, &f->weight, &f->set_first,
		&f->set_words, &f->linear_first, &f->linear_constant, &f->linear_feature,
		&f->linear_coefficient };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]->data);
	free(f->seen);
	free(f);
}

int forest_weight(struct forest *f, uint32_t target, float weight, struct error *err)
{
	const int32_t to = (int32_t)target;
	int rc = forest_push(&f->weight_target, &to, err);

	return rc != 0 ? rc : forest_push(&f->weight, &weight, err);
}

int forest_term(struct forest *f, int64_t feature, float coefficient, struct error *err)
{
	const int32_t of = (int32_t)feature;
	int rc;

	if (feature < 0 || feature >= f->n_features)
		return error_set(err, -EINVAL,
			"a linear term asks for feature %" PRId64 ", there are %" PRIu32, feature,
			f->n_features);
	f->has_terms = true;
	rc = forest_push(&f->linear_feature, &of, err);
	return rc != 0 ? rc : forest_push(&f->linear_coefficient, &coefficient, err);
}

// What a branch or root points at is known once the node has been met.
static void forest_link_node(struct forest *f, const struct forest_visit *visit, int32_t to)
{
	if (visit->parent == 0)
		((int32_t *)f->root.data)[f->root.count - 1] = to;
	else
		((int32_t(*)[2])f->children.data)[visit->parent - 1][visit->side] = to;
}

static int forest_add_leaf(struct forest *f, const struct forest_visit *visit,
	const struct forest_node *node, uint32_t first_weight, uint32_t first_term,
	struct error *err)
{
	const int32_t weights = (int32_t)first_weight, terms = (int32_t)first_term;
	int rc;

	forest_link_node(f, visit, ~(int32_t)f->weight_first.count);
	rc = forest_push(&f->weight_first, &weights, err);
	if (rc == 0)
		rc = forest_push(&f->linear_first, &terms, err);
	return rc != 0 ? rc : forest_push(&f->linear_constant, &node->linear_constant, err);
}

static int forest_add_set(
	struct forest *f, const struct forest_node *node, int32_t *set, struct error *err)
{
	const int32_t first = (int32_t)f->set_words.count;
	int rc;

	*set = -1;
	if ((node->kind & TREE_TEST_BITS) != TREE_IN_SET)
		return 0;
	f->has_sets = true;
	*set = (int32_t)f->set_first.count;
	rc = forest_push(&f->set_first, &first, err);
	for (uint32_t w = 0; w < node->n_set && rc == 0; w++)
		rc = forest_push(&f->set_words, &node->set[w], err);
	return rc;
}

static int forest_add_branch(struct forest *f, const struct forest_visit *visit,
	const struct forest_node *node, struct error *err)
{
	const int32_t feature = (int32_t)node->feature, none[2] = { 0, 0 };
	int32_t set;
	int rc;

	if (node->feature < 0 || node->feature >= f->n_features)
		return error_set(err, -EINVAL,
			"node %" PRIu32 " asks for feature %" PRId64 ", there are %" PRIu32,
			visit->number, node->feature, f->n_features);
	if (isnan(node->threshold))
		return error_set(err, -EINVAL, "node %" PRIu32 " has a threshold that is NaN",
			visit->number);
	forest_link_node(f, visit, (int32_t)f->feature.count);
	rc = forest_add_set(f, node, &set, err);
	if (rc == 0)
		rc = forest_push(&f->feature, &feature, err);
	if (rc == 0)
		rc = forest_push(&f->threshold, &node->threshold, err);
	if (rc == 0)
		rc = forest_push(&f->kind, &node->kind, err);
	if (rc == 0)
		rc = forest_push(&f->set, &set, err);
	return rc != 0 ? rc : forest_push(&f->children, none, err);
}

// Grows `seen` to the nodes of a tree, and begins the tree.
static int forest_grow_seen(struct forest *f, uint32_t n_nodes, struct error *err)
{
	if (n_nodes > f->seen_size) {
		uint32_t *seen = realloc(f->seen, n_nodes * sizeof(*seen));

		if (!seen)
			return error_set(
				err, -ENOMEM, "out of memory for %" PRIu32 " nodes", n_nodes);
		memset(seen + f->seen_size, 0, (n_nodes - f->seen_size) * sizeof(*seen));
		f->seen = seen;
		f->seen_size = n_nodes;
	}
	f->trees_tried++;
	return 0;
}

static int forest_meet(struct forest *f, const struct forest_visit *visit, int64_t child,
	uint32_t n_nodes, struct error *err)
{
	if (child < 0 || child >= n_nodes)
		return error_set(err, -EINVAL,
			"node %" PRIu32 " leads to node %" PRId64 ", there are %" PRIu32,
			visit->number, child, n_nodes);
	if (f->seen[child] == f->trees_tried)
		return error_set(err, -EINVAL,
			"node %" PRIu32 " leads to node %" PRId64 ", which another one leads to",
			visit->number, child);
	f->seen[child] = f->trees_tried;
	return 0;
}

static int forest_read_node(struct forest *f, const struct forest_visit *visit, uint32_t n_nodes,
	forest_reader *reader, void *context, struct forest_node *node, struct error *err)
{
	const uint32_t weights = (uint32_t)f->weight.count;
	const uint32_t terms = (uint32_t)f->linear_feature.count;
	int rc;

	*node = (struct forest_node){ 0 };
	rc = reader(context, visit->number, node, f, err);
	if (rc != 0)
		return rc;
	f->depth = visit->depth > f->depth ? visit->depth : f->depth;
	if (f->feature.count + f->weight_first.count > TREES_BRANCHES_MAX)
		return error_set(
			err, -EINVAL, "more than %d nodes in all trees", TREES_BRANCHES_MAX);
	if (node->is_leaf)
		return forest_add_leaf(f, visit, node, weights, terms, err);
	if (visit->depth == TREES_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"node %" PRIu32 " lies %d deep, no branch may lie there", visit->number,
			TREES_DEPTH_MAX);
	rc = forest_meet(f, visit, node->yes, n_nodes, err);
	if (rc == 0)
		rc = forest_meet(f, visit, node->no, n_nodes, err);
	return rc != 0 ? rc : forest_add_branch(f, visit, node, err);
}

// A child of the branch just added, to be met later.
static void forest_await_child(struct forest_visit *stack, uint32_t *depth, int64_t number,
	const struct forest_visit *parent, size_t branch, uint32_t side)
{
	struct forest_visit *child = &stack[*depth];

	++*depth;
	*child = (struct forest_visit){ .number = (uint32_t)number,
		.parent = branch,
		.side = side,
		.depth = parent->depth + 1 };
}

int forest_add(struct forest *f, uint32_t n_nodes, uint32_t root, forest_reader *reader,
	void *context, struct error *err)
{
	struct forest_visit stack[TREES_DEPTH_MAX + 2];
	const int32_t none = 0;
	uint32_t depth = 0;
	int rc;

	if (root >= n_nodes)
		return error_set(err, -EINVAL, "the tree has no nodes");
	if (f->root.count == TREES_MAX)
		return error_set(err, -EINVAL, "more than %d trees", TREES_MAX);
	rc = forest_grow_seen(f, n_nodes, err);
	if (rc == 0)
		rc = forest_push(&f->root, &none, err);
	if (rc != 0)
		return rc;
	f->seen[root] = f->trees_tried;
	stack[depth++] = (struct forest_visit){ .number = root };
	while (depth > 0) {
		const struct forest_visit visit = stack[--depth];
		const size_t branch = f->feature.count + 1;
		struct forest_node node;

		rc = forest_read_node(f, &visit, n_nodes, reader, context, &node, err);
		if (rc != 0)
			return rc;
		if (node.is_leaf)
			continue;
		forest_await_child(stack, &depth, node.no, &visit, branch, 0);
		forest_await_child(stack, &depth, node.yes, &visit, branch, 1);
	}
	return 0;
}

// First indices want an end behind their last one; what is added later writes over it.
static int forest_set_end(struct list *list, const struct list *of, struct error *err)
{
	const int32_t end = (int32_t)of->count;
	int rc = forest_push(list, &end, err);

	list->count -= rc == 0;
	return rc;
}

int forest_trees(struct forest *f, const float *base, enum tree_aggregate how, struct trees *t,
	struct error *err)
{
	static const int32_t NONE[2];
	static const float NO_FLOAT;
	static const uint8_t NO_KIND;
	int rc = forest_set_end(&f->weight_first, &f->weight, err);

	if (rc == 0)
		rc = forest_set_end(&f->set_first, &f->set_words, err);
	if (rc == 0)
		rc = forest_set_end(&f->linear_first, &f->linear_feature, err);
	*t = (struct trees){ .n_features = f->n_features,
		.n_trees = (uint32_t)f->root.count,
		.n_branches = (uint32_t)f->feature.count,
		.n_leaves = (uint32_t)f->weight_first.count,
		.n_weights = (uint32_t)f->weight.count,
		.n_targets = f->n_targets,
		.aggregate = how,
		.root = f->root.data,
		.feature = f->feature.data ? f->feature.data : NONE,
		.threshold = f->threshold.data ? f->threshold.data : &NO_FLOAT,
		.kind = f->kind.data ? f->kind.data : &NO_KIND,
		.children = f->children.data ? f->children.data : (void *)(uintptr_t)NONE,
		.weight_first = f->weight_first.data,
		.weight_target = f->weight_target.data ? f->weight_target.data : NONE,
		.weight = f->weight.data ? f->weight.data : &NO_FLOAT,
		.base = base };
	if (f->has_sets) {
		t->n_sets = (uint32_t)f->set_first.count;
		t->n_set_words = (uint32_t)f->set_words.count;
		t->set = f->set.data;
		t->set_first = f->set_first.data;
		t->set_words = f->set_words.data ? f->set_words.data : (const uint32_t *)NONE;
	}
	if (f->has_terms) {
		t->n_linear_terms = (uint32_t)f->linear_feature.count;
		t->linear_first = f->linear_first.data;
		t->linear_constant = f->linear_constant.data;
		t->linear_feature = f->linear_feature.data;
		t->linear_coefficient = f->linear_coefficient.data;
	}
	return rc;
}

uint32_t forest_depth(const struct forest *f)
{
	return f->depth;
}

// --- Into the graph -------------------------------------------------------------------------------

struct addition {
	struct graph *graph;
	const char *name;
	uint32_t inputs[TREES_INPUT_COUNT];
	struct error *err;
	int rc;
};

static void forest_add_array(struct addition *add, enum trees_input i, const char *what,
	enum dtype dtype, uint32_t columns, uint32_t count, const void *data)
{
	const int64_t dims[2] = { count, columns };
	const size_t bytes = (size_t)count * columns * dtype_bytes(dtype);
	char name[200];
	const char *own;
	void *copy;

	add->inputs[i] = GRAPH_NONE;
	if (!data || add->rc != 0)
		return;
	snprintf(name, sizeof(name), "%.*s.%s", text_cut(add->name, 150), add->name, what);
	own = arena_strdup(add->graph->arena, name);
	copy = arena_calloc(add->graph->arena, bytes + 1, 1);
	if (!own || !copy) {
		add->rc = error_set(add->err, -ENOMEM, "out of memory for trees");
		return;
	}
	memcpy(copy, data, bytes);
	add->inputs[i] =
		graph_add_tensor(add->graph, own, dtype, columns > 1 ? 2 : 1, dims, copy, add->err);
	if (add->inputs[i] == GRAPH_NONE)
		add->rc = add->err->code;
}

static void forest_add_arrays(struct addition *add, const struct trees *t)
{
	const uint32_t sets = t->set ? t->n_sets + 1 : 0, linear = t->n_leaves + 1;

	forest_add_array(add, TREES_ROOT, "root", DTYPE_I32, 1, t->n_trees, t->root);
	forest_add_array(add, TREES_FEATURE, "feature", DTYPE_I32, 1, t->n_branches, t->feature);
	forest_add_array(
		add, TREES_THRESHOLD, "threshold", DTYPE_F32, 1, t->n_branches, t->threshold);
	forest_add_array(add, TREES_KIND, "kind", DTYPE_U8, 1, t->n_branches, t->kind);
	forest_add_array(add, TREES_CHILDREN, "children", DTYPE_I32, 2, t->n_branches, t->children);
	forest_add_array(add, TREES_WEIGHT_FIRST, "weight_first", DTYPE_I32, 1, t->n_leaves + 1,
		t->weight_first);
	forest_add_array(add, TREES_WEIGHT_TARGET, "weight_target", DTYPE_I32, 1, t->n_weights,
		t->weight_target);
	forest_add_array(add, TREES_WEIGHT, "weight", DTYPE_F32, 1, t->n_weights, t->weight);
	forest_add_array(add, TREES_BASE, "base", DTYPE_F32, 1, t->n_targets, t->base);
	forest_add_array(add, TREES_SET, "set", DTYPE_I32, 1, t->n_branches, t->set);
	forest_add_array(add, TREES_SET_FIRST, "set_first", DTYPE_I32, 1, sets, t->set_first);
	forest_add_array(
		add, TREES_SET_WORDS, "set_words", DTYPE_U32, 1, t->n_set_words, t->set_words);
	forest_add_array(
		add, TREES_LINEAR_FIRST, "linear_first", DTYPE_I32, 1, linear, t->linear_first);
	forest_add_array(add, TREES_LINEAR_CONSTANT, "linear_constant", DTYPE_F32, 1, t->n_leaves,
		t->linear_constant);
	forest_add_array(add, TREES_LINEAR_FEATURE, "linear_feature", DTYPE_I32, 1,
		t->n_linear_terms, t->linear_feature);
	forest_add_array(add, TREES_LINEAR_COEFFICIENT, "linear_coefficient", DTYPE_F32, 1,
		t->n_linear_terms, t->linear_coefficient);
}

int forest_emit(struct graph *graph, const char *name, const struct trees *trees, uint32_t x,
	uint32_t *output, struct error *err)
{
	struct addition add = { .graph = graph, .name = name, .err = err };
	uint32_t n_inputs = trees->linear_first ? TREES_INPUT_COUNT
		: trees->set                    ? TREES_SET_WORDS + 1
						: TREES_BASE + 1;
	struct tensor shape = { 0 };
	uint32_t index;
	int rc = trees_check(trees, err);

	if (rc != 0)
		return rc;
	forest_add_arrays(&add, trees);
	if (add.rc != 0)
		return add.rc;
	add.inputs[TREES_X] = x;
	*output = graph_add_tensor(graph, name, DTYPE_F32, 0, NULL, NULL, err);
	if (*output == GRAPH_NONE)
		return err->code;
	index = graph_add_node(graph, OP_TREES, name, n_inputs, add.inputs, 1, output, err);
	if (index == GRAPH_NONE)
		return err->code;
	if (node_set_int(graph, &graph->nodes[index], ATTR_AGGREGATE, trees->aggregate) != 0)
		return error_set(err, -ENOMEM, "out of memory for trees");
	rc = op_infer(graph, &graph->nodes[index], &shape, err);
	shape.name = graph->tensors[*output].name;
	shape.data = NULL;
	graph->tensors[*output] = shape;
	return rc;
}
