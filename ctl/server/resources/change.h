// SPDX-License-Identifier: BSD-3-Clause
#pragma once

struct http_request;
struct route_params;
struct server;

// What a model's last change cost.
void change_get(
	struct server *server, struct http_request *request, const struct route_params *params);
