// SPDX-License-Identifier: BSD-3-Clause
// One page over TCP for programs that fetch it again and again, as Prometheus does: GET of one path,
// a connection for each, and nothing else of HTTP. Control thread only.
//
// Anybody may connect, so everything is bounded: connections at a time and a second, the bytes of a
// request, and the time from accepting a connection to closing it. Who is beyond a bound waits in
// the kernel's queue or is refused; the control thread's work does not grow with what peers do. A page
// is up to PAGE_FRESH_MS old.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <sys/socket.h>

#define PAGE_CONNECTIONS_MAX   8
#define PAGE_PER_SECOND_MAX    20
#define PAGE_REQUEST_BYTES_MAX 4096
#define PAGE_SECONDS_MAX       5
#define PAGE_FRESH_MS          500 // a page is not made again so long: with many models it is work

struct evbuffer;
struct event_base;
struct page;

struct page_options {
	const char *path, *content_type;
	// Writes the page. -ENOMEM: it is answered with 500.
	int (*render)(void *context, struct evbuffer *out);
	void *context;
};

// Listens on a TCP address. The texts of `options` are not copied. Negative errno with a sentence.
int page_open(struct event_base *base, const struct sockaddr *address, socklen_t address_bytes,
	const struct page_options *options, struct page **out, struct error *err);
void page_close(struct page *page); // NULL is fine

// The HTTP status of a request's header, head[bytes], of which `path` is the only one served: 200, or
// 400, 404, 405 and a sentence.
int page_status(const char *path, const char *head, size_t bytes, struct error *err);
