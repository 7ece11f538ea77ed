// SPDX-License-Identifier: BSD-3-Clause
// Tree ensembles of ai.onnx.ml that lie: each is refused in one sentence that names node and
// attribute.
#include "infer/graph/trees.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/tree_files.h"

#include <math.h>
#include <stdio.h>

#define TYPE(name)    ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

#define REFUSED(make, sentence)                                                                    \
	do {                                                                                       \
		make;                                                                              \
		file_refused(-EINVAL, sentence);                                                   \
		tree_file_sound();                                                                 \
	} while (0)

static void nodes_that_lead_astray(void **state)
{
	const char *const PLACE = "node 'n' (TreeEnsembleRegressor): tree 0";

	tree_file_sound();
	tree_file_regressor();
	file_accepted();
	REFUSED((tree_file.no[0] = 1, tree_file_regressor()), PLACE);
	REFUSED((tree_file.yes[0] = 3, tree_file_regressor()),
		"node 'n' (TreeEnsembleRegressor): tree 0, node 0 leads to node 3, which is not "
		"there");
	REFUSED((tree_file.yes[0] = -1, tree_file_regressor()), "tree 0, node 0 leads to node");
	REFUSED((tree_file.yes[0] = INT64_MIN, tree_file_regressor()),
		"tree 0, node 0 leads to node");
	REFUSED((tree_file.yes[0] = (INT64_C(1) << 32) + 1, tree_file_regressor()),
		"tree 0, node 0 leads to node");
	REFUSED((tree_file.yes[0] = 0, tree_file.no[0] = 0, tree_file_regressor()), "tree 0 has");
	REFUSED((tree_file.modes[1] = tree_file.modes[0], tree_file.yes[1] = 0, tree_file.no[1] = 2,
			tree_file_regressor()),
		PLACE);
	REFUSED((tree_file.ids[2] = 1, tree_file_regressor()), "tree 0 has two nodes 1");
	REFUSED((tree_file.features[0] = 2, tree_file_regressor()), "tree 0: node 0");
	REFUSED((tree_file.features[0] = -1, tree_file_regressor()), "tree 0: node 0");
	REFUSED((tree_file.features[0] = INT64_C(1) << 32, tree_file_regressor()),
		"tree 0: node 0");
	REFUSED((tree_file.thresholds[0] = NAN, tree_file_regressor()), "threshold that is NaN");
	REFUSED((tree_file.modes[0].data = (uint8_t *)file_name("BRANCH_LES"),
			tree_file_regressor()),
		"mode 'BRANCH_LES' is unknown");
	(void)state;
}

static void lists_that_differ(void **state)
{
	static const char *const LISTS[] = { "nodes_treeids", "nodes_nodeids", "nodes_featureids",
		"nodes_truenodeids", "nodes_falsenodeids", "nodes_values", "nodes_modes",
		"target_treeids", "target_nodeids", "target_ids", "target_weights" };
	char sentence[100];

	tree_file_sound();
	for (size_t i = 0; i < LENGTH(LISTS); i++) {
		Onnx__AttributeProto *attr;

		tree_file_regressor();
		attr = &file.attrs[i];
		assert_string_equal(attr->name, LISTS[i]);
		attr->n_ints -= attr->n_ints > 0;
		attr->n_floats -= attr->n_floats > 0;
		attr->n_strings -= attr->n_strings > 0;
		// The first list says how many there are, of nodes and of weights.
		snprintf(sentence, sizeof(sentence),
			"node 'n' (TreeEnsembleRegressor): attribute '%s' has",
			i == 0            ? "nodes_nodeids"
				: i == 10 ? "target_treeids"
					  : LISTS[i]);
		file_refused(-EINVAL, sentence);
		attr->type = TYPE(INT);
		attr->has_i = 1;
		attr->n_ints = attr->n_floats = attr->n_strings = 0;
		file_refused(-EINVAL, LISTS[i]);
	}
	(void)state;
}

static void targets_and_functions(void **state)
{
	tree_file_sound();
	REFUSED((tree_file.targets[0] = 1, tree_file_regressor()),
		"a weight for output 1, there are 1");
	REFUSED((tree_file.targets[0] = -1, tree_file_regressor()),
		"a weight for output -1, there are 1");
	REFUSED((tree_file.targets[0] = INT64_C(1) << 32, tree_file_regressor()),
		"output 4294967296, there are 1");
	REFUSED((tree_file.post = "CUBIC", tree_file_regressor()), "post_transform");
	REFUSED((tree_file.n_base = 2, tree_file_regressor()), "2 base_values for 1 targets");
	tree_file_regressor();
	tree_file_int(&file.nodes[0], "n_targets", 0);
	file_refused(-EINVAL, "n_targets is 0, should be 1 to");
	tree_file_regressor();
	tree_file_int(&file.nodes[0], "n_targets", INT64_MAX);
	file_refused(-EINVAL, "n_targets is 9223372036854775807, should be 1 to");
	tree_file_regressor();
	tree_file_text(&file.nodes[0], "aggregate_function", "MEDIAN");
	file_refused(-EINVAL, "aggregate_function is 'MEDIAN', should be SUM, AVERAGE, MIN or MAX");
	tree_file_classifier(0);
	file_refused(-EINVAL, "node 'n' (TreeEnsembleClassifier): 0 class labels, should be 1 to");
	REFUSED((tree_file.targets[0] = 2, tree_file_classifier(2)),
		"a weight for output 2, there are 2");
	tree_file.n_base = 1;
	tree_file.targets[1] = 1;
	tree_file_classifier(2);
	file_refused(-ENOTSUP,
		"one base value for two classes, and some rows meet no weight for the second: "
		"ONNX Runtime leaves its score undefined");
	tree_file_sound();
	REFUSED((tree_file.n_base = 3, tree_file_classifier(2)), "3 base_values for 2 classes");
	tree_file_regressor();
	file.attrs[0].n_ints = 0;
	file_refused(-EINVAL, "attribute 'nodes_treeids' has 0 values, should have 1 to");
	(void)state;
}

// Each branch has a leaf and the next branch.
static void depth_bombs(void **state)
{
	enum { DEPTH = TREES_DEPTH_MAX + 1, NODES = 2 * DEPTH + 1 };
	static int64_t none[NODES], number[NODES], to_yes[NODES], to_no[NODES];
	static float at[NODES];
	static ProtobufCBinaryData kinds[NODES];
	int64_t *const lists[] = { none, number, none, to_yes, to_no };

	tree_file_sound();
	for (int i = 0; i < NODES; i++) {
		number[i] = i;
		kinds[i] = tree_file.modes[i < DEPTH ? 0 : 1];
		to_yes[i] = DEPTH + i;
		to_no[i] = i + 1 < DEPTH ? i + 1 : NODES - 1;
	}
	tree_file_regressor();
	for (int i = 0; i < 5; i++) {
		file.attrs[i].ints = lists[i];
		file.attrs[i].n_ints = NODES;
	}
	file.attrs[5].floats = at;
	file.attrs[6].strings = kinds;
	file.attrs[5].n_floats = file.attrs[6].n_strings = NODES;
	file_refused(-EINVAL, "tree 0: node 512 lies 512 deep, no branch may lie there");
	(void)state;
}

#define REFUSED_ENSEMBLE(make, sentence)                                                           \
	do {                                                                                       \
		tree_file_sound_ensemble();                                                        \
		make;                                                                              \
		file_refused(-EINVAL, sentence);                                                   \
	} while (0)

static void ensembles(void **state)
{
	tree_file_sound_ensemble();
	tree_file_ensemble(3);
	file_accepted();
	REFUSED_ENSEMBLE(
		tree_file_ensemble(2), "'membership_values' ends before the members of branch 0");
	REFUSED_ENSEMBLE(
		tree_file_ensemble(0), "'membership_values' ends before the members of branch 0");
	REFUSED_ENSEMBLE((tree_file.mode_bytes[0] = 7, tree_file_ensemble(3)),
		"branch 0 has the unknown mode 7");
	REFUSED_ENSEMBLE((tree_file.yes[0] = 2, tree_file_ensemble(3)),
		"branch 0 leads to leaf 2, there are 2");
	REFUSED_ENSEMBLE((tree_file.yes[0] = -1, tree_file_ensemble(3)),
		"branch 0 leads to leaf -1, there are 2");
	REFUSED_ENSEMBLE((tree_file.zeros[1] = 1, tree_file_ensemble(3)),
		"leaf 1 is for output 1, there are 1");
	REFUSED_ENSEMBLE((tree_file.zeros[1] = -1, tree_file_ensemble(3)),
		"leaf 1 is for output -1, there are 1");
	REFUSED_ENSEMBLE((tree_file.roots[0] = 1, tree_file_ensemble(3)),
		"tree 0 begins at branch 1, there are 1");
	REFUSED_ENSEMBLE((tree_file.roots[0] = -1, tree_file_ensemble(3)),
		"tree 0 begins at branch -1, there are 1");
	REFUSED_ENSEMBLE((tree_file.features[0] = 2, tree_file_ensemble(3)),
		"node 'n' (TreeEnsemble): tree 0: node 0");
	REFUSED_ENSEMBLE(
		(tree_file.features[0] = INT64_MIN, tree_file_ensemble(3)), "tree 0: node 0");
	REFUSED_ENSEMBLE(tree_file_int(tree_file_ensemble(3), "aggregate_function", 4),
		"aggregate_function 4");
	REFUSED_ENSEMBLE(
		tree_file_int(tree_file_ensemble(3), "post_transform", 5), "post_transform 5");
	REFUSED_ENSEMBLE((tree_file_ensemble(3), file.attrs[0].n_ints = 0),
		"'tree_roots' is missing or empty");
	REFUSED_ENSEMBLE((tree_file_ensemble(3), file.attrs[6].n_ints = 1),
		"1 nodes_splits and 2 leaf_weights");
	REFUSED_ENSEMBLE((tree_file_ensemble(3), file.attrs[5].n_ints = 0),
		"'nodes_falseleafs' has 0 values");
	// A branch that leads to itself, and a threshold that is NaN.
	tree_file_sound_ensemble();
	tree_file_ensemble(3);
	tree_file.leaf_flags[0] = 0;
	tree_file.yes[0] = 0;
	file_refused(-EINVAL, "node 'n' (TreeEnsemble): tree 0");
	tree_file_sound_ensemble();
	tree_file.mode_bytes[0] = 0;
	tree_file_ensemble(0);
	tree_file.splits[0] = (double)NAN;
	file_refused(-EINVAL, "threshold that is NaN");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_that_lead_astray),
		cmocka_unit_test(lists_that_differ),
		cmocka_unit_test(targets_and_functions),
		cmocka_unit_test(depth_bombs),
		cmocka_unit_test(ensembles),
	};

	return cmocka_run_group_tests_name("onnx_trees_hostile", tests, NULL, file_end);
}
