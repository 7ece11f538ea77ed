// SPDX-License-Identifier: BSD-3-Clause
// What a training does to the weights, cut into pieces that the threads share out.
#pragma once

#include "infer/learn/net/fit_internal.h"

// -ENOMEM
int fit_cut_pieces(struct fit *fit, struct error *err);
// Transposes the weights that pass_backward() goes by. Not before fit_use_weights().
void fit_transpose_weights(struct fit *fit);
// Adds up the gradient over the rows of a round, beside what the earlier rounds of its minibatch gave.
void fit_add_round(struct fit *fit);
// The same for the last round, and the step that it all makes.
void fit_update(struct fit *fit);
