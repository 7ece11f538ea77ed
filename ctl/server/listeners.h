// SPDX-License-Identifier: BSD-3-Clause
// The API over TCP, as control.http and metrics.listen have it, and the certificates of its listeners.
#pragma once

#include "base/error.h"

struct server;

// Listens everywhere; on an error what is open is the gate's and listeners_close()'s.
int listeners_open(struct server *server, struct error *err);
void listeners_close(struct server *server); // after gate_destroy()

// To be called now and then (100 ms): reads certificates anew once their files are others.
void listeners_tick(struct server *server);
// Reads all of them anew. What cannot be read stays as it was, and the log says so.
void listeners_reload(struct server *server);
