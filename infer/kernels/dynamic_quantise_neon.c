// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/dynamic_quantise_vec.h"
