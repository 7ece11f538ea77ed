// SPDX-License-Identifier: BSD-3-Clause
// Einsum as diagonals, sums and products of two: a letter that both operands have is a batch of
// products where it is needed later, and is summed by them where not; one that only one has is that
// operand's rows or columns.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <ctype.h>
#include <string.h>

#define OPERANDS_MAX 16
#define LETTERS      128 // by ASCII; those that "..." stands for are digits, the last dimension '0'

struct operand {
	uint32_t tensor, rank;
	char letters[GRAPH_RANK_MAX + 1];
};

struct einsum {
	struct onnx *onnx;
	const struct onnx_node *node;
	struct operand operands[OPERANDS_MAX], out; // of `out` only the letters
	uint32_t n_operands;
	int64_t size[LETTERS];
	uint32_t times[LETTERS]; // how often it stands in the operands
	uint32_t n_dots;         // dimensions that "..." stands for, in the operand with the most
};

#define REFUSE(e, ...) onnx_refuse((e)->onnx, (e)->node, -EINVAL, __VA_ARGS__)

// One term, up to ',' or "->" or the end; `dots` dimensions are behind "...".
static const char *einsum_read_term(
	struct einsum *e, const char *at, uint32_t dots, struct operand *to)
{
	bool dotted = false;

	for (; *at && *at != ',' && strncmp(at, "->", 2) != 0; at++) {
		if (*at == ' ')
			continue;
		if (strncmp(at, "...", 3) == 0 && !dotted) {
			dotted = true;
			at += 2;
			for (; dots > 0 && to->rank < GRAPH_RANK_MAX; dots--)
				to->letters[to->rank++] = (char)('0' + dots - 1);
			if (dots == 0)
				continue;
		}
		if (!isalpha((unsigned char)*at) || to->rank == GRAPH_RANK_MAX) {
			REFUSE(e,
				"attribute 'equation': a term should be letters and at most one "
				"\"...\", of %d dimensions at most",
				GRAPH_RANK_MAX);
			return NULL;
		}
		to->letters[to->rank++] = *at;
	}
	return at;
}

static uint32_t einsum_count_letters(const char *term)
{
	uint32_t n = 0;

	for (; *term && *term != ',' && strncmp(term, "->", 2) != 0; term++)
		n += isalpha((unsigned char)*term) != 0;
	return n;
}

// A dimension of 1 that "..." stands for is spread: the operand goes on without it.
static int einsum_read_sizes(struct einsum *e, struct operand *operand)
{
	const struct tensor *tensor = &e->onnx->graph->tensors[operand->tensor];

	for (uint32_t d = 0; d < operand->rank; d++) {
		int64_t *size = &e->size[(unsigned char)operand->letters[d]];
		const bool dot = isdigit((unsigned char)operand->letters[d]);

		e->times[(unsigned char)operand->letters[d]]++;
		if (*size < 0 || (dot && *size == 1))
			*size = tensor->dims[d];
		else if (*size != tensor->dims[d] && !(dot && tensor->dims[d] == 1))
			return REFUSE(e,
				"attribute 'equation': '%c' is %lld in one place, %lld in another",
				operand->letters[d], (long long)*size, (long long)tensor->dims[d]);
	}
	return 0;
}

static const char *einsum_read_operands(struct einsum *e, const char *at)
{
	for (uint32_t i = 0; i < e->n_operands; i++) {
		struct operand *operand = &e->operands[i];
		const uint32_t rank = onnx_input(e->onnx, e->node, i)->rank;
		const uint32_t letters = einsum_count_letters(at), dots = rank - letters;

		operand->tensor = e->node->inputs[i];
		at = letters <= rank ? einsum_read_term(e, at, dots, operand) : at;
		if (!at)
			return NULL;
		if (operand->rank != rank || letters > rank) {
			REFUSE(e, "attribute 'equation' has %u letters for input %u, which is %s",
				letters, i,
				tensor_shape_text(onnx_input(e->onnx, e->node, i)).text);
			return NULL;
		}
		if (dots > e->n_dots)
			e->n_dots = dots;
		if (einsum_read_sizes(e, operand) != 0)
			return NULL;
		if ((*at == ',') != (i + 1 < e->n_operands)) {
			REFUSE(e, "attribute 'equation' should have %u terms, one for each input",
				e->n_operands);
			return NULL;
		}
		at += *at == ',';
	}
	return at;
}

// What is not said: the dimensions of "...", then all letters that stand once, in their order.
static int einsum_read_output(struct einsum *e, const char *at)
{
	bool seen[LETTERS] = { false };

	if (*at) {
		at = einsum_read_term(e, at + 2, e->n_dots, &e->out);
		if (!at || *at)
			return at ? REFUSE(e, "attribute 'equation' goes on behind its output")
				  : onnx_refused(e->onnx);
	} else {
		for (uint32_t d = e->n_dots; d > 0; d--)
			e->out.letters[e->out.rank++] = (char)('0' + d - 1);
		for (int c = 'A'; c <= 'z'; c++) {
			if (!isalpha(c) || e->times[c] != 1)
				continue;
			if (e->out.rank == GRAPH_RANK_MAX)
				return REFUSE(e,
					"attribute 'equation': more than %d dimensions in the "
					"output",
					GRAPH_RANK_MAX);
			e->out.letters[e->out.rank++] = (char)c;
		}
	}
	for (uint32_t d = 0; d < e->out.rank; d++) {
		const unsigned char c = (unsigned char)e->out.letters[d];

		if (seen[c] || e->times[c] == 0)
			return REFUSE(e, "attribute 'equation': output '%c' %s", c,
				seen[c] ? "stands twice" : "is in no input");
		seen[c] = true;
	}
	return 0;
}

static bool einsum_has(const struct operand *operand, char letter)
{
	return memchr(operand->letters, letter, operand->rank) != NULL;
}

static int einsum_reshape(struct einsum *e, struct operand *to, uint32_t rank, const int64_t *dims)
{
	to->tensor = onnx_emit_reshape(e->onnx, e->node, to->tensor, rank, dims);
	return to->tensor == GRAPH_NONE ? onnx_refused(e->onnx) : 0;
}

// Dimension perm[d] becomes the d-th.
static int einsum_transpose(struct einsum *e, struct operand *operand, const int64_t *perm)
{
	const struct attr attr = ONNX_INTS(ATTR_PERM, operand->rank, perm);
	const struct operand from = *operand;
	bool same = true;

	for (uint32_t d = 0; d < from.rank; d++) {
		operand->letters[d] = from.letters[perm[d]];
		same &= perm[d] == d;
	}
	if (!same)
		operand->tensor =
			onnx_emit(e->onnx, e->node, OP_TRANSPOSE, 1, &operand->tensor, 1, &attr);
	return operand->tensor == GRAPH_NONE ? onnx_refused(e->onnx) : 0;
}

// The operand's dimensions in the order of `letters`, which are all of its own.
static int einsum_order(struct einsum *e, struct operand *operand, const char *letters)
{
	int64_t perm[GRAPH_RANK_MAX];

	for (uint32_t d = 0; d < operand->rank; d++)
		perm[d] = (const char *)memchr(operand->letters, letters[d], operand->rank) -
			operand->letters;
	return einsum_transpose(e, operand, perm);
}

// Of dimensions i < j of one letter every n + 1st of their n * n values.
static int einsum_take_diagonal(struct einsum *e, struct operand *operand, uint32_t i, uint32_t j)
{
	const char letter = operand->letters[i];
	const int64_t n = e->size[(unsigned char)letter];
	const struct attr axis = ONNX_INT(ATTR_AXIS, operand->rank - 2);
	int64_t perm[GRAPH_RANK_MAX], dims[GRAPH_RANK_MAX];
	uint32_t at = 0, pair[2];
	void *indices;

	for (uint32_t d = 0; d < operand->rank; d++) {
		if (d != i && d != j)
			perm[at++] = d;
	}
	perm[at] = i;
	perm[at + 1] = j;
	if (einsum_transpose(e, operand, perm) != 0)
		return onnx_refused(e->onnx);
	for (uint32_t d = 0; d < at; d++)
		dims[d] = e->onnx->graph->tensors[operand->tensor].dims[d];
	dims[at] = n * n;
	operand->rank--;
	if (einsum_reshape(e, operand, operand->rank, dims) != 0)
		return onnx_refused(e->onnx);
	pair[0] = operand->tensor;
	pair[1] = onnx_made(e->onnx, e->node, DTYPE_I64, 1, &n, &indices);
	for (int64_t k = 0; pair[1] != GRAPH_NONE && k < n; k++)
		((int64_t *)indices)[k] = k * (n + 1);
	operand->tensor = pair[1] == GRAPH_NONE
		? GRAPH_NONE
		: onnx_emit(e->onnx, e->node, OP_GATHER, 2, pair, 1, &axis);
	return operand->tensor == GRAPH_NONE ? onnx_refused(e->onnx) : 0;
}

static int einsum_drop_spread(struct einsum *e, struct operand *operand)
{
	const struct operand from = *operand;
	const int64_t *from_dims = e->onnx->graph->tensors[from.tensor].dims;
	int64_t dims[GRAPH_RANK_MAX];

	operand->rank = 0;
	for (uint32_t d = 0; d < from.rank; d++) {
		if (from_dims[d] != e->size[(unsigned char)from.letters[d]])
			continue;
		dims[operand->rank] = from_dims[d];
		operand->letters[operand->rank++] = from.letters[d];
	}
	return operand->rank == from.rank ? 0 : einsum_reshape(e, operand, operand->rank, dims);
}

// Each letter once, and no dimension that is only spread.
static int einsum_simplify(struct einsum *e, struct operand *operand)
{
	if (einsum_drop_spread(e, operand) != 0)
		return onnx_refused(e->onnx);
	for (uint32_t i = 0; i < operand->rank; i++) {
		for (uint32_t j = operand->rank; j-- > i + 1;) {
			if (operand->letters[i] != operand->letters[j])
				continue;
			if (einsum_take_diagonal(e, operand, i, j) != 0)
				return onnx_refused(e->onnx);
			i = 0;
			j = operand->rank;
		}
	}
	return 0;
}

// Is the letter in the output, or in an operand from `next` on?
static bool einsum_needed(const struct einsum *e, uint32_t next, char letter)
{
	bool found = einsum_has(&e->out, letter);

	for (; next < e->n_operands; next++)
		found |= einsum_has(&e->operands[next], letter);
	return found;
}

// Sums over what neither `other` has nor anybody from `next` on.
static int einsum_sum_out(
	struct einsum *e, struct operand *operand, const struct operand *other, uint32_t next)
{
	const struct operand from = *operand;
	int64_t axes[GRAPH_RANK_MAX];
	struct attr attrs[2] = { { .key = ATTR_AXES, .kind = ATTR_KIND_INTS, .ints = axes },
		ONNX_INT(ATTR_KEEPDIMS, 0) };

	operand->rank = 0;
	for (uint32_t d = 0; d < from.rank; d++) {
		if (einsum_needed(e, next, from.letters[d]) ||
			(other && einsum_has(other, from.letters[d])))
			operand->letters[operand->rank++] = from.letters[d];
		else
			axes[attrs[0].count++] = d;
	}
	if (attrs[0].count > 0)
		operand->tensor =
			onnx_emit(e->onnx, e->node, OP_REDUCE_SUM, 1, &operand->tensor, 2, attrs);
	return operand->tensor == GRAPH_NONE ? onnx_refused(e->onnx) : 0;
}

// Letters by what they are to a product, one class behind the other.
struct classes {
	char batch[GRAPH_RANK_MAX + 1], rows[GRAPH_RANK_MAX + 1], columns[GRAPH_RANK_MAX + 1],
		inner[GRAPH_RANK_MAX + 1];
};

static void einsum_classify(const struct einsum *e, const struct operand *a,
	const struct operand *b, uint32_t next, struct classes *classes)
{
	for (uint32_t d = 0; d < a->rank; d++) {
		const char c = a->letters[d];
		char *to = !einsum_has(b, c)        ? classes->rows
			: einsum_needed(e, next, c) ? classes->batch
						    : classes->inner;

		to[strlen(to)] = c;
	}
	for (uint32_t d = 0; d < b->rank; d++) {
		if (!einsum_has(a, b->letters[d]))
			classes->columns[strlen(classes->columns)] = b->letters[d];
	}
}

static int64_t einsum_product_of(const struct einsum *e, const char *letters)
{
	int64_t product = 1;

	for (; *letters; letters++)
		product *= e->size[(unsigned char)*letters];
	return product;
}

// [batch, first, second], or [first, second] without a batch.
static int einsum_as_matrices(struct einsum *e, struct operand *operand, const char *batch,
	const char *first, const char *second)
{
	const int64_t dims[3] = { einsum_product_of(e, batch), einsum_product_of(e, first),
		einsum_product_of(e, second) };
	const uint32_t skip = *batch ? 0 : 1;
	char letters[3 * GRAPH_RANK_MAX + 3];

	snprintf(letters, sizeof(letters), "%s%s%s", batch, first, second);
	return einsum_order(e, operand, letters)
		? onnx_refused(e->onnx)
		: einsum_reshape(e, operand, 3 - skip, dims + skip);
}

static int einsum_multiply(struct einsum *e, struct operand *a, struct operand *b, uint32_t next)
{
	struct classes classes = { 0 };
	char letters[3 * GRAPH_RANK_MAX + 3];
	int64_t dims[GRAPH_RANK_MAX];

	if (einsum_sum_out(e, a, b, next) != 0 || einsum_sum_out(e, b, a, next) != 0)
		return onnx_refused(e->onnx);
	einsum_classify(e, a, b, next, &classes);
	snprintf(letters, sizeof(letters), "%s%s%s", classes.batch, classes.rows, classes.columns);
	if (strlen(letters) > GRAPH_RANK_MAX)
		return onnx_refuse(e->onnx, e->node, -ENOTSUP,
			"attribute 'equation': a product on its way has %zu dimensions, at most %d "
			"are possible",
			strlen(letters), GRAPH_RANK_MAX);
	if (einsum_as_matrices(e, a, classes.batch, classes.rows, classes.inner) != 0 ||
		einsum_as_matrices(e, b, classes.batch, classes.inner, classes.columns) != 0)
		return onnx_refused(e->onnx);
	a->tensor = onnx_emit_pair(e->onnx, e->node, OP_MATMUL, a->tensor, b->tensor);
	if (a->tensor == GRAPH_NONE)
		return onnx_refused(e->onnx);
	a->rank = (uint32_t)strlen(letters);
	memcpy(a->letters, letters, a->rank);
	for (uint32_t d = 0; d < a->rank; d++)
		dims[d] = e->size[(unsigned char)letters[d]];
	return einsum_reshape(e, a, a->rank, dims);
}

static int import_einsum(struct onnx *onnx, const struct onnx_node *node)
{
	struct einsum e = { .onnx = onnx, .node = node, .n_operands = node->n_inputs };
	struct operand *made = &e.operands[0];
	const char *equation, *rest;

	if (onnx_string(onnx, node, "equation", "", &equation))
		return onnx_refused(onnx);
	for (uint32_t i = 0; i < e.n_operands; i++) {
		const enum dtype dtype = onnx_input(onnx, node, i)->dtype;

		if (dtype != DTYPE_F32)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u is %s, float32 is supported", i, dtype_name(dtype));
	}
	memset(e.size, -1, sizeof(e.size));
	rest = einsum_read_operands(&e, equation);
	if (!rest || einsum_read_output(&e, rest) != 0)
		return onnx_refused(onnx);
	for (uint32_t i = 0; i < e.n_operands; i++) {
		if (einsum_simplify(&e, &e.operands[i]) != 0)
			return onnx_refused(onnx);
	}
	for (uint32_t i = 1; i < e.n_operands; i++) {
		if (einsum_multiply(&e, made, &e.operands[i], i + 1) != 0)
			return onnx_refused(onnx);
	}
	if (einsum_sum_out(&e, made, NULL, e.n_operands) != 0 ||
		einsum_order(&e, made, e.out.letters) != 0)
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0, made->tensor);
}

const struct onnx_operator ONNX_EINSUM[] = {
	{ "Einsum", 1, 16, .import = import_einsum },
	{ .type = NULL },
};
