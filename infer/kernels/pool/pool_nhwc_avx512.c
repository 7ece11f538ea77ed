// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/pool/pool_nhwc_vec.h"
