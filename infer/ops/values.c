// SPDX-License-Identifier: BSD-3-Clause
#include "infer/ops/values.h"

#include "base/half.h"
#include "infer/graph/bf16.h"

#include <math.h>
#include <string.h>

// Rounds to nearest, ties to even, by arithmetic: nothing that must be fast comes here.
static uint16_t value_to_f16(double value)
{
	uint16_t sign = signbit(value) ? 0x8000 : 0;
	double size = fabs(value), scaled;
	int exponent;

	if (isnan(value))
		return sign | 0x7e00;
	if (size >= 65520.0)
		return sign | 0x7c00;
	if (size < 0x1p-14)
		return sign | (uint16_t)nearbyint(size * 0x1p24);
	scaled = frexp(size, &exponent); // 0.5 to 1
	return sign |
		(uint16_t)(((exponent + 14) << 10) + (int)nearbyint(scaled * 2048.0 - 1024.0));
}

static uint16_t value_to_bf16(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (isnan(value))
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#define INTEGERS(X)                                                                                \
	X(DTYPE_I8, int8_t, INT8_MIN, INT8_MAX)                                                    \
	X(DTYPE_U8, uint8_t, 0, UINT8_MAX)                                                         \
	X(DTYPE_I16, int16_t, INT16_MIN, INT16_MAX)                                                \
	X(DTYPE_U16, uint16_t, 0, UINT16_MAX)                                                      \
	X(DTYPE_I32, int32_t, INT32_MIN, INT32_MAX)                                                \
	X(DTYPE_U32, uint32_t, 0, UINT32_MAX)                                                      \
	X(DTYPE_I64, int64_t, INT64_MIN, INT64_MAX)                                                \
	X(DTYPE_U64, uint64_t, 0, UINT64_MAX)

// Integers wrap, as C's conversions do and as ONNX Runtime does.
uint64_t value_integer(enum dtype dtype, const void *x, size_t i)
{
	switch (dtype) {
#define X(dtype_, type, low, high)                                                                 \
	case dtype_:                                                                               \
		return (uint64_t)((const type *)x)[i];
		INTEGERS(X)
#undef X
	default:
		return ((const uint8_t *)x)[i] != 0;
	}
}

double value_number(enum dtype dtype, const void *x, size_t i)
{
	switch (dtype) {
	case DTYPE_F32:
		return ((const float *)x)[i];
	case DTYPE_F64:
		return ((const double *)x)[i];
	case DTYPE_F16:
		return half_to(((const uint16_t *)x)[i]);
	case DTYPE_BF16:
		return bf16_to(((const uint16_t *)x)[i]);
	case DTYPE_U64:
		return (double)((const uint64_t *)x)[i];
	default:
		return (double)(int64_t)value_integer(dtype, x, i);
	}
}

void value_set_integer(enum dtype dtype, void *y, size_t i, uint64_t value)
{
	switch (dtype) {
#define X(dtype_, type, low, high)                                                                 \
	case dtype_:                                                                               \
		((type *)y)[i] = (type)value;                                                      \
		break;
		INTEGERS(X)
#undef X
	default:
		((uint8_t *)y)[i] = value != 0;
	}
}

void value_set_number(enum dtype dtype, void *y, size_t i, double value)
{
	switch (dtype) {
	case DTYPE_F32:
		((float *)y)[i] = (float)value;
		break;
	case DTYPE_F64:
		((double *)y)[i] = value;
		break;
	case DTYPE_F16:
		((uint16_t *)y)[i] = value_to_f16(value);
		break;
	case DTYPE_BF16:
		((uint16_t *)y)[i] = value_to_bf16((float)value);
		break;
#define X(dtype_, type, low, high)                                                                 \
	case dtype_:                                                                               \
		((type *)y)[i] = isnan(value)     ? 0                                              \
			: value <= (double)(low)  ? (type)(low)                                    \
			: value >= (double)(high) ? (type)(high)                                   \
						  : (type)value;                                   \
		break;
		INTEGERS(X)
#undef X
	default:
		((uint8_t *)y)[i] = value != 0.0;
	}
}

void walk_init(struct walk *walk, const struct tensor *shape)
{
	*walk = (struct walk){ .rank = shape->rank, .left = (size_t)tensor_elements(shape) };
	memcpy(walk->dims, shape->dims, sizeof(walk->dims));
}

void tensor_strides(const struct tensor *tensor, int64_t strides[GRAPH_RANK_MAX])
{
	int64_t stride = 1;

	for (uint32_t d = tensor->rank; d-- > 0;) {
		strides[d] = stride;
		stride *= tensor->dims[d];
	}
}

void walk_broadcast(struct walk *walk, uint32_t k, const struct tensor *operand)
{
	int64_t stride = 1;

	for (uint32_t d = 1; d <= operand->rank; d++) { // from the last
		int64_t dim = operand->dims[operand->rank - d];

		walk->stride[k][walk->rank - d] = dim == 1 ? 0 : stride;
		stride *= dim;
	}
}

void walk_next(struct walk *walk)
{
	walk->left--;
	for (uint32_t d = walk->rank; d-- > 0;) {
		walk->index[d]++;
		for (uint32_t k = 0; k < WALK_OPERANDS; k++)
			walk->at[k] += walk->stride[k][d];
		if (walk->index[d] < walk->dims[d])
			return;
		for (uint32_t k = 0; k < WALK_OPERANDS; k++)
			walk->at[k] -= walk->stride[k][d] * walk->dims[d];
		walk->index[d] = 0;
	}
}
