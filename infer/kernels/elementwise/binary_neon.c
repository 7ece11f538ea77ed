// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/binary_vec.h"
