// SPDX-License-Identifier: BSD-3-Clause
// Another configuration while martletd runs, by SIGHUP from its file, or by the API: all of it that can be
// taken over is, or nothing. Everything that may fail is done first: the text is read and checked, images of
// models that are new are opened, sockets opened, certificates read; then it is in force in one turn of the
// event loop. What takes a restart is named, and stays as it is. The file is never written. Control thread only.
#pragma once

#include "config/config.h"
#include "ctl/server/operations/operation.h"

struct server;

#define RELOAD_TAG_BYTES 48

// An ETag of the configuration in force: another one after each change, and after a restart.
void reload_tag(const struct server *server, char tag[RELOAD_TAG_BYTES]);

// Reads the configuration's file anew. The service manager is told. `by` is who asked, for the log.
void reload(struct server *server, const char *by);

// What a client sent, config_parse()'d. With `is_try` it is told what would be, and nothing is changed.
// `match`: the ETags that it may have seen; otherwise it is told what changed since, with 412.
// Refusals are 422, 503 and 500.
void reload_apply(struct server *server, struct operation_client client,
	const struct config *wanted, bool is_try, const struct if_match *match);
