// SPDX-License-Identifier: BSD-3-Clause
// A LightGBM model's text to a graph: sections, header, trees, objective.
#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/import/lightgbm/lightgbm.h"

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

const char *lightgbm_find(const struct lightgbm_section *section, const char *key)
{
	for (uint32_t i = 0; i < section->n; i++) {
		if (strcmp(section->entries[i].key, key) == 0)
			return section->entries[i].value;
	}
	return NULL;
}

// The next line, its end cut off; NULL: the text is over.
static char *next_line(struct lightgbm *l)
{
	char *line = l->at, *end;

	if (!*line)
		return NULL;
	end = line + strcspn(line, "\n");
	l->at = *end ? end + 1 : end;
	while (end > line && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	*end = '\0';
	return line;
}

// Lines "key=value" up to a line that begins the next section. *next: that line, or NULL.
static int read_section(struct lightgbm *l, struct lightgbm_section *section, char **next)
{
	char *line;

	section->n = 0;
	*next = NULL;
	while ((line = next_line(l))) {
		char *equals = strchr(line, '=');

		if (strncmp(line, "Tree=", 5) == 0 || strcmp(line, "end of trees") == 0 ||
			strncmp(line, "feature importances", 19) == 0 ||
			strncmp(line, "feature_importances", 19) == 0) {
			*next = line;
			return 0;
		}
		if (!equals || section->n == LIGHTGBM_KEYS_MAX)
			continue;
		*equals = '\0';
		section->entries[section->n].key = line;
		section->entries[section->n++].value = equals + 1;
	}
	return 0;
}

static int refuse_count(
	struct lightgbm *l, const struct lightgbm_section *section, const char *key, uint32_t count)
{
	return error_set(l->err, -EINVAL, "%s: %s should have %" PRIu32 " number%s", section->name,
		key, count, count == 1 ? "" : "s");
}

// The value of the key and memory for its numbers; *text NULL: left out.
static int begin(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const char **text, void **memory)
{
	*text = lightgbm_find(section, key);
	*memory = NULL;
	if (!*text)
		return optional
			? 0
			: error_set(l->err, -EINVAL, "%s: %s is missing", section->name, key);
	// Each number takes two bytes, but for the last one: no memory is taken for what is not
	// there.
	if (count > strlen(*text) / 2 + 1)
		return refuse_count(l, section, key, count);
	*memory = arena_calloc(l->graph->arena, count + 1ul, 8);
	return *memory ? 0 : error_set(l->err, -ENOMEM, "out of memory");
}

int lightgbm_integers(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const int64_t **values)
{
	const char *at;
	void *memory;
	int64_t *to;

	if (begin(l, section, key, count, optional, &at, &memory) != 0)
		return -EINVAL;
	*values = to = memory;
	for (uint32_t i = 0; at && to && i < count; i++) {
		char *end;

		errno = 0;
		to[i] = strtoll(at, &end, 10);
		if (end == at || errno || (*end && *end != ' '))
			return refuse_count(l, section, key, count);
		at = end;
	}
	return at && at[strspn(at, " ")] ? refuse_count(l, section, key, count) : 0;
}

int lightgbm_doubles(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const double **values)
{
	const char *at;
	void *memory;
	double *to;

	if (begin(l, section, key, count, optional, &at, &memory) != 0)
		return -EINVAL;
	*values = to = memory;
	for (uint32_t i = 0; at && to && i < count; i++) {
		char *end;

		to[i] = strtod(at, &end);
		if (end == at || (*end && *end != ' '))
			return refuse_count(l, section, key, count);
		at = end;
	}
	return at && at[strspn(at, " ")] ? refuse_count(l, section, key, count) : 0;
}

static int header_integer(struct lightgbm *l, const struct lightgbm_section *header,
	const char *key, int64_t low, int64_t high, int64_t otherwise, int64_t *value)
{
	const int64_t *read;

	if (lightgbm_integers(l, header, key, 1, true, &read) != 0)
		return -EINVAL;
	*value = read ? *read : otherwise;
	if (*value < low || *value > high)
		return error_set(l->err, -EINVAL,
			"%s: %s is %" PRId64 ", should be %" PRId64 " to %" PRId64, header->name,
			key, *value, low, high);
	return 0;
}

// [n_features] names, separated by blanks; NULL where there are not as many.
static const char **feature_names(struct lightgbm *l, const char *list)
{
	const char **names;
	uint32_t count = *list ? 1 : 0;

	for (const char *at = list; *at; at++)
		count += *at == ' ';
	if (count != l->n_features)
		return NULL;
	names = arena_calloc(l->graph->arena, count, sizeof(*names));
	for (uint32_t i = 0; names && i < count; i++) {
		const size_t bytes = strcspn(list, " ");

		names[i] = arena_strndup(l->graph->arena, list, bytes);
		if (!names[i] || bytes == 0)
			return NULL;
		list += bytes + (list[bytes] == ' ');
	}
	return names;
}

static int read_header(struct lightgbm *l, char **next)
{
	struct lightgbm_section header = { .name = "the header" };
	const char *version, *objective, *names;
	int64_t features, targets;
	bool known;

	read_section(l, &header, next);
	version = lightgbm_find(&header, "version");
	known = version &&
		(strcmp(version, "v2") == 0 || strcmp(version, "v3") == 0 ||
			strcmp(version, "v4") == 0);
	if (!known)
		return error_set(l->err, -ENOTSUP,
			"LightGBM's text of version '%.20s'; v2, v3 and v4 are supported",
			version ? version : "1 or older");
	if (header_integer(
		    l, &header, "max_feature_idx", 0, MODEL_FEATURES_MAX - 1, -1, &features) != 0 ||
		header_integer(l, &header, "num_tree_per_iteration", 1, LIGHTGBM_TARGETS_MAX, 1,
			&targets) != 0)
		return -EINVAL;
	// Random forests of LightGBM 2 converted each tree's leaves while training, later ones
	// convert the average.
	l->converted = l->average && strcmp(version, "v2") == 0;
	l->n_features = (uint32_t)features + 1;
	l->n_targets = (uint32_t)targets;
	objective = lightgbm_find(&header, "objective");
	l->objective = objective ? objective : "";
	names = lightgbm_find(&header, "feature_names");
	l->graph->feature_names = names ? feature_names(l, names) : NULL;
	report_add(l->report, "LightGBM text of version %s, objective %s", version,
		*l->objective ? l->objective : "not said: raw scores");
	return 0;
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

static int read_trees(struct lightgbm *l, char *next)
{
	struct lightgbm_section section;
	char name[32];
	int rc = 0;

	while (next && strncmp(next, "Tree=", 5) == 0 && rc == 0) {
		snprintf(name, sizeof(name), "%.20s", next);
		section.name = name;
		read_section(l, &section, &next);
		rc = lightgbm_add_tree(l, &section, l->n_trees % l->n_targets);
		l->n_trees++;
	}
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

static int build(struct lightgbm *l)
{
	float *base = arena_calloc(l->graph->arena, l->n_targets, sizeof(*base));
	const uint32_t input =
		build_input(l->graph, l->n_features, l->graph->feature_names, l->err);
	const uint32_t rounds = l->n_trees / l->n_targets;
	struct trees trees;
	uint32_t raw, output;
	int rc;

	if (!base || input == GRAPH_NONE)
		return error_set(l->err, -ENOMEM, "out of memory");
	rc = forest_trees(l->forest, base, TREES_SUM, &trees, l->err);
	if (rc == 0)
		rc = trees_add(l->graph, "trees", &trees, input, &raw, l->err);
	if (rc == 0 && l->average) {
		raw = build_pair(l->graph, OP_DIV, raw,
			build_scalar(l->graph, (float)rounds, l->err), l->err);
		rc = raw == GRAPH_NONE ? -EINVAL : 0;
	}
	if (rc == 0)
		rc = lightgbm_transform(l, raw, &output);
	if (rc == 0)
		rc = build_output(l->graph, output, l->err);
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

int import_lightgbm(const void *bytes, size_t size, bool labels, struct graph **graph,
	struct compile_report *report, struct error *err)
{
	struct lightgbm l = { .report = report, .err = err };
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
		rc = l.forest ? read_trees(&l, next) : error_set(err, -ENOMEM, "out of memory");
	}
	if (rc == 0)
		rc = build(&l);
	if (rc == 0)
		rc = graph_check(l.graph, err);
	forest_destroy(l.forest);
	free(text);
	if (rc == 0)
		*graph = l.graph;
	else
		graph_destroy(l.graph);
	return rc;
}
