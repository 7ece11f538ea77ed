// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/conv_rows_vec.h"
