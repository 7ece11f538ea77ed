// SPDX-License-Identifier: BSD-3-Clause
// trust.trusted_keys: public keys, read where the configuration is, so that one that cannot be read is a mistake in
// it, named by its line. Private to config/.
#pragma once

#include "config/reader.h"
#include "config/settings.h"

// `service`: as whom martletd runs by this configuration, whose such a file may be.
int trusted_keys_read(const struct reader *reader, const config_setting_t *root,
	const char *service, struct config_trust *trust);
