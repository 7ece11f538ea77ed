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
	const double whole =
		(double)(int64_t)digits; // a conversion of its own, which that of u64 is not
	const double d = exponent < 0 ? whole / TEN[-exponent] : whole * TEN[exponent];
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

// --- Text to a float -----------------------------------------------------------------------------

#define WORD(byte)  (0x0101010101010101 * (uint64_t)(byte))
#define WORD_DIGITS 8

static const float SIGN[2] = { 1.0f,
	-1.0f }; // signs come and go: a branch would often be mispredicted
static const uint64_t TEN_WHOLE[WORD_DIGITS + 1] = { 1, 10, 100, 1000, 10000, 100000, 1000000,
	10000000, 100000000 };

struct word {
	uint64_t value; // of the digits that it begins with
	unsigned n;     // so many
};

// Up to eight digits at once, where those before them say *digits. Each byte of the word is a digit, the first
// one the lowest; those behind them are moved out, and zeros move in before. Then pairs are added up, and
// pairs of these, and the two halves.
static inline struct word number_take_word(const char *text)
{
	uint64_t word, others;
	unsigned n;

	memcpy(&word, text, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	word ^= WORD('0');
	// The highest bit of each byte that is above 9; that of one that is above 127 is there already.
	others = (((word & WORD(0x7f)) + WORD(0x7f - 9)) | word) & WORD(0x80);
	n = others ? (unsigned)__builtin_ctzll(others) / 8 : WORD_DIGITS;
	word = n ? word << 8 * (WORD_DIGITS - n) : 0;
	word = word * 10 + (word >> 8);
	word = ((word & 0x000000ff000000ff) * 0x000f424000000064 +
		       (word >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
		32;
	return (struct word){ word, n };
}

// What stands behind the point; at most 23 digits. Returns where it ends, NULL where it is not read.
static inline const char *number_take_fraction(const char *text, uint64_t *digits)
{
	struct word word = number_take_word(text);
	const char *at = text + word.n;

	*digits = *digits * TEN_WHOLE[word.n] + word.value;
	for (int words = 1; word.n == WORD_DIGITS && words < 3; words++) {
		word = number_take_word(at);
		if (__builtin_mul_overflow(*digits, TEN_WHOLE[word.n], digits) ||
			__builtin_add_overflow(*digits, word.value, digits))
			return NULL;
		at += word.n;
	}
	return at > text && word.n < WORD_DIGITS ? at : NULL;
}

// What stands behind the 'e'. Likewise.
static const char *number_take_exponent(const char *text, int32_t *exponent)
{
	const bool minus = *text == '-';
	const char *const at = text + (minus || *text == '+');
	const struct word word = number_take_word(at);

	*exponent += minus ? -(int32_t)word.value : (int32_t)word.value;
	return word.n == 1 || word.n == 2 ? at + word.n : NULL;
}

const char *number_read(const char *text, float *value)
{
	const bool minus = *text == '-';
	const char *at = text + minus;
	const struct word whole = number_take_word(at);
	uint64_t digits = whole.value;
	int32_t exponent = 0;

	if (whole.n == 0 || whole.n == WORD_DIGITS || (*at == '0' && whole.n > 1))
		return NULL;
	at += whole.n;
	if (*at == '.') {
		const char *const point = at + 1;

		at = number_take_fraction(point, &digits);
		if (!at)
			return NULL;
		exponent = (int32_t)(point - at);
	}
	if ((*at | 32) == 'e') {
		at = number_take_exponent(at + 1, &exponent);
		if (!at)
			return NULL;
	}
	if (!number_to_float(digits, exponent, value))
		return NULL;
	*value *= SIGN[minus];
	return at;
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
	const double wide = (double)value;
	double scaled;
	uint64_t bits;
	uint32_t digits;
	int32_t binary;

	// No float is so small that it is none of the normal doubles; 1233 / 4096 is log10(2), near enough.
	memcpy(&bits, &wide, sizeof(bits));
	binary = (int32_t)(bits >> 52) - 1023;
	*exponent = ((binary * 1233) >> 12) - (DIGITS - 1);
	scaled = number_scale(wide, -*exponent);
	if (scaled >= (double)DIGITS_END - 0.5) {
		(*exponent)++;
		scaled = number_scale(wide, -*exponent);
	}
	digits = (uint32_t)(scaled + 0.5);
	return digits;
}

static const char PAIRS[] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
	"4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
	"828384858687888990919293949596979899";

static char *number_put(char *at, uint32_t value, int n)
{
	int i = n;

	for (; i >= 2; i -= 2, value /= 100)
		memcpy(at + i - 2, PAIRS + (size_t)(value % 100) * 2, 2);
	if (i == 1)
		*at = (char)('0' + value % 10);
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
