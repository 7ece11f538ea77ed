// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/dequantise_vec.h"
