// SPDX-License-Identifier: BSD-3-Clause
// Requests for changes, by way of the audit log: that one was asked is durable before it is begun, what became of it
// before who asked hears of it. While the log cannot be written changes are refused with 507 or 503; what reads
// or scores goes on. Control thread only.
#pragma once

#include "ctl/server/http/route.h"

struct http_request;
struct server;

// Calls handle() once the request is recorded, now or later; else it was replied to. `what` is how the log calls it:
// "PUT /v1/models/lab/deployment".
void audited_handle(struct server *server, struct http_request *request, route_handler *handle,
	const struct route_params *params, const char *what);
// The request is about to be refused: once it is, by whatever reply of 400 and above, that is recorded, and not waited
// for. audited_forget(): it is not about to be any more.
void audited_watch(
	struct server *server, struct http_request *request, const char *what, const char *model);
void audited_forget(struct http_request *request);
// What was refused before there was a request, as a call of gRPC.
void audited_note(struct server *server, const char *by, const char *from, const char *what,
	int status, const char *why);
