// SPDX-License-Identifier: BSD-3-Clause
// Equations of Einsum that do not fit their inputs. What fits is among test_operators.c's fixtures.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <string.h>

// x is [1, 3], z [1, 4].
static void einsum(const char *equation, const char *second)
{
	Onnx__AttributeProto *attr;
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 3);
	file_input("z", FILE_DIM_OPEN, 4);
	node = file_node("Einsum", "x", second, "y", NULL);
	node->name = file_name("n");
	attr = file_attr(node, "equation", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	attr->has_s = 1;
	attr->s.data = (uint8_t *)file_name(equation);
	attr->s.len = strlen(equation);
	file_output("y");
}

static void equations_that_do_not_fit(void **state)
{
	static const struct {
		const char *equation, *second, *sentence;
	} CASES[] = {
		{ "", NULL, "has 0 letters for input 0, which is [1, 3]" },
		{ "b->b", NULL, "has 1 letters for input 0, which is [1, 3]" },
		{ "bij->b", NULL, "has 3 letters for input 0, which is [1, 3]" },
		{ "abcdefghijk->a", NULL, "has 11 letters for input 0" },
		{ "bi,bi", "z", "'i' is 3 in one place, 4 in another" },
		{ "bi", "z", "should have 2 terms, one for each input" },
		{ "bi,bj,bk", "z", "should have 2 terms, one for each input" },
		{ "bi->bb", NULL, "output 'b' stands twice" },
		{ "bi->bk", NULL, "output 'k' is in no input" },
		{ "bi->b->i", NULL, "goes on behind its output" },
		{ "bi->b,i", NULL, "goes on behind its output" },
		{ "b1->b", NULL, "a term should be letters" },
		{ "b.i->b", NULL, "a term should be letters" },
		{ "......", NULL, "a term should be letters" },
		{ "bi->abcdefghijklm", NULL, "a term should be letters" },
	};

	einsum("bi,bj->ij", "z");
	file_accepted();
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		einsum(CASES[i].equation, CASES[i].second);
		file_refused(-EINVAL, CASES[i].sentence);
		file_refused(-EINVAL, "node 'n' (Einsum): attribute 'equation'");
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equations_that_do_not_fit),
	};

	return cmocka_run_group_tests_name("onnx_einsum", tests, NULL, file_end);
}
