// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/reduce/reduce_rows_vec.h"
