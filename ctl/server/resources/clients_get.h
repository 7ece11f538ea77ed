// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/clients: who asks most on the data ports, and whose requests were refused for it.
#pragma once

#include "ctl/server/http/route.h"

route_handler clients_get;
