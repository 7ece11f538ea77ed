// SPDX-License-Identifier: BSD-3-Clause
// The keys of encrypted images that trust.image_keys names, as they are in the files now.
#pragma once

#include "base/error.h"

struct config;
struct image_keys;

// Reads them; without any *keys are none, but not NULL. Errors as image_keys_read()'s, -ENOMEM.
int decryption_keys(const struct config *config, struct image_keys **keys, struct error *err);
// What is decrypted is locked in memory: lets this process lock as much as it wants, where it may say so itself.
void decryption_lift_limit(void);
