// SPDX-License-Identifier: BSD-3-Clause
// The API over TCP, as control.http and metrics.listen have it, and the certificates of its listeners. What
// may fail is done before anything is changed: listeners_prepare() opens the sockets that are new and reads
// all certificates, listeners_commit() takes them into use. Within one turn of the event loop.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "ctl/server/http/tls.h"

struct listeners;
struct server;

// The files of a listener's TLS, which point into `http`. Who has no certificate is nobody there without a token: where
// one is required, and there may be one, a certificate is only asked for.
struct tls_files listeners_tls_files(
	const struct config_http *http, const struct config_trust *trust);

// Those that `config` wants, in *out. A socket that listens already on an address that is still wanted is
// kept. Where it fails nothing is changed.
int listeners_prepare(struct server *server, const struct config *config, struct listeners **out,
	struct error *err);
// In force from here on. Those that are wanted no more are closed.
void listeners_commit(struct server *server, struct listeners *next);
void listeners_discard(struct server *server, struct listeners *next); // instead
void listeners_close(struct server *server);                           // after gate_destroy()

// To be called now and then (100 ms): reads certificates anew once their files are others. What cannot be
// read stays as it was, and the log says so.
void listeners_tick(struct server *server);
