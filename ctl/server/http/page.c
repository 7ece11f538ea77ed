// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/page.h"

#include "ctl/server/http/http.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG       16
#define VERSION_BYTES 9 // " HTTP/1.1"

enum page_phase { PAGE_READS, PAGE_WRITES, PAGE_DRAINS };

struct page_connection {
	struct page *page;
	struct event *io, *deadline; // NULL: the connection is free
	int fd;
	enum page_phase phase;
	struct evbuffer *out;
	size_t bytes; // of `head` that have come
	char head[PAGE_REQUEST_BYTES_MAX];
};

struct page {
	struct page_options options;
	struct event_base *base;
	int fd;
	struct event *accept, *second;
	uint32_t n_accepted;   // in this second
	struct evbuffer *text; // as made last; NULL before
	struct timespec made;
	struct page_connection connections[PAGE_CONNECTIONS_MAX];
};

// --- The request ---------------------------------------------------------------------------------

int page_status(const char *path, const char *head, size_t bytes, struct error *err)
{
	const char *line_end = memchr(head, '\n', bytes);
	size_t line = line_end ? (size_t)(line_end - head) : bytes;
	size_t method = 0, target;
	const char *at;

	if (line > 0 && head[line - 1] == '\r')
		line--;
	while (method < line && head[method] >= 'A' && head[method] <= 'Z')
		method++;
	if (method == 0 || line < method + 1 + 1 + VERSION_BYTES || head[method] != ' ' ||
		memcmp(head + line - VERSION_BYTES, " HTTP/1.", VERSION_BYTES - 1) != 0) {
		error_set(err, -EINVAL, "this is no HTTP/1.1 request");
		return 400;
	}
	at = head + method + 1;
	target = line - VERSION_BYTES - method - 1;
	for (size_t i = 0; i < target; i++)
		if (at[i] <= ' ' || at[i] > '~') {
			error_set(err, -EINVAL, "this is no HTTP/1.1 request");
			return 400;
		}
	for (size_t i = 0; i < target; i++)
		if (at[i] == '?')
			target = i;
	if (target != strlen(path) || memcmp(at, path, target) != 0) {
		error_set(err, -ENOENT, "there is nothing here but %s", path);
		return 404;
	}
	if (method != 3 || memcmp(head, "GET", 3) != 0) {
		error_set(err, -EINVAL, "%s takes GET", path);
		return 405;
	}
	return 200;
}

// Where the header ends, 0 where it has not ended yet: at an empty line, as RFC 9112 has it.
static size_t page_header_bytes(const char *head, size_t bytes)
{
	for (size_t i = 1; i < bytes; i++)
		if (head[i] == '\n' &&
			(head[i - 1] == '\n' ||
				(i > 1 && head[i - 1] == '\r' && head[i - 2] == '\n')))
			return i + 1;
	return 0;
}

// --- A connection --------------------------------------------------------------------------------

static void page_accept_again(struct page *page)
{
	if (page->n_accepted < PAGE_PER_SECOND_MAX)
		event_add(page->accept, NULL);
}

static void page_end(struct page_connection *c)
{
	if (c->io)
		event_free(c->io);
	if (c->deadline)
		event_free(c->deadline);
	if (c->out)
		evbuffer_free(c->out);
	c->io = c->deadline = NULL;
	c->out = NULL;
	close(c->fd);
	page_accept_again(c->page);
}

static void page_on_deadline(int fd, short what, void *arg)
{
	page_end(arg);
}

static int page_reply(
	struct page_connection *c, int status, const char *type, struct evbuffer *body)
{
	static const char ALLOW[] = "Allow: GET\r\n";

	c->out = evbuffer_new();
	if (!c->out ||
		evbuffer_add_printf(c->out,
			"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			"%sConnection: close\r\n\r\n",
			status, http_reason(status), type, evbuffer_get_length(body),
			status == 405 ? ALLOW : "") < 0 ||
		evbuffer_add_buffer(c->out, body) != 0)
		return -ENOMEM;
	return 0;
}

static int page_refuse(struct page_connection *c, int status, const char *sentence)
{
	struct evbuffer *body = evbuffer_new();
	int rc = body && evbuffer_add_printf(body, "{\"error\":\"%s\"}", sentence) >= 0 ? 0
											: -ENOMEM;

	if (rc == 0)
		rc = page_reply(c, status, "application/json", body);
	if (body)
		evbuffer_free(body);
	return rc;
}

static bool page_is_fresh(const struct page *page)
{
	struct timespec now;
	int64_t age_ms;

	if (!page->text)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	age_ms = (now.tv_sec - page->made.tv_sec) * INT64_C(1000) +
		(now.tv_nsec - page->made.tv_nsec) / 1000000;
	return age_ms < PAGE_FRESH_MS;
}

static int page_make(struct page *page)
{
	if (page_is_fresh(page))
		return 0;
	if (page->text)
		evbuffer_free(page->text); // connections that still send it hold it themselves
	page->text = evbuffer_new();
	if (page->text && page->options.render(page->options.context, page->text) == 0) {
		clock_gettime(CLOCK_MONOTONIC, &page->made);
		return 0;
	}
	if (page->text)
		evbuffer_free(page->text);
	page->text = NULL;
	return -ENOMEM;
}

static int page_answer(struct page_connection *c, size_t header_bytes)
{
	const struct page_options *options = &c->page->options;
	struct evbuffer *body;
	struct error err;
	int status, rc;

	status = header_bytes ? page_status(options->path, c->head, header_bytes, &err) : 431;
	if (!header_bytes)
		error_set(
			&err, -E2BIG, "the header has more than %d bytes", PAGE_REQUEST_BYTES_MAX);
	if (status != 200)
		return page_refuse(c, status, err.text);
	body = evbuffer_new();
	if (!body || page_make(c->page) != 0 ||
		evbuffer_add_buffer_reference(body, c->page->text) != 0)
		rc = page_refuse(c, 500, "no memory for the page");
	else
		rc = page_reply(c, 200, options->content_type, body);
	if (body)
		evbuffer_free(body);
	return rc;
}

static void page_on_io(int fd, short what, void *arg);

static int page_wait(struct page_connection *c, enum page_phase phase, short what)
{
	c->phase = phase;
	return event_assign(
		       c->io, c->page->base, c->fd, (short)(what | EV_PERSIST), page_on_io, c) ||
			event_add(c->io, NULL)
		? -ENOMEM
		: 0;
}

static int page_read(struct page_connection *c)
{
	ssize_t n = recv(c->fd, c->head + c->bytes, sizeof(c->head) - c->bytes, 0);
	size_t header_bytes;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
	c->bytes += (size_t)n;
	header_bytes = page_header_bytes(c->head, c->bytes);
	if (!header_bytes && c->bytes < sizeof(c->head))
		return 0;
	if (page_answer(c, header_bytes) != 0)
		return -ENOMEM;
	event_del(c->io);
	return page_wait(c, PAGE_WRITES, EV_WRITE);
}

static int page_write(struct page_connection *c)
{
	if (evbuffer_write(c->out, c->fd) < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -ECONNRESET;
	if (evbuffer_get_length(c->out))
		return 0;
	// To close while the peer still sends would take back what it has not read yet: it closes
	// first, or the deadline does.
	shutdown(c->fd, SHUT_WR);
	event_del(c->io);
	return page_wait(c, PAGE_DRAINS, EV_READ);
}

static int page_drain(struct page_connection *c)
{
	ssize_t n = recv(c->fd, c->head, sizeof(c->head), 0);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) ? 0 : -ECONNRESET;
}

static void page_on_io(int fd, short what, void *arg)
{
	static int (*const STEPS[])(struct page_connection * c) = {
		[PAGE_READS] = page_read,
		[PAGE_WRITES] = page_write,
		[PAGE_DRAINS] = page_drain,
	};
	struct page_connection *c = arg;

	if (STEPS[c->phase](c) != 0)
		page_end(c);
}

// --- Accepting -----------------------------------------------------------------------------------

static void page_begin(struct page_connection *c, int fd)
{
	const struct timeval limit = { .tv_sec = PAGE_SECONDS_MAX };

	c->fd = fd;
	c->bytes = 0;
	c->phase = PAGE_READS;
	c->io = event_new(c->page->base, fd, EV_READ | EV_PERSIST, page_on_io, c);
	c->deadline = evtimer_new(c->page->base, page_on_deadline, c);
	if (!c->io || !c->deadline || event_add(c->io, NULL) != 0 ||
		event_add(c->deadline, &limit) != 0)
		page_end(c);
}

static struct page_connection *page_free_connection(struct page *page)
{
	for (int i = 0; i < PAGE_CONNECTIONS_MAX; i++)
		if (!page->connections[i].io)
			return &page->connections[i];
	return NULL;
}

static void page_on_second(int fd, short what, void *arg)
{
	struct page *page = arg;

	page->n_accepted = 0;
	if (page_free_connection(page))
		event_add(page->accept, NULL);
}

// Takes one connection, and no more until there is room for it: whoever comes meanwhile waits in the
// kernel's queue. Where no connection can be had, for want of descriptors say, the next try is as far
// away as if the second's share were spent.
static void page_on_accept(int listening, short what, void *arg)
{
	const struct timeval second = { .tv_sec = 1 };
	struct page *page = arg;
	struct page_connection *c = page_free_connection(page);
	// cppcheck-suppress nullPointer // who connects is of no interest, and NULL says so
	int fd = c ? accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;

	if (!evtimer_pending(page->second, NULL))
		event_add(page->second, &second);
	if (c && fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	page->n_accepted = fd < 0 && c ? PAGE_PER_SECOND_MAX : page->n_accepted + (fd >= 0);
	if (fd >= 0)
		page_begin(c, fd);
	if (page->n_accepted >= PAGE_PER_SECOND_MAX || !page_free_connection(page))
		event_del(page->accept);
}

static int page_listen(struct page *page, const struct sockaddr *address, socklen_t address_bytes)
{
	const int yes = 1;

	page->fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (page->fd < 0 ||
		setsockopt(page->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
		(address->sa_family == AF_INET6 &&
			setsockopt(page->fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) != 0) ||
		bind(page->fd, address, address_bytes) != 0 || listen(page->fd, BACKLOG) != 0)
		return -errno;
	return 0;
}

int page_open(struct event_base *base, const struct sockaddr *address, socklen_t address_bytes,
	const struct page_options *options, struct page **out, struct error *err)
{
	struct page *page = calloc(1, sizeof(*page));
	int rc;

	if (!page)
		return error_set(err, -ENOMEM, "no memory to listen on TCP");
	page->options = *options;
	page->base = base;
	for (int i = 0; i < PAGE_CONNECTIONS_MAX; i++)
		page->connections[i].page = page;
	rc = page_listen(page, address, address_bytes);
	if (rc != 0) {
		error_set(err, rc, "cannot be listened on: %s", strerror(-rc));
	} else {
		page->accept =
			event_new(base, page->fd, EV_READ | EV_PERSIST, page_on_accept, page);
		page->second = evtimer_new(base, page_on_second, page);
		if (!page->accept || !page->second || event_add(page->accept, NULL) != 0)
			rc = error_set(err, -ENOMEM, "no memory to listen on TCP");
	}
	if (rc != 0) {
		page_close(page);
		return rc;
	}
	*out = page;
	return 0;
}

void page_close(struct page *page)
{
	if (!page)
		return;
	for (int i = 0; i < PAGE_CONNECTIONS_MAX; i++)
		if (page->connections[i].io)
			page_end(&page->connections[i]);
	if (page->text)
		evbuffer_free(page->text);
	if (page->accept)
		event_free(page->accept);
	if (page->second)
		event_free(page->second);
	if (page->fd >= 0)
		close(page->fd);
	free(page);
}
