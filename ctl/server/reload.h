// SPDX-License-Identifier: BSD-3-Clause
// The configuration read anew while martletd runs. Control thread only.
#pragma once

struct server;

// Takes over what can be changed at run time (log.level) and says in the log what else is another
// than before and takes a restart. A file that is wrong changes nothing. The service manager is told. `by` is who asked, for the log: "by uid 0".
void reload(struct server *server, const char *by);
