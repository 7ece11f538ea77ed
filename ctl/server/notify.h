// SPDX-License-Identifier: BSD-3-Clause
// Tells the service manager how far the process is: sd_notify(3)'s protocol, a datagram to the
// socket that NOTIFY_SOCKET names. Where there is none, nothing happens. Control thread only.
#pragma once

// `state` is lines of "NAME=value", as "READY=1\nSTATUS=scoring".
__attribute__((format(printf, 1, 2))) void notify(const char *format, ...);
// What a reload begins with: RELOADING=1 and the time that goes with it. READY=1 ends it.
void notify_reloading(void);
