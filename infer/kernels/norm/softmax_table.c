// SPDX-License-Identifier: BSD-3-Clause
// The table is apart from the scalar kernel, which the vector kernels call for axes other than the
// last: in one file, they would need each other.
#include "infer/kernels/norm/softmax.h"

KERNEL_TABLE_DEFINE(softmax, SOFTMAX, KERNEL_ENTRY)
