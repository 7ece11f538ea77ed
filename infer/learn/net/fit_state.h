// SPDX-License-Identifier: BSD-3-Clause
// A training between two steps, as bytes. Who trains includes fit.h.
#pragma once

#include "infer/learn/net/fit_options.h"

// The state between two steps, malloc'ed; and going on from it, to the same bits as without an interruption.
// -ENOMEM; -EINVAL: not a state of such a net, rows and options.
int fit_save(const struct fit *fit, void **state, size_t *size, struct error *err);
int fit_restore(struct fit *fit, const void *state, size_t size, struct error *err);
