// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a .mlt image, version 1; for write.c and open.c. Little-endian.
//
//	header		128 bytes, below: what a verifier needs before it believes anything else
//	section table	SECTION_COUNT x { offset, bytes }, offsets from the image's start
//	sections	in the order of the enum, each at the next multiple of 64 after the
//			one before; the last one ends the image
//
// Sections from IMAGE_SECTIONS_FIRST on came later. Of an image made before, the table's entries for
// them are padding, and so are those of an image that has none: 0, 0. They fit where it was. The table is
// full now: what comes next has to find its place in a section that is there, as the lineage did in NAMES.
//
// Padding is zero. The hash covers everything behind the header; the header's own fields allow one
// value each, so no bit can change unnoticed. A signature, once there is one, is over the header up
// to `key_id` included: with the hash in it, it is over the whole image.
#pragma once

#include "base/align.h"
#include "infer/graph/graph.h"

#define IMAGE_ALIGN      64u
#define IMAGE_GOLDEN_MAX 4096u

static const uint8_t IMAGE_MAGIC[8] = { 'M', 'A', 'R', 'T', 'L', 'E', 'T', '\n' };

struct image_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t header_bytes; // 128
	uint64_t total_bytes;
	uint8_t sha256[32]; // of all behind the header
	uint32_t key_id;    // 0: not signed
	uint32_t reserved;  // 0
	uint8_t signature[64];
};

enum image_section {
	SECTION_META,    // one image_meta
	SECTION_TENSORS, // image_tensor, in the graph's order
	SECTION_NODES,   // image_node
	SECTION_ATTRS,   // image_attr, those of the first node first
	SECTION_INDICES, // u32 tensors, per node: inputs, then outputs
	SECTION_PORTS,   // image_port: inputs, then outputs
	SECTION_NAMES,   // u32 into STRINGS: features, output columns, class labels, lineage
	SECTION_STRINGS, // UTF-8, each ended by a zero byte
	SECTION_DATA,    // values, each block 64-byte aligned
	IMAGE_SECTIONS_FIRST,
	SECTION_TEXT_MAPS = IMAGE_SECTIONS_FIRST, // image_text_map, of ascending features
	SECTION_TEXTS,                            // u32 into STRINGS: the texts of each map in turn
	// One image_reference; then u32 [n_columns], how many counts each column has; and, from the
	// next multiple of 8 on, the counts, u64, and the edges, f32, of all columns in turn: what
	// struct drift_reference (base/drift.h) holds. It ends at a multiple of 8.
	SECTION_REFERENCE,
	SECTION_COUNT,
};

struct image_extent {
	uint64_t offset, bytes;
};

// "string": an offset into STRINGS. "data": an offset into DATA. Several tensors may have the same
// one: blocks of the same bytes are kept once. (Images made before have each by itself.)
struct image_meta {
	uint32_t name, source_kind; // strings
	uint8_t source_sha256[32];
	uint32_t n_inputs, n_outputs;
	uint32_t n_features, n_columns_out, n_class_labels, n_golden;
	uint32_t accepts_missing;         // 0 or 1
	uint32_t reserved;                // 0
	uint64_t input_scale, input_zero; // data: f32 [n_features]
	uint64_t golden_rows,
		golden_outputs; // data: f32 [n_golden][n_features], [n_golden][n_columns_out]
	// What follows came later: an image made before has a shorter record, which is read as if
	// the rest were 0. A reader refuses a longer one than it knows.
	uint64_t golden_tolerance; // data: f32 [n_golden][n_columns_out]; 0, input_scale: none
	uint64_t exact;            // 0 or 1
	float golden_mean;         // struct model_info's, at least 0; 0: none
	uint32_t n_lineage;        // at most MODEL_LINEAGE_MAX; 0 in images of before it was there
};
#define IMAGE_META_BYTES_MIN 104u // of the first images

struct image_tensor {
	uint32_t name; // string
	uint32_t dtype, rank;
	uint32_t constant; // 0 or 1
	int64_t dims[GRAPH_RANK_MAX];
	uint64_t data; // where constant
};

struct image_node {
	uint32_t op;
	uint32_t name; // string
	uint32_t n_inputs, n_outputs, n_attrs;
	uint32_t reserved; // 0
};

struct image_attr {
	uint32_t key, kind, count;
	uint32_t reserved; // 0
	uint64_t value;    // the integer, the float's bits, or data
};

struct image_reference {
	uint64_t n_rows;
	uint32_t n_columns; // features and outputs
	uint32_t reserved;  // 0
};

struct image_port {
	uint32_t tensor, first_column;
};

struct image_text_map {
	uint32_t feature, n_texts;
	uint32_t takes_unknown; // 0 or 1
	// 0 or 1; 0 in images of before it was there
	uint32_t is_category;
};

_Static_assert(sizeof(struct image_header) == 128, "the header has no holes");
_Static_assert(sizeof(struct image_meta) == 128, "no holes");
_Static_assert(sizeof(struct image_tensor) == 88, "no holes");
_Static_assert(sizeof(struct image_node) == 24, "no holes");
_Static_assert(sizeof(struct image_attr) == 24, "no holes");
_Static_assert(sizeof(struct image_text_map) == 16, "no holes");
_Static_assert(sizeof(struct image_reference) == 16, "no holes");
_Static_assert(sizeof(struct image_header) + SECTION_COUNT * sizeof(struct image_extent) <= 320,
	"the first section begins where it always has");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are used in place");

// The next multiple of IMAGE_ALIGN.
static inline uint64_t image_aligned(uint64_t offset)
{
	return align_up(offset, IMAGE_ALIGN);
}
