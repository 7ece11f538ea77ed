// SPDX-License-Identifier: BSD-3-Clause
// The VLANs whose frames a port takes, as the configuration names them. Private to config/.
#pragma once

#include "config/reader.h"

#include <stdint.h>

// Reads "any", "none", 10, "100.7", or an array or list of these into vlans[CONFIG_VLANS_MAX] and their
// count, which is 0 for "any". Refuses what is no VLAN, and one that is named twice; `name` and `help` are the
// key's, and `where` its group's, for the sentence. -EINVAL.
int vlans_read(const struct reader *reader, const config_setting_t *value, const char *where,
	const char *name, const char *help, uint32_t *vlans, uint32_t *n_vlans);
