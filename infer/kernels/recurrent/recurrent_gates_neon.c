// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/recurrent/recurrent_gates_vec.h"
