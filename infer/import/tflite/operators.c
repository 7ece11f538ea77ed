// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/tflite/operators.h"

#include "infer/import/tflite/values.h"

#include <inttypes.h>
#include <string.h>

#define CODE_CUSTOM 32

// enum BuiltinOperator of the schema.
static const char *const NAMES[] = {
	"ADD",
	"AVERAGE_POOL_2D",
	"CONCATENATION",
	"CONV_2D",
	"DEPTHWISE_CONV_2D",
	"DEPTH_TO_SPACE",
	"DEQUANTIZE",
	"EMBEDDING_LOOKUP",
	"FLOOR",
	"FULLY_CONNECTED",
	"HASHTABLE_LOOKUP",
	"L2_NORMALIZATION",
	"L2_POOL_2D",
	"LOCAL_RESPONSE_NORMALIZATION",
	"LOGISTIC",
	"LSH_PROJECTION",
	"LSTM",
	"MAX_POOL_2D",
	"MUL",
	"RELU",
	"RELU_N1_TO_1",
	"RELU6",
	"RESHAPE",
	"RESIZE_BILINEAR",
	"RNN",
	"SOFTMAX",
	"SPACE_TO_DEPTH",
	"SVDF",
	"TANH",
	"CONCAT_EMBEDDINGS",
	"SKIP_GRAM",
	"CALL",
	"CUSTOM",
	"EMBEDDING_LOOKUP_SPARSE",
	"PAD",
	"UNIDIRECTIONAL_SEQUENCE_RNN",
	"GATHER",
	"BATCH_TO_SPACE_ND",
	"SPACE_TO_BATCH_ND",
	"TRANSPOSE",
	"MEAN",
	"SUB",
	"DIV",
	"SQUEEZE",
	"UNIDIRECTIONAL_SEQUENCE_LSTM",
	"STRIDED_SLICE",
	"BIDIRECTIONAL_SEQUENCE_RNN",
	"EXP",
	"TOPK_V2",
	"SPLIT",
	"LOG_SOFTMAX",
	"DELEGATE",
	"BIDIRECTIONAL_SEQUENCE_LSTM",
	"CAST",
	"PRELU",
	"MAXIMUM",
	"ARG_MAX",
	"MINIMUM",
	"LESS",
	"NEG",
	"PADV2",
	"GREATER",
	"GREATER_EQUAL",
	"LESS_EQUAL",
	"SELECT",
	"SLICE",
	"SIN",
	"TRANSPOSE_CONV",
	"SPARSE_TO_DENSE",
	"TILE",
	"EXPAND_DIMS",
	"EQUAL",
	"NOT_EQUAL",
	"LOG",
	"SUM",
	"SQRT",
	"RSQRT",
	"SHAPE",
	"POW",
	"ARG_MIN",
	"FAKE_QUANT",
	"REDUCE_PROD",
	"REDUCE_MAX",
	"PACK",
	"LOGICAL_OR",
	"ONE_HOT",
	"LOGICAL_AND",
	"LOGICAL_NOT",
	"UNPACK",
	"REDUCE_MIN",
	"FLOOR_DIV",
	"REDUCE_ANY",
	"SQUARE",
	"ZEROS_LIKE",
	"FILL",
	"FLOOR_MOD",
	"RANGE",
	"RESIZE_NEAREST_NEIGHBOR",
	"LEAKY_RELU",
	"SQUARED_DIFFERENCE",
	"MIRROR_PAD",
	"ABS",
	"SPLIT_V",
	"UNIQUE",
	"CEIL",
	"REVERSE_V2",
	"ADD_N",
	"GATHER_ND",
	"COS",
	"WHERE",
	"RANK",
	"ELU",
	"REVERSE_SEQUENCE",
	"MATRIX_DIAG",
	"QUANTIZE",
	"MATRIX_SET_DIAG",
	"ROUND",
	"HARD_SWISH",
	"IF",
	"WHILE",
	"NON_MAX_SUPPRESSION_V4",
	"NON_MAX_SUPPRESSION_V5",
	"SCATTER_ND",
	"SELECT_V2",
	"DENSIFY",
	"SEGMENT_SUM",
	"BATCH_MATMUL",
	"PLACEHOLDER_FOR_GREATER_OP_CODES",
	"CUMSUM",
	"CALL_ONCE",
	"BROADCAST_TO",
	"RFFT2D",
	"CONV_3D",
	"",
	"",
	"",
	"HASHTABLE",
	"HASHTABLE_FIND",
	"HASHTABLE_IMPORT",
	"HASHTABLE_SIZE",
	"REDUCE_ALL",
	"CONV_3D_TRANSPOSE",
	"VAR_HANDLE",
	"READ_VARIABLE",
	"ASSIGN_VARIABLE",
	"BROADCAST_ARGS",
	"RANDOM_STANDARD_NORMAL",
	"BUCKETIZE",
	"RANDOM_UNIFORM",
	"MULTINOMIAL",
	"GELU",
	"DYNAMIC_UPDATE_SLICE",
	"RELU_0_TO_1",
	"UNSORTED_SEGMENT_PROD",
	"UNSORTED_SEGMENT_MAX",
	"UNSORTED_SEGMENT_SUM",
	"ATAN2",
	"UNSORTED_SEGMENT_MIN",
	"SIGN",
	"BITCAST",
	"BITWISE_XOR",
	"RIGHT_SHIFT",
	"STABLEHLO_LOGISTIC",
	"STABLEHLO_ADD",
	"STABLEHLO_DIVIDE",
	"STABLEHLO_MULTIPLY",
	"STABLEHLO_MAXIMUM",
	"STABLEHLO_RESHAPE",
	"STABLEHLO_CLAMP",
	"STABLEHLO_CONCATENATE",
	"STABLEHLO_BROADCAST_IN_DIM",
	"STABLEHLO_CONVOLUTION",
	"STABLEHLO_SLICE",
	"STABLEHLO_CUSTOM_CALL",
	"STABLEHLO_REDUCE",
	"STABLEHLO_ABS",
	"STABLEHLO_AND",
	"STABLEHLO_COSINE",
	"STABLEHLO_EXPONENTIAL",
	"STABLEHLO_FLOOR",
	"STABLEHLO_LOG",
	"STABLEHLO_MINIMUM",
	"STABLEHLO_NEGATE",
	"STABLEHLO_OR",
	"STABLEHLO_POWER",
	"STABLEHLO_REMAINDER",
	"STABLEHLO_RSQRT",
	"STABLEHLO_SELECT",
	"STABLEHLO_SUBTRACT",
	"STABLEHLO_TANH",
	"STABLEHLO_SCATTER",
	"STABLEHLO_COMPARE",
	"STABLEHLO_CONVERT",
	"STABLEHLO_DYNAMIC_SLICE",
	"STABLEHLO_DYNAMIC_UPDATE_SLICE",
	"STABLEHLO_PAD",
	"STABLEHLO_IOTA",
	"STABLEHLO_DOT_GENERAL",
	"STABLEHLO_REDUCE_WINDOW",
	"STABLEHLO_SORT",
	"STABLEHLO_WHILE",
	"STABLEHLO_GATHER",
	"STABLEHLO_TRANSPOSE",
	"DILATE",
	"STABLEHLO_RNG_BIT_GENERATOR",
	"REDUCE_WINDOW",
	"STABLEHLO_COMPOSITE",
	"STABLEHLO_SHIFT_LEFT",
	"STABLEHLO_CBRT",
	"STABLEHLO_CASE",
};

// What is worth another word than that it is not supported.
static const struct {
	const char *name, *instead;
} INSTEAD[] = {
	{ "WHILE",
		"a loop, as of a GRU or an LSTM of Keras: convert with a fixed batch and length, "
		"from tf.function(model, input_signature=[tf.TensorSpec([1, STEPS, FEATURES])]), "
		"which makes UNIDIRECTIONAL_SEQUENCE_LSTM of an LSTM, or build the layer with "
		"unroll=True" },
	{ "SVDF", "it keeps a state from one call to the next, and rows are scored by themselves" },
	{ "LSTM", "it keeps a state from one call to the next, and rows are scored by themselves" },
	{ "RNN", "it keeps a state from one call to the next, and rows are scored by themselves" },
	{ "VAR_HANDLE",
		"it keeps a state from one call to the next, and rows are scored by themselves" },
};

static const struct tflite_builtin *const FAMILIES[] = { TFLITE_CONV, TFLITE_ELEMENTWISE,
	TFLITE_MOVE, TFLITE_PRODUCT, TFLITE_QUANTISE, TFLITE_RECURRENT, TFLITE_REDUCE };

const char *tflite_operator_name(int64_t code)
{
	return code >= 0 && code < (int64_t)(sizeof(NAMES) / sizeof(*NAMES))
		? NAMES[code]
		: "an unknown operator";
}

static const struct tflite_builtin *operators_find(int64_t code)
{
	for (size_t f = 0; f < sizeof(FAMILIES) / sizeof(*FAMILIES); f++) {
		for (const struct tflite_builtin *builtin = FAMILIES[f]; builtin->name; builtin++) {
			if (builtin->code == code)
				return builtin;
		}
	}
	return NULL;
}

bool tflite_operator_listed(size_t index, struct model_operator *found)
{
	for (size_t f = 0; f < sizeof(FAMILIES) / sizeof(*FAMILIES); f++) {
		for (const struct tflite_builtin *builtin = FAMILIES[f]; builtin->name; builtin++) {
			if (index-- > 0)
				continue;
			*found = (struct model_operator){ .domain = "tflite",
				.type = builtin->name,
				.inputs_min = builtin->inputs_min,
				.inputs_max = builtin->inputs_max };
			return true;
		}
	}
	return false;
}

static int operators_refuse(struct tflite *t, const struct tflite_node *node)
{
	if (node->op->code == CODE_CUSTOM)
		return tflite_refuse(t, node, -ENOTSUP,
			"'%.80s' is none of TensorFlow Lite's own operators, and not supported",
			node->op->custom);
	for (size_t i = 0; i < sizeof(INSTEAD) / sizeof(*INSTEAD); i++) {
		if (strcmp(INSTEAD[i].name, node->type) == 0)
			return tflite_refuse(
				t, node, -ENOTSUP, "not supported: %s", INSTEAD[i].instead);
	}
	return tflite_refuse(
		t, node, -ENOTSUP, "not supported; martletctl(1) lists the operators that are");
}

int tflite_import_operator(struct tflite *t, uint32_t index)
{
	const struct tflite_operator *op = &t->file.operators[index];
	const struct tflite_builtin *builtin = operators_find(op->code);
	const struct tflite_node node = {
		.index = index, .type = tflite_operator_name(op->code), .op = op
	};
	const uint32_t given = tflite_inputs_given(&node);
	int rc;

	t->at = index;
	t->at_name = node.type;
	if (!builtin)
		return operators_refuse(t, &node);
	if (given < builtin->inputs_min || op->inputs.n > builtin->inputs_max)
		return tflite_refuse(t, &node, -EINVAL,
			"has %" PRIu32 " inputs, should have %" PRIu32 " to %" PRIu32, given,
			builtin->inputs_min, builtin->inputs_max);
	if (op->outputs.n < 1 || op->outputs.n > builtin->outputs_max)
		return tflite_refuse(t, &node, -EINVAL,
			"has %" PRIu32 " outputs, should have 1 to %" PRIu32, op->outputs.n,
			builtin->outputs_max);
	rc = builtin->import(t, &node);
	if (rc == 0 && t->file.buffer.damaged)
		return tflite_refuse(t, &node, -EINVAL,
			"its options lead out of the file at byte %zu", t->file.buffer.damaged_at);
	return rc;
}
