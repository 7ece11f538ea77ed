// SPDX-License-Identifier: BSD-3-Clause
// A shape rule's case in two lines of text.
#pragma once

#include "infer/graph/graph.h"

// "in": shapes as "[1,5]", then c where constant, i where of int64, w of int32, s of int8, u of
// uint8; "-" left out.
// "attrs": "axis=1 shape=2/3". "out": shapes again, or else the sentence, all of it.
struct shape_case {
	enum op op;
	const char *in, *attrs, *out;
};

// Fails the test that calls it where the rule gives something else.
void shape_cases_check(const struct shape_case *cases, size_t n);
#define CHECK_ALL(cases) shape_cases_check(cases, sizeof(cases) / sizeof(*(cases)))
