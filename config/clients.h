// SPDX-License-Identifier: BSD-3-Clause
// Whom the limits of clients are for. Private to config/; any thread.
#pragma once

#include "config/reader.h"
#include "config/settings.h"

// Reads the networks of the group's list and puts the group's own limits where an entry has none. Refuses
// entries that name neither a network nor a key, or both, and those that name the same.
int clients_check(
	const struct reader *reader, const config_setting_t *list, struct config_clients *config);
