// SPDX-License-Identifier: BSD-3-Clause
// One tree's section: Tree::NumericalDecision, Tree::CategoricalDecision and linear leaves as
// LightGBM's tree.h has them.
#include "infer/import/lightgbm/trees.h"
#include "infer/graph/arena.h"
#include "infer/import/forest.h"
#include "infer/import/lightgbm/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DECISION_CATEGORICAL  1
#define DECISION_DEFAULT_LEFT 2
#define DECISION_MAX          15 // two more bits: how values are missing

enum missing { MISSING_NONE, MISSING_ZERO, MISSING_NAN };

struct lightgbm_source {
	struct lightgbm *l;
	const struct lightgbm_section *section;
	uint32_t n_leaves, n_cat, target;
	const int64_t *feature, *decision, *left, *right;
	const double *threshold, *leaf_value;
	const int64_t *cat_boundaries, *cat_words;
	uint32_t *words; // of all sets
	// Linear leaves, or NULL.
	const double *leaf_const, *coefficient;
	const int64_t *n_terms, *term_feature;
	uint32_t *first_term;
};

static int lightgbm_refuse(struct lightgbm_source *s, uint32_t node, const char *what)
{
	return error_set(
		s->l->err, -EINVAL, "%s: node %" PRIu32 ": %s", s->section->name, node, what);
}

static int numerical(struct lightgbm_source *s, uint32_t n, struct forest_node *node)
{
	const enum missing missing = (enum missing)(s->decision[n] >> 2);
	const bool default_left = s->decision[n] & DECISION_DEFAULT_LEFT;

	if (isnan(s->threshold[n]))
		return lightgbm_refuse(s, n, "its threshold is NaN");
	node->kind = missing == MISSING_ZERO ? TREE_LESS_OR_ZERO_MISSING : TREE_LESS;
	// Where nothing is missing, NaN is 0.
	if (missing == MISSING_NONE ? 0 <= s->threshold[n] : default_left)
		node->kind |= TREE_MISSING_TRUE;
	s->l->rounded |= (double)(float)s->threshold[n] != s->threshold[n];
	forest_less_or_equal(node, s->threshold[n], s->l->options->thresholds != THRESHOLDS_FLOOR);
	return 0;
}

// What is in the set goes left; NaN goes right.
static int categorical(struct lightgbm_source *s, uint32_t n, struct forest_node *node)
{
	const double at = s->threshold[n];
	int64_t first, end;

	if (!(at >= 0 && at < s->n_cat) || at != floor(at))
		return lightgbm_refuse(
			s, n, "its threshold should be the number of a set of categories");
	first = s->cat_boundaries[(uint32_t)at];
	end = s->cat_boundaries[(uint32_t)at + 1];
	node->kind = TREE_IN_SET;
	node->set = s->words + first;
	node->n_set = (uint32_t)(end - first);
	return 0;
}

static int lightgbm_read_leaf(
	struct lightgbm_source *s, uint32_t leaf, struct forest_node *node, struct forest *forest)
{
	const bool linear = s->leaf_const != NULL;
	const uint32_t terms = linear ? (uint32_t)s->n_terms[leaf] : 0;
	double value = s->leaf_value[leaf];
	int rc;

	node->is_leaf = true;
	if (linear && terms == 0)
		value = s->leaf_const[leaf];
	if (linear)
		node->linear_constant = (float)s->leaf_const[leaf];
	rc = forest_weight(forest, s->target, (float)value, s->l->err);
	for (uint32_t i = 0; i < terms && rc == 0; i++)
		rc = forest_term(forest, s->term_feature[s->first_term[leaf] + i],
			(float)s->coefficient[s->first_term[leaf] + i], s->l->err);
	return rc;
}

// Branches are numbered first, leaves behind them; what is neither is no node at all.
static int64_t lightgbm_number_of(const struct lightgbm_source *s, int64_t child)
{
	if (child >= (int64_t)s->n_leaves - 1 || child < -(int64_t)s->n_leaves)
		return INT64_MAX;
	return child >= 0 ? child : (int64_t)s->n_leaves - 2 - child;
}

static int lightgbm_read_node(void *context, uint32_t n, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	struct lightgbm_source *s = context;

	(void)err;
	if (n >= s->n_leaves - 1)
		return lightgbm_read_leaf(s, n - (s->n_leaves - 1), node, forest);
	if (s->decision[n] < 0 || s->decision[n] > DECISION_MAX ||
		s->decision[n] >> 2 > MISSING_NAN)
		return lightgbm_refuse(s, n, "its decision_type is not one of LightGBM's");
	node->feature = s->feature[n];
	node->yes = lightgbm_number_of(s, s->left[n]);
	node->no = lightgbm_number_of(s, s->right[n]);
	return s->decision[n] & DECISION_CATEGORICAL ? categorical(s, n, node)
						     : numerical(s, n, node);
}

static int read_sets(struct lightgbm_source *s)
{
	struct lightgbm *l = s->l;
	int64_t end;

	if (s->n_cat == 0)
		return 0;
	if (lightgbm_integers(
		    l, s->section, "cat_boundaries", s->n_cat + 1, false, &s->cat_boundaries) != 0)
		return s->l->err->code;
	end = s->cat_boundaries[s->n_cat];
	for (uint32_t i = 0; i < s->n_cat; i++) {
		if (s->cat_boundaries[i] < 0 || s->cat_boundaries[i] > s->cat_boundaries[i + 1] ||
			end > TREES_BRANCHES_MAX)
			return error_set(l->err, -EINVAL,
				"%s: cat_boundaries should rise, to %d at most", s->section->name,
				TREES_BRANCHES_MAX);
	}
	if (lightgbm_integers(
		    l, s->section, "cat_threshold", (uint32_t)end, false, &s->cat_words) != 0)
		return s->l->err->code;
	s->words = arena_calloc(l->graph->arena, (size_t)end + 1, sizeof(*s->words));
	if (!s->words)
		return error_set(l->err, -ENOMEM, "out of memory");
	for (int64_t i = 0; i < end; i++) {
		if (s->cat_words[i] < 0 || s->cat_words[i] > UINT32_MAX)
			return error_set(l->err, -EINVAL,
				"%s: cat_threshold should have words of 32 bits, not %" PRId64,
				s->section->name, s->cat_words[i]);
		s->words[i] = (uint32_t)s->cat_words[i];
	}
	return 0;
}

static int read_linear(struct lightgbm_source *s)
{
	struct lightgbm *l = s->l;
	const char *is_linear = lightgbm_find(s->section, "is_linear");
	int64_t total = 0;

	if (!is_linear || is_linear[0] != '1')
		return 0;
	if (lightgbm_doubles(l, s->section, "leaf_const", s->n_leaves, false, &s->leaf_const) !=
			0 ||
		lightgbm_integers(l, s->section, "num_features", s->n_leaves, false, &s->n_terms) !=
			0)
		return s->l->err->code;
	s->first_term = arena_calloc(l->graph->arena, s->n_leaves, sizeof(*s->first_term));
	if (!s->first_term)
		return error_set(l->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < s->n_leaves; i++) {
		if (s->n_terms[i] < 0 || s->n_terms[i] > l->n_features ||
			total + s->n_terms[i] > TREES_BRANCHES_MAX)
			return error_set(l->err, -EINVAL,
				"%s: num_features of leaf %" PRIu32 " should be 0 to %" PRIu32,
				s->section->name, i, l->n_features);
		s->first_term[i] = (uint32_t)total;
		total += s->n_terms[i];
	}
	if (lightgbm_integers(
		    l, s->section, "leaf_features", (uint32_t)total, false, &s->term_feature) != 0)
		return s->l->err->code;
	return lightgbm_doubles(
		l, s->section, "leaf_coeff", (uint32_t)total, false, &s->coefficient);
}

static int read_branches(struct lightgbm_source *s)
{
	struct lightgbm *l = s->l;
	const uint32_t n = s->n_leaves - 1;

	if (n == 0)
		return 0;
	if (lightgbm_integers(l, s->section, "split_feature", n, false, &s->feature) != 0 ||
		lightgbm_integers(l, s->section, "decision_type", n, false, &s->decision) != 0 ||
		lightgbm_integers(l, s->section, "left_child", n, false, &s->left) != 0 ||
		lightgbm_integers(l, s->section, "right_child", n, false, &s->right) != 0)
		return s->l->err->code;
	return lightgbm_doubles(l, s->section, "threshold", n, false, &s->threshold);
}

int lightgbm_add_tree(struct lightgbm *l, const struct lightgbm_section *section, uint32_t target)
{
	struct lightgbm_source s = { .l = l, .section = section, .target = target };
	int64_t leaves = 0, sets = 0;
	int rc = lightgbm_integer(l, section, "num_leaves", 1, TREES_BRANCHES_MAX, false, &leaves);

	if (rc == 0)
		rc = lightgbm_integer(l, section, "num_cat", 0, TREES_BRANCHES_MAX, false, &sets);
	s.n_leaves = (uint32_t)leaves;
	s.n_cat = (uint32_t)sets;
	if (rc == 0)
		rc = read_branches(&s);
	if (rc == 0)
		rc = lightgbm_doubles(l, section, "leaf_value", s.n_leaves, false, &s.leaf_value);
	if (rc == 0)
		rc = read_sets(&s);
	if (rc == 0)
		rc = read_linear(&s);
	if (rc != 0)
		return rc;
	rc = forest_add(l->forest, 2 * s.n_leaves - 1, 0, lightgbm_read_node, &s, l->err);
	if (rc != 0 && strncmp(l->err->text, section->name, strlen(section->name)) != 0)
		error_prefix(l->err, "%s", section->name);
	return rc;
}
