// SPDX-License-Identifier: BSD-3-Clause
#include "tests/conformance/case.h"

#include "infer/compile/compile.h"
#include "infer/graph/arena.h"
#include "infer/import/onnx/import.h"
#include "infer/import/onnx/onnx.h"
#include "infer/import/onnx/parse.h"
#include "infer/infer.h"
#include "infer/ops/values.h"
#include "tests/conformance/compare.h"
#include "tests/conformance/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUTS_MAX 16
#define FIX_BYTES  (1 << 16)

// A test's model and what it is scored with.
struct trial {
	const char *folder;
	Onnx__ModelProto *model; // the file
	struct graph *graph;     // as imported, for the ports' shapes
	struct tensors *fixed;   // the inputs of test_data_set_0, some of them made constants
	char *fix;               // as --fix has it; NULL: none
	bool is_fixed[INPUTS_MAX];
	void *image;
	size_t size;
	struct outcome *outcome;
};

__attribute__((format(printf, 3, 4))) static bool give(
	struct outcome *outcome, enum verdict verdict, const char *format, ...)
{
	va_list args;

	outcome->verdict = verdict;
	va_start(args, format);
	vsnprintf(outcome->text, sizeof(outcome->text), format, args);
	va_end(args);
	return verdict == VERDICT_PASSED;
}

// The operator in "node 'x' (Gemm): ...", else that of the model's first node.
static void name_operator(const struct trial *trial)
{
	struct outcome *outcome = trial->outcome;
	const char *open = strstr(outcome->text, " (");
	const Onnx__GraphProto *proto = trial->model ? trial->model->graph : NULL;

	snprintf(outcome->op, sizeof(outcome->op), "?");
	if (open && strncmp(outcome->text, "node ", 5) == 0)
		snprintf(outcome->op, sizeof(outcome->op), "%.*s", (int)strcspn(open + 2, ")"),
			open + 2);
	else if (proto && proto->n_node > 0)
		snprintf(
			outcome->op, sizeof(outcome->op), "%s", onnx_text(proto->node[0]->op_type));
}

// Says of one input what its values are, as --fix wants it.
static bool fix_input(struct trial *trial, uint32_t i, FILE *list)
{
	const char *name = onnx_text(trial->model->graph->input[i]->name);
	const struct tensor *tensor = tensors_get(trial->fixed, i);

	if (tensor_elements(tensor) == 0 || strpbrk(name, ";"))
		return false;
	fprintf(list, "%s=", name);
	for (int64_t v = 0; v < tensor_elements(tensor); v++)
		fprintf(list, "%s%.9g", v ? "," : "",
			value_number(tensor->dtype, tensor->data, (size_t)v));
	fputc(';', list);
	return true;
}

enum fixing { FIX_NONE, FIX_WHOLE, FIX_ALL_BUT_FIRST, FIXINGS };

// Most tests have every input of a node as one of the model, also sizes and axes, which are constants
// in use: those of whole numbers, or all but the first, get the values of the first data set. False:
// there are none such, or all are.
static bool fix_inputs(struct trial *trial, enum fixing fixing)
{
	const size_t n = trial->model->graph->n_input;
	uint32_t n_fixed = 0;
	char path[4096];
	struct error err;
	FILE *list;

	snprintf(path, sizeof(path), "%s/test_data_set_0", trial->folder);
	if (!trial->fixed) {
		trial->fixed = calloc(1, sizeof(*trial->fixed));
		trial->fix = malloc(FIX_BYTES);
		if (!trial->fixed || !trial->fix)
			exit(1); // an outcome of its own: the process died
		if (tensors_read(path, "input", trial->fixed, &err) != 0)
			return false;
	}
	if (n > INPUTS_MAX || trial->fixed->n != n)
		return false;
	list = fmemopen(trial->fix, FIX_BYTES, "w");
	for (uint32_t i = 0; i < n; i++) {
		const enum dtype dtype = tensors_get(trial->fixed, i)->dtype;

		trial->is_fixed[i] = (fixing == FIX_WHOLE ? !dtype_is_float(dtype) : i > 0) &&
			fix_input(trial, i, list);
		n_fixed += trial->is_fixed[i];
	}
	return fclose(list) == 0 && n_fixed > 0 && n_fixed < n;
}

static int compile_fixed(
	struct trial *trial, const void *bytes, size_t size, const char *fix, struct error *err)
{
	int rc = import_onnx(
		bytes, size, &(struct import_options){ .fixed = fix }, &trial->graph, NULL, err);

	if (rc == 0)
		rc = compile_bytes("model.onnx", bytes, size,
			&(struct compile_options){ .fixed = fix }, &trial->image, &trial->size,
			NULL, err);
	if (rc != 0) {
		graph_destroy(trial->graph);
		trial->graph = NULL;
	}
	return rc;
}

// Sound files all: only "more than we support" may be said of them.
static bool compile(struct trial *trial, const void *bytes, size_t size)
{
	struct error err = { .text = "" }, other;
	int rc = onnx_parse(bytes, size, &trial->model, &err);

	if (rc == 0)
		rc = compile_fixed(trial, bytes, size, NULL, &err);
	for (enum fixing fixing = FIX_WHOLE; rc == -ENOTSUP && fixing < FIXINGS; fixing++) {
		if (fix_inputs(trial, fixing) &&
			compile_fixed(trial, bytes, size, trial->fix, &other) == 0)
			rc = 0;
	}
	if (rc != 0)
		memset(trial->is_fixed, 0, sizeof(trial->is_fixed));
	trial->outcome->unsound = rc == -EINVAL;
	if (rc != 0)
		return give(trial->outcome,
			rc == -ENOTSUP && err.text[0] ? VERDICT_REFUSED : VERDICT_WRONG, "%s",
			err.text);
	if (trial->graph->n_outputs != trial->model->graph->n_output)
		return give(trial->outcome, VERDICT_REFUSED, "gives %u of the model's %zu outputs",
			trial->graph->n_outputs, trial->model->graph->n_output);
	return true;
}

// Floats that were bfloat16 before they were read, again.
static void narrow_bf16(struct tensors *tensors, struct tensor *tensor)
{
	const size_t n = (size_t)tensor_elements(tensor);
	const uint8_t *wide = tensor->data;
	uint16_t *narrow = arena_calloc(tensors->graph->arena, n + 1, sizeof(*narrow));

	if (!narrow)
		exit(1); // an outcome of its own: the process died
	for (size_t i = 0; i < n; i++)
		memcpy(&narrow[i], wide + 4 * i + 2, sizeof(*narrow)); // little-endian
	tensor->dtype = DTYPE_BF16;
	tensor->data = narrow;
}

// What is bfloat16 in the model. The older generator of the tests wrote it as the uint16 that numpy
// kept it in.
static void restore_bf16(struct tensors *tensors, size_t n, Onnx__ValueInfoProto **infos)
{
	for (uint32_t i = 0; i < tensors->n && i < n; i++) {
		const Onnx__TypeProto *type = infos[i]->type;
		struct tensor *tensor = &tensors->graph->tensors[tensors->at[i]];

		if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
			type->tensor_type &&
			type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16) {
			if (tensor->dtype == DTYPE_U16)
				tensor->dtype = DTYPE_BF16;
			else if (tensor->dtype == DTYPE_F32)
				narrow_bf16(tensors, tensor);
		}
	}
}

// How many rows the files hold: more than one where the first dimension was left open.
static bool count_rows(const struct trial *trial, const struct tensors *in,
	const struct tensors *out, uint32_t *rows)
{
	const struct graph *graph = trial->graph;

	if (in->n != graph->n_inputs || out->n != graph->n_outputs)
		return give(trial->outcome, VERDICT_WRONG,
			"%u inputs and %u outputs in files, %u and %u in the model", in->n, out->n,
			graph->n_inputs, graph->n_outputs);
	*rows = 0;
	for (uint32_t i = 0; i < in->n + out->n; i++) {
		bool input = i < in->n;
		const struct tensor *file =
			input ? tensors_get(in, i) : tensors_get(out, i - in->n);
		const struct graph_port *port =
			input ? &graph->inputs[i] : &graph->outputs[i - in->n];
		const struct tensor *ours = &graph->tensors[port->tensor];
		int64_t whole = tensor_elements(file), one = tensor_elements(ours);

		if (i == 0 && one > 0)
			*rows = (uint32_t)(whole / one);
		if (*rows == 0 || whole != one * *rows)
			return give(trial->outcome, input ? VERDICT_REFUSED : VERDICT_WRONG,
				"%s %u has shape %s in the file, %s in the model",
				input ? "input" : "output", input ? i : i - in->n,
				tensor_shape_text(file).text, tensor_shape_text(ours).text);
		if (!input && !compare_shapes(file, ours, *rows))
			return give(trial->outcome, VERDICT_WRONG,
				"output %u should have shape %s, has %s", i - in->n,
				tensor_shape_text(file).text, tensor_shape_text(ours).text);
	}
	return true;
}

// Each row COPIES times over, so that passes of more than one row are tried too.
#define COPIES 3

static bool score_under(struct trial *trial, unsigned mask, const struct tensors *in,
	const struct tensors *out, uint32_t rows)
{
	const struct model_options options = {
		.isa_mask = mask, .isa_limited = true, .no_timing = true
	};
	struct compare_ports inputs = { in, trial->graph->inputs, trial->graph->n_features, rows };
	struct compare_ports outputs = { out, trial->graph->outputs, trial->graph->n_columns_out,
		rows };
	uint32_t n = rows * COPIES;
	struct error err = { .text = "" };
	struct model *model;
	float *x, *y;
	void *scratch;

	if (model_open(trial->image, trial->size, &options, &model, &err) != 0)
		return give(trial->outcome, VERDICT_WRONG, "what was compiled does not open: %s",
			err.text);
	x = calloc((size_t)n * inputs.columns, sizeof(float));
	y = calloc((size_t)n * outputs.columns, sizeof(float));
	scratch = aligned_alloc(64, (model_scratch_bytes(model, n) + 64) & ~(size_t)63);
	if (!x || !y || !scratch)
		exit(1); // an outcome of its own: the process died
	compare_fill(&inputs, COPIES, x);
	model_score(model, x, y, n, scratch, n < MODEL_BATCH_MAX ? n : MODEL_BATCH_MAX);
	if (!compare_scores(&outputs, COPIES, y, &trial->outcome->loose, &err)) {
		bool narrow = !compare_fits(&inputs);

		give(trial->outcome, narrow ? VERDICT_REFUSED : VERDICT_WRONG, "%s%s (%s)",
			narrow ? "an input has whole numbers beyond what the row's float32 holds: "
			       : "",
			err.text, isa_name(mask));
	}
	model_close(model);
	free(x);
	free(y);
	free(scratch);
	return trial->outcome->verdict == VERDICT_PASSED;
}

// Leaves out those that the model has as constants.
static void leave_out_fixed(const struct trial *trial, struct tensors *in)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < in->n; i++) {
		if (i >= INPUTS_MAX || !trial->is_fixed[i])
			in->at[n++] = in->at[i];
	}
	in->n = n;
}

static bool score_set(struct trial *trial, const char *folder)
{
	struct tensors in = { 0 }, out = { 0 };
	struct error err = { .text = "" };
	uint32_t rows = 0;
	bool good = true;

	if (tensors_read(folder, "input", &in, &err) != 0 ||
		tensors_read(folder, "output", &out, &err) != 0)
		good = give(trial->outcome, err.code == -ENOTSUP ? VERDICT_REFUSED : VERDICT_WRONG,
			"%s", err.text);
	restore_bf16(&in, trial->model->graph->n_input, trial->model->graph->input);
	restore_bf16(&out, trial->model->graph->n_output, trial->model->graph->output);
	leave_out_fixed(trial, &in);
	if (good)
		good = count_rows(trial, &in, &out, &rows) &&
			score_under(trial, ISA_SCALAR, &in, &out, rows) &&
			score_under(trial, isa_detected(), &in, &out, rows);
	tensors_fini(&in);
	tensors_fini(&out);
	return good;
}

void case_run(const char *folder, struct outcome *outcome)
{
	struct trial trial = { .folder = folder, .outcome = outcome };
	char path[4096];
	size_t size;
	void *bytes;

	memset(outcome, 0, sizeof(*outcome));
	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	bytes = read_whole(path, &size);
	if (!bytes) {
		give(outcome, VERDICT_WRONG, "no model.onnx");
		return;
	}
	if (compile(&trial, bytes, size)) {
		for (unsigned set = 0; set == 0 || !trial.fix; set++) {
			snprintf(path, sizeof(path), "%s/test_data_set_%u", folder, set);
			if (access(path, F_OK) != 0 || !score_set(&trial, path))
				break;
		}
	}
	name_operator(&trial);
	onnx_free_model(trial.model);
	graph_destroy(trial.graph);
	if (trial.fixed)
		tensors_fini(trial.fixed);
	free(trial.fixed);
	free(trial.fix);
	free(trial.image);
	free(bytes);
}

void case_run_apart(const char *folder, struct outcome *outcome)
{
	int ends[2], status = 0;
	ssize_t n = 0;
	pid_t pid;

	fflush(stdout);
	if (pipe(ends) != 0 || (pid = fork()) < 0) {
		perror("conformance");
		exit(2);
	}
	if (pid == 0) {
		alarm(CASE_SECONDS);
		case_run(folder, outcome);
		// Short enough for the pipe to take it at once.
		_exit(write(ends[1], outcome, sizeof(*outcome)) == sizeof(*outcome) ? 0 : 1);
	}
	close(ends[1]);
	n = read(ends[0], outcome, sizeof(*outcome));
	close(ends[0]);
	if (waitpid(pid, &status, 0) == pid && n == (ssize_t)sizeof(*outcome) && status == 0)
		return;
	memset(outcome, 0, sizeof(*outcome));
	snprintf(outcome->op, sizeof(outcome->op), "?");
	give(outcome, VERDICT_WRONG, "the process %s %d",
		WIFSIGNALED(status) ? "died of signal" : "ended with status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
