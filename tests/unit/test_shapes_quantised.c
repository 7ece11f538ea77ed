// SPDX-License-Identifier: BSD-3-Clause
// Shape rules of the products in 8 bits.
#include "tests/cmocka.h"
#include "tests/unit/shape_case.h"

static void quantised_products(void **state)
{
	static const char shapes[] =
		"inputs [1, 3] and [4, 3]: the weights must be [K, N] for an "
		"input [..., K]";
	static const struct shape_case cases[] = {
		{ OP_QDENSE, "[1,3]u [3,4]sc [4]wc [4]c", "", "[1,4]" },
		{ OP_QDENSE, "[2,5,3]s [3,4]sc [4]wc [4]c", "to=8", "[2,5,4]w" },
		{ OP_QDENSE, "[1,3]u [3,4]sc [4]wc [4]c", "to=10",
			"its output is int64, should be float32, int8, uint8 or int32" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c []", "", "[1,4]" },
		{ OP_DYNAMIC_QDENSE, "[7,3]s [3,4]sc [4]c [4]c [1] []s [4]wc", "activation=1",
			"[7,4]" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c [] - [4]wc", "", "[1,4]" },
		{ OP_DYNAMIC_QDENSE, "[1,3] [3,4]sc [4]c [4]c []", "",
			"input \"t0\" is float32, should be int8 or uint8" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]uc [4]c [4]c []", "",
			"input \"t1\" is uint8, should be int8" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]s [4]c [4]c []", "",
			"input \"t1\" must be constant" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4] [4]c []", "",
			"input \"t2\" must be constant" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4] []", "",
			"input \"t3\" must be constant" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c [] - [4]w", "",
			"input \"t6\" must be constant" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [3]c [4]c []", "",
			"input \"t2\" is [3], should be [4]" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [1]c []", "",
			"input \"t3\" is [1], should be [4]" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c [2]", "",
			"input \"t4\" is [2], should be one value or 1" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c [] []s", "",
			"input \"t5\" is int8, should be uint8" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c [] [3]u", "",
			"input \"t5\" is [3], should be one value or 1" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c [] - [3]wc", "",
			"input \"t6\" is [3], should be [4]" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [4,3]sc [3]c [3]c []", "", shapes },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c []", "activation=99",
			"attribute \"activation\" is 99, should be 0 to 12" },
		{ OP_DYNAMIC_QDENSE, "[1,3]u [3,4]sc [4]c [4]c", "",
			"has 4 inputs, should have 5 to 7" },
	};

	CHECK_ALL(cases);
}

static void tables(void **state)
{
	static const struct shape_case cases[] = {
		{ OP_QLOOKUP, "[1,3]u [256]sc", "", "[1,3]s" },
		{ OP_QLOOKUP, "[2,5,3]s [256]uc", "", "[2,5,3]u" },
		{ OP_QLOOKUP, "[1,3] [256]uc", "",
			"input \"t0\" is float32, should be int8 or uint8" },
		{ OP_QLOOKUP, "[1,3]u [256]c", "",
			"input \"t1\" is float32, should be int8 or uint8" },
		{ OP_QLOOKUP, "[1,3]u [256]u", "", "input \"t1\" must be constant" },
		{ OP_QLOOKUP, "[1,3]u [255]uc", "", "input \"t1\" is [255], should be [256]" },
		{ OP_QLOOKUP, "[1,3]u [1,256]uc", "", "input \"t1\" is [1, 256], should be [256]" },
	};

	CHECK_ALL(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(quantised_products),
		cmocka_unit_test(tables) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
