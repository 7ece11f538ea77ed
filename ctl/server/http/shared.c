// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/shared.h"

void shared_introduce(struct connection_peer *peer, struct http_request *request)
{
	request->who = peer->who;
	request->is_late = peer->is_late;
	request->serves = peer->serves;
	request->peer = peer->text;
	request->from = peer;
}
