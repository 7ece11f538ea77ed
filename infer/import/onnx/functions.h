// SPDX-License-Identifier: BSD-3-Clause
// The functions that a file defines (ModelProto.functions; ONNX's IR.md, "Functions"): what each is
// called, which names its body shares with whoever calls it, which attributes it has by itself.
// inline.h puts their bodies in the place of their calls.
#pragma once

#include "infer/import/onnx/onnx.h"

enum onnx_formal_kind { ONNX_FORMAL_INPUT, ONNX_FORMAL_OUTPUT };

struct onnx_formal { // a name that a function's body shares with who calls it
	const char *name;
	enum onnx_formal_kind kind;
	uint32_t index;
};

struct onnx_function {
	const Onnx__FunctionProto *proto;
	const char *domain, *name, *overload;
	const Onnx__AttributeProto **defaults; // [n_defaults]
	uint32_t n_defaults;
	struct onnx_formal *formals; // [n_formals] by name, inputs first
	uint32_t n_formals;
	struct onnx_opsets opsets;
	bool open; // a call of it is being replaced: another one within is recursion
};

struct onnx_functions {
	struct onnx_function *functions; // [n] by domain, name, overload
	size_t n;
};

int onnx_functions_no_memory(struct onnx *onnx); // -ENOMEM

// -EINVAL what is no sound function; -ENOTSUP functions in the operators' own domains, which would
// change what an operator means; -ENOMEM. Memory is the import's.
int onnx_read_functions(struct onnx *onnx, struct onnx_functions *functions);
// The function that a node calls, NULL where it calls none. False: out of memory.
bool onnx_function_called(struct onnx *onnx, const struct onnx_functions *functions,
	const Onnx__NodeProto *node, struct onnx_function **function);
// The first of a function's formals of that name, an input where an input is returned as it is;
// NULL: the body's own.
const struct onnx_formal *onnx_function_formal(
	const struct onnx_function *function, const char *name);
