// SPDX-License-Identifier: BSD-3-Clause
// The table stands apart from the scalar kernel, which the vector ones call for other axes than the
// last.
#include "infer/kernels/norm/softmax.h"

KERNEL_TABLE_DEFINE(softmax, SOFTMAX, KERNEL_ENTRY)
