// SPDX-License-Identifier: BSD-3-Clause
// /v1/models/M/versions/V: images come into the store, verified but not live. deployment.h lets them go.
#pragma once

#include "ctl/server/http/route.h"

// A push brings the image's signature in it: base64 of the text of its .minisig file.
#define VERSION_SIGNATURE_HEADER "Martlet-Signature"

route_handler version_put;
route_taker version_accepts;
