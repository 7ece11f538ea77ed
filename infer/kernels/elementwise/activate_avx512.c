// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/activate_vec.h"
