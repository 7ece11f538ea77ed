// SPDX-License-Identifier: BSD-3-Clause
// The keys of martletd's configuration: names, types, ranges, defaults, help. To add a key: a field
// in settings.h, a line in schema.c, a line in the examples. Private to config/.
#pragma once

#include "config/keys.h"

extern const struct key_group SCHEMA_LCORES;
extern const struct key_group SCHEMA_MEMORY;
extern const struct key_group SCHEMA_PORT;
extern const struct key_group SCHEMA_CONTROL;
extern const struct key_group SCHEMA_HTTP;
extern const struct key_group SCHEMA_TLS;
extern const struct key_group SCHEMA_STORE;
extern const struct key_group SCHEMA_METRICS;
extern const struct key_group SCHEMA_SCORING;
extern const struct key_group SCHEMA_PROCESS;
extern const struct key_group SCHEMA_DRIFT;
extern const struct key_group SCHEMA_LOG;
extern const struct key_group SCHEMA_MODEL;
extern const struct key_group SCHEMA_INFER;
extern const struct key_group SCHEMA_CANARY;
extern const struct key_group SCHEMA_TRUST;
extern const struct key_group SCHEMA_CLIENTS;
extern const struct key_group SCHEMA_CLIENT;
extern const struct key_group SCHEMA_TRUSTED_KEY;
