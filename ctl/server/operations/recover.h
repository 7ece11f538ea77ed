// SPDX-License-Identifier: BSD-3-Clause
// Start: what the store holds is listed, what was deployed is queued to be deployed again, and the
// configuration's models are imported where the store knows no deployment of that name.
#pragma once

#include "base/error.h"

struct server;

int recover(struct server *server, struct error *err);
