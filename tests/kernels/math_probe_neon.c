// SPDX-License-Identifier: BSD-3-Clause
#include "tests/kernels/math_probe_vec.h"
