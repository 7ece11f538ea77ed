// SPDX-License-Identifier: BSD-3-Clause
// What the files of the ONNX importer work on: the import itself, names of values, a node of the
// file. Nobody else includes this.
// Format: onnx.proto of Debian's libonnx-dev; semantics: ONNX Operators.md and Operators-ml.md.
#pragma once

#include "base/sha256.h"
#include "infer/graph/arena.h"
#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

#include "onnx.pb-c.h"

#include <assert.h>

enum onnx_domain { ONNX_DOMAIN_AI, ONNX_DOMAIN_ML, ONNX_DOMAIN_MICROSOFT, ONNX_DOMAINS };

struct onnx_opsets {
	int64_t of[ONNX_DOMAINS]; // 0: not imported
};

struct onnx_classes {        // by name, in the order of their scores
	const char **labels; // [n]
	uint32_t n;
};

struct onnx_value { // a name in the file's value namespace
	const char *name;
	uint32_t tensor;   // GRAPH_NONE until made
	uint32_t producer; // node of the file, GRAPH_NONE: input or initialiser
	bool defined;
	bool is_label;   // a predicted class: dropped, unless it is wanted
	bool is_nibbles; // an initialiser of 4 bits, kept as bytes
	bool is_read;    // a node computes on it: for labels, whether they are worth computing
	const struct onnx_classes *classes; // of a label, where the file says them; else NULL
};

struct onnx_port { // an input of whole numbers: the row's float32, and what it is cast to
	uint32_t plain, cast;
};

struct onnx_marks { // marks.h
	bool *of;   // [n] by tensor
	uint32_t n;
};

struct onnx_texts {              // texts.h
	struct onnx_text *texts; // [n_texts]
	uint32_t n_texts;
	uint32_t *index;   // open-addressed by text, [index_size], a power of two
	size_t index_size; // twice the memory of `texts`
	struct onnx_marks marks;
};

struct onnx_columns {               // of the row that hold texts: text_columns.h
	struct onnx_text_map *maps; // [n_maps], in the order of their features
	uint32_t n_maps;
	struct onnx_text_column *columns; // [n_columns]
	uint32_t n_columns;
	struct onnx_text_code *codes; // [codes_size], a power of two
	size_t codes_size;
	uint32_t n_codes;
};

struct onnx_beside {            // tensors that lie in files beside the model's: external.h
	int folder;             // the model's, opened with the first of them; -1: not yet
	uint64_t device, inode; // of the model's file
	int file;               // the one opened last; -1: none
	const char *location;   // as the file names it
	size_t file_bytes;
	size_t n_tensors, n_files, bytes; // read so far
	struct sha256 hash;               // of the model's file, and then of each of the tensors
};

struct onnx {
	// The table of operators and the import of a node by it, for importers that stand in that
	// table and import nodes of their own.
	const struct onnx_operator *(*find)(enum onnx_domain domain, const char *type);
	int (*import_node)(struct onnx *onnx, uint32_t index);
	Onnx__ModelProto *model;
	const Onnx__GraphProto *proto;
	struct graph *graph;
	struct arena *scratch; // until the import is over
	struct compile_report *report;
	struct error *err;                     // never NULL
	struct onnx_opsets opsets;             // that the model imports
	const struct onnx_opsets *node_opsets; // [proto->n_node]; NULL: the model's
	struct onnx_opsets at;                 // of the node at hand
	int64_t opset;                         // the same, of ai.onnx
	struct onnx_value *values; // open-addressed by name, [values_size], a power of two
	size_t values_size, n_values;
	unsigned char hash_key[16];
	struct onnx_texts texts;
	struct onnx_columns columns;
	struct onnx_marks sequences; // sequences.h
	struct onnx_marks sizes;     // constants that come from the sizes of tensors: decides.h
	struct onnx_port *ports;     // [n_ports] inputs of whole numbers
	uint32_t n_ports;
	uint32_t n_made;    // names made: a number is never tried twice, whatever names a file has
	uint32_t depth;     // of the body (bodies.h) that `proto` is; 0: the model's graph
	size_t n_in_bodies; // nodes imported in bodies, each round's
	bool mapped;        // a ZipMap has named the classes of the scores
	bool has_nibbles;   // constants of 4 bits, which are kept as bytes
	bool narrowed;      // doubles or halves became float32
	bool borrowed;      // the model is another importer's: nothing of it may be taken over
	const struct import_options *options;
	uint32_t n_inputs;        // that are no initialisers
	const char *batch_symbol; // what inputs call an open first dimension; NULL: nothing
	bool batch_is_first;      // an input leaves its first dimension open
	int64_t fixed_batch; // one of the first two dimensions that is the batch, though fixed; 0: none
	struct import_batch batch;
	struct onnx_beside beside;
};

struct onnx_node {
	const Onnx__NodeProto *proto;
	const char *name; // never NULL or empty
	const char *type;
	enum op op; // the graph's operator, where the table of operators names one for `type`
	uint32_t n_inputs;
	uint32_t *inputs; // [n_inputs] tensor or GRAPH_NONE where left out
};

#define ONNX_INT(k, value)                                                                         \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INT, .count = 1, .i = (value)                        \
	}
#define ONNX_FLOAT(k, value)                                                                       \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_FLOAT, .count = 1, .f = (value)                      \
	}
#define ONNX_INTS(k, n, values)                                                                    \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INTS, .count = (n), .ints = (values)                 \
	}

// Was an optional input given?
static inline bool onnx_is_given(const struct onnx_node *node, uint32_t i)
{
	return i < node->n_inputs && node->inputs[i] != GRAPH_NONE;
}

// Inputs without those left out at the end.
static inline uint32_t onnx_inputs_given(const struct onnx_node *node)
{
	uint32_t n = node->n_inputs;

	while (n > 0 && node->inputs[n - 1] == GRAPH_NONE)
		n--;
	return n;
}

static inline const struct tensor *onnx_input(
	const struct onnx *onnx, const struct onnx_node *node, uint32_t i)
{
	return &onnx->graph->tensors[node->inputs[i]];
}

// Are predicted classes wanted? The only output is, whatever it is.
static inline bool onnx_wants_labels(const struct onnx *onnx)
{
	return onnx->options->labels || onnx->proto->n_output == 1;
}

// How many rows one evaluation takes.
static inline uint32_t onnx_rows(const struct onnx *onnx)
{
	return onnx->options->rows > 1 ? (uint32_t)onnx->options->rows : 1;
}

// An empty text of a protobuf may be NULL.
static inline const char *onnx_text(const char *s)
{
	return s ? s : "";
}

// The code of the refusal that a function called before has made, for whoever passes it on.
static inline int onnx_refused(const struct onnx *onnx)
{
	assert(onnx->err->code < 0);
	return onnx->err->code;
}
