// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/binary_vec.h"
