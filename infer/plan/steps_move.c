// SPDX-License-Identifier: BSD-3-Clause
// Steps that move values: between the ports and their tensors, Concat, Cast.
#include "infer/plan/plan.h"

#include <math.h>
#include <string.h>

// x of `bytes` a row to y, each side with its own distance from row to row (row_bytes).
void step_copy(const struct step *step, const struct pass *pass)
{
	const char *x = place_at(pass, &step->x);
	char *y = place_at(pass, &step->y);

	for (uint32_t row = 0; row < pass->n; row++) {
		memcpy(y, x, step->per_row);
		x += step->x.row_bytes;
		y += step->y.row_bytes;
	}
}

// --- Concat --------------------------------------------------------------------------------------

struct concat {
	uint32_t n_parts, outer;
	const struct place *parts; // [n_parts]
	const size_t *bytes;       // [n_parts] of one run of the part
};

static void run_concat(const struct step *step, const struct pass *pass)
{
	const struct concat *concat = step->params;
	char *y = place_at(pass, &step->y);

	for (uint32_t row = 0; row < pass->n; row++) {
		for (uint32_t o = 0; o < concat->outer; o++) {
			for (uint32_t p = 0; p < concat->n_parts; p++) {
				const struct place *part = &concat->parts[p];
				const char *x = place_at(pass, part);

				memcpy(y, x + row * part->row_bytes + o * concat->bytes[p],
					concat->bytes[p]);
				y += concat->bytes[p];
			}
		}
	}
}

int build_concat(struct builder *builder)
{
	uint32_t count = builder->node->n_inputs, axis;
	struct place *parts = builder_weights(builder, count * sizeof(*parts));
	size_t *bytes = parts ? builder_weights(builder, count * sizeof(*bytes)) : NULL;
	struct concat concat = { .n_parts = count, .outer = 1, .parts = parts, .bytes = bytes };
	const struct tensor *out = builder_output(builder, 0);

	if (!bytes)
		return -ENOMEM;
	if (op_axis(builder->node, out->rank, 0, &axis) != 0)
		return error_set(builder->err, -EINVAL, "the axis is not one of the input's");
	for (uint32_t d = 0; d < axis; d++)
		concat.outer *= (uint32_t)out->dims[d];
	for (uint32_t p = 0; p < count; p++) {
		parts[p] = builder_input_place(builder, p);
		bytes[p] = tensor_bytes(builder_input(builder, p)) / concat.outer;
	}
	builder->step->run = run_concat;
	builder->step->params = builder_params(builder, &concat, sizeof(concat));
	step_set_kernel(builder->step, "concat__scalar");
	return builder->step->params ? 0 : -ENOMEM;
}

// --- Cast ----------------------------------------------------------------------------------------
// Through double, or through 64-bit integers from integer to integer so that no digit is lost.
// Floats to integers saturate, NaN becomes 0: ONNX leaves both open, C makes them undefined.

struct cast {
	enum dtype from, to;
};

static bool is_float(enum dtype dtype)
{
	return dtype <= DTYPE_BF16;
}

static float f32_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static float f32_of_f16(uint16_t half)
{
	uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31,
		 mantissa = half & 1023;

	if (exponent == 31)
		return f32_of_bits(sign | 0x7f800000u | mantissa << 13);
	if (exponent == 0) {
		float value = ldexpf((float)mantissa, -24);

		return sign ? -value : value;
	}
	return f32_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

// Round to nearest, ties to even; by arithmetic, as Cast is not a fast path.
static uint16_t f16_of_double(double value)
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

static uint16_t bf16_of_float(float value)
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
static uint64_t load_integer(enum dtype dtype, const void *x, size_t i)
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

static double load_number(enum dtype dtype, const void *x, size_t i)
{
	switch (dtype) {
	case DTYPE_F32:
		return ((const float *)x)[i];
	case DTYPE_F64:
		return ((const double *)x)[i];
	case DTYPE_F16:
		return f32_of_f16(((const uint16_t *)x)[i]);
	case DTYPE_BF16:
		return f32_of_bits((uint32_t)((const uint16_t *)x)[i] << 16);
	case DTYPE_U64:
		return (double)((const uint64_t *)x)[i];
	default:
		return (double)(int64_t)load_integer(dtype, x, i);
	}
}

static void store_integer(enum dtype dtype, void *y, size_t i, uint64_t value)
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

static void store_number(enum dtype dtype, void *y, size_t i, double value)
{
	switch (dtype) {
	case DTYPE_F32:
		((float *)y)[i] = (float)value;
		break;
	case DTYPE_F64:
		((double *)y)[i] = value;
		break;
	case DTYPE_F16:
		((uint16_t *)y)[i] = f16_of_double(value);
		break;
	case DTYPE_BF16:
		((uint16_t *)y)[i] = bf16_of_float((float)value);
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

static void run_cast(const struct step *step, const struct pass *pass)
{
	const struct cast *cast = step->params;
	const char *x = place_at(pass, &step->x);
	char *y = place_at(pass, &step->y);
	bool integers = !is_float(cast->from) && !is_float(cast->to);

	for (uint32_t row = 0; row < pass->n; row++) {
		for (uint32_t i = 0; i < step->per_row; i++) {
			if (integers)
				store_integer(cast->to, y, i, load_integer(cast->from, x, i));
			else
				store_number(cast->to, y, i, load_number(cast->from, x, i));
		}
		x += step->x.row_bytes;
		y += step->y.row_bytes;
	}
}

int build_cast(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	struct cast cast = { x->dtype, y->dtype };
	struct step *step = builder->step;

	step->run = run_cast;
	step->x = builder_input_place(builder, 0);
	step->per_row = (uint32_t)tensor_elements(x);
	step->params = builder_params(builder, &cast, sizeof(cast));
	snprintf(step->shape, sizeof(step->shape), "%s -> %s", dtype_name(x->dtype),
		dtype_name(y->dtype));
	step_set_kernel(step, "cast__scalar");
	return step->params ? 0 : -ENOMEM;
}
