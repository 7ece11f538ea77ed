// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/number.h"

#include "base/random.h"
#include "tests/cmocka.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float float_of(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

// As strtof() has it, or left to strtof().
static bool check_digits(uint64_t digits, int32_t exponent)
{
	char text[64];
	float value, expected;

	snprintf(text, sizeof(text), "%" PRIu64 "e%d", digits, exponent);
	expected = strtof(text, NULL);
	if (!number_to_float(digits, exponent, &value))
		return false;
	if (value != expected)
		fail_msg("%s is %a, not %a", text, (double)expected, (double)value);
	return true;
}

static void to_float_random(void **state)
{
	uint64_t seed = 1;
	uint32_t known = 0;

	for (int i = 0; i < 300000; i++) {
		const uint64_t digits = random_next(&seed) >> (random_next(&seed) % 64);

		check_digits(digits, (int32_t)(random_next(&seed) % 100) - 60);
		known += check_digits(digits % 1000000000, -(int32_t)(random_next(&seed) % 12));
	}
	assert_true(known > 297000);
}

// Middles between two floats, as they stand and a little beside.
static void to_float_middles(void **state)
{
	uint64_t seed = 2;

	for (int i = 0; i < 10000; i++) {
		const uint64_t low = 1u << 23 | (random_next(&seed) & 0x7fffff);
		const uint64_t middle = (low * 2 + 1) * 5; // in tenths

		for (uint64_t power = 1; middle * power < (uint64_t)1 << 59; power *= 10)
			for (uint64_t beside = 0; beside < 3; beside++)
				for (int32_t e = -12; e <= 3; e += 3)
					check_digits(middle * power + beside - 1, e);
	}
}

// Of the numbers that clients make of floats: doubles of 17 digits.
static void to_float_doubles(void **state)
{
	uint64_t seed = 3;
	uint32_t known = 0;

	for (int i = 0; i < 300000; i++) {
		const float value =
			float_of((uint32_t)(random_next(&seed) % 0x10000000 + 0x38000000));
		char text[64];
		uint64_t digits;
		int exponent;
		float found;

		snprintf(text, sizeof(text), "%.16e", (double)value);
		memmove(text + 1, text + 2, strlen(text + 1));
		assert_int_equal(sscanf(text, "%" SCNu64 "e%d", &digits, &exponent), 2);
		if (number_to_float(digits, exponent - 16, &found)) {
			known++;
			assert_true(found == value);
		}
	}
	assert_true(known > 299000);
}

// As strtof() reads it, up to the same place, or not at all. What stands behind it does not matter.
static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static bool check_read(const char *text)
{
	char padded[2 * NUMBER_READ_BYTES];
	float value, expected;
	char *end;
	const char *at;

	for (size_t i = 0; i < sizeof(padded); i++)
		padded[i] = "]9,e.-0"[i % 7];
	assert_in_range(strlen(text), 1, NUMBER_READ_BYTES - 1);
	*(char *)mempcpy(padded, text, strlen(text)) = ',';
	at = number_read(padded, &value);
	if (!at)
		return false;
	expected = strtof(text, &end);
	if (bits_of(value) != bits_of(expected) || at - padded != end - text)
		fail_msg("%s is %a, not %a", text, (double)expected, (double)value);
	return true;
}

static void read_random(void **state)
{
	static const char *const FORMATS[] = { "%.9g", "%.17g", "%.0f", "%.1f", "%.6f", "%.15f",
		"%.23f", "%.8e", "%.16e", "%.3E" };
	uint64_t seed = 5;
	uint32_t known = 0, n = 0;

	for (int i = 0; i < 600000; i++) {
		const float value =
			float_of((uint32_t)(random_next(&seed) % 0x10000000 + 0x38000000));
		const bool narrow = i % 2;
		double wide = (double)(i % 3 ? value : -value);
		char text[512];

		if (!narrow)
			wide += wide * 1e-9 * (double)(random_next(&seed) % 1000);
		if (snprintf(text, sizeof(text), FORMATS[i % 10], wide) >= NUMBER_READ_BYTES)
			continue;
		n += fabs(wide) > 1e-4 && fabs(wide) < 1e4 && i % 10 != 6;
		known += check_read(text) && fabs(wide) > 1e-4 && fabs(wide) < 1e4 && i % 10 != 6;
	}
	assert_true(n > 100000 && known > n - n / 20);
}

// Middles between two floats in all their digits, and one in the last digit beside.
static void read_middles(void **state)
{
	uint64_t seed = 6;
	uint32_t known = 0;

	for (int i = 0; i < 200000; i++) {
		const uint64_t low = 1u << 23 | (random_next(&seed) & 0x7fffff);
		const double middle = ldexp((double)(low * 2 + 1), -(int)(random_next(&seed) % 40));
		char text[256];
		size_t n;

		snprintf(text, sizeof(text), "%.23f", middle);
		n = strlen(text);
		if (n >= NUMBER_READ_BYTES)
			continue;
		while (text[n - 1] == '0' && text[n - 2] != '.' && random_next(&seed) % 8)
			text[--n] = '\0';
		known += check_read(text);
		text[n - 1] += text[n - 1] == '9' ? -1 : 1;
		known += check_read(text);
	}
	assert_true(known > 1000);
}

static void read_forms(void **state)
{
	static const char *const KNOWN[] = { "0", "-0", "-0.0", "7", "1234567", "0.5", "-12.25",
		"1e3", "1E+03", "-2.5e-7", "0e9", "0.0000000000000000000001", "1.5e22" };
	static const char *const OTHERS[] = { "-", "+1", ".5", "-.5", "01", "-00", "00.5", "1.",
		"1.e3", "1e", "1e+", "1.5e-", "1e123", "12345678", "null", "NaN", "Infinity",
		"\"1\"", "[1", "1.000000000000000000000001", "16777217.5", "1.5e39", "1e-45",
		"99999.9999999999999999", "\xb1" };

	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
		if (!check_read(KNOWN[i]))
			fail_msg("%s was not read", KNOWN[i]);
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		if (check_read(OTHERS[i]))
			fail_msg("%s was read", OTHERS[i]);
}

static void check_float(uint32_t bits)
{
	const float value = float_of(bits);
	char text[NUMBER_TEXT_BYTES + 1], expected[64];
	size_t n;

	if (!isfinite(value))
		return;
	n = number_from_float(value, text);
	assert_in_range(n, 1, NUMBER_TEXT_BYTES);
	text[n] = '\0';
	snprintf(expected, sizeof(expected), "%.9g", (double)value);
	if (strtof(text, NULL) != value || signbit(strtof(text, NULL)) != signbit(value) ||
		(strcmp(text, expected) != 0 && strspn(text, "+-.e0123456789") != n))
		fail_msg("%s was written as %s", expected, text);
}

static void from_float_every_kind(void **state)
{
	uint64_t seed = 4;

	for (uint32_t exponent = 0; exponent < 512; exponent++)
		for (int i = 0; i < 300; i++)
			check_float(exponent << 23 | (uint32_t)(random_next(&seed) & 0x7fffff));
	for (uint32_t bits = 0; bits < 300; bits++)
		for (uint32_t exponent = 0; exponent < 512; exponent++) {
			check_float(exponent << 23 | bits);
			check_float(exponent << 23 | (0x7fffff - bits));
		}
}

static void from_float_as_it_stands(void **state)
{
	static const struct {
		float value;
		const char *text;
	} CASES[] = { { 0.0f, "0" }, { -0.0f, "-0" }, { 1.0f, "1" }, { -1.5f, "-1.5" },
		{ 0.1f, "0.100000001" }, { 100.0f, "100" }, { 0.0001220703125f, "0.000122070312" },
		{ 123456792.0f, "123456792" }, { 999999999.0f, "1e+09" },
		{ 1e-5f, "9.99999975e-06" }, { 3.40282347e38f, "3.40282347e+38" },
		{ 1.40129846e-45f, "1.40129846e-45" }, { 16777216.0f, "16777216" },
		{ 0.5f, "0.5" } };

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[NUMBER_TEXT_BYTES + 1];

		text[number_from_float(CASES[i].value, text)] = '\0';
		if (CASES[i].value != 0.0001220703125f) // its tenth digit is a 5
			assert_string_equal(text, CASES[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(to_float_random),
		cmocka_unit_test(to_float_middles), cmocka_unit_test(to_float_doubles),
		cmocka_unit_test(read_random), cmocka_unit_test(read_middles),
		cmocka_unit_test(read_forms), cmocka_unit_test(from_float_every_kind),
		cmocka_unit_test(from_float_as_it_stands) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
