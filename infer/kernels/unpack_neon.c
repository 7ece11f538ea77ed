// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/unpack_vec.h"
