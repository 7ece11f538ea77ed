// SPDX-License-Identifier: BSD-3-Clause
// A TensorFlow Lite file to ONNX in memory, and that to a graph.
#include "infer/import/tflite/import.h"

#include "infer/graph/arena.h"
#include "infer/import/onnx/import.h"
#include "infer/import/tflite/operators.h"
#include "infer/import/tflite/values.h"

#include <inttypes.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define OPSET           20

bool tflite_recognises(const void *bytes, size_t size)
{
	return size >= 8 && memcmp((const char *)bytes + 4, "TFL3", 4) == 0;
}

// Rows of i8 and u8 are what the file's quantised inputs are kept as.
static int import_scales(struct tflite *t, struct graph *graph)
{
	float *scale = arena_calloc(graph->arena, graph->n_features, sizeof(*scale));
	float *zero = arena_calloc(graph->arena, graph->n_features, sizeof(*zero));
	uint32_t column = 0;

	if (!scale || !zero)
		return error_set(t->err, -ENOMEM, "out of memory");
	// Those that --fix makes constants are no features.
	if (graph->n_inputs != t->file.inputs.n)
		return 0;
	for (uint32_t i = 0; i < graph->n_inputs; i++) {
		const struct tflite_tensor *x =
			&t->file.tensors[flatbuffer_list_int(&t->file.inputs, i, 4)];
		const int64_t n = tensor_elements(&graph->tensors[graph->inputs[i].tensor]);

		for (int64_t k = 0; k < n; k++, column++) {
			scale[column] = tflite_is_rounded(x) ? x->scales[0] : 0;
			zero[column] = tflite_is_rounded(x) ? (float)x->zeros[0] : 0;
		}
	}
	graph->input_scale = scale;
	graph->input_zero = zero;
	graph->input_scale_given = true;
	return 0;
}

static void import_report(const struct tflite *t)
{
	report_add(t->report, "TensorFlow Lite%s%.80s%s: %" PRIu32 " operator%s",
		*t->file.description ? " (" : "", t->file.description,
		*t->file.description ? ")" : "", t->file.n_operators,
		t->file.n_operators == 1 ? "" : "s");
	if (t->hybrid)
		report_add(t->report,
			"weights of 8 bits beside activations of floats: those are not rounded, as "
			"TensorFlow Lite does");
	if (t->wide)
		report_add(t->report, "activations of 16 bits are computed in float32");
	if (t->stateful)
		report_add(t->report, "recurrent layers begin each row with states of 0");
}

static int import_write(struct tflite *t)
{
	int rc = tflite_begin(t);

	for (uint32_t i = 0; i < t->file.n_operators && rc == 0; i++)
		rc = tflite_import_operator(t, i);
	return rc == 0 ? tflite_end(t) : rc;
}

static int import_through_onnx(struct tflite *t, struct graph **graph)
{
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets = &opset;
	int rc;

	opset.has_version = 1;
	opset.version = OPSET;
	model.has_ir_version = 1;
	model.ir_version = 9;
	model.graph = &t->graph;
	model.n_opset_import = 1;
	model.opset_import = &opsets;
	rc = import_onnx_proto(&model, t->options, graph, t->report, t->err);
	if (rc != 0)
		return rc;
	(*graph)->source_kind = "tflite";
	rc = import_scales(t, *graph);
	if (rc != 0) {
		graph_destroy(*graph);
		*graph = NULL;
	}
	return rc;
}

int import_tflite(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct tflite t = { .options = options, .report = report, .err = err };
	int rc;

	*graph = NULL;
	t.arena = arena_create(ARENA_BYTES_MAX);
	rc = t.arena ? tflite_file_read(&t.file, bytes, size, t.arena, err)
		     : error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = import_write(&t);
	if (rc == 0)
		import_report(&t);
	if (rc == 0)
		rc = import_through_onnx(&t, graph);
	arena_destroy(t.arena);
	return rc;
}
