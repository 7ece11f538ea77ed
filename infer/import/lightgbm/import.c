// SPDX-License-Identifier: BSD-3-Clause
// A LightGBM model's text to a graph: sections, header, trees, objective.
#include "infer/import/lightgbm/import.h"
#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/import/forest.h"
#include "infer/import/lightgbm/categories.h"
#include "infer/import/lightgbm/objective.h"
#include "infer/import/lightgbm/text.h"
#include "infer/import/lightgbm/trees.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)

bool lightgbm_recognises(const void *bytes, size_t size)
{
	return (size > 5 && memcmp(bytes, "tree", 4) == 0 &&
		       strchr("\r\n", ((const char *)bytes)[4])) ||
		(size > 5 && memcmp(bytes, "gbdt", 4) == 0 &&
			strchr("\r\n", ((const char *)bytes)[4]));
}

// Is it a list of `expected` names, separated by blanks, none empty?
static bool lightgbm_is_list(const char *list, uint32_t expected)
{
	uint32_t count = 1;

	for (const char *at = list; *at; at++) {
		if (*at == ' ' && (at == list || at[-1] == ' ' || !at[1]))
			return false;
		count += *at == ' ';
	}
	return *list && count == expected;
}

// Names that are as many as the features; others are not kept.
static int read_feature_names(struct lightgbm *l, const char *list)
{
	const char **names;

	if (!list || !lightgbm_is_list(list, l->n_features))
		return 0;
	names = arena_calloc(l->graph->arena, l->n_features, sizeof(*names));
	for (uint32_t i = 0; names && i < l->n_features; i++) {
		const size_t bytes = strcspn(list, " ");

		names[i] = arena_strndup(l->graph->arena, list, bytes);
		if (!names[i])
			return error_set(l->err, -ENOMEM, "out of memory");
		list += bytes + (list[bytes] == ' ');
	}
	l->graph->feature_names = names;
	return names ? 0 : error_set(l->err, -ENOMEM, "out of memory");
}

static int read_header(struct lightgbm *l, char **next)
{
	struct lightgbm_section header = { .name = "the header" };
	const char *version, *objective;
	int64_t features = -1, targets = 1; // where they are missing
	bool known;
	int rc;

	lightgbm_read_section(l, &header, next);
	version = lightgbm_find(&header, "version");
	known = version &&
		(strcmp(version, "v2") == 0 || strcmp(version, "v3") == 0 ||
			strcmp(version, "v4") == 0);
	if (!known)
		return error_set(l->err, -ENOTSUP,
			"LightGBM's text of version '%.20s'; v2, v3 and v4 are supported",
			version ? version : "1 or older");
	rc = lightgbm_integer(
		l, &header, "max_feature_idx", 0, MODEL_FEATURES_MAX - 1, true, &features);
	if (rc == 0)
		rc = lightgbm_integer(l, &header, "num_tree_per_iteration", 1, LIGHTGBM_TARGETS_MAX,
			true, &targets);
	if (rc != 0)
		return rc;
	// Random forests of LightGBM 2 converted each tree's leaves while training, later ones
	// convert the average.
	l->converted = l->average && strcmp(version, "v2") == 0;
	l->n_features = (uint32_t)features + 1;
	l->n_targets = (uint32_t)targets;
	objective = lightgbm_find(&header, "objective");
	l->objective = objective ? objective : "";
	l->infos = lightgbm_find(&header, "feature_infos");
	report_add(l->report, "LightGBM text of version %s, objective %s", version,
		*l->objective ? l->objective : "not said: raw scores");
	return read_feature_names(l, lightgbm_find(&header, "feature_names"));
}

// "average_output" stands alone on its line, so no key: looked for before the sections are.
static bool line_is_there(const char *text, const char *line)
{
	for (const char *at = text; (at = strstr(at, line)); at++) {
		if ((at == text || at[-1] == '\n') && strchr("\r\n", at[strlen(line)]))
			return true;
	}
	return false;
}

// Booster.save_model leaves out the rounds after the best one; fewer are taken where fewer are wanted.
static int lightgbm_choose_rounds(struct lightgbm *l, uint32_t trees_there)
{
	const uint32_t wanted = l->options->rounds, there = trees_there / l->n_targets;

	if (wanted == ROUNDS_BEST || wanted == ROUNDS_ALL)
		return 0;
	if (wanted > there)
		return error_set(l->err, -EINVAL,
			"%" PRIu32 " rounds are wanted, there are %" PRIu32, wanted, there);
	report_add(l->report, "%" PRIu32 " of %" PRIu32 " rounds are scored", wanted, there);
	return 0;
}

static int lightgbm_read_trees(struct lightgbm *l, char *next)
{
	const uint64_t wanted = (uint64_t)l->options->rounds * l->n_targets;
	const bool all = l->options->rounds == ROUNDS_BEST || l->options->rounds == ROUNDS_ALL;
	struct lightgbm_section section;
	uint32_t there = 0;
	char name[32];
	int rc = 0;

	while (next && strncmp(next, "Tree=", 5) == 0 && rc == 0) {
		snprintf(name, sizeof(name), "%.20s", next);
		section.name = name;
		lightgbm_read_section(l, &section, &next);
		if (all || there < wanted) {
			rc = lightgbm_add_tree(l, &section, l->n_trees % l->n_targets);
			l->n_trees++;
		}
		there++;
	}
	if (rc == 0)
		rc = lightgbm_choose_rounds(l, there);
	if (rc != 0)
		return rc;
	if (l->n_trees == 0 || l->n_trees % l->n_targets != 0)
		return error_set(l->err, -EINVAL,
			"%" PRIu32 " trees for %" PRIu32
			" outputs, should be one at least for each, and as many for all",
			l->n_trees, l->n_targets);
	if (!next)
		return error_set(l->err, -EINVAL,
			"the file is cut off: there is no line \"end of trees\" behind "
			"Tree=%" PRIu32,
			l->n_trees - 1);
	return 0;
}

static int lightgbm_build(struct lightgbm *l)
{
	float *base = arena_calloc(l->graph->arena, l->n_targets, sizeof(*base));
	const uint32_t input =
		build_input(l->graph, l->n_features, l->graph->feature_names, l->err);
	const uint32_t rounds = l->n_trees / l->n_targets;
	struct trees trees;
	uint32_t raw, output;
	int rc;

	if (input == GRAPH_NONE)
		return l->err->code;
	if (!base)
		return error_set(l->err, -ENOMEM, "out of memory");
	rc = forest_trees(l->forest, base, TREES_SUM, &trees, l->err);
	if (rc == 0)
		rc = forest_emit(l->graph, "trees", &trees, input, &raw, l->err);
	if (rc == 0 && l->average) {
		raw = build_pair(l->graph, OP_DIV, raw,
			build_scalar(l->graph, (float)rounds, l->err), l->err);
		rc = raw == GRAPH_NONE ? l->err->code : 0;
	}
	if (rc == 0)
		rc = lightgbm_transform(l, raw, &output);
	if (rc == 0)
		rc = build_output(l->graph, output, l->err);
	if (rc == 0 && l->rounded)
		report_add(l->report, "64-bit thresholds %s",
			l->options->thresholds == THRESHOLDS_FLOOR
				? "rounded down: rows are float32 and no rounded decimals"
				: "rounded to float32 as rows of decimals are; --thresholds floor "
				  "for rows that were float32 when the library scored them");
	if (rc == 0)
		report_add(l->report,
			"%" PRIu32 " trees, %" PRIu32 " leaves, at most %" PRIu32
			" deep, for %" PRIu32 " output%s%s%s%s",
			trees.n_trees, trees.n_leaves, forest_depth(l->forest), l->n_targets,
			l->n_targets == 1 ? "" : "s", trees.set ? ", splits by category" : "",
			trees.linear_first ? ", linear leaves" : "",
			l->average ? ", averaged" : "");
	return rc;
}

int import_lightgbm(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct lightgbm l = { .options = options, .report = report, .err = err };
	char *text, *next;
	int rc;

	*graph = NULL;
	if (size > FILE_BYTES_MAX || memchr(bytes, '\0', size))
		return error_set(err, -EINVAL, "not a text of at most %zu bytes", FILE_BYTES_MAX);
	l.graph = graph_create();
	text = malloc(size + 1);
	if (!l.graph || !text) {
		free(text);
		graph_destroy(l.graph);
		return error_set(err, -ENOMEM, "out of memory");
	}
	memcpy(text, bytes, size);
	text[size] = '\0';
	l.average = line_is_there(text, "average_output");
	l.at = text;
	l.graph->source_kind = "lightgbm";
	l.graph->accepts_missing = true;
	rc = read_header(&l, &next);
	if (rc == 0) {
		l.forest = forest_create(l.n_features, l.n_targets);
		rc = l.forest ? lightgbm_read_trees(&l, next)
			      : error_set(err, -ENOMEM, "out of memory");
	}
	if (rc == 0)
		rc = lightgbm_build(&l);
	if (rc == 0)
		rc = graph_check(l.graph, err);
	if (rc == 0)
		rc = lightgbm_read_categories(&l, bytes, size);
	forest_destroy(l.forest);
	free(text);
	if (rc == 0)
		*graph = l.graph;
	else
		graph_destroy(l.graph);
	return rc;
}
