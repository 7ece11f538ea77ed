// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/quantise/dequantise_vec.h"
