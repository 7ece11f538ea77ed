// SPDX-License-Identifier: BSD-3-Clause
// Names of columns: from tensors and from the file's metadata_props.
#include "infer/import/onnx/names.h"
#include "infer/graph/text.h"

#include <string.h>

#define NAME_BYTES 200

// One name a column: the tensor's where it has one value, else name[i].
static const char **column_names(
	struct graph *graph, const struct graph_port *ports, uint32_t n_ports, uint32_t n_columns)
{
	const char **names = arena_calloc(graph->arena, n_columns, sizeof(*names));
	char name[300];

	for (uint32_t p = 0, c = 0; names && p < n_ports; p++) {
		const struct tensor *tensor = &graph->tensors[ports[p].tensor];
		uint32_t n = (uint32_t)tensor_elements(tensor);

		for (uint32_t i = 0; i < n; i++, c++) {
			snprintf(name, sizeof(name), n == 1 ? "%.*s" : "%.*s[%u]",
				text_cut(tensor->name, NAME_BYTES), tensor->name, i);
			names[c] = arena_strdup(graph->arena, name);
			if (!names[c])
				return NULL;
		}
	}
	return names;
}

// Is there an output with a column for each class?
static bool has_scores(const struct graph *graph)
{
	for (uint32_t o = 0; o < graph->n_outputs; o++) {
		if (tensor_elements(&graph->tensors[graph->outputs[o].tensor]) ==
			graph->n_class_labels)
			return true;
	}
	return false;
}

int onnx_name_columns(struct onnx *onnx)
{
	struct graph *graph = onnx->graph;

	if (graph->n_class_labels != 0 && !has_scores(graph)) {
		// Labels that name no columns, as of one score: kept out, they would mislead.
		report_add(onnx->report, "%u class labels for %u output columns: not kept",
			graph->n_class_labels, graph->n_columns_out);
		graph->n_class_labels = 0;
	}
	graph->output_names =
		column_names(graph, graph->outputs, graph->n_outputs, graph->n_columns_out);
	if (!graph->output_names)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	// Inputs of one column each are named after their columns by those who export data frames.
	if (graph->n_inputs != graph->n_features || graph->n_inputs == 1)
		return 0;
	graph->feature_names =
		column_names(graph, graph->inputs, graph->n_inputs, graph->n_features);
	return graph->feature_names ? 0 : error_set(onnx->err, -ENOMEM, "out of memory");
}

// Is it "a,b,c" of exactly `expected` names, none empty?
static bool names_is_list(const char *list, uint32_t expected)
{
	uint64_t count = 1;

	for (const char *at = list; *at; at++) {
		if (*at == ',' && (at == list || at[-1] == ','))
			return false;
		count += *at == ',';
	}
	return count == expected && *list && list[strlen(list) - 1] != ',';
}

// The names of a list that is one, in the graph's memory; NULL: out of memory.
static const char **split_list(struct graph *graph, const char *list, uint32_t expected)
{
	const char **names = arena_calloc(graph->arena, expected, sizeof(*names));

	for (uint32_t i = 0; names && i < expected; i++) {
		size_t bytes = strcspn(list, ",");

		names[i] = arena_strndup(graph->arena, list, bytes);
		if (!names[i])
			return NULL;
		list += bytes + (list[bytes] == ',');
	}
	return names;
}

// What exporters write beside the graph: feature_names and class_labels, comma-separated. They name
// what the operators left unnamed; a list of another length would mislead and is left out.
int onnx_read_metadata(struct onnx *onnx)
{
	struct graph *graph = onnx->graph;

	for (size_t i = 0; i < onnx->model->n_metadata_props; i++) {
		const Onnx__StringStringEntryProto *entry = onnx->model->metadata_props[i];
		bool features = strcmp(onnx_text(entry->key), "feature_names") == 0;
		uint32_t expected = features ? graph->n_features : graph->n_columns_out;
		const char **names;

		if (!features && strcmp(onnx_text(entry->key), "class_labels") != 0)
			continue;
		if (!names_is_list(onnx_text(entry->value), expected)) {
			report_add(onnx->report,
				"metadata '%s' is not a list of %u names: not kept", entry->key,
				expected);
			continue;
		}
		names = split_list(graph, onnx_text(entry->value), expected);
		if (!names)
			return error_set(onnx->err, -ENOMEM, "out of memory");
		if (features) {
			graph->feature_names = names;
		} else if (graph->n_class_labels == 0) {
			graph->class_labels = names;
			graph->n_class_labels = expected;
		}
	}
	return 0;
}
