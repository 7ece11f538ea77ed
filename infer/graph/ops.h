// SPDX-License-Identifier: BSD-3-Clause
// The operators and attributes that a graph may hold: one list each, from which every table that is
// indexed by operator or attribute is made. Semantics are ONNX's of the same name (newest opset
// where versions differ; importers translate older ones) unless said otherwise.
//
// To add an operator: a line here; its shape rule and plain form in ops/<family>.c (ops/rule.h,
// ops/plain.h); a line in the importer's table, and its import in import/onnx/ops/<family>.c; a
// line in docs/martletctl.1. Images hold the numbers of operators, attributes and enumerators
// below: add at the end, or raise IMAGE_VERSION.
#pragma once

#define GRAPH_NODE_IO_MAX 4096 // inputs, or outputs, of one node

// X(OP, "Name", inputs_min, inputs_max, outputs_min, outputs_max, shape rule, plain form). The last
// two are names that ops/rule.h and ops/plain.h declare: nothing in this folder knows them.
#define OP_LIST(X)                                                                                   \
	/* Martlet's own: y = act(x[M,K] * W[K,N] + b[N]); W constant; b may be left out. */         \
	/* Attributes: ACTIVATION (enum activation), ALPHA, BETA. By a W of BF16 x is */             \
	/* multiplied as kernels/product/bf16_dense.h says. */                                       \
	X(OP_DENSE, "Dense", 2, 3, 1, 1, shape_dense, plain_dense)                                   \
	/* Martlet's own: y = act(x * scale + shift), both constant [last dim of x] */               \
	X(OP_AFFINE, "Affine", 3, 3, 1, 1, shape_affine, plain_affine)                               \
	X(OP_GEMM, "Gemm", 2, 3, 1, 1, shape_gemm, plain_gemm)                                       \
	X(OP_MATMUL, "MatMul", 2, 2, 1, 1, shape_matmul, plain_matmul)                               \
	X(OP_ADD, "Add", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_SUB, "Sub", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_MUL, "Mul", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_DIV, "Div", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_RELU, "Relu", 1, 1, 1, 1, shape_arithmetic, plain_unary)                                \
	X(OP_LEAKY_RELU, "LeakyRelu", 1, 1, 1, 1, shape_unary, plain_unary)                          \
	X(OP_ELU, "Elu", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_SELU, "Selu", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_PRELU, "PRelu", 2, 2, 1, 1, shape_prelu, plain_prelu)                                   \
	X(OP_SIGMOID, "Sigmoid", 1, 1, 1, 1, shape_unary, plain_unary)                               \
	X(OP_HARD_SIGMOID, "HardSigmoid", 1, 1, 1, 1, shape_unary, plain_unary)                      \
	X(OP_TANH, "Tanh", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_SOFTPLUS, "Softplus", 1, 1, 1, 1, shape_unary, plain_unary)                             \
	X(OP_SOFTSIGN, "Softsign", 1, 1, 1, 1, shape_unary, plain_unary)                             \
	X(OP_GELU, "Gelu", 1, 1, 1, 1, shape_gelu, plain_unary)                                      \
	/* MIN, MAX attributes, whatever the opset */                                                \
	X(OP_CLIP, "Clip", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_SOFTMAX, "Softmax", 1, 1, 1, 1, shape_softmax, plain_softmax)                           \
	X(OP_LOG_SOFTMAX, "LogSoftmax", 1, 1, 1, 1, shape_softmax, plain_softmax)                    \
	X(OP_BATCH_NORM, "BatchNormalization", 5, 5, 1, 1, shape_batch_norm, plain_batch_norm)       \
	X(OP_LAYER_NORM, "LayerNormalization", 2, 3, 1, 3, shape_layer_norm, plain_layer_norm)       \
	/* ai.onnx.ml; NORM: enum norm */                                                            \
	X(OP_NORMALIZER, "Normalizer", 1, 1, 1, 1, shape_normalizer, plain_normalizer)               \
	X(OP_IDENTITY, "Identity", 1, 1, 1, 1, shape_same, plain_unary)                              \
	/* and Flatten, Squeeze, Unsqueeze: SHAPE attribute */                                       \
	X(OP_RESHAPE, "Reshape", 1, 1, 1, 1, shape_reshape, plain_unary)                             \
	X(OP_CONCAT, "Concat", 1, GRAPH_NODE_IO_MAX, 1, 1, shape_concat, plain_concat)               \
	/* TO: enum dtype */                                                                         \
	X(OP_CAST, "Cast", 1, 1, 1, 1, shape_cast, plain_cast)                                       \
	/* Martlet's own: a tree ensemble, trees.h; AGGREGATE: enum tree_aggregate */                \
	X(OP_TREES, "Trees", 10, 17, 1, 1, shape_trees, plain_trees)                                 \
	X(OP_ABS, "Abs", 1, 1, 1, 1, shape_arithmetic, plain_unary)                                  \
	X(OP_NEG, "Neg", 1, 1, 1, 1, shape_arithmetic, plain_unary)                                  \
	X(OP_CEIL, "Ceil", 1, 1, 1, 1, shape_arithmetic, plain_unary)                                \
	X(OP_FLOOR, "Floor", 1, 1, 1, 1, shape_arithmetic, plain_unary)                              \
	X(OP_ROUND, "Round", 1, 1, 1, 1, shape_arithmetic, plain_unary)                              \
	X(OP_EXP, "Exp", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_LOG, "Log", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_SQRT, "Sqrt", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_RECIPROCAL, "Reciprocal", 1, 1, 1, 1, shape_unary, plain_unary)                         \
	X(OP_SIGN, "Sign", 1, 1, 1, 1, shape_arithmetic, plain_unary)                                \
	X(OP_ERF, "Erf", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_SIN, "Sin", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_COS, "Cos", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_TAN, "Tan", 1, 1, 1, 1, shape_unary, plain_unary)                                       \
	X(OP_ASIN, "Asin", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_ACOS, "Acos", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_ATAN, "Atan", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_SINH, "Sinh", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_COSH, "Cosh", 1, 1, 1, 1, shape_unary, plain_unary)                                     \
	X(OP_ASINH, "Asinh", 1, 1, 1, 1, shape_unary, plain_unary)                                   \
	X(OP_ACOSH, "Acosh", 1, 1, 1, 1, shape_unary, plain_unary)                                   \
	X(OP_ATANH, "Atanh", 1, 1, 1, 1, shape_unary, plain_unary)                                   \
	X(OP_IS_NAN, "IsNaN", 1, 1, 1, 1, shape_is_nan, plain_unary)                                 \
	X(OP_NOT, "Not", 1, 1, 1, 1, shape_not, plain_unary)                                         \
	X(OP_BITWISE_NOT, "BitwiseNot", 1, 1, 1, 1, shape_bitwise, plain_unary)                      \
	/* FMOD: 0 or 1 */                                                                           \
	X(OP_MOD, "Mod", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_POW, "Pow", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	/* of two; importers chain more */                                                           \
	X(OP_MIN, "Min", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_MAX, "Max", 2, 2, 1, 1, shape_binary, plain_binary)                                     \
	X(OP_AND, "And", 2, 2, 1, 1, shape_logic, plain_binary)                                      \
	X(OP_OR, "Or", 2, 2, 1, 1, shape_logic, plain_binary)                                        \
	X(OP_XOR, "Xor", 2, 2, 1, 1, shape_logic, plain_binary)                                      \
	X(OP_BITWISE_AND, "BitwiseAnd", 2, 2, 1, 1, shape_bitwise, plain_binary)                     \
	X(OP_BITWISE_OR, "BitwiseOr", 2, 2, 1, 1, shape_bitwise, plain_binary)                       \
	X(OP_BITWISE_XOR, "BitwiseXor", 2, 2, 1, 1, shape_bitwise, plain_binary)                     \
	/* RIGHT: 0 left, 1 right */                                                                 \
	X(OP_BIT_SHIFT, "BitShift", 2, 2, 1, 1, shape_bitwise, plain_binary)                         \
	X(OP_EQUAL, "Equal", 2, 2, 1, 1, shape_compare, plain_compare)                               \
	X(OP_GREATER, "Greater", 2, 2, 1, 1, shape_compare, plain_compare)                           \
	X(OP_GREATER_OR_EQUAL, "GreaterOrEqual", 2, 2, 1, 1, shape_compare, plain_compare)           \
	X(OP_LESS, "Less", 2, 2, 1, 1, shape_compare, plain_compare)                                 \
	X(OP_LESS_OR_EQUAL, "LessOrEqual", 2, 2, 1, 1, shape_compare, plain_compare)                 \
	X(OP_WHERE, "Where", 3, 3, 1, 1, shape_where, plain_where)                                   \
	/* PERM; left out: reversed */                                                               \
	X(OP_TRANSPOSE, "Transpose", 1, 1, 1, 1, shape_transpose, plain_transpose)                   \
	/* AXIS; KEEPDIMS, 1 where left out; LAST: which of equal ones */                            \
	X(OP_ARG_MAX, "ArgMax", 1, 1, 1, 1, shape_arg, plain_arg)                                    \
	X(OP_ARG_MIN, "ArgMin", 1, 1, 1, 1, shape_arg, plain_arg)                                    \
	/* AXES from the front, all where left out; KEEPDIMS */                                      \
	X(OP_REDUCE_SUM, "ReduceSum", 1, 1, 1, 1, shape_reduce, plain_reduce)                        \
	X(OP_REDUCE_MEAN, "ReduceMean", 1, 1, 1, 1, shape_reduce, plain_reduce)                      \
	X(OP_REDUCE_MAX, "ReduceMax", 1, 1, 1, 1, shape_reduce, plain_reduce)                        \
	X(OP_REDUCE_MIN, "ReduceMin", 1, 1, 1, 1, shape_reduce, plain_reduce)                        \
	X(OP_REDUCE_PROD, "ReduceProd", 1, 1, 1, 1, shape_reduce, plain_reduce)                      \
	X(OP_REDUCE_L1, "ReduceL1", 1, 1, 1, 1, shape_reduce, plain_reduce)                          \
	X(OP_REDUCE_L2, "ReduceL2", 1, 1, 1, 1, shape_reduce, plain_reduce)                          \
	X(OP_REDUCE_LOG_SUM, "ReduceLogSum", 1, 1, 1, 1, shape_reduce, plain_reduce)                 \
	X(OP_REDUCE_LOG_SUM_EXP, "ReduceLogSumExp", 1, 1, 1, 1, shape_reduce, plain_reduce)          \
	X(OP_REDUCE_SUM_SQUARE, "ReduceSumSquare", 1, 1, 1, 1, shape_reduce, plain_reduce)           \
	/* AXIS, EXCLUSIVE, REVERSE */                                                               \
	X(OP_CUM_SUM, "CumSum", 1, 1, 1, 1, shape_cum_sum, plain_cum_sum)                            \
	/* K, AXIS, LARGEST; sorted */                                                               \
	X(OP_TOP_K, "TopK", 1, 1, 1, 2, shape_top_k, plain_top_k)                                    \
	/* STARTS, STEPS, SHAPE: of every dimension */                                               \
	X(OP_SLICE, "Slice", 1, 1, 1, 1, shape_slice, plain_slice)                                   \
	/* PADS before each dimension, SHAPE, MODE: enum pad_mode */                                 \
	X(OP_PAD, "Pad", 1, 2, 1, 1, shape_pad, plain_pad)                                           \
	/* REPEATS */                                                                                \
	X(OP_TILE, "Tile", 1, 1, 1, 1, shape_tile, plain_tile)                                       \
	X(OP_GATHER, "Gather", 2, 2, 1, 1, shape_gather, plain_gather)                               \
	X(OP_GATHER_ELEMENTS, "GatherElements", 2, 2, 1, 1, shape_gather_elements,                   \
		plain_gather_elements)                                                               \
	/* BATCH_DIMS */                                                                             \
	X(OP_GATHER_ND, "GatherND", 2, 2, 1, 1, shape_gather_nd, plain_gather_nd)                    \
	/* REDUCTION: enum scatter_reduction */                                                      \
	X(OP_SCATTER_ELEMENTS, "ScatterElements", 3, 3, 1, 1, shape_scatter_elements,                \
		plain_scatter_elements)                                                              \
	X(OP_SCATTER_ND, "ScatterND", 3, 3, 1, 1, shape_scatter_nd, plain_scatter_nd)                \
	/* of indices and [off, on]; DEPTH, AXIS of the output */                                    \
	X(OP_ONE_HOT, "OneHot", 2, 2, 1, 1, shape_one_hot, plain_one_hot)                            \
	/* Conv, pools: window.h. GROUP; ACTIVATION, ALPHA, BETA as Dense has them */                \
	X(OP_CONV, "Conv", 2, 3, 1, 1, shape_conv, plain_conv)                                       \
	X(OP_CONV_TRANSPOSE, "ConvTranspose", 2, 3, 1, 1, shape_conv_transpose,                      \
		plain_conv_transpose)                                                                \
	/* COLUMN_MAJOR indices */                                                                   \
	X(OP_MAX_POOL, "MaxPool", 1, 1, 1, 2, shape_pool, plain_pool)                                \
	/* COUNT_INCLUDE_PAD */                                                                      \
	X(OP_AVERAGE_POOL, "AveragePool", 1, 1, 1, 1, shape_pool, plain_pool)                        \
	/* P */                                                                                      \
	X(OP_LP_POOL, "LpPool", 1, 1, 1, 1, shape_pool, plain_pool)                                  \
	/* ACTIVATIONS: enum recurrent, ALPHAS, BETAS: one for each of them */                       \
	X(OP_RNN, "RNN", 3, 6, 2, 2, shape_recurrent, plain_recurrent)                               \
	X(OP_GRU, "GRU", 3, 6, 2, 2, shape_recurrent, plain_recurrent)                               \
	X(OP_LSTM, "LSTM", 3, 8, 3, 3, shape_recurrent, plain_recurrent)                             \
	/* TO, AXIS */                                                                               \
	X(OP_QUANTIZE_LINEAR, "QuantizeLinear", 2, 3, 1, 1, shape_quantise, plain_quantise)          \
	/* AXIS */                                                                                   \
	X(OP_DEQUANTIZE_LINEAR, "DequantizeLinear", 2, 3, 1, 1, shape_dequantise,                    \
		plain_dequantise)                                                                    \
	X(OP_DYNAMIC_QUANTIZE_LINEAR, "DynamicQuantizeLinear", 1, 1, 3, 3, shape_dynamic_quantise,   \
		plain_dynamic_quantise)                                                              \
	X(OP_QLINEAR_MATMUL, "QLinearMatMul", 8, 8, 1, 1, shape_qlinear_matmul,                      \
		plain_quantised_matmul)                                                              \
	X(OP_MATMUL_INTEGER, "MatMulInteger", 2, 4, 1, 1, shape_matmul_integer,                      \
		plain_quantised_matmul)                                                              \
	/* Martlet's own: y = requantise(x[..., K] * W[K, N] + b[N]) by graph/requantise.h's */      \
	/* formula; x int8 or uint8; W int8, b int32 and the multipliers [N] constant. TO: */        \
	/* F32, or U8, I8 with ZERO, LOW, HIGH, or I32, which is the sum */                          \
	X(OP_QDENSE, "QDense", 4, 4, 1, 1, shape_qdense, plain_qdense)                               \
	/* window.h, GROUP */                                                                        \
	X(OP_CONV_INTEGER, "ConvInteger", 2, 4, 1, 1, shape_conv_integer, plain_quantised_conv)      \
	X(OP_QLINEAR_CONV, "QLinearConv", 8, 9, 1, 1, shape_qlinear_conv, plain_quantised_conv)      \
	/* Martlet's own: the convolution as QDense does it. W [C / GROUP * kernel, M], the */       \
	/* channels outermost; KERNEL_SHAPE; what lies beyond x is PAD_VALUE */                      \
	X(OP_QCONV, "QConv", 4, 4, 1, 1, shape_qconv, plain_qconv)                                   \
	/* Martlet's own: classes [1, K] from pairs of them [1, K (K - 1) / 2], as libsvm */         \
	X(OP_PAIRWISE_COUPLING, "PairwiseCoupling", 1, 1, 1, 1, shape_pairwise_coupling,             \
		plain_coupling)                                                                      \
	/* Martlet's own: y[M, N] = kernel(x[M, C], v[V, C]) * w[V, N] + b[N], all but x */          \
	/* constant, summed in double. MODE: enum svm_kernel; GAMMA, BETA (coef0), ALPHA */          \
	/* (degree) */                                                                               \
	X(OP_SVM, "Svm", 4, 4, 1, 1, shape_svm, plain_svm)                                           \
	/* Martlet's own: y = act((float)sum((x[..., K] - x_zero) * (W[K, N] - w_zero[N])) * */      \
	/* (x_scale * w_scale[N]) + b[N]), each operation rounded to float; inputs x int8 */         \
	/* or uint8, W int8, w_scale, b, x_scale [] float32, x_zero [] of x's dtype, */              \
	/* w_zero int32; W, w_scale, b, w_zero constant, the zeros may be left out. */               \
	/* ACTIVATION, ALPHA, BETA as Dense */                                                       \
	X(OP_DYNAMIC_QDENSE, "DynamicQDense", 5, 7, 1, 1, shape_dynamic_qdense,                      \
		plain_dynamic_qdense)                                                                \
	/* Martlet's own: of each row of x [M, C] and each of constant y [K, C] the sum over */      \
	/* the columns of |x - y|^p. MODE: enum distance; ALPHA: p of DISTANCE_POWERS */             \
	X(OP_DISTANCE, "Distance", 2, 2, 1, 1, shape_distance, plain_distance)                       \
	/* Martlet's own: of each value of x, F32 or I64, the number of the key that it is, and */   \
	/* N where it is none; NaN is a key like others. Keys of x's dtype, ascending and NaN */     \
	/* last, and their numbers, I64, are constant, [N] or [x's dims, N]. */                      \
	X(OP_FIND, "Find", 3, 3, 1, 1, shape_find, plain_find)                                       \
	/* Martlet's own: RNN, GRU or LSTM (CELL: enum recurrent_cell) of one sequence a row, */     \
	/* whose products are QDense's to floats and whose gates are floats: x int8 or uint8, */     \
	/* [steps, 1, inputs] or, LAYOUT, [1, steps, inputs]; W int8 [ways, inputs, gates * h], */   \
	/* b int32 and multipliers [ways, gates * h]; R int8 [ways, h, gates * h], likewise b */     \
	/* and multipliers; initial h and c. The state is quantised anew at each step, int8 by */    \
	/* the scale ALPHA, as QuantizeLinear does it; so is GRU's r * state without */              \
	/* LINEAR_BEFORE_RESET. Without it the third gate's bias is all in W's. */                   \
	X(OP_QRECURRENT, "QRecurrent", 7, 9, 2, 3, shape_qrecurrent, plain_qrecurrent)               \
	/* Martlet's own: any function of a byte. y = table[x], x int8 or uint8, and the table */    \
	/* [256] of either constant; a negative x counts by its bits: the value of -1 is the last */ \
	X(OP_QLOOKUP, "QLookup", 2, 2, 1, 1, shape_qlookup, plain_qlookup)

enum op {
#define X(op, ...) op,
	OP_LIST(X)
#undef X
		OP_COUNT
};
const char *op_name(enum op op);

struct op_arity {
	unsigned inputs_min, inputs_max, outputs_min, outputs_max;
};
const struct op_arity *op_arity(enum op op); // NULL: no such operator

enum attr_kind { ATTR_KIND_INT, ATTR_KIND_FLOAT, ATTR_KIND_INTS, ATTR_KIND_FLOATS };

// X(KEY, "name", kind)
#define ATTR_LIST(X)                                                                               \
	X(ATTR_ACTIVATION, "activation", ATTR_KIND_INT)                                            \
	X(ATTR_ALPHA, "alpha", ATTR_KIND_FLOAT)                                                    \
	X(ATTR_BETA, "beta", ATTR_KIND_FLOAT)                                                      \
	X(ATTR_GAMMA, "gamma", ATTR_KIND_FLOAT)                                                    \
	X(ATTR_AXIS, "axis", ATTR_KIND_INT)                                                        \
	X(ATTR_EPSILON, "epsilon", ATTR_KIND_FLOAT)                                                \
	X(ATTR_TRANS_A, "transA", ATTR_KIND_INT)                                                   \
	X(ATTR_TRANS_B, "transB", ATTR_KIND_INT)                                                   \
	X(ATTR_MIN, "min", ATTR_KIND_FLOAT)                                                        \
	X(ATTR_MAX, "max", ATTR_KIND_FLOAT)                                                        \
	X(ATTR_SHAPE, "shape", ATTR_KIND_INTS)                                                     \
	X(ATTR_TO, "to", ATTR_KIND_INT)                                                            \
	X(ATTR_NORM, "norm", ATTR_KIND_INT)                                                        \
	/* Gelu: 0 none, 1 tanh */                                                                 \
	X(ATTR_APPROXIMATE, "approximate", ATTR_KIND_INT)                                          \
	X(ATTR_AGGREGATE, "aggregate", ATTR_KIND_INT)                                              \
	X(ATTR_FMOD, "fmod", ATTR_KIND_INT)                                                        \
	X(ATTR_RIGHT, "right", ATTR_KIND_INT)                                                      \
	X(ATTR_PERM, "perm", ATTR_KIND_INTS)                                                       \
	X(ATTR_KEEPDIMS, "keepdims", ATTR_KIND_INT)                                                \
	X(ATTR_LAST, "last", ATTR_KIND_INT)                                                        \
	X(ATTR_AXES, "axes", ATTR_KIND_INTS)                                                       \
	X(ATTR_EXCLUSIVE, "exclusive", ATTR_KIND_INT)                                              \
	X(ATTR_REVERSE, "reverse", ATTR_KIND_INT)                                                  \
	X(ATTR_K, "k", ATTR_KIND_INT)                                                              \
	X(ATTR_LARGEST, "largest", ATTR_KIND_INT)                                                  \
	X(ATTR_STARTS, "starts", ATTR_KIND_INTS)                                                   \
	X(ATTR_STEPS, "steps", ATTR_KIND_INTS)                                                     \
	X(ATTR_PADS, "pads", ATTR_KIND_INTS)                                                       \
	X(ATTR_MODE, "mode", ATTR_KIND_INT)                                                        \
	X(ATTR_REPEATS, "repeats", ATTR_KIND_INTS)                                                 \
	X(ATTR_BATCH_DIMS, "batch_dims", ATTR_KIND_INT)                                            \
	X(ATTR_REDUCTION, "reduction", ATTR_KIND_INT)                                              \
	X(ATTR_DEPTH, "depth", ATTR_KIND_INT)                                                      \
	X(ATTR_KERNEL_SHAPE, "kernel_shape", ATTR_KIND_INTS)                                       \
	X(ATTR_STRIDES, "strides", ATTR_KIND_INTS)                                                 \
	X(ATTR_DILATIONS, "dilations", ATTR_KIND_INTS)                                             \
	X(ATTR_GROUP, "group", ATTR_KIND_INT)                                                      \
	X(ATTR_CEIL_MODE, "ceil_mode", ATTR_KIND_INT)                                              \
	X(ATTR_COUNT_INCLUDE_PAD, "count_include_pad", ATTR_KIND_INT)                              \
	X(ATTR_COLUMN_MAJOR, "storage_order", ATTR_KIND_INT)                                       \
	X(ATTR_P, "p", ATTR_KIND_INT)                                                              \
	X(ATTR_OUTPUT_PADDING, "output_padding", ATTR_KIND_INTS)                                   \
	X(ATTR_DIRECTION, "direction", ATTR_KIND_INT)                                              \
	X(ATTR_ACTIVATIONS, "activations", ATTR_KIND_INTS)                                         \
	X(ATTR_ALPHAS, "activation_alpha", ATTR_KIND_FLOATS)                                       \
	X(ATTR_BETAS, "activation_beta", ATTR_KIND_FLOATS)                                         \
	X(ATTR_CLIP, "clip", ATTR_KIND_FLOAT)                                                      \
	X(ATTR_LINEAR_BEFORE_RESET, "linear_before_reset", ATTR_KIND_INT)                          \
	X(ATTR_INPUT_FORGET, "input_forget", ATTR_KIND_INT)                                        \
	X(ATTR_LAYOUT, "layout", ATTR_KIND_INT)                                                    \
	X(ATTR_ZERO, "zero", ATTR_KIND_INT)                                                        \
	X(ATTR_LOW, "low", ATTR_KIND_INT)                                                          \
	X(ATTR_HIGH, "high", ATTR_KIND_INT)                                                        \
	X(ATTR_PAD_VALUE, "pad_value", ATTR_KIND_INT)                                              \
	/* Trees: 1 where the file says of each branch where missing values go */                  \
	X(ATTR_TRACKS_MISSING, "tracks_missing", ATTR_KIND_INT)                                    \
	X(ATTR_CELL, "cell", ATTR_KIND_INT)

enum attr_key {
#define X(key, ...) key,
	ATTR_LIST(X)
#undef X
		ATTR_KEY_COUNT
};
const char *attr_name(enum attr_key key);
enum attr_kind attr_kind(enum attr_key key); // the only kind that its values have

// Activations that a Dense, Affine, Conv or DynamicQDense may carry (ACTIVATION), and that kernels
// compute.
enum activation {
	ACTIVATION_NONE,
	ACTIVATION_RELU,
	ACTIVATION_LEAKY_RELU, // ALPHA
	ACTIVATION_CLIP,       // ALPHA = min, BETA = max
	ACTIVATION_SIGMOID,
	ACTIVATION_TANH,
	ACTIVATION_HARD_SIGMOID, // ALPHA, BETA
	ACTIVATION_ELU,          // ALPHA
	ACTIVATION_SELU,         // ALPHA, BETA = gamma
	ACTIVATION_SOFTPLUS,
	ACTIVATION_SOFTSIGN,
	ACTIVATION_GELU,      // exact (erf)
	ACTIVATION_GELU_TANH, // tanh approximation
	ACTIVATION_COUNT,
	// Those that only RNN, GRU and LSTM may carry, by other numbers: enum recurrent. No kernel
	// computes them.
	ACTIVATION_AFFINE = ACTIVATION_COUNT, // ALPHA x + BETA
	ACTIVATION_THRESHOLDED_RELU,          // ALPHA: the least x that is not 0
	ACTIVATION_SCALED_TANH,               // ALPHA tanh(BETA x)
	ACTIVATION_ALL,
};
const char *activation_name(enum activation activation);

enum svm_kernel { SVM_LINEAR, SVM_POLY, SVM_RBF, SVM_SIGMOID, SVM_KERNEL_COUNT };
enum distance {
	DISTANCE_SQUARES,
	DISTANCE_ABSOLUTE,
	DISTANCE_POWERS,
	DISTANCE_LARGEST, // of the columns, no sum
	DISTANCE_COUNT,
};
enum norm { NORM_MAX, NORM_L1, NORM_L2, NORM_COUNT };
enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_MODE_COUNT };
enum scatter_reduction {
	SCATTER_NONE,
	SCATTER_ADD,
	SCATTER_MUL,
	SCATTER_MIN,
	SCATTER_MAX,
	SCATTER_COUNT,
};

enum recurrent_cell { CELL_RNN, CELL_GRU, CELL_LSTM, CELL_COUNT };
enum direction { DIRECTION_FORWARD, DIRECTION_REVERSE, DIRECTION_BOTH, DIRECTION_COUNT };

// The numbers of activations in ACTIVATIONS of RNN, GRU and LSTM: recurrent_activation() (act.h)
// tells which is which.
enum recurrent {
	RECURRENT_RELU,
	RECURRENT_TANH,
	RECURRENT_SIGMOID,
	RECURRENT_AFFINE,
	RECURRENT_LEAKY_RELU,
	RECURRENT_THRESHOLDED_RELU,
	RECURRENT_SCALED_TANH,
	RECURRENT_HARD_SIGMOID,
	RECURRENT_ELU,
	RECURRENT_SOFTSIGN,
	RECURRENT_SOFTPLUS,
	RECURRENT_COUNT,
};
