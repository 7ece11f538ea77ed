// SPDX-License-Identifier: BSD-3-Clause
// A training made ready, and taken down. Who trains includes fit.h.
#pragma once

#include "infer/learn/net/fit_options.h"

// `net` is trained in place, and is the best so far whenever fit_run() returns; rows and validation must outlive it.
// validation n_rows 0: none; then the last epoch is the best. -EINVAL rows that the loss cannot be computed
// of, -ENOMEM.
int fit_create(struct net *net, const struct fit_rows *rows, const struct fit_rows *validation,
	const struct fit_options *options, struct fit **fit, struct error *err);
void fit_destroy(struct fit *fit); // NULL is fine
