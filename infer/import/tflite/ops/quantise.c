// SPDX-License-Identifier: BSD-3-Clause
// QUANTIZE, DEQUANTIZE and CAST: what a tensor is kept as is said by itself.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

static int quantise_import(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_layout layout = tflite_home(t, node, 0);

	return tflite_give(t, node, 0, tflite_get(t, node, 0, TFLITE_REAL, layout), layout);
}

static int quantise_import_cast(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_tensor *to = tflite_output(t, node, 0);
	const char *x = tflite_real(t, node, 0);
	Onnx__TensorProto__DataType type;

	if (!to || !tflite_element(to, &type) || tflite_has_scale(to))
		return tflite_refuse(t, node, -ENOTSUP, "a cast to %s is not supported",
			to ? tflite_type_name(to->type) : "nothing");
	return tflite_give(t, node, 0, tflite_write(t, "Cast", 1, &x, 1, &TFLITE_INT("to", type)),
		TFLITE_NHWC);
}

const struct tflite_builtin TFLITE_QUANTISE[] = {
	{ 6, "DEQUANTIZE", 1, 1, 1, quantise_import },
	{ 53, "CAST", 1, 1, 1, quantise_import_cast },
	{ 114, "QUANTIZE", 1, 1, 1, quantise_import },
	{ .name = NULL },
};
