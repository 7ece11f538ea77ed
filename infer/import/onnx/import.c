// SPDX-License-Identifier: BSD-3-Clause
// An ONNX file to a graph: names, inputs, initialisers, nodes in topological order, outputs.
#include "infer/import/onnx/import.h"
#include "infer/import/onnx/classes.h"
#include "infer/import/onnx/dims.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/external.h"
#include "infer/import/onnx/given.h"
#include "infer/import/onnx/inline.h"
#include "infer/import/onnx/inputs.h"
#include "infer/import/onnx/names.h"
#include "infer/import/onnx/nodes.h"
#include "infer/import/onnx/operators.h"
#include "infer/import/onnx/parse.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/sequences.h"
#include "infer/import/onnx/text_columns.h"
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/values.h"
#include "infer/ops/check.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES_MAX ((size_t)1 << 30)

// A row of scores is float32; the column keeps the name.
static uint32_t output_cast(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor)
{
	const char *name = onnx->graph->tensors[tensor].name;
	uint32_t made = onnx_as(onnx, node, tensor, DTYPE_F32);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	report_add(onnx->report, "output '%.80s' of whole numbers is given as float32", node->name);
	onnx->graph->tensors[tensor].name = onnx->graph->tensors[made].name;
	onnx->graph->tensors[made].name = name;
	return made;
}

// An input, or a constant, that is an output as well: a copy that bears the same name, as --outputs
// names it.
static uint32_t output_of_input(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor)
{
	const uint32_t made = onnx_emit_one(onnx, node, OP_IDENTITY, tensor);

	if (made != GRAPH_NONE)
		onnx->graph->tensors[made].name = onnx->graph->tensors[tensor].name;
	return made;
}

// The columns of a sequence bear its name.
static uint32_t output_of_sequence(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor)
{
	const char *name = onnx->graph->tensors[tensor].name;
	const uint32_t made = onnx_sequence_columns(onnx, node, tensor);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	onnx->graph->tensors[tensor].name = onnx->graph->tensors[made].name;
	onnx->graph->tensors[made].name = name;
	return made;
}

// Is there another output with a score for each of n classes, or one for two?
static bool has_scores_of(struct onnx *onnx, const struct onnx_value *label, uint32_t n)
{
	for (size_t i = 0; i < onnx->proto->n_output; i++) {
		const char *name = onnx_text(onnx->proto->output[i]->name);
		const struct onnx_value *value =
			onnx_value_exists(onnx, name) ? onnx_value(onnx, name) : NULL;
		const struct tensor *tensor;

		if (!value || value == label || value->tensor == GRAPH_NONE)
			continue;
		tensor = &onnx->graph->tensors[value->tensor];
		if (tensor->dtype == DTYPE_F32 &&
			(tensor_elements(tensor) == n || (n == 2 && tensor_elements(tensor) == 1)))
			return true;
	}
	return false;
}

// A classifier's label, a computed text, and whole numbers from a list of as many as there are scores
// beside them; or one whole number beside the scores of as many classes as the file names.
static int find_label(struct onnx *onnx, struct onnx_value *value)
{
	const struct tensor *tensor;
	int rc;

	if (value->is_label || value->tensor == GRAPH_NONE || onnx_is_sequence(onnx, value->tensor))
		return 0;
	tensor = &onnx->graph->tensors[value->tensor];
	if (tensor->dtype == DTYPE_F32 || tensor->dtype == DTYPE_BOOL)
		return 0;
	rc = onnx_classes_of(onnx, value->tensor, &value->classes);
	value->is_label = onnx_is_text(onnx, value->tensor) ||
		(value->classes && has_scores_of(onnx, value, value->classes->n));
	if (rc != 0 || value->is_label)
		return rc;
	value->classes = NULL;
	value->is_label = onnx->graph->n_class_labels > 1 && onnx->proto->n_output == 2 &&
		tensor_elements(tensor) == 1;
	return 0;
}

// The label says best what classes there are, if no ZipMap has said it of the scores themselves.
static void keep_classes(struct onnx *onnx, const struct onnx_classes *classes)
{
	if (!classes || onnx->mapped || classes->n > MODEL_OUTPUTS_MAX)
		return;
	onnx->graph->class_labels = classes->labels;
	onnx->graph->n_class_labels = classes->n;
}

// A label that is wanted: texts are given as the numbers of their classes.
static uint32_t wanted_label(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_value *value)
{
	const uint32_t tensor = value->tensor;
	const char *name = onnx->graph->tensors[tensor].name;
	uint32_t made;

	if (!onnx_is_text(onnx, tensor))
		return tensor;
	if (!value->classes) {
		onnx_refuse(onnx, node, -ENOTSUP, "is text that is taken from no list of classes");
		return GRAPH_NONE;
	}
	made = onnx_class_numbers(onnx, node, tensor, value->classes);
	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	report_add(onnx->report, "label '%.80s': the number of the class, from 0", node->name);
	onnx->graph->tensors[tensor].name = onnx->graph->tensors[made].name;
	onnx->graph->tensors[made].name = name;
	return made;
}

static int add_output(struct onnx *onnx, const char *name)
{
	struct graph *graph = onnx->graph;
	struct onnx_value *value = onnx_value_exists(onnx, name) ? onnx_value(onnx, name) : NULL;
	struct onnx_node node = { .name = name, .type = "output" };
	uint32_t tensor;

	if (!value || !value->defined)
		return error_set(onnx->err, -EINVAL, "output '%.80s' is computed by no node", name);
	if (find_label(onnx, value))
		return onnx_refused(onnx);
	if (value->is_label)
		keep_classes(onnx, value->classes);
	if (value->is_label && !onnx_wants_labels(onnx)) {
		report_add(onnx->report,
			"dropped output '%.80s': the predicted label; scores are kept (--outputs "
			"keeps what it names)",
			name);
		return 0;
	}
	tensor = value->tensor;
	if (tensor == GRAPH_NONE)
		return error_set(onnx->err, -ENOTSUP, "output '%.80s' is not supported", name);
	if (value->is_label)
		tensor = wanted_label(onnx, &node, value);
	if (tensor != GRAPH_NONE && onnx_is_sequence(onnx, tensor))
		tensor = output_of_sequence(onnx, &node, tensor);
	if (tensor != GRAPH_NONE && value->producer == GRAPH_NONE &&
		graph->tensors[tensor].dtype == DTYPE_F32)
		tensor = output_of_input(onnx, &node, tensor);
	if (tensor != GRAPH_NONE && graph->tensors[tensor].dtype != DTYPE_F32)
		tensor = output_cast(onnx, &node, tensor);
	if (tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	graph->outputs[graph->n_outputs].tensor = tensor;
	graph->outputs[graph->n_outputs++].first_column = graph->n_columns_out;
	if (tensor_elements(&graph->tensors[tensor]) > MODEL_OUTPUTS_MAX * onnx_rows(onnx) ||
		(graph->n_columns_out += (uint32_t)tensor_elements(&graph->tensors[tensor])) >
			MODEL_OUTPUTS_MAX * onnx_rows(onnx))
		return error_set(
			onnx->err, -ENOTSUP, "more than %d output columns", MODEL_OUTPUTS_MAX);
	return 0;
}

static int add_outputs(struct onnx *onnx)
{
	struct graph *graph = onnx->graph;
	size_t n = onnx->proto->n_output;

	graph->outputs = arena_calloc(graph->arena, n + 1, sizeof(*graph->outputs));
	if (!graph->outputs)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int rc = add_output(onnx, onnx_text(onnx->proto->output[i]->name));

		if (rc != 0)
			return rc;
	}
	if (graph->n_columns_out == 0)
		return error_set(onnx->err, -ENOTSUP, "the model has no output of scores");
	return 0;
}

static void report_source(const struct onnx *onnx)
{
	const char *producer = onnx_text(onnx->model->producer_name);
	const char *version = onnx_text(onnx->model->producer_version);
	char ml[40] = "";

	if (onnx->opsets.of[ONNX_DOMAIN_ML])
		snprintf(ml, sizeof(ml), ", ai.onnx.ml %lld",
			(long long)onnx->opsets.of[ONNX_DOMAIN_ML]);
	report_add(onnx->report, "ONNX of opset %lld%s%s%.60s%s%.40s: %zu node%s",
		(long long)onnx->opset, ml, *producer ? ", by " : "", producer, *version ? " " : "",
		version, onnx->proto->n_node, onnx->proto->n_node == 1 ? "" : "s");
}

static int import_graph(struct onnx *onnx)
{
	int rc;

	onnx->proto = onnx->model->graph;
	if (!onnx->proto)
		return error_set(onnx->err, -EINVAL, "not an ONNX model: it has no graph");
	if (onnx->proto->n_node > GRAPH_NODES_MAX)
		return error_set(onnx->err, -EINVAL, "%zu nodes, at most %u are possible",
			onnx->proto->n_node, GRAPH_NODES_MAX);
	onnx->graph->source_kind = "onnx";
	randombytes_buf(onnx->hash_key, sizeof(onnx->hash_key));
	if (!onnx_value(onnx, ""))
		return onnx_refused(onnx);
	rc = onnx_read_opsets(
		onnx->model->n_opset_import, onnx->model->opset_import, &onnx->opsets, onnx->err);
	onnx->opset = onnx->opsets.of[ONNX_DOMAIN_AI];
	if (rc == 0 && !onnx->borrowed)
		report_source(onnx);
	if (rc == 0)
		rc = onnx_inline_functions(onnx);
	if (rc == 0)
		rc = onnx_read_initializers(onnx);
	if (rc == 0)
		rc = onnx_read_fixed(onnx);
	if (rc == 0)
		rc = onnx_read_inputs(onnx);
	if (rc == 0)
		rc = onnx_define_outputs(onnx);
	if (rc == 0)
		rc = onnx_import_nodes(onnx);
	if (rc == 0)
		rc = add_outputs(onnx);
	if (rc == 0)
		rc = onnx_keep_text_maps(onnx);
	if (rc == 0)
		rc = onnx_name_columns(onnx);
	if (rc == 0)
		rc = onnx_read_metadata(onnx);
	if (rc == 0 && onnx->narrowed)
		report_add(onnx->report, "double precision values are computed in float32");
	if (rc == 0)
		onnx_dims_end(onnx);
	return rc != 0 ? rc : graph_check(onnx->graph, onnx->err);
}

// The graph of onnx->model, or NULL; what the import needs is taken down again, but for the model.
static int import_model_proto(struct onnx *onnx, struct graph **graph)
{
	int rc;

	onnx->find = onnx_operator_find;
	onnx->import_node = onnx_import_node;
	onnx->beside.folder = -1;
	onnx->beside.file = -1;
	onnx->scratch = arena_create(SCRATCH_BYTES_MAX);
	onnx->graph = graph_create();
	rc = onnx->scratch && onnx->graph ? import_graph(onnx)
					  : error_set(onnx->err, -ENOMEM, "out of memory");
	onnx_external_report(onnx);
	onnx_external_close(onnx);
	arena_destroy(onnx->scratch);
	if (rc == 0)
		*graph = onnx->graph;
	else
		graph_destroy(onnx->graph);
	return rc;
}

int import_onnx(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct onnx onnx = { .options = options, .report = report, .err = err };
	int rc;

	*graph = NULL;
	if (sodium_init() < 0)
		return error_set(err, -EIO, "libsodium has no random numbers");
	rc = onnx_parse(bytes, size, &onnx.model, err);
	if (rc != 0)
		return rc;
	sha256_begin(&onnx.beside.hash);
	if (!options->unhashed)
		sha256_add(&onnx.beside.hash, bytes, size);
	rc = import_model_proto(&onnx, graph);
	onnx_free_model(onnx.model);
	if (rc == 0)
		sha256_end(&onnx.beside.hash, (*graph)->source_sha256);
	return rc;
}

int import_onnx_proto(Onnx__ModelProto *model, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct onnx onnx = {
		.options = options, .report = report, .err = err, .model = model, .borrowed = true
	};

	*graph = NULL;
	if (sodium_init() < 0)
		return error_set(err, -EIO, "libsodium has no random numbers");
	sha256_begin(&onnx.beside.hash);
	return import_model_proto(&onnx, graph);
}
