// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/normalizer_vec.h"
