// SPDX-License-Identifier: BSD-3-Clause
// Which server requests go to: what -s says, a socket or a URL, unless api_use() says otherwise; and what it may be sent.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define API_URL_BYTES 512

// Which server is asked, and how. NULL: not said.
struct api_server {
	// http://HOST:PORT or https://HOST:PORT, and a path that all routes stand behind; NULL: the socket.
	const char *url;
	const char *cacert, *cert, *key; // PEM files
	uint32_t timeout_s;              // of a whole call; 0: as long as the longest takes
};
// From now on all goes there; `server` must live on. False: it is not good, and that was said.
bool api_use(const struct api_server *server);

// The server behind a URL, and its URL; NULL: all goes to the socket, tool.socket.
const struct api_server *api_remote(void);
const char *api_url(void);
// The URL or the socket, for sentences.
const char *api_where(void);
// Seconds that a call may take.
long api_timeout_s(void);
// Before a request: can that server be asked? False: no, and it was said.
bool api_server_is_good(void);
// The header line with --token-file's token, which is sent over TLS or to this machine alone, where others on the way
// cannot read it. *line NULL: there is none to be sent. False: it may not go there, or cannot be read, and that was said.
bool api_token(const char **line);
