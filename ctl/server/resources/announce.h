// SPDX-License-Identifier: BSD-3-Clause
// POST /v1/announce: tell the link of one port, or of all, which addresses we have.
#pragma once

#include "ctl/server/http/route.h"

route_handler announce_post;
