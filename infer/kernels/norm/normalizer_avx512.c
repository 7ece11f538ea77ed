// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/norm/normalizer_vec.h"
