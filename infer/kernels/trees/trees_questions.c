// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/trees/trees_questions.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define ANSWERS_MAX ((size_t)1 << 20) // of all tables

enum { CLASS_MISSING, CLASS_OTHER, CLASS_BELOW, CLASS_WHOLE }; // CLASS_WHOLE + 2 v, + 1 between

bool question_is(const struct trees *t, uint32_t branch)
{
	return (t->kind[branch] & TREE_TEST_BITS) != TREE_LESS;
}

// Whole numbers below it may be members of the branch's set; 0: its set has no table.
static uint32_t questions_set_values(const struct trees *t, uint32_t branch)
{
	uint32_t words;

	if ((t->kind[branch] & TREE_TEST_BITS) != TREE_IN_SET ||
		(t->kind[branch] & TREE_SET_FLOATS))
		return 0;
	words = (uint32_t)(t->set_first[t->set[branch] + 1] - t->set_first[t->set[branch]]);
	return words == 0 ? 1 : words <= ANSWERS_MAX / 64 ? words * 32 : 0;
}

static size_t questions_classes(uint32_t n_values)
{
	return CLASS_WHOLE + 2 * (size_t)n_values;
}

void questions_fini(struct questions *q)
{
	free(q->order);
	free(q->question);
	free(q->sets);
	free(q->asked);
}

static void questions_add_asked(struct questions *q, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		q->asked[q->n_asked++] = (struct question_asked){ q->order[i], i };
}

// Questions [from, to) of the order are about sets of one feature: a table for them, if it is small
// enough.
static void questions_add_sets(
	const struct trees *t, struct questions *q, uint32_t from, uint32_t to)
{
	struct question_sets sets = { .feature = (uint32_t)t->feature[q->order[from]],
		.first = from,
		.count = to - from,
		.answers = q->n_answers };
	size_t n;

	for (uint32_t i = from; i < to; i++) {
		const uint32_t values = questions_set_values(t, q->order[i]);

		sets.n_values = values > sets.n_values ? values : sets.n_values;
	}
	n = questions_classes(sets.n_values) * sets.count;
	if (n > ANSWERS_MAX - q->n_answers) {
		questions_add_asked(q, from, to);
		return;
	}
	q->sets[q->n_sets++] = sets;
	q->n_answers += n;
}

static void questions_group_questions(const struct trees *t, struct questions *q)
{
	uint32_t from = 0;

	while (from < q->n) {
		const uint32_t branch = q->order[from];
		const bool table = questions_set_values(t, branch) > 0;
		uint32_t to = from + 1;

		while (to < q->n && t->feature[q->order[to]] == t->feature[branch] &&
			(questions_set_values(t, q->order[to]) > 0) == table)
			to++;
		if (table)
			questions_add_sets(t, q, from, to);
		else
			questions_add_asked(q, from, to);
		from = to;
	}
}

static int questions_compare_keys(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

// By feature, those of sets first.
static int questions_order_questions(const struct trees *t, struct questions *q)
{
	uint64_t *keys = calloc(q->n + 1u, sizeof(*keys));
	uint32_t n = 0;

	if (!keys)
		return -ENOMEM;
	for (uint32_t b = 0; b < t->n_branches; b++) {
		if (question_is(t, b))
			keys[n++] = (uint64_t)(uint32_t)t->feature[b] << 33 |
				(uint64_t)(questions_set_values(t, b) == 0) << 32 | b;
	}
	qsort(keys, n, sizeof(*keys), questions_compare_keys);
	for (uint32_t i = 0; i < n; i++) {
		q->order[i] = (uint32_t)keys[i];
		q->question[q->order[i]] = i;
	}
	free(keys);
	return 0;
}

int questions_init(struct questions *q, const struct trees *t, uint32_t n)
{
	int rc;

	*q = (struct questions){ .n = n };
	q->order = calloc(n + 1u, sizeof(*q->order));
	q->question = calloc(t->n_branches + 1u, sizeof(*q->question));
	q->sets = calloc(n + 1u, sizeof(*q->sets));
	q->asked = calloc(n + 1u, sizeof(*q->asked));
	if (!q->order || !q->question || !q->sets || !q->asked)
		return -ENOMEM;
	rc = questions_order_questions(t, q);
	if (rc == 0)
		questions_group_questions(t, q);
	return rc;
}

// A value of the class.
static float questions_value(uint32_t class)
{
	if (class == CLASS_MISSING)
		return NAN;
	if (class == CLASS_OTHER)
		return INFINITY;
	if (class == CLASS_BELOW)
		return -0.5f;
	return (float)(class - CLASS_WHOLE) / 2;
}

void questions_fill(const struct questions *q, const struct trees *t, uint32_t *answers)
{
	for (uint32_t s = 0; s < q->n_sets; s++) {
		const struct question_sets *sets = &q->sets[s];
		uint32_t *to = answers + sets->answers;

		for (uint32_t c = 0; c < questions_classes(sets->n_values); c++) {
			for (uint32_t i = 0; i < sets->count; i++)
				*to++ = trees_decide(
						t, q->order[sets->first + i], questions_value(c))
					? 0
					: QUESTION_FALSE;
		}
	}
}

uint32_t question_class(float x, uint32_t n_values)
{
	uint32_t value;

	if (x != x)
		return CLASS_MISSING;
	if (!(x > -1.0f && x < (float)n_values))
		return CLASS_OTHER;
	if (x < 0)
		return CLASS_BELOW;
	value = (uint32_t)x;
	return CLASS_WHOLE + 2 * value + ((float)value != x);
}
