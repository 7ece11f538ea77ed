// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/audit: the audit log, a page at a time, as it stands in its files.
#pragma once

#include "ctl/server/http/route.h"

route_handler audit_get;
