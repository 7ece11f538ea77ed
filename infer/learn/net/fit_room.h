// SPDX-License-Identifier: BSD-3-Clause
// Memory of a training for what rows become on their way through the network.
#pragma once

#include "infer/learn/net/fit_internal.h"

// Of `trained` rows that go forward and backward, and `judged` ones that go forward alone, in one place: the room has the
// first of both. `at_once`: rows that recurrent layers are given by one of the threads. -ENOMEM.
int pass_room_init(const struct fit *fit, uint32_t trained, uint32_t judged, uint32_t threads,
	uint32_t at_once, struct pass_room *room, struct error *err);
void pass_room_fini(struct pass_room *room);
// What there is of layer `i` from row `first` on.
struct pass_layer pass_room_layer(const struct fit *fit, uint32_t i, uint32_t first);
// What layer `i` multiplied, from there on.
const float *pass_room_in(const struct fit *fit, uint32_t i, uint32_t first);
