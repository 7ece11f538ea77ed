// SPDX-License-Identifier: BSD-3-Clause
// Which addresses a port can have. Private to config/; any thread.
#pragma once

#include "config/settings.h"

// What is wrong with an address as one host's own: "it is the broadcast address of its subnet". NULL:
// nothing.
const char *addresses_trouble(const struct config_address *address);
