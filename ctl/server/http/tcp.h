// SPDX-License-Identifier: BSD-3-Clause
// Sockets that listen on TCP.
#pragma once

#include <sys/socket.h>

// A non-blocking socket that listens on an address, in *fd. Negative errno.
int tcp_listen(const struct sockaddr *address, socklen_t bytes, int *fd);
