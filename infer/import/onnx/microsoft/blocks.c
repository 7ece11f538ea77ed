// SPDX-License-Identifier: BSD-3-Clause
// com.microsoft's product by weights of few bits in blocks, as ONNX Runtime's MatMulNBits quantiser
// writes it (docs/ContribOperators.md, MatMulNBits). The weights become floats while importing.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

// y = a * w^T + bias, w [n, k] in blocks of `block` along k, each with a scale and a zero point.
struct blocks {
	int64_t k, n, bits, block;
	int64_t per_row; // blocks of a row of w
	const uint8_t *packed;
	const float *scales;                // [n][per_row]
	const uint8_t *zeros;               // [n][packed in bytes]; NULL
	const float *float_zeros;           // [n][per_row]; NULL
	int64_t bytes_of_block, zero_bytes; // of a block of `packed`, of a row of `zeros`
};

// The i-th of values that lie in bytes by `bits`, the first in the lowest.
static unsigned blocks_value(const uint8_t *packed, int64_t i, int64_t bits)
{
	const int64_t at = i * bits;

	return packed[at / 8] >> (at % 8) & ((1u << bits) - 1);
}

static int blocks_read_attributes(
	struct onnx *onnx, const struct onnx_node *node, struct blocks *blocks)
{
	const struct tensor *a = onnx_input(onnx, node, 0);

	if (onnx_int(onnx, node, "K", 0, &blocks->k) || onnx_int(onnx, node, "N", 0, &blocks->n) ||
		onnx_int(onnx, node, "bits", 4, &blocks->bits) ||
		onnx_int(onnx, node, "block_size", 0, &blocks->block))
		return onnx_refused(onnx);
	if (blocks->bits != 2 && blocks->bits != 4 && blocks->bits != 8)
		return onnx_refuse(onnx, node, -ENOTSUP, "bits is %lld; 2, 4 and 8 are supported",
			(long long)blocks->bits);
	if (blocks->k < 1 || blocks->n < 1 || blocks->k > GRAPH_ELEMENTS_MAX / blocks->n ||
		blocks->block < 16 || blocks->block > 1 << 16 ||
		(blocks->block & (blocks->block - 1)) != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"K is %lld, N %lld, block_size %lld; should be sizes, and a power of two "
			"from "
			"16 on",
			(long long)blocks->k, (long long)blocks->n, (long long)blocks->block);
	if (a->rank < 1 || a->dims[a->rank - 1] != blocks->k)
		return onnx_refuse(onnx, node, -EINVAL, "input 0 is %s, K is %lld",
			tensor_shape_text(a).text, (long long)blocks->k);
	if (onnx_is_given(node, 4))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 4, an order of the groups, is not supported; quantise without "
			"g_idx");
	blocks->per_row = (blocks->k + blocks->block - 1) / blocks->block;
	blocks->bytes_of_block = blocks->block * blocks->bits / 8;
	blocks->zero_bytes = (blocks->per_row * blocks->bits + 7) / 8;
	return 0;
}

// The constant that input i is: `n` values of the type.
static int blocks_constant(struct onnx *onnx, const struct onnx_node *node, uint32_t i,
	enum dtype dtype, int64_t n, const void **data)
{
	const struct tensor *in = onnx_input(onnx, node, i);

	if (!in->data)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "input %u ('%.80s') must be a constant", i, in->name);
	if (in->dtype != dtype || tensor_elements(in) != n)
		return onnx_refuse(onnx, node, -EINVAL, "input %u is %s %s, should be %lld of %s",
			i, dtype_name(in->dtype), tensor_shape_text(in).text, (long long)n,
			dtype_name(dtype));
	*data = in->data;
	return 0;
}

static int blocks_read(struct onnx *onnx, const struct onnx_node *node, struct blocks *blocks)
{
	const void *data = NULL;
	int rc = blocks_read_attributes(onnx, node, blocks);

	if (rc == 0)
		rc = blocks_constant(onnx, node, 1, DTYPE_U8,
			blocks->n * blocks->per_row * blocks->bytes_of_block, &data);
	blocks->packed = data;
	if (rc == 0)
		rc = blocks_constant(onnx, node, 2, DTYPE_F32, blocks->n * blocks->per_row, &data);
	blocks->scales = data;
	if (rc != 0 || !onnx_is_given(node, 3))
		return rc;
	if (onnx_input(onnx, node, 3)->dtype == DTYPE_F32) {
		rc = blocks_constant(onnx, node, 3, DTYPE_F32, blocks->n * blocks->per_row, &data);
		blocks->float_zeros = data;
		return rc;
	}
	rc = blocks_constant(onnx, node, 3, DTYPE_U8, blocks->n * blocks->zero_bytes, &data);
	blocks->zeros = data;
	return rc;
}

// w^T [k][n] in floats.
static void blocks_fill(const struct blocks *blocks, float *w)
{
	for (int64_t n = 0; n < blocks->n; n++) {
		for (int64_t k = 0; k < blocks->k; k++) {
			const int64_t b = k / blocks->block, at = n * blocks->per_row + b;
			const unsigned q =
				blocks_value(blocks->packed + at * blocks->bytes_of_block,
					k % blocks->block, blocks->bits);
			const float zero = blocks->float_zeros ? blocks->float_zeros[at]
				: blocks->zeros
				? (float)blocks_value(
					  blocks->zeros + n * blocks->zero_bytes, b, blocks->bits)
				: (float)(1u << (blocks->bits - 1));

			w[k * blocks->n + n] = ((float)q - zero) * blocks->scales[at];
		}
	}
}

static int import_matmul_n_bits(struct onnx *onnx, const struct onnx_node *node)
{
	struct blocks blocks = { 0 };
	uint32_t made;
	void *data;

	if (blocks_read(onnx, node, &blocks))
		return onnx_refused(onnx);
	const int64_t dims[2] = { blocks.k, blocks.n };

	made = onnx_made(onnx, node, DTYPE_F32, 2, dims, &data);
	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	blocks_fill(&blocks, data);
	report_add(onnx->report, "node '%.80s' (%s): its weights of %lld bits become floats",
		node->name, node->type, (long long)blocks.bits);
	made = onnx_emit_pair(onnx, node, OP_MATMUL, node->inputs[0], made);
	if (onnx_is_given(node, 5))
		made = onnx_emit_pair(onnx, node, OP_ADD, made, node->inputs[5]);
	return onnx_output(onnx, node, 0, made);
}

const struct onnx_operator ONNX_MICROSOFT_BLOCKS[] = {
	{ "MatMulNBits", 3, 6, .import = import_matmul_n_bits },
	{ .type = NULL },
};
