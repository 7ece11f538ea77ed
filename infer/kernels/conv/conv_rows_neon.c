// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/conv/conv_rows_vec.h"
