// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/number.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define TEN_MAX     22                     // 10^22 is the largest that a double has as it stands
#define DOUBLE_MAX  ((uint64_t)1 << 53)    // likewise of whole numbers
#define BELOW_FLOAT ((uint64_t)0x1fffffff) // the bits of a double's fraction that a float has not
#define HALF_WAY    ((uint64_t)0x10000000) // of these: in the middle between two floats

static const double TEN[TEN_MAX + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

// --- Digits to a float ---------------------------------------------------------------------------

// `digits` and the power of ten are doubles as they stand, so that the double is rounded once (Clinger,
// 1990). To round it again, to a float, gives the float nearest to what the digits say, unless the double
// is the middle between two: the digits may have been on either side of it.
static bool number_round(uint64_t digits, int32_t exponent, float *value)
{
	const double d =
		exponent < 0 ? (double)digits / TEN[-exponent] : (double)digits * TEN[exponent];
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	*value = (float)d;
	// Floats below the least normal one have fewer digits, and their middles are elsewhere.
	return (bits & BELOW_FLOAT) != HALF_WAY && d >= (double)FLT_MIN && d <= (double)FLT_MAX;
}

bool number_to_float(uint64_t digits, int32_t exponent, float *value)
{
	bool is_cut = false;
	float above;

	*value = 0.0f;
	if (digits == 0)
		return true;
	// What a float becomes as a double has 17 digits.
	for (; digits >= DOUBLE_MAX; exponent++) {
		is_cut = is_cut || digits % 10 != 0;
		digits /= 10;
	}
	if (exponent < -TEN_MAX || exponent > TEN_MAX || !number_round(digits, exponent, value))
		return false;
	// It lies between these two.
	return !is_cut || (number_round(digits + 1, exponent, &above) && above == *value);
}

// --- A float to digits ---------------------------------------------------------------------------

#define DIGITS     9
#define DIGITS_END 1000000000u // 10^DIGITS

static double number_scale(double value, int32_t exponent)
{
	for (; exponent > TEN_MAX; exponent -= TEN_MAX)
		value *= TEN[TEN_MAX];
	for (; exponent < -TEN_MAX; exponent += TEN_MAX)
		value /= TEN[TEN_MAX];
	return exponent < 0 ? value / TEN[-exponent] : value * TEN[exponent];
}

// Nine digits, of which the first is none of 0: value = digits * 10^*exponent. Half of the ninth digit is a
// sixth of half the distance between two floats, so that the errors of number_scale() do not matter.
static uint32_t number_digits(float value, int32_t *exponent)
{
	int binary;
	double scaled;
	uint32_t digits;

	frexp((double)value, &binary);
	*exponent = (int32_t)floor((binary - 1) * 0.30102999566398120) - (DIGITS - 1);
	scaled = number_scale((double)value, -*exponent);
	if (scaled >= (double)DIGITS_END - 0.5) {
		(*exponent)++;
		scaled = number_scale((double)value, -*exponent);
	}
	digits = (uint32_t)(scaled + 0.5);
	return digits;
}

static char *number_put(char *at, uint32_t value, int n)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + n;
}

// d.ddde-07
static char *number_put_scientific(char *at, uint32_t digits, int n, int32_t point)
{
	const int32_t exponent = point - 1;
	char text[DIGITS] = { 0 };

	number_put(text, digits, n);
	*at++ = text[0];
	if (n > 1) {
		*at++ = '.';
		memcpy(at, text + 1, (size_t)n - 1);
		at += n - 1;
	}
	*at++ = 'e';
	*at++ = exponent < 0 ? '-' : '+';
	return number_put(at, (uint32_t)(exponent < 0 ? -exponent : exponent), 2);
}

size_t number_from_float(float value, char text[NUMBER_TEXT_BYTES])
{
	char *at = text;
	int32_t exponent, point;
	uint32_t digits;
	int n = DIGITS;

	if (signbit(value))
		*at++ = '-';
	value = fabsf(value);
	if (value == 0.0f) {
		*at++ = '0';
		return (size_t)(at - text);
	}
	digits = number_digits(value, &exponent);
	for (; digits % 10 == 0; n--)
		digits /= 10;
	point = exponent + DIGITS; // digits before it
	if (point < -3 || point > DIGITS)
		return (size_t)(number_put_scientific(at, digits, n, point) - text);
	if (point <= 0) {
		*at++ = '0';
		*at++ = '.';
		at = number_put(at, 0, -point);
		return (size_t)(number_put(at, digits, n) - text);
	}
	if (n <= point) {
		at = number_put(at, digits, n);
		return (size_t)(number_put(at, 0, point - n) - text);
	}
	number_put(at, digits, n);
	memmove(at + point + 1, at + point, (size_t)(n - point));
	at[point] = '.';
	return (size_t)(at + n + 1 - text);
}
