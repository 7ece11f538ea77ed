// SPDX-License-Identifier: BSD-3-Clause
// Questions of branches other than TREE_LESS, answered for a row before its trees are walked: each
// answer is a key, 0 for true and QUESTION_FALSE for false.
//
// Those of sets have their answers in a table, by the class of the feature's value: missing, no member
// of any set, a fraction below 0, and for each whole number itself and what is between it and the next.
// All others are asked one by one.
#pragma once

#include "infer/graph/trees.h"

#define QUESTION_FALSE (UINT32_MAX - 1)

// Questions about the members of one feature's sets, one after the other.
struct question_sets {
	uint32_t feature, n_values; // whole numbers below n_values may be members
	uint32_t first, count;      // of the questions
	size_t answers;             // the first of [classes][count]
};

struct question_asked { // any other question
	uint32_t branch, question;
};

struct questions {
	uint32_t *
		order; // [n] branches by feature, those of sets that have a table before the others
	uint32_t *question; // [branches] the number of a branch's question
	struct question_sets *sets;
	struct question_asked *asked;
	uint32_t n, n_sets, n_asked;
	size_t n_answers; // of all tables
};

bool question_is(const struct trees *t, uint32_t branch);
// Of the `n` branches that are questions. -ENOMEM. Free with questions_fini() in any case.
int questions_init(struct questions *questions, const struct trees *t, uint32_t n);
void questions_fini(struct questions *questions);
// The tables, [n_answers].
void questions_fill(const struct questions *questions, const struct trees *t, uint32_t *answers);
// A value's class among `n_values` whole numbers.
uint32_t question_class(float x, uint32_t n_values);
