// SPDX-License-Identifier: BSD-3-Clause
// What clients know of a model: how many features and outputs, what they are called, which classes
// there are, and which numbers stand for texts. Any thread.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

// -EINVAL with a sentence that names both where `wanted` is not used as `live` is.
int interface_check(
	const struct model_info *live, const struct model_info *wanted, struct error *err);
