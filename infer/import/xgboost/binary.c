// SPDX-License-Identifier: BSD-3-Clause
// Format: LearnerIO::LoadModel(dmlc::Stream), GBTreeModel::Load, RegTree::Load and GBLinearModel::Load
// of XGBoost 1.7, and Learner::Load of 0.90: structs as a little-endian machine has them in memory,
// texts and vectors behind a count of 64 bits.
#include "infer/import/xgboost/binary.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LEARNER_BYTES 136
#define GBTREE_BYTES  160
#define TREE_BYTES    148
#define NODE_BYTES    20
#define STAT_BYTES    16
#define LINEAR_BYTES  136
#define TEXT_MAX      ((uint64_t)1 << 20)
#define DELETED       UINT32_MAX // the feature of a node that was pruned

struct binary {
	const uint8_t *bytes;
	size_t size, at;
	struct error *err;
};

static const char *const OBJECTIVES[] = {
	"reg:", "binary:", "multi:", "rank:", "count:", "survival:", "gpu:"
};

static size_t binary_mark(const void *bytes, size_t size)
{
	return size >= 4 && memcmp(bytes, "binf", 4) == 0 ? 4 : 0;
}

bool xgboost_binary_recognises(const void *bytes, size_t size)
{
	const size_t name = binary_mark(bytes, size) + LEARNER_BYTES + sizeof(uint64_t);

	for (size_t i = 0; i < sizeof(OBJECTIVES) / sizeof(*OBJECTIVES); i++) {
		const size_t n = strlen(OBJECTIVES[i]);

		if (size >= name + n && memcmp((const char *)bytes + name, OBJECTIVES[i], n) == 0)
			return true;
	}
	return false;
}

// The next `n` bytes; NULL: the file ends before.
static const uint8_t *binary_take(struct binary *b, uint64_t n, const char *what)
{
	const uint8_t *from = b->bytes + b->at;

	if (n > b->size - b->at) {
		error_set(b->err, -EINVAL,
			"XGBoost's binary form: the file ends at byte %zu, in %s", b->size, what);
		return NULL;
	}
	b->at += n;
	return from;
}

static uint32_t binary_u32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
		(uint32_t)from[3] << 24;
}

static float binary_f32(const uint8_t *from)
{
	const uint32_t bits = binary_u32(from);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static bool binary_count(struct binary *b, uint64_t *n, const char *what)
{
	const uint8_t *from = binary_take(b, sizeof(*n), what);

	if (from)
		*n = (uint64_t)binary_u32(from) | (uint64_t)binary_u32(from + 4) << 32;
	return from != NULL;
}

static json_t *binary_refuse_memory(struct binary *b)
{
	error_set(b->err, -ENOMEM, "out of memory");
	return NULL;
}

static json_t *binary_text(struct binary *b, const char *what)
{
	const uint8_t *from;
	uint64_t n;
	json_t *text;

	if (!binary_count(b, &n, what))
		return NULL;
	if (n > TEXT_MAX) {
		error_set(b->err, -EINVAL,
			"XGBoost's binary form: at byte %zu, %s of %" PRIu64
			" bytes, should be %" PRIu64 " at most",
			b->at, what, n, TEXT_MAX);
		return NULL;
	}
	from = binary_take(b, n, what);
	if (!from)
		return NULL;
	text = json_stringn((const char *)from, n);
	if (text)
		return text;
	text = json_stringn_nocheck("", 0); // is it the text, or memory?
	error_set(b->err, text ? -EINVAL : -ENOMEM, "XGBoost's binary form: %s at byte %zu %s",
		what, b->at - n, text ? "is no UTF-8" : "does not fit in memory");
	json_decref(text);
	return NULL;
}

// A number; what is not finite, which JSON cannot say, is left to be refused as null.
static json_t *binary_real(float value)
{
	return isfinite(value) ? json_real((double)value) : json_null();
}

// --- Trees --------------------------------------------------------------------------------------

static int binary_add_nodes(const uint8_t *nodes, uint32_t n, json_t *const lists[5])
{
	int rc = 0;

	for (uint32_t i = 0; i < n && rc == 0; i++, nodes += NODE_BYTES) {
		const uint32_t feature = binary_u32(nodes + 12);
		const float value = feature == DELETED ? 0 : binary_f32(nodes + 16);

		rc |= json_array_append_new(lists[0], json_integer((int32_t)binary_u32(nodes + 4)));
		rc |= json_array_append_new(lists[1], json_integer((int32_t)binary_u32(nodes + 8)));
		rc |= json_array_append_new(lists[2], json_integer(feature & INT32_MAX));
		rc |= json_array_append_new(lists[3], json_integer(feature >> 31));
		rc |= json_array_append_new(lists[4], binary_real(value));
	}
	return rc;
}

static json_t *binary_tree(struct binary *b)
{
	static const char *const NAMES[5] = { "left_children", "right_children", "split_indices",
		"default_left", "split_conditions" };
	const uint8_t *param = binary_take(b, TREE_BYTES, "a tree"), *nodes;
	json_t *lists[5], *tree;
	uint32_t n;
	int rc = 0;

	if (!param)
		return NULL;
	n = binary_u32(param + 4);
	if (binary_u32(param) != 1 || binary_u32(param + 20) > 1) {
		error_set(b->err, -ENOTSUP,
			"XGBoost's binary form: a tree of %" PRIu32 " roots and leaves of %" PRIu32
			" values, one of each is supported",
			binary_u32(param), binary_u32(param + 20));
		return NULL;
	}
	nodes = binary_take(b, (uint64_t)n * (NODE_BYTES + STAT_BYTES), "a tree's nodes");
	if (!nodes)
		return NULL;
	tree = json_object();
	for (int i = 0; i < 5; i++) {
		lists[i] = json_array();
		rc |= json_object_set_new(tree, NAMES[i], lists[i]);
	}
	if (rc != 0 || binary_add_nodes(nodes, n, lists) != 0) {
		json_decref(tree);
		return binary_refuse_memory(b);
	}
	return tree;
}

static int binary_add_trees(struct binary *b, json_t *trees, json_t *info, uint32_t n)
{
	const uint8_t *groups;

	for (uint32_t i = 0; i < n; i++) {
		json_t *tree = binary_tree(b);

		if (!tree)
			return b->err->code;
		if (json_array_append_new(trees, tree) != 0)
			return error_set(b->err, -ENOMEM, "out of memory");
	}
	groups = binary_take(b, (uint64_t)n * sizeof(uint32_t), "the trees' groups");
	if (!groups)
		return b->err->code;
	for (uint32_t i = 0; i < n; i++) {
		if (json_array_append_new(
			    info, json_integer((int32_t)binary_u32(groups + 4 * i))) != 0)
			return error_set(b->err, -ENOMEM, "out of memory");
	}
	return 0;
}

// `parallel`: the file says how many trees a round has, as from 1.0 on.
static json_t *binary_gbtree(struct binary *b, bool parallel)
{
	const uint8_t *param = binary_take(b, GBTREE_BYTES, "the booster's parameters");
	json_t *trees = json_array(), *info = json_array(), *model;

	// The object takes the lists, whatever comes of it.
	model = json_pack("{s:{s:i}, s:o, s:o}", "gbtree_model_param", "num_parallel_tree",
		param && parallel ? (int)binary_u32(param + 4) : 0, "trees", trees, "tree_info",
		info);
	if (!model)
		return binary_refuse_memory(b);
	if (!param || binary_add_trees(b, trees, info, binary_u32(param)) != 0) {
		json_decref(model);
		return NULL;
	}
	return model;
}

// A vector of floats.
static json_t *binary_floats(struct binary *b, const char *what)
{
	json_t *list = NULL;
	const uint8_t *from;
	uint64_t n;

	if (!binary_count(b, &n, what))
		return NULL;
	from = binary_take(b, n <= SIZE_MAX / 4 ? 4 * n : UINT64_MAX, what);
	if (!from)
		return NULL;
	list = json_array();
	for (uint64_t i = 0; list && i < n; i++) {
		if (json_array_append_new(list, binary_real(binary_f32(from + 4 * i))) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list ? list : binary_refuse_memory(b);
}

// --- The learner --------------------------------------------------------------------------------

static json_t *binary_booster(struct binary *b, const char *name, bool parallel)
{
	json_t *model, *drop, *booster;

	if (strcmp(name, "gblinear") == 0) {
		if (!binary_take(b, LINEAR_BYTES, "the booster's parameters"))
			return NULL;
		model = binary_floats(b, "the weights");
		booster = model
			? json_pack("{s:s, s:{s:o}}", "name", name, "model", "weights", model)
			: NULL;
		return booster || !model ? booster : binary_refuse_memory(b);
	}
	model = binary_gbtree(b, parallel);
	if (!model)
		return NULL;
	if (strcmp(name, "dart") != 0) {
		booster = json_pack("{s:s, s:o}", "name", name, "model", model);
		return booster ? booster : binary_refuse_memory(b);
	}
	drop = binary_floats(b, "the trees' weights");
	if (!drop) {
		json_decref(model);
		return NULL;
	}
	booster = json_pack(
		"{s:s, s:{s:o}, s:o}", "name", name, "gbtree", "model", model, "weight_drop", drop);
	return booster ? booster : binary_refuse_memory(b);
}

// Texts by name, if there are any.
static json_t *binary_attributes(struct binary *b, bool any)
{
	json_t *attributes = json_object();
	uint64_t n = 0;

	if (any && !binary_count(b, &n, "the attributes"))
		goto err;
	for (uint64_t i = 0; i < n; i++) {
		json_t *key = binary_text(b, "an attribute's name"), *value;

		value = key ? binary_text(b, "an attribute") : NULL;
		if (value)
			json_object_set_new(attributes, json_string_value(key), value);
		json_decref(key);
		if (!value)
			goto err;
	}
	return attributes;
err:
	json_decref(attributes);
	return NULL;
}

static json_t *binary_parameters(const uint8_t *header)
{
	const uint32_t targets = binary_u32(header + 28);

	return json_pack("{s:I, s:I, s:I, s:o}", "num_feature", (json_int_t)binary_u32(header + 4),
		"num_class", (json_int_t)(int32_t)binary_u32(header + 8), "num_target",
		(json_int_t)(targets ? targets : 1), "base_score", binary_real(binary_f32(header)));
}

static json_t *binary_learner(struct binary *b, const uint8_t *header)
{
	json_t *objective = binary_text(b, "the objective"), *name, *booster = NULL;
	json_t *attributes = NULL, *learner = NULL;
	const char *text;

	name = objective ? binary_text(b, "the booster") : NULL;
	if (name)
		booster = binary_booster(b, json_string_value(name), binary_u32(header + 20) > 0);
	if (booster)
		attributes = binary_attributes(b, binary_u32(header + 12) != 0);
	if (attributes) {
		text = json_string_value(objective);
		text += strncmp(text, "gpu:", 4) == 0 ? 4 : 0;
		learner = json_pack("{s:o, s:{s:s}, s:o, s:o}", "learner_model_param",
			binary_parameters(header), "objective", "name", text, "gradient_booster",
			booster, "attributes", attributes);
		if (!learner)
			binary_refuse_memory(b);
	} else {
		json_decref(booster);
	}
	json_decref(objective);
	json_decref(name);
	return learner;
}

json_t *xgboost_binary_parse(const void *bytes, size_t size, bool *margin, struct error *err)
{
	struct binary b = { .bytes = bytes, .size = size, .err = err };
	const uint8_t *header;
	json_t *learner, *root;

	b.at = binary_mark(bytes, size);
	header = binary_take(&b, LEARNER_BYTES, "the header");
	if (!header)
		return NULL;
	*margin = binary_u32(header + 20) == 0;
	learner = binary_learner(&b, header);
	if (!learner)
		return NULL;
	root = json_pack("{s:[I,I,i], s:o}", "version", (json_int_t)binary_u32(header + 20),
		(json_int_t)binary_u32(header + 24), 0, "learner", learner);
	return root ? root : binary_refuse_memory(&b);
}
