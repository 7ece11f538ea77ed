// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/lightgbm/text.h"

// The section's tree into the forest, for the target. 0, -EINVAL, -ENOMEM.
int lightgbm_add_tree(struct lightgbm *l, const struct lightgbm_section *section, uint32_t target);
