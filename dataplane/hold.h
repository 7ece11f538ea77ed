// SPDX-License-Identifier: BSD-3-Clause
// What scores beside the lcores, on the control thread's behalf: it holds the deployments that may answer, chooses one, and
// counts what became of the request. dataplane.h says of dataplane_hold(), _choose(), _release() and _count() what these do.
#pragma once

#include "dataplane/registry.h"

bool hold_take(
	struct registry *registry, uint16_t id, uint16_t version, struct deployment_hold *hold);
void hold_choose(struct deployment_hold *hold, const uint64_t *id, const float *row);
void hold_release(struct registry *registry, struct deployment_hold *hold);
void hold_count(const struct deployment_hold *hold, const struct api_outcome *outcome);
