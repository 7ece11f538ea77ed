// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/quantise/dynamic_quantise_vec.h"
