// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/onnx_build.h"
#include "infer/import/onnx/import.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

struct onnx_file file;
float file_values[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
struct graph *file_graph;
struct compile_report file_report;
struct error file_err;
const char *file_path;

int file_end(void **state)
{
	graph_destroy(file_graph);
	file_graph = NULL;
	compile_report_fini(&file_report);
	return 0;
}

char *file_name(const char *text)
{
	return (char *)(uintptr_t)text;
}

void file_begin(int64_t opset)
{
	memset(&file, 0, sizeof(file));
	onnx__model_proto__init(&file.model);
	onnx__graph_proto__init(&file.graph);
	for (int i = 0; i < 2; i++) {
		onnx__operator_set_id_proto__init(&file.opsets[i]);
		file.opset_list[i] = &file.opsets[i];
		file.opsets[i].has_version = 1;
	}
	file.opsets[0].version = opset;
	file.opsets[1].version = 2;
	file.opsets[1].domain = file_name("ai.onnx.ml");
	file.model.opset_import = file.opset_list;
	file.model.n_opset_import = 2;
	file.model.graph = &file.graph;
	file.graph.node = file.node_list;
	file.graph.initializer = file.weight_list;
	file.graph.input = file.in_list;
	file.graph.output = file.out_list;
}

Onnx__ValueInfoProto *file_info(const char *name, uint32_t rank, const int64_t *dims)
{
	size_t n = file.n_infos++;

	onnx__value_info_proto__init(&file.infos[n]);
	onnx__type_proto__init(&file.types[n]);
	onnx__type_proto__tensor__init(&file.tensors[n]);
	onnx__tensor_shape_proto__init(&file.shapes[n]);
	file.infos[n].name = file_name(name);
	file.infos[n].type = &file.types[n];
	file.types[n].value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	file.types[n].tensor_type = &file.tensors[n];
	file.tensors[n].has_elem_type = 1;
	file.tensors[n].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	file.tensors[n].shape = &file.shapes[n];
	file.shapes[n].dim = file.axis_list[n];
	file.shapes[n].n_dim = rank;
	for (uint32_t d = 0; d < rank; d++) {
		file.axis_list[n][d] = &file.axes[n][d];
		onnx__tensor_shape_proto__dimension__init(&file.axes[n][d]);
		if (dims[d] == FILE_DIM_OPEN)
			continue;
		file.axes[n][d].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		file.axes[n][d].dim_value = dims[d];
	}
	return &file.infos[n];
}

void file_input(const char *name, int64_t d0, int64_t d1)
{
	file.in_list[file.graph.n_input++] = file_info(name, 2, (const int64_t[]){ d0, d1 });
}

void file_output(const char *name)
{
	file.out_list[file.graph.n_output++] = file_info(name, 0, NULL);
}

Onnx__TensorProto *file_weight(const char *name, int64_t d0, int64_t d1, float *values)
{
	size_t n = file.graph.n_initializer++;
	Onnx__TensorProto *w = &file.weights[n];

	file.weight_list[n] = w;
	onnx__tensor_proto__init(w);
	w->name = file_name(name);
	w->has_data_type = 1;
	w->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	file.dims[n][0] = d0;
	file.dims[n][1] = d1;
	w->dims = file.dims[n];
	w->n_dims = d1 ? 2 : 1;
	w->float_data = values;
	w->n_float_data = (size_t)(d0 * (d1 ? d1 : 1));
	return w;
}

Onnx__NodeProto *file_node(
	const char *type, const char *in0, const char *in1, const char *out0, const char *out1)
{
	size_t n = file.graph.n_node++;
	Onnx__NodeProto *made = &file.nodes[n];

	file.node_list[n] = made;
	onnx__node_proto__init(made);
	made->op_type = file_name(type);
	made->input = file.names[n][0];
	made->output = file.names[n][1];
	made->input[0] = file_name(in0);
	made->input[1] = file_name(in1);
	made->output[0] = file_name(out0);
	made->output[1] = file_name(out1);
	made->n_input = (in0 != NULL) + (in1 != NULL);
	made->n_output = (out0 != NULL) + (out1 != NULL);
	return made;
}

Onnx__AttributeProto *file_attr(Onnx__NodeProto *to, const char *name, int type)
{
	Onnx__AttributeProto *made = &file.attrs[file.n_attrs];

	onnx__attribute_proto__init(made);
	file.attr_list[file.n_attrs++] = made;
	if (to->n_attribute++ == 0)
		to->attribute = &file.attr_list[file.n_attrs - 1];
	made->name = file_name(name);
	made->has_type = 1;
	made->type = type;
	return made;
}

void file_floats(Onnx__NodeProto *to, const char *name, float *values, size_t n)
{
	Onnx__AttributeProto *made =
		file_attr(to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);

	made->floats = values;
	made->n_floats = n;
}

void file_ints(Onnx__NodeProto *to, const char *name, int64_t *values, size_t n)
{
	Onnx__AttributeProto *made =
		file_attr(to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	made->ints = values;
	made->n_ints = n;
}

void file_metadata(const char *key, const char *value)
{
	size_t n = file.model.n_metadata_props++;

	onnx__string_string_entry_proto__init(&file.props[n]);
	file.props[n].key = file_name(key);
	file.props[n].value = file_name(value);
	file.prop_list[n] = &file.props[n];
	file.model.metadata_props = file.prop_list;
}

void file_relu(const char *in, const char *out)
{
	file_node("Relu", in, NULL, out, NULL);
}

void file_small(void)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_relu("x", "y");
	file_output("y");
}

uint8_t *file_pack(size_t *size)
{
	uint8_t *bytes;

	*size = onnx__model_proto__get_packed_size(&file.model);
	bytes = malloc(*size + 1);
	assert_non_null(bytes);
	onnx__model_proto__pack(&file.model, bytes);
	return bytes;
}

static int import_bytes(const void *bytes, size_t size)
{
	file_end(NULL);
	file_err.text[0] = '\0';
	return import_onnx(bytes, size, &(struct import_options){ .path = file_path }, &file_graph,
		&file_report, &file_err);
}

int file_import(void)
{
	size_t size;
	uint8_t *bytes = file_pack(&size);
	int rc = import_bytes(bytes, size);

	free(bytes);
	return rc;
}

void file_accepted(void)
{
	if (file_import() != 0)
		fail_msg("%s", file_err.text);
}

void file_refused(int code, const char *part)
{
	int rc = file_import();

	if (!strstr(file_err.text, part))
		fail_msg("'%s' lacks '%s'", file_err.text, part);
	assert_int_equal(rc, code);
	assert_null(file_graph);
}

void file_refused_with(int code, const char *sentence)
{
	int rc = file_import();

	assert_string_equal(file_err.text, sentence);
	assert_int_equal(rc, code);
	assert_null(file_graph);
}

void bytes_refused_with(const void *bytes, size_t size, int code, const char *sentence)
{
	int rc = import_bytes(bytes, size);

	assert_string_equal(file_err.text, sentence);
	assert_int_equal(rc, code);
	assert_null(file_graph);
}
