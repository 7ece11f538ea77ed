// SPDX-License-Identifier: BSD-3-Clause
// Rows over UDP, docs/wire.md: as many requests on their way as a window has, each sent again with the same id
// where nothing comes. Anybody may send to the socket: a reply counts only where it fits a request that waits.
#include "ctl/tool/score_ask.h"

#include "base/clock.h"
#include "base/trust/datagram.h"
#include "ctl/tool/tool.h"
#include "dataplane/wire.h"
#include "infer/infer.h"

#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW       64u
#define AGAIN_MS     20u // after BUSY, and twice as long each time
#define PACKET_MAX   65535u
#define NS_IN_MS     UINT64_C(1000000)
#define IP_UDP_BYTES 28u // of IPv4; 48 of IPv6

struct score_udp {
	struct score_udp_options options;
	int fd;
	uint32_t payload_max;
	uint64_t next_id;
	struct wire_keys *keys;     // NULL: datagrams are not authenticated
	const struct wire_key *key; // of these, the one in use
	uint64_t counter;           // the last one
	uint8_t packet[PACKET_MAX];
};

struct score_request {
	uint32_t first, n; // rows of the piece
	uint32_t tries;
	uint64_t due_ns;  // when it is sent, again or at all
	uint64_t counter; // of the last time, where it is authenticated
	bool sent;        // since it was last due, and so waited for
	bool done;
};

// One piece under way.
struct score_flight {
	struct score_udp *udp;
	const struct score_model *model;
	const struct score_rows *rows;
	struct score_request *requests; // [n_requests]
	uint32_t n_requests, capacity;
	uint32_t begun, n_done; // of the requests
	uint32_t open[WINDOW], n_open;
	uint64_t first_id;
	float *scores;       // [rows->n][n_outputs]
	const char **failed; // [rows->n]; NULL: it has scores
	uint32_t row_bytes;  // that a request takes for a row
	uint32_t answers;    // of any kind
	struct score_sink *sink;
};

// --- The socket ----------------------------------------------------------------------------------

// "HOST:PORT" or "[ADDRESS]:PORT" in two.
static int score_split(const char *where, char host[256], const char **port, struct error *err)
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t)(colon - where) : 0;
	const char *from = where;

	if (n > 2 && where[0] == '[' && where[n - 1] == ']') {
		from++;
		n -= 2;
	} else if (colon && memchr(where, ':', n)) {
		n = 0;
	}
	if (n == 0 || n > 255 || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
		strtoul(colon + 1, NULL, 10) - 1 > 65534)
		return error_set(err, -EINVAL,
			"--udp '%.80s': HOST:PORT is wanted, with IPv6 as [ADDRESS]:PORT; the "
			"appliance's port is %d unless it is configured otherwise",
			where, WIRE_UDP_PORT);
	snprintf(host, 256, "%.*s", (int)n, from);
	*port = colon + 1;
	return 0;
}

static int score_connect(struct score_udp *udp, struct error *err)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found, *at;
	const char *port;
	char host[256];
	int rc = score_split(udp->options.where, host, &port, err);

	if (rc != 0)
		return rc;
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return error_set(
			err, -ENOENT, "--udp %s: %s", udp->options.where, gai_strerror(rc));
	for (at = found; at; at = at->ai_next) {
		const uint32_t headers = IP_UDP_BYTES + (at->ai_family == AF_INET6 ? 20 : 0);

		udp->fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (udp->fd >= 0 && connect(udp->fd, at->ai_addr, at->ai_addrlen) == 0) {
			udp->payload_max = udp->options.mtu - headers;
			break;
		}
		rc = -errno;
		if (udp->fd >= 0)
			close(udp->fd);
		udp->fd = -1;
	}
	freeaddrinfo(found);
	return udp->fd >= 0 ? 0
			    : error_set(err, rc, "--udp %s: %s", udp->options.where, strerror(-rc));
}

static int score_find_key(struct score_udp *udp, struct error *err)
{
	if (!udp->options.key)
		return 0;
	if (sodium_init() < 0)
		return error_set(err, -EIO, "libsodium finds no source of randomness");
	if (keys_read(udp->options.key, &udp->keys, err) != 0)
		return err->code;
	udp->key = keys_choose(udp->keys, udp->options.key, udp->options.key_id, err);
	return udp->key ? 0 : err->code;
}

int score_udp_open(
	const struct score_udp_options *options, struct score_udp **out, struct error *err)
{
	struct score_udp *udp = calloc(1, sizeof(*udp));
	int rc;

	if (!udp)
		return error_set(err, -ENOMEM, "out of memory");
	udp->options = *options;
	udp->fd = -1;
	// Ids of their own, so that replies to somebody before with the same port fit nothing.
	if (getrandom(&udp->next_id, sizeof(udp->next_id), 0) != sizeof(udp->next_id))
		udp->next_id = clock_ns();
	rc = score_find_key(udp, err);
	if (rc == 0)
		rc = score_connect(udp, err);
	if (rc == 0 && udp->key)
		udp->payload_max -= DATAGRAM_TRAILER_BYTES;
	if (rc == 0)
		*out = udp;
	else
		score_udp_close(udp);
	return rc;
}

void score_udp_close(struct score_udp *udp)
{
	if (udp && udp->fd >= 0)
		close(udp->fd);
	if (udp)
		keys_free(udp->keys);
	free(udp);
}

// --- Requests ------------------------------------------------------------------------------------

static bool score_add_request(struct score_flight *flight, uint32_t first, uint32_t n)
{
	if (flight->n_requests == flight->capacity) {
		const uint32_t capacity = flight->capacity ? 2 * flight->capacity : 256;
		struct score_request *grown = realloc(flight->requests, capacity * sizeof(*grown));

		if (!grown)
			return false;
		flight->requests = grown;
		flight->capacity = capacity;
	}
	flight->requests[flight->n_requests++] = (struct score_request){ .first = first, .n = n };
	return true;
}

// Puts the trailer behind a request; returns how many bytes there are with it. Each sending has a counter of its own.
static size_t score_seal(struct score_udp *udp, struct score_request *request, size_t size)
{
	const uint64_t now = datagram_counter();

	if (!udp->key)
		return size;
	udp->counter = now > udp->counter ? now : udp->counter + 1;
	request->counter = udp->counter;
	datagram_seal(udp->packet, size, udp->key->secret, request->counter);
	return size + DATAGRAM_TRAILER_BYTES;
}

// Takes the trailer off a reply; false where it is not this request's.
static bool score_unseal(const struct score_udp *udp, const struct score_request *request,
	const struct wire_header *reply, size_t *size)
{
	if (!udp->key)
		return true;
	if (!(reply->flags & WIRE_FLAG_AUTHENTICATED) || reply->key_id != udp->key->id ||
		*size < sizeof(*reply) + DATAGRAM_TRAILER_BYTES ||
		!datagram_is_sealed(udp->packet, *size, udp->key->secret, request->counter))
		return false;
	*size -= DATAGRAM_TRAILER_BYTES;
	return true;
}

static void score_send(struct score_flight *flight, uint32_t index)
{
	struct score_request *request = &flight->requests[index];
	struct score_udp *udp = flight->udp;
	const uint32_t columns = flight->rows->n_columns;
	// Padded to the length of its reply, where that is longer: it is not answered otherwise.
	size_t size = WIRE_HEADER_BYTES + (size_t)request->n * flight->row_bytes;
	const struct wire_header header = {
		.magic = { WIRE_MAGIC_0, WIRE_MAGIC_1 },
		.version = WIRE_VERSION,
		.type = WIRE_TYPE_SCORE,
		.model = (uint16_t)flight->model->id,
		.model_version = (uint16_t)flight->model->target.version,
		.request_id = flight->first_id + index,
		.rows = (uint16_t)request->n,
		.columns = (uint16_t)columns,
		.dtype = ROW_DTYPE_F32, // row after row, as they are
		.flags = udp->key ? WIRE_FLAG_AUTHENTICATED : 0,
		.key_id = udp->key ? udp->key->id : 0,
	};

	memset(udp->packet, 0, size);
	memcpy(udp->packet, &header, sizeof(header));
	memcpy(udp->packet + sizeof(header),
		flight->rows->values + (size_t)request->first * columns,
		(size_t)request->n * columns * sizeof(float));
	size = score_seal(udp, request, size);
	// A packet that could not be sent is as one that was lost.
	if (send(udp->fd, udp->packet, size, MSG_NOSIGNAL) < 0 && errno == EMSGSIZE)
		request->tries = udp->options.tries;
	request->tries++;
	request->sent = true;
	request->due_ns = clock_ns() + udp->options.timeout_ms * NS_IN_MS;
}

static void score_end_request(struct score_flight *flight, uint32_t slot, const char *why)
{
	struct score_request *request = &flight->requests[flight->open[slot]];

	for (uint32_t r = 0; r < request->n && why; r++)
		flight->failed[request->first + r] = why;
	request->done = true;
	flight->n_done++;
	flight->open[slot] = flight->open[--flight->n_open];
}

// Of a row among others that is not finite all are refused: each is asked for by itself then.
static void score_divide(struct score_flight *flight, uint32_t slot)
{
	const struct score_request request = flight->requests[flight->open[slot]];

	for (uint32_t r = 0; r < request.n; r++)
		if (!score_add_request(flight, request.first + r, 1)) {
			score_end_request(flight, slot, "out of memory");
			return;
		}
	score_end_request(flight, slot, NULL);
}

static void score_take_status(
	struct score_flight *flight, uint32_t slot, const struct wire_header *reply)
{
	struct score_request *request = &flight->requests[flight->open[slot]];
	const bool again = reply->status == WIRE_STATUS_BUSY ||
		reply->status == WIRE_STATUS_NOT_READY || reply->status == WIRE_STATUS_EXPIRED;

	if (reply->status == WIRE_STATUS_NOT_FINITE && request->n > 1) {
		score_divide(flight, slot);
	} else if (again && request->tries < flight->udp->options.tries) {
		request->sent = false;
		request->due_ns = clock_ns() + (AGAIN_MS << (request->tries - 1)) * NS_IN_MS;
	} else {
		score_end_request(flight, slot, wire_status_name(reply->status));
	}
}

static void score_take_packet(struct score_flight *flight, size_t size)
{
	const uint8_t *packet = flight->udp->packet;
	const struct score_request *request;
	struct wire_header reply;
	uint32_t slot = 0, n_outputs = flight->model->n_outputs;

	if (size < sizeof(reply))
		return;
	memcpy(&reply, packet, sizeof(reply));
	while (slot < flight->n_open && flight->first_id + flight->open[slot] != reply.request_id)
		slot++;
	if (slot == flight->n_open || !wire_has_magic(&reply) || reply.version != WIRE_VERSION ||
		reply.type != WIRE_TYPE_RESULT || reply.model != flight->model->id)
		return;
	request = &flight->requests[flight->open[slot]];
	if (!score_unseal(flight->udp, request, &reply, &size))
		return;
	if (reply.status != WIRE_STATUS_OK) {
		flight->answers++;
		score_take_status(flight, slot, &reply);
		return;
	}
	if (reply.rows != request->n || reply.columns != n_outputs ||
		size < sizeof(reply) + (size_t)reply.rows * n_outputs * sizeof(float))
		return;
	flight->answers++;
	score_sink_note_version(flight->sink, reply.model_version);
	memcpy(flight->scores + (size_t)request->first * n_outputs, packet + sizeof(reply),
		(size_t)reply.rows * n_outputs * sizeof(float));
	score_end_request(flight, slot, NULL);
}

// Sends what is due, and gives up what was asked for often enough. Returns milliseconds until the next is due.
static int score_send_due(struct score_flight *flight)
{
	const uint64_t now = clock_ns();
	uint64_t next = UINT64_MAX;

	while (flight->n_open < WINDOW && flight->begun < flight->n_requests) {
		flight->open[flight->n_open++] = flight->begun;
		flight->requests[flight->begun++].due_ns = now;
	}
	for (uint32_t slot = 0; slot < flight->n_open;) {
		struct score_request *request = &flight->requests[flight->open[slot]];

		if (request->due_ns <= now && request->sent &&
			request->tries >= flight->udp->options.tries) {
			score_end_request(flight, slot, "no answer");
			continue;
		}
		if (request->due_ns <= now)
			score_send(flight, flight->open[slot]);
		next = request->due_ns < next ? request->due_ns : next;
		slot++;
	}
	return next == UINT64_MAX || next <= now ? 0 : (int)((next - now) / NS_IN_MS) + 1;
}

static void score_fly(struct score_flight *flight)
{
	struct score_udp *udp = flight->udp;

	while (flight->n_done < flight->n_requests) {
		const int wait_ms = score_send_due(flight);
		struct pollfd ready = { .fd = udp->fd, .events = POLLIN };
		ssize_t got;

		if (flight->n_open > 0)
			poll(&ready, 1, wait_ms);
		// An ICMP error is as a packet that was lost: it is asked again.
		while ((got = recv(udp->fd, udp->packet, sizeof(udp->packet), MSG_DONTWAIT)) >= 0)
			score_take_packet(flight, (size_t)got);
	}
}

// --- A piece -------------------------------------------------------------------------------------

static int score_put_piece(struct score_flight *flight, struct score_sink *sink, struct error *err)
{
	const uint32_t n_outputs = flight->model->n_outputs;
	int rc = 0;

	for (uint32_t r = 0; r < flight->rows->n && rc == 0; r++)
		rc = flight->failed[r]
			? score_sink_fail(sink, flight->failed[r], err)
			: score_sink_put(sink, flight->scores + (size_t)r * n_outputs, 1, err);
	return rc;
}

static int score_piece(struct score_flight *flight, struct score_sink *sink, struct error *err)
{
	const struct score_rows *rows = flight->rows;
	const uint32_t room = flight->udp->payload_max - WIRE_HEADER_BYTES;
	const uint32_t most = room / flight->row_bytes;

	if (most == 0)
		return error_set(err, -EINVAL,
			"a row of %u features and %u scores takes %u bytes of a packet, and an MTU "
			"of %u has room for %u: --mtu says how long packets may be on the way",
			rows->n_columns, flight->model->n_outputs, flight->row_bytes,
			flight->udp->options.mtu, room);
	flight->scores = calloc((size_t)rows->n * flight->model->n_outputs + 1, sizeof(float));
	flight->failed = calloc(rows->n + 1, sizeof(*flight->failed));
	if (!flight->scores || !flight->failed)
		return error_set(err, -ENOMEM, "out of memory");
	for (uint32_t r = 0; r < rows->n; r += most) {
		const uint32_t left = rows->n - r;

		if (!score_add_request(flight, r, left < most ? left : most))
			return error_set(err, -ENOMEM, "out of memory");
	}
	score_fly(flight);
	flight->udp->next_id += flight->n_requests;
	if (flight->answers == 0)
		return error_set(err, -ETIMEDOUT,
			"nothing on %s answers, asked %u times in %u ms each: is it an appliance's "
			"port, %sdoes the way to it carry packets of %u bytes (--mtu)%s?",
			flight->udp->options.where, flight->udp->options.tries,
			flight->udp->options.timeout_ms, flight->udp->key ? "" : "and ",
			flight->udp->options.mtu,
			flight->udp->key ? ", and does it take the key (martletctl drops)" : "");
	return score_put_piece(flight, sink, err);
}

int score_ask_udp(struct score_udp *udp, struct score_model *model, const struct score_rows *rows,
	struct score_sink *sink, struct error *err)
{
	const uint32_t larger =
		rows->n_columns > model->n_outputs ? rows->n_columns : model->n_outputs;
	struct score_flight flight = {
		.udp = udp,
		.model = model,
		.rows = rows,
		.sink = sink,
		.first_id = udp->next_id,
		.row_bytes = larger * (uint32_t)sizeof(float),
	};
	int rc = score_piece(&flight, sink, err);

	free(flight.requests);
	free(flight.scores);
	free(flight.failed);
	return rc;
}
