// SPDX-License-Identifier: BSD-3-Clause
// Operators whose every output value depends on one value of each input, after broadcasting.
#include "infer/graph/act.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <math.h>

// --- Shapes --------------------------------------------------------------------------------------

int shape_same(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 0));
	return 0;
}

int shape_unary(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 0));
	return shape_need_f32(in);
}

int shape_gelu(const struct inference *in, struct tensor *out)
{
	int rc = shape_unary(in, out);

	return rc != 0 ? rc : shape_need_int(in, ATTR_APPROXIMATE, 0, 0, 1);
}

static int shape_broadcast_pair(const struct inference *in, struct tensor *out)
{
	if (dims_broadcast(out, shape_input(in, 0), shape_input(in, 1)) != 0)
		return shape_refuse_pair(in, 0, 1, "they do not broadcast to each other");
	return 0;
}

// Both inputs are numbers of one dtype; the exponent of Pow may have another.
int shape_binary(const struct inference *in, struct tensor *out)
{
	const enum dtype dtype = shape_input(in, 0)->dtype;

	if (dtype == DTYPE_BOOL || (dtype_is_float(dtype) && dtype != DTYPE_F32))
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or whole numbers",
			shape_input(in, 0)->name, dtype_name(dtype));
	if (in->node->op != OP_POW && shape_need_dtype(in, 1, dtype) != 0)
		return -EINVAL;
	return shape_broadcast_pair(in, out);
}

int shape_arithmetic(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	shape_copy(out, x);
	if (x->dtype != DTYPE_F32 && (x->dtype == DTYPE_BOOL || dtype_is_float(x->dtype)))
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or whole numbers",
			x->name, dtype_name(x->dtype));
	return 0;
}

int shape_is_nan(const struct inference *in, struct tensor *out)
{
	int rc = shape_unary(in, out);

	out->dtype = DTYPE_BOOL;
	return rc;
}

int shape_not(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 0));
	return shape_need_dtype(in, 0, DTYPE_BOOL);
}

int shape_logic(const struct inference *in, struct tensor *out)
{
	if (shape_need_dtype(in, 0, DTYPE_BOOL) != 0 || shape_need_dtype(in, 1, DTYPE_BOOL) != 0)
		return -EINVAL;
	return shape_broadcast_pair(in, out);
}

int shape_bitwise(const struct inference *in, struct tensor *out)
{
	if (shape_need_integers(in) != 0)
		return -EINVAL;
	shape_copy(out, shape_input(in, 0));
	if (in->node->n_inputs == 1)
		return 0;
	if (shape_need_dtype(in, 1, out->dtype) != 0)
		return -EINVAL;
	return shape_broadcast_pair(in, out);
}

int shape_compare(const struct inference *in, struct tensor *out)
{
	if (shape_need_dtype(in, 1, shape_input(in, 0)->dtype) != 0 ||
		shape_broadcast_pair(in, out) != 0)
		return -EINVAL;
	out->dtype = DTYPE_BOOL;
	return 0;
}

int shape_where(const struct inference *in, struct tensor *out)
{
	struct tensor pair;

	if (shape_need_dtype(in, 0, DTYPE_BOOL) != 0 ||
		shape_need_dtype(in, 2, shape_input(in, 1)->dtype) != 0)
		return -EINVAL;
	if (dims_broadcast(&pair, shape_input(in, 1), shape_input(in, 2)) != 0)
		return shape_refuse_pair(in, 1, 2, "they do not broadcast to each other");
	if (dims_broadcast(out, &pair, shape_input(in, 0)) != 0)
		return shape_refuse_pair(in, 0, 1, "they do not broadcast to each other");
	out->dtype = shape_input(in, 1)->dtype;
	return 0;
}

int shape_prelu(const struct inference *in, struct tensor *out)
{
	if (shape_unary(in, out) != 0)
		return -EINVAL;
	return shape_need_broadcast_to(in, 1, shape_input(in, 0));
}

int shape_affine(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (shape_unary(in, out) != 0 || shape_need_constant(in, 1) != 0 ||
		shape_need_constant(in, 2) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0)
		return shape_refuse(in, "the input is a scalar, should have a last dimension");
	if (shape_need_vector(in, 1, x->dims[x->rank - 1]) != 0)
		return -EINVAL;
	return shape_need_vector(in, 2, x->dims[x->rank - 1]);
}

// --- Values --------------------------------------------------------------------------------------

// --- One operand --------------------------------------------------------------------------------

static double unary_float(enum op op, const struct act *act, double a)
{
	switch (op) {
	case OP_ABS:
		return fabs(a);
	case OP_NEG:
		return -a;
	case OP_CEIL:
		return ceil(a);
	case OP_FLOOR:
		return floor(a);
	case OP_ROUND:
		return nearbyint(a); // to nearest, ties to even
	case OP_EXP:
		return exp(a);
	case OP_LOG:
		return log(a);
	case OP_SQRT:
		return sqrt(a);
	case OP_RECIPROCAL:
		return 1 / a;
	case OP_SIGN:
		return a > 0 ? 1 : a < 0 ? -1 : a;
	case OP_ERF:
		return erf(a);
	case OP_SIN:
		return sin(a);
	case OP_COS:
		return cos(a);
	case OP_TAN:
		return tan(a);
	case OP_ASIN:
		return asin(a);
	case OP_ACOS:
		return acos(a);
	case OP_ATAN:
		return atan(a);
	case OP_SINH:
		return sinh(a);
	case OP_COSH:
		return cosh(a);
	case OP_ASINH:
		return asinh(a);
	case OP_ACOSH:
		return acosh(a);
	case OP_ATANH:
		return atanh(a);
	default: // activations; Identity and Reshape are copied elsewhere
		return act_f64(act, a);
	}
}

static uint64_t unary_integer(enum op op, enum dtype dtype, uint64_t a)
{
	const bool negative = dtype_is_signed(dtype) && (int64_t)a < 0;

	switch (op) {
	case OP_ABS:
		return negative ? -a : a;
	case OP_NEG:
		return -a;
	case OP_SIGN:
		return negative ? UINT64_MAX : a != 0;
	case OP_RELU:
		return negative ? 0 : a;
	case OP_NOT:
		return a == 0;
	case OP_BITWISE_NOT:
		return ~a;
	default: // Identity, Reshape; rounding
		return a;
	}
}

static void unary_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum dtype from = plain->in[0].dtype, to = plain->out[0].dtype;
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const enum op op = plain->node->op;
	const struct act act = act_of_operator(plain->node);

	for (size_t i = 0; i < count; i++) {
		if (op == OP_IS_NAN)
			value_set_integer(to, y[0], i, isnan(value_number(from, x[0], i)));
		else if (dtype_is_float(from))
			value_set_number(
				to, y[0], i, unary_float(op, &act, value_number(from, x[0], i)));
		else
			value_set_integer(
				to, y[0], i, unary_integer(op, from, value_integer(from, x[0], i)));
	}
}

// --- Two operands -------------------------------------------------------------------------------

// Mod with FMOD 0 has the divisor's sign, with FMOD 1 the dividend's (C's fmod).
static double binary_float(const struct node *node, double a, double b)
{
	switch (node->op) {
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
		return a * b;
	case OP_DIV:
		return a / b;
	case OP_POW:
		return pow(a, b);
	case OP_MIN:
		return isnan(a) || isnan(b) ? (double)NAN : a < b ? a : b;
	case OP_MAX:
		return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
	default: { // Mod
		double rest = fmod(a, b);

		if (node_int(node, ATTR_FMOD, 0) == 0 && rest != 0 && (rest < 0) != (b < 0))
			rest += b;
		return rest;
	}
	}
}

static uint64_t integer_divide(uint64_t a, uint64_t b, bool is_signed)
{
	if (b == 0)
		return 0;
	if (!is_signed)
		return a / b;
	return b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

static uint64_t integer_modulo(uint64_t a, uint64_t b, bool is_signed, bool fmod)
{
	int64_t rest;

	if (b == 0 || (is_signed && b == UINT64_MAX))
		return 0;
	if (!is_signed)
		return a % b;
	rest = (int64_t)a % (int64_t)b;
	if (!fmod && rest != 0 && (rest < 0) != ((int64_t)b < 0))
		rest += (int64_t)b;
	return (uint64_t)rest;
}

static uint64_t integer_power(uint64_t a, int64_t b)
{
	uint64_t result = 1;

	if (b < 0)
		return a == 1 || (a == UINT64_MAX && b % 2 == 0) ? 1 : a == UINT64_MAX ? a : 0;
	for (; b > 0; b >>= 1, a *= a)
		result *= b & 1 ? a : 1;
	return result;
}

static uint64_t binary_integer(const struct node *node, enum dtype dtype, uint64_t a, uint64_t b)
{
	const bool is_signed = dtype_is_signed(dtype);
	const bool less = is_signed ? (int64_t)a < (int64_t)b : a < b;

	switch (node->op) {
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
		return a * b;
	case OP_DIV:
		return integer_divide(a, b, is_signed);
	case OP_MOD:
		return integer_modulo(a, b, is_signed, node_int(node, ATTR_FMOD, 0) != 0);
	case OP_POW:
		return integer_power(a, (int64_t)b);
	case OP_MIN:
		return less ? a : b;
	case OP_MAX:
		return less ? b : a;
	case OP_AND:
	case OP_BITWISE_AND:
		return a & b;
	case OP_OR:
	case OP_BITWISE_OR:
		return a | b;
	case OP_XOR:
	case OP_BITWISE_XOR:
		return a ^ b;
	default: // BitShift
		if (b >= 64)
			return 0;
		return node_int(node, ATTR_RIGHT, 0) ? a >> b : a << b;
	}
}

static void binary_walk(struct walk *walk, const struct plain *plain)
{
	walk_init(walk, &plain->out[0]);
	walk_broadcast(walk, 0, &plain->in[0]);
	walk_broadcast(walk, 1, &plain->in[1]);
}

static void binary_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum dtype a = plain->in[0].dtype, b = plain->in[1].dtype;
	struct walk walk;

	binary_walk(&walk, plain);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++) {
		size_t ia = (size_t)walk.at[0], ib = (size_t)walk.at[1];

		if (dtype_is_float(a) || dtype_is_float(b))
			value_set_number(a, y[0], i,
				binary_float(plain->node, value_number(a, x[0], ia),
					value_number(b, x[1], ib)));
		else
			value_set_integer(a, y[0], i,
				binary_integer(plain->node, a, value_integer(a, x[0], ia),
					value_integer(b, x[1], ib)));
	}
}

// Equal, Greater, GreaterOrEqual, Less, LessOrEqual of two values of one dtype.
static void compare_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum dtype dtype = plain->in[0].dtype;
	const enum op op = plain->node->op;
	struct walk walk;

	binary_walk(&walk, plain);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++) {
		size_t ia = (size_t)walk.at[0], ib = (size_t)walk.at[1];
		bool less, equal, more;

		if (dtype_is_float(dtype)) {
			double a = value_number(dtype, x[0], ia);
			double b = value_number(dtype, x[1], ib);

			less = a<b, equal = a == b, more = a> b;
		} else {
			uint64_t a = value_integer(dtype, x[0], ia);
			uint64_t b = value_integer(dtype, x[1], ib);

			equal = a == b;
			less = dtype_is_signed(dtype) ? (int64_t)a < (int64_t)b : a < b;
			more = !less && !equal;
		}
		((uint8_t *)y[0])[i] = op == OP_EQUAL ? equal
			: op == OP_LESS               ? less
			: op == OP_LESS_OR_EQUAL      ? less || equal
			: op == OP_GREATER            ? more
						      : more || equal;
	}
}

// --- Three, and Cast ----------------------------------------------------------------------------

static void where_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum dtype dtype = plain->out[0].dtype;
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	for (uint32_t k = 0; k < 3; k++)
		walk_broadcast(&walk, k, &plain->in[k]);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++) {
		uint32_t k = ((const uint8_t *)x[0])[walk.at[0]] ? 1 : 2;

		if (dtype_is_float(dtype))
			value_set_number(
				dtype, y[0], i, value_number(dtype, x[k], (size_t)walk.at[k]));
		else
			value_set_integer(
				dtype, y[0], i, value_integer(dtype, x[k], (size_t)walk.at[k]));
	}
}

// Converts through double, or from integer to integer through 64-bit integers, so that no digit is
// lost.
static void cast_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum dtype from = plain->in[0].dtype, to = plain->out[0].dtype;
	const size_t count = (size_t)tensor_elements(&plain->out[0]);

	for (size_t i = 0; i < count; i++) {
		if (dtype_is_float(from) || dtype_is_float(to))
			value_set_number(to, y[0], i, value_number(from, x[0], i));
		else
			value_set_integer(to, y[0], i, value_integer(from, x[0], i));
	}
}

const struct plain_op plain_unary = { .run = unary_plain };
const struct plain_op plain_binary = { .run = binary_plain };
const struct plain_op plain_compare = { .run = compare_plain };
const struct plain_op plain_where = { .run = where_plain };
const struct plain_op plain_cast = { .run = cast_plain };

// --- Scale and shift, PRelu ---------------------------------------------------------------------

static void affine_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const size_t columns = (size_t)plain->in[1].dims[0];
	const struct act act = act_of_attributes(plain->node);
	const float *in = x[0], *scale = x[1], *shift = x[2];

	for (size_t i = 0; i < count; i++) {
		const size_t c = i % columns;
		const double value = (double)in[i] * (double)scale[c] + (double)shift[c];

		((float *)y[0])[i] = act_f32(&act, (float)value);
	}
}

static void prelu_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const float *in = x[0], *slope = x[1];
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	walk_broadcast(&walk, 0, &plain->in[1]);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++)
		((float *)y[0])[i] = in[i] < 0 ? in[i] * slope[walk.at[0]] : in[i];
}

const struct plain_op plain_affine = { .run = affine_plain };
const struct plain_op plain_prelu = { .run = prelu_plain };
