// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/pool/pool_places_vec.h"
