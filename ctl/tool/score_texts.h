// SPDX-License-Identifier: BSD-3-Clause
// The numbers that stand for a model's texts on the wire, as the appliance tells them. One thread.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

#include <jansson.h>

// Fills the texts of `info` by the list "texts" of GET /v2/models/NAME; info->n_features is known. The list must
// live on. -EINVAL where it is none that martletd gives; -ENOMEM. score_texts_free() either way.
int score_texts_load(struct model_info *info, const json_t *list, struct error *err);
void score_texts_free(struct model_info *info);
