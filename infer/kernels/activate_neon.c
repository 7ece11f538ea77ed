// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/activate_vec.h"
