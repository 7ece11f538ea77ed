// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/product/product_vec.h"
