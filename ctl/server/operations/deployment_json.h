// SPDX-License-Identifier: BSD-3-Clause
// What clients are told of a deployment, and of its canary (null: there is none). Pure functions.
#pragma once

#include <jansson.h>

struct record;

json_t *deployment_json(const char *model, const struct record *record);
json_t *deployment_canary_json(const struct record *record);
