// SPDX-License-Identifier: BSD-3-Clause
// KServe's first protocol: {"instances": [[...], ...]} or, by name, [{"a": 1, ...}, ...] in, and
// {"predictions": [[...], ...]} out. Any thread.
#pragma once

#include "ctl/server/scoring/bytes.h"
#include "infer/infer.h"

// body[size], which may be changed, and a zero byte behind it. *rows [*n][n_features], malloc'ed. -EINVAL,
// -EDOM, -E2BIG, -ENOMEM.
int predict_parse(char *body, size_t size, unsigned depth_max, const struct model_info *info,
	float **rows, uint32_t *n, struct error *err);
// -ERANGE: a score is NaN or infinite, which JSON has not; -ENOMEM.
int predict_write(const struct model_info *info, const float *scores, uint32_t n,
	struct bytes *answer, struct error *err);
