// SPDX-License-Identifier: BSD-3-Clause
#include "infer/image/meta.h"
#include "base/name.h"
#include "infer/image/format.h"
#include "infer/infer.h"

#include <inttypes.h>
#include <string.h>

static int check_name(const char *name, struct error *err)
{
	if (!name_is_valid(name))
		return error_set(err, -EINVAL,
			"the model's name \"%.80s\" should be 1 to %d of A-Z a-z 0-9 _ . - and "
			"start with a letter or digit",
			name ? name : "", MODEL_NAME_MAX);
	return 0;
}

static int check_names(
	const char *const *names, uint32_t count, const char *what, struct error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!names || !names[i])
			return error_set(err, -EINVAL, "%s %" PRIu32 " has no name", what, i);
	}
	return 0;
}

static int check_lineage(const struct graph *graph, struct error *err)
{
	if (graph->n_lineage > MODEL_LINEAGE_MAX)
		return error_set(err, -EINVAL,
			"the model has %" PRIu32 " steps of lineage, at most %d are supported",
			graph->n_lineage, MODEL_LINEAGE_MAX);
	for (uint32_t i = 0; i < graph->n_lineage; i++) {
		if (!graph->lineage || !graph->lineage[i] ||
			strnlen(graph->lineage[i], MODEL_LINEAGE_BYTES_MAX + 1) >
				MODEL_LINEAGE_BYTES_MAX)
			return error_set(err, -EINVAL,
				"step %" PRIu32
				" of the model's lineage is missing or longer than "
				"%d bytes",
				i, MODEL_LINEAGE_BYTES_MAX);
	}
	return 0;
}

int image_check_meta(const struct graph *graph, struct error *err)
{
	if (check_name(graph->name, err) != 0)
		return -EINVAL;
	if (!graph->source_kind)
		return error_set(
			err, -EINVAL, "the model does not say what kind of file it came from");
	if (graph->n_features < 1 || graph->n_features > MODEL_FEATURES_MAX ||
		graph->n_columns_out < 1 || graph->n_columns_out > MODEL_OUTPUTS_MAX)
		return error_set(err, -EINVAL,
			"the model has %" PRIu32 " features and %" PRIu32
			" outputs, supported are 1 to %d and 1 to %d",
			graph->n_features, graph->n_columns_out, MODEL_FEATURES_MAX,
			MODEL_OUTPUTS_MAX);
	if (graph->n_class_labels > MODEL_OUTPUTS_MAX || graph->n_golden > IMAGE_GOLDEN_MAX)
		return error_set(err, -EINVAL,
			"the model has %" PRIu32 " class labels and %" PRIu32
			" golden rows, at most %d and %u are supported",
			graph->n_class_labels, graph->n_golden, MODEL_OUTPUTS_MAX,
			IMAGE_GOLDEN_MAX);
	if (check_names(graph->feature_names, graph->n_features, "feature", err) != 0 ||
		check_names(graph->output_names, graph->n_columns_out, "output column", err) != 0 ||
		check_lineage(graph, err) != 0)
		return -EINVAL;
	return check_names(graph->class_labels, graph->n_class_labels, "class label", err);
}
