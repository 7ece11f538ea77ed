// SPDX-License-Identifier: BSD-3-Clause
// Attention and rotary embeddings, as ai.onnx and com.microsoft both have them. As in emit.h,
// GRAPH_NONE was refused before, and is handed on.
#pragma once

#include "infer/import/onnx/onnx.h"

enum attention_stage {
	ATTENTION_PRODUCT,
	ATTENTION_CAPPED,
	ATTENTION_BIASED,
	ATTENTION_PROBABILITIES,
	ATTENTION_STAGES,
};

struct onnx_attention {
	uint32_t q, k, v; // [N, heads, S, size]; k and v have as many heads, or divide q's
	uint32_t bias;    // float32, broadcasts to [N, heads, S of q, S of k]; GRAPH_NONE: none
	bool may_hide;    // a whole row of the bias may be -infinity: its probabilities are 0
	float scale;
	float softcap;                     // 0: none
	uint32_t stages[ATTENTION_STAGES]; // filled: [N, heads, S of q, S of k]
};

// softmax(softcap(q * scale * k^T) + bias) * v: [N, heads, S of q, size of v].
uint32_t onnx_attention(
	struct onnx *onnx, const struct onnx_node *node, struct onnx_attention *attention);

// [N, S, heads * size] as [N, heads, S, size], and back. -EINVAL where the heads do not divide it.
uint32_t onnx_attention_split(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, int64_t heads);
uint32_t onnx_attention_join(struct onnx *onnx, const struct onnx_node *node, uint32_t x);

// The bias [rows, columns] that lets row i see columns i + offset - left to i + offset + right,
// negative: all on that side.
uint32_t onnx_attention_window(struct onnx *onnx, const struct onnx_node *node, int64_t rows,
	int64_t columns, int64_t offset, const int64_t reach[2]);

// x [N, S, heads, size] with the first `dim` values of each head rotated by cos and sin, which
// broadcast to [N, S, heads, dim / 2]: in halves, or interleaved in pairs.
uint32_t onnx_rotate(struct onnx *onnx, const struct onnx_node *node, uint32_t x, int64_t dim,
	const uint32_t cos_sin[2], bool interleaved);
// RotaryEmbedding of the node's input 0, [N, heads, S, size] or [N, S, heads * size], by `caches`,
// [positions, dim / 2] where there are `positions` [N, S], else [N, S, dim / 2].
int onnx_import_rotary(struct onnx *onnx, const struct onnx_node *node, const uint32_t caches[2],
	uint32_t positions);
