// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/unpack_vec.h"
