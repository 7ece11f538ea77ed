// SPDX-License-Identifier: BSD-3-Clause
// Which layers are slower in 8 bits than in floats on this CPU.
#pragma once

#include "infer/learn/quantise/quantise_search.h"

// Puts recurrent layers back to float that are faster so, in single rows and in batches alike: a state is rounded anew
// at each step, which the products of a narrow layer do not win back. One layer at least stays in 8 bits. Measures
// on this thread. -ENOMEM.
int quantising_speed(struct quantising *q);
