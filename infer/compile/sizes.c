// SPDX-License-Identifier: BSD-3-Clause
// Numbers that are made of sizes by sums, and by products of which one factor at most grows, are
// straight lines by the number of rows, up to the first node that decides by them: two points draw
// the line, a third proves it, and where lines cross can be told for all sizes. Other products are
// not understood, since some go through any three points.
#include "infer/compile/sizes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 3

// --- Nodes by name, all rounds of one together ---------------------------------------------------

struct sizes_index {
	const struct deciding **nodes; // [n], in the order of sizes_compare()
	size_t n;
};

// One node, as seen for one size: `n` rounds of it.
struct sizes_rounds {
	const struct deciding *const *nodes;
	size_t n;
};

struct sizes_key {
	const struct deciding *node;
	size_t at;
};

// Bodies that stand side by side may use the same names for outputs of their own.
static int sizes_compare(const struct deciding *a, const struct deciding *b)
{
	int order = strcmp(a->output, b->output);

	if (order == 0)
		order = strcmp(a->name, b->name);
	return order ? order : (a->kind > b->kind) - (a->kind < b->kind);
}

static int sizes_by_key(const void *a, const void *b)
{
	const struct sizes_key *x = a, *y = b;
	const int order = sizes_compare(x->node, y->node);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static bool sizes_index(const struct deciding_list *list, struct sizes_index *index)
{
	struct sizes_key *keys = calloc(list->n + 1, sizeof(*keys));

	index->nodes = calloc(list->n + 1, sizeof(struct deciding *));
	index->n = 0;
	for (const struct deciding *node = list->first; node && keys; node = node->next, index->n++)
		keys[index->n] = (struct sizes_key){ node, index->n };
	if (keys && index->n > 0)
		qsort(keys, index->n, sizeof(*keys), sizes_by_key);
	for (size_t i = 0; keys && index->nodes && i < index->n; i++)
		index->nodes[i] = keys[i].node;
	free(keys);
	return keys && index->nodes;
}

static struct sizes_rounds sizes_rounds(
	const struct sizes_index *index, const struct deciding *node)
{
	struct sizes_rounds rounds = { index->nodes, 0 };
	size_t low = 0, high = index->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (sizes_compare(index->nodes[middle], node) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	rounds.nodes += low;
	while (low + rounds.n < index->n && sizes_compare(index->nodes[low + rounds.n], node) == 0)
		rounds.n++;
	return rounds;
}

// --- An operand by the number of rows ------------------------------------------------------------

struct sizes_operand {
	const struct deciding_operand *shape; // of the first round for the most rows
	size_t n_seen, counts[SEEN_MAX];
	const uint32_t *rows; // [n_seen]
	double *values[SEEN_MAX];
	bool given, known, independent;
};

static void sizes_free(struct sizes_operand *x)
{
	for (size_t k = 0; k < x->n_seen; k++)
		free(x->values[k]);
}

static bool sizes_join(const struct sizes_rounds *rounds, uint32_t operand, double **values,
	size_t *count, bool *known)
{
	size_t n = 0;

	for (size_t i = 0; i < rounds->n; i++) {
		*known &= rounds->nodes[i]->operands[operand].known;
		n += rounds->nodes[i]->operands[operand].count;
	}
	*values = calloc(n + 1, sizeof(**values));
	*count = n;
	n = 0;
	for (size_t i = 0; i < rounds->n && *values; i++) {
		const struct deciding_operand *of = &rounds->nodes[i]->operands[operand];

		if (of->known && of->count)
			memcpy(*values + n, of->values, of->count * sizeof(**values));
		n += of->count;
	}
	return *values != NULL;
}

// Are all values [p, r, i] those of the first size's first row?
static bool sizes_repeats(const struct sizes_operand *x, size_t base, size_t inner)
{
	for (size_t k = 0; k < x->n_seen; k++) {
		for (size_t at = 0; at < x->counts[k]; at++) {
			const size_t i = at % inner, p = at / inner / x->rows[k];

			if (x->values[k][at] != x->values[0][p * x->rows[0] * inner + i])
				return false;
		}
	}
	return base > 0;
}

// Has each row the same, whatever the size?
static bool sizes_independent(const struct sizes_operand *x)
{
	const size_t base = x->counts[0] / x->rows[0];
	bool same = true, grows = x->counts[0] % x->rows[0] == 0;

	for (size_t k = 1; k < x->n_seen; k++) {
		same = same && x->counts[k] == x->counts[0] &&
			memcmp(x->values[k], x->values[0], x->counts[0] * sizeof(double)) == 0;
		grows &= x->counts[k] == base * x->rows[k];
	}
	for (size_t inner = base; inner > 0 && grows && !same; inner--)
		same = base % inner == 0 && sizes_repeats(x, base, inner);
	return same;
}

static bool sizes_operand(const struct sizes_rounds *seen, size_t n_seen, const uint32_t *rows,
	uint32_t operand, struct sizes_operand *x)
{
	const struct deciding *last = seen[n_seen - 1].nodes[0];
	bool made = true;

	*x = (struct sizes_operand){ .n_seen = n_seen,
		.rows = rows,
		.shape = &last->operands[operand],
		.given = operand < last->n_operands && last->operands[operand].given,
		.known = true };
	for (size_t k = 0; k < n_seen; k++)
		made &= sizes_join(&seen[k], operand, &x->values[k], &x->counts[k], &x->known);
	x->known &= x->given;
	x->independent = made && (!x->known || sizes_independent(x));
	return made;
}

static bool sizes_is_fixed(const struct sizes_operand *x)
{
	for (size_t k = 1; k < x->n_seen; k++) {
		if (x->counts[k] != x->counts[0])
			return false;
	}
	return true;
}

// --- Lines ---------------------------------------------------------------------------------------

// The smallest and the largest of some values, by the number of rows.
struct sizes_span {
	double low[SEEN_MAX], high[SEEN_MAX];
};

static struct sizes_span sizes_at(const struct sizes_operand *x, size_t i)
{
	struct sizes_span span;

	for (size_t k = 0; k < SEEN_MAX; k++)
		span.low[k] = span.high[k] = x->values[k][i];
	return span;
}

static struct sizes_span sizes_all(const struct sizes_operand *x)
{
	struct sizes_span span;

	for (size_t k = 0; k < SEEN_MAX; k++) {
		span.low[k] = span.high[k] = x->counts[k] ? x->values[k][0] : 0;
		for (size_t i = 1; i < x->counts[k]; i++) {
			span.low[k] = fmin(span.low[k], x->values[k][i]);
			span.high[k] = fmax(span.high[k], x->values[k][i]);
		}
	}
	return span;
}

// What holds of a difference for every size from the first on.
enum {
	IS_BELOW = 1,
	IS_NOT_ABOVE = 2,
	IS_ZERO = 4,
	IS_NOT_BELOW = 8,
	IS_ABOVE = 16,
	IS_NEVER_ZERO = 32,
};

// Exactly: sizes are whole numbers, which double holds.
static bool sizes_line(const double d[SEEN_MAX], const uint32_t *rows, double *slope)
{
	const double n = rows[1] - rows[0], all = rows[2] - rows[0];

	*slope = (d[1] - d[0]) / n;
	return (d[1] - d[0]) * all == (d[2] - d[0]) * n;
}

static bool sizes_same(const double a[SEEN_MAX], const double b[SEEN_MAX])
{
	bool same = true;

	for (size_t k = 0; k < SEEN_MAX; k++)
		same &= a[k] == b[k];
	return same;
}

static bool sizes_is_constant(const double d[SEEN_MAX])
{
	return d[0] == d[1] && d[0] == d[2];
}

static int sizes_settled(
	const struct sizes_span *a, const struct sizes_span *b, const uint32_t *rows)
{
	double low[SEEN_MAX], high[SEEN_MAX], rise, fall, meets;
	int holds = 0;

	for (size_t k = 0; k < SEEN_MAX; k++) {
		low[k] = a->low[k] - b->high[k];
		high[k] = a->high[k] - b->low[k];
	}
	if (sizes_line(high, rows, &fall) && fall <= 0)
		holds |= (high[0] < 0 ? IS_BELOW | IS_NEVER_ZERO : 0) |
			(high[0] <= 0 ? IS_NOT_ABOVE : 0);
	if (sizes_line(low, rows, &rise) && rise >= 0)
		holds |= (low[0] > 0 ? IS_ABOVE | IS_NEVER_ZERO : 0) |
			(low[0] >= 0 ? IS_NOT_BELOW : 0);
	if ((holds & IS_NOT_ABOVE) && (holds & IS_NOT_BELOW))
		holds |= IS_ZERO;
	if (sizes_same(low, high) && sizes_line(low, rows, &rise) && rise != 0) {
		meets = rows[0] - low[0] / rise;
		holds |= meets < rows[0] || meets != floor(meets) ? IS_NEVER_ZERO : 0;
	}
	return holds;
}

static bool sizes_decided(enum deciding_kind kind, int holds)
{
	switch (kind) {
	case DECIDING_LESS:
		return holds & (IS_BELOW | IS_NOT_BELOW);
	case DECIDING_GREATER:
		return holds & (IS_ABOVE | IS_NOT_ABOVE);
	case DECIDING_EQUAL:
		return holds & (IS_ZERO | IS_NEVER_ZERO);
	case DECIDING_SIGN:
		return holds & (IS_BELOW | IS_ZERO | IS_ABOVE);
	default:
		return holds & (IS_NOT_BELOW | IS_NOT_ABOVE);
	}
}

// Value against value where the shapes are one, or one is a single value; else all against all.
static bool sizes_pair_decided(enum deciding_kind kind, const struct sizes_operand *a,
	const struct sizes_operand *b, const uint32_t *rows)
{
	const size_t n_a = a->counts[0], n_b = b->counts[0];
	const bool alike = a->shape->rank == b->shape->rank &&
		memcmp(a->shape->dims, b->shape->dims, sizeof(a->shape->dims)) == 0;
	struct sizes_span x, y;

	if (a->independent && b->independent)
		return true;
	if (!a->known || !b->known)
		return false;
	if (sizes_is_fixed(a) && sizes_is_fixed(b) &&
		((alike && n_a == n_b) || n_a == 1 || n_b == 1)) {
		for (size_t i = 0; i < (n_a > n_b ? n_a : n_b); i++) {
			x = sizes_at(a, n_a == 1 ? 0 : i);
			y = sizes_at(b, n_b == 1 ? 0 : i);
			if (!sizes_decided(kind, sizes_settled(&x, &y, rows)))
				return false;
		}
		return true;
	}
	x = sizes_all(a);
	y = sizes_all(b);
	return sizes_decided(kind, sizes_settled(&x, &y, rows));
}

static const struct deciding_operand SCALAR = { .given = true, .known = true, .count = 1 };

static struct sizes_operand sizes_number(double *value)
{
	return (struct sizes_operand){ .given = true,
		.known = true,
		.shape = &SCALAR,
		.n_seen = SEEN_MAX,
		.counts = { 1, 1, 1 },
		.values = { value, value, value },
		.independent = true };
}

// A whole multiple of `by` for all sizes?
static bool sizes_is_multiple(const double d[SEEN_MAX], double by, const uint32_t *rows)
{
	double slope;

	return by != 0 && sizes_line(d, rows, &slope) && fmod(d[0], by) == 0 &&
		fmod(slope, by) == 0;
}

// --- Each kind -----------------------------------------------------------------------------------

static bool sizes_order(const struct sizes_operand *x, uint32_t n, const uint32_t *rows)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = i + 1; j < n; j++) {
			if (x[i].given && x[j].given &&
				!sizes_pair_decided(DECIDING_ORDER, &x[i], &x[j], rows))
				return false;
		}
	}
	return true;
}

// Without a rest, or in the same proportion for all sizes.
static bool sizes_quotient(
	const struct sizes_operand *a, const struct sizes_operand *b, const uint32_t *rows)
{
	if (!a->known || !b->known || !sizes_is_fixed(a) || !sizes_is_fixed(b) || b->counts[0] != 1)
		return false;
	for (size_t i = 0; i < a->counts[0]; i++) {
		const struct sizes_span x = sizes_at(a, i), y = sizes_at(b, 0);
		const double quotient = x.low[0] / y.low[0];

		if (b->independent
				? !sizes_is_multiple(x.low, y.low[0], rows)
				: quotient != floor(quotient) || x.low[1] != quotient * y.low[1] ||
					x.low[2] != quotient * y.low[2])
			return false;
	}
	return true;
}

static bool sizes_whole(const struct sizes_operand *a, const uint32_t *rows)
{
	const struct sizes_span all = sizes_all(a);

	if (!a->known)
		return false;
	if (!sizes_is_fixed(a))
		return sizes_is_multiple(all.low, 1, rows) && sizes_is_multiple(all.high, 1, rows);
	for (size_t i = 0; i < a->counts[0]; i++) {
		const struct sizes_span x = sizes_at(a, i);

		if (!sizes_is_multiple(x.low, 1, rows) && !sizes_is_constant(x.low))
			return false;
	}
	return true;
}

// Each value that depends on the number of rows is above 0.
static bool sizes_shape(const struct sizes_operand *shape, const uint32_t *rows)
{
	if (!shape->known || !sizes_is_fixed(shape))
		return false;
	for (size_t i = 0; i < shape->counts[0]; i++) {
		const struct sizes_span x = sizes_at(shape, i), zero = { 0 };

		if (!sizes_is_constant(x.low) && !(sizes_settled(&x, &zero, rows) & IS_ABOVE))
			return false;
	}
	return true;
}

// A bound is always counted from the same end, and always within the dimension or always beyond.
static bool sizes_bounds(const struct sizes_operand *lengths, const struct sizes_operand *bounds,
	const uint32_t *rows)
{
	if (!bounds->given || bounds->independent)
		return true;
	if (!bounds->known || !sizes_is_fixed(bounds) || !sizes_is_fixed(lengths) ||
		lengths->counts[0] < bounds->counts[0])
		return false;
	for (size_t i = 0; i < bounds->counts[0]; i++) {
		const struct sizes_span x = sizes_at(bounds, i), n = sizes_at(lengths, i);
		const struct sizes_span zero = { 0 },
					minus = { { -n.low[0], -n.low[1], -n.low[2] },
						{ -n.low[0], -n.low[1], -n.low[2] } };
		const int sign = sizes_settled(&x, &zero, rows);
		const struct sizes_span *end = sign & IS_NOT_BELOW ? &n : &minus;

		if (sizes_is_constant(x.low))
			continue;
		if (!(sign & (IS_NOT_BELOW | IS_BELOW)) ||
			!sizes_decided(DECIDING_ORDER, sizes_settled(&x, end, rows)))
			return false;
	}
	return true;
}

// How many a Range has.
static bool sizes_count(const struct sizes_operand *x, const uint32_t *rows)
{
	double length[SEEN_MAX];
	struct sizes_span span, zero = { 0 };
	int sign;

	for (uint32_t i = 0; i < 3; i++) {
		if (!x[i].known || !sizes_is_fixed(&x[i]) || x[i].counts[0] != 1)
			return false;
	}
	for (size_t k = 0; k < SEEN_MAX; k++) {
		length[k] = (x[1].values[k][0] - x[0].values[k][0]) / x[2].values[k][0];
		span.low[k] = span.high[k] = length[k];
	}
	if (sizes_is_constant(length))
		return true;
	sign = sizes_settled(&span, &zero, rows);
	return (sign & IS_NOT_ABOVE) ||
		((sign & IS_NOT_BELOW) && sizes_is_multiple(length, 1, rows));
}

// One at most of what is multiplied grows.
static bool sizes_factors(const struct sizes_operand *x)
{
	size_t growing = 0;

	for (size_t i = 0; x->known && sizes_is_fixed(x) && i < x->counts[0]; i++)
		growing += !sizes_is_constant(sizes_at(x, i).low);
	return x->known && sizes_is_fixed(x) && growing < 2;
}

// Into a constant that grows with the batch, or that is the same everywhere.
static bool sizes_place(const struct sizes_operand *from, const struct sizes_operand *place)
{
	const struct sizes_span all = sizes_all(from);

	return place->independent || !from->known || !sizes_is_fixed(from) ||
		(sizes_is_constant(all.low) && sizes_same(all.low, all.high));
}

static bool sizes_kind_decided(
	enum deciding_kind kind, const struct sizes_operand *x, uint32_t n, const uint32_t *rows)
{
	double zero = 0;
	const struct sizes_operand none = sizes_number(&zero);
	bool independent = true;

	for (uint32_t i = 0; i < n; i++)
		independent &= !x[i].given || x[i].independent;
	if (independent)
		return true;
	switch (kind) {
	case DECIDING_LESS:
	case DECIDING_GREATER:
	case DECIDING_EQUAL:
		return sizes_pair_decided(kind, &x[0], &x[1], rows);
	case DECIDING_ORDER:
		return sizes_order(x, n, rows);
	case DECIDING_SIGN:
		return sizes_pair_decided(kind, &x[0], &none, rows);
	case DECIDING_QUOTIENT:
		return sizes_quotient(&x[0], &x[1], rows);
	case DECIDING_WHOLE:
		return sizes_whole(&x[0], rows);
	case DECIDING_SHAPE:
		return n < 2 || x[1].independent || sizes_shape(&x[1], rows);
	case DECIDING_BOUNDS:
		return (n < 2 || sizes_bounds(&x[0], &x[1], rows)) &&
			(n < 3 || sizes_bounds(&x[0], &x[2], rows));
	case DECIDING_COUNT:
		return n == 3 && sizes_count(x, rows);
	case DECIDING_PLACE:
		return n < 2 || sizes_place(&x[0], &x[1]);
	case DECIDING_PRODUCT:
		return n == 2 && (x[0].independent || x[1].independent);
	case DECIDING_FACTORS:
		return sizes_factors(&x[0]);
	case DECIDING_ANY:
		break;
	}
	return false;
}

// --- All nodes -----------------------------------------------------------------------------------

// A shape of what is the same for two sizes, and what is above 0 and grows: no more need be seen of
// it.
static bool sizes_grow(const struct sizes_operand *shape)
{
	bool grow = shape->known && shape->counts[0] == shape->counts[1];

	for (size_t i = 0; grow && i < shape->counts[0]; i++)
		grow = shape->values[0][i] == shape->values[1][i] ||
			(shape->values[0][i] > 0 && shape->values[1][i] > shape->values[0][i]);
	return grow;
}

// Is a node decided the same, or where `lines` is not asked for, are its operands the same?
static bool sizes_node(const struct sizes_rounds *seen, size_t n_seen, const uint32_t *rows,
	bool lines, bool *no_memory)
{
	const struct deciding *node = seen[n_seen - 1].nodes[0];
	struct sizes_operand x[DECIDING_OPERANDS] = { 0 };
	bool same = true;

	for (uint32_t i = 0; i < node->n_operands; i++) {
		*no_memory |= !sizes_operand(seen, n_seen, rows, i, &x[i]);
		// The dimensions that are cut matter with bounds that depend on the batch alone.
		same &= x[i].independent || (i == 0 && node->kind == DECIDING_BOUNDS) ||
			!x[i].given;
	}
	if (!lines && !same && !*no_memory && node->kind == DECIDING_SHAPE && node->n_operands > 1)
		same = sizes_grow(&x[1]);
	if (lines && !same && !*no_memory)
		same = sizes_kind_decided(node->kind, x, node->n_operands, rows);
	for (uint32_t i = 0; i < node->n_operands; i++)
		sizes_free(&x[i]);
	return same;
}

static const struct deciding *sizes_first(
	const struct sizes_seen *const *seen, size_t n_seen, bool lines, bool *no_memory)
{
	struct sizes_index index[SEEN_MAX] = { 0 };
	struct sizes_rounds rounds[SEEN_MAX];
	uint32_t rows[SEEN_MAX];
	const struct deciding_list *last = &seen[n_seen - 1]->list;
	const struct deciding *node = last->first;
	bool same = true;

	*no_memory = false;
	for (size_t k = 0; k < n_seen; k++) {
		rows[k] = seen[k]->rows;
		*no_memory |= !sizes_index(&seen[k]->list, &index[k]);
	}
	while (node && !*no_memory) {
		for (size_t k = 0; k < n_seen; k++) {
			rounds[k] = sizes_rounds(&index[k], node);
			same &= rounds[k].n > 0 &&
				rounds[k].nodes[0]->n_operands == node->n_operands;
		}
		// All rounds are looked at with the first of them.
		if (same && rounds[n_seen - 1].nodes[0] == node)
			same = sizes_node(rounds, n_seen, rows, lines, no_memory);
		if (!same)
			break;
		node = node->next;
	}
	for (size_t k = 0; k < n_seen; k++)
		free(index[k].nodes);
	return same ? NULL : node;
}

bool sizes_differ(const struct sizes_seen *a, const struct sizes_seen *b, bool *no_memory)
{
	const struct sizes_seen *const seen[2] = { a, b };

	return sizes_first(seen, 2, false, no_memory) != NULL;
}

const struct deciding *sizes_find(const struct sizes_seen *const seen[3], bool *no_memory)
{
	return sizes_first(seen, 3, true, no_memory);
}
