// SPDX-License-Identifier: BSD-3-Clause
// Training of a network: Adam (D. Kingma, J. Ba, 2015) with decoupled weight decay (I. Loshchilov, F. Hutter, 2019)
// over minibatches. The rows of a minibatch go through the network in shards, whose number depends on its size alone; then
// the weights are updated in pieces, each by a gradient that is added up over the rows in their order. Any number of
// threads gives the same bits.
#pragma once

#include "infer/learn/net/fit_make.h"
#include "infer/learn/net/fit_options.h"
#include "infer/learn/net/fit_state.h"

// -ECANCELED: the watch ended it; -EDOM: it diverges; or what `pause` returned.
int fit_run(struct fit *fit, struct fit_result *result, struct error *err);

// Made ready, run and taken down. `result` may be NULL.
int fit_net(struct net *net, const struct fit_rows *rows, const struct fit_rows *validation,
	const struct fit_options *options, struct fit_result *result, struct error *err);
