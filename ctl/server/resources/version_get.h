// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/models/M/versions/V: a stored image as it was pushed, to be looked at elsewhere; and /signature, the text of
// the signature that it came with.
#pragma once

#include "ctl/server/http/route.h"

route_handler version_get;
route_handler signature_get;
