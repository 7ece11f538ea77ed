// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/session.h"

#include <string.h>
#include <unistd.h>

// INIT, CONNECT, and every region and ring there may be, with room for answers that nobody asked
// for.
#define MESSAGES_MAX (MEMIF_REGIONS_MAX + 2 * MEMIF_RINGS_MAX + 64)

// What came with one message.
struct session_input {
	const struct memif_message *message;
	int fd; // -1: none
};

static void session_name(uint8_t to[MEMIF_NAME_BYTES], const char *name)
{
	memset(to, 0, MEMIF_NAME_BYTES);
	memcpy(to, name, strnlen(name, MEMIF_NAME_BYTES - 1));
}

void memif_session_hello(struct memif_message *message)
{
	*message = (struct memif_message){ .type = MEMIF_HELLO,
		.hello = { .min_version = MEMIF_VERSION,
			.max_version = MEMIF_VERSION,
			.max_region = MEMIF_REGIONS_MAX - 1,
			.max_s2c_ring = MEMIF_RINGS_MAX - 1,
			.max_c2s_ring = MEMIF_RINGS_MAX - 1,
			.max_log2_ring_size = MEMIF_LOG2_RING_SIZE_MAX } };
	session_name(message->hello.name, "martletd");
}

// Tells nothing by its time.
static bool session_secret_is(const char *secret, const uint8_t *given)
{
	char wanted[MEMIF_SECRET_BYTES] = { 0 };
	unsigned differs = 0;

	memcpy(wanted, secret, strnlen(secret, MEMIF_SECRET_BYTES));
	for (uint32_t i = 0; i < MEMIF_SECRET_BYTES; i++)
		differs |= (unsigned)(uint8_t)wanted[i] ^ given[i];
	return !differs;
}

static int session_init(
	struct memif_session *session, const struct memif_init *init, struct error *err)
{
	struct memif_port *port = NULL;

	if (session->port)
		return error_set(err, -EPROTO, "an interface was asked for already");
	if (init->version != MEMIF_VERSION)
		return error_set(err, -EPROTO, "version %u.%u of memif; 2.0 is spoken here",
			init->version >> 8, init->version & 255u);
	if (init->mode != MEMIF_MODE_ETHERNET)
		return error_set(err, -EPROTO, "mode %u; only Ethernet (0) is served", init->mode);
	for (uint32_t i = 0; i < session->n_ports; i++)
		if (session->ports[i]->id == init->id)
			port = session->ports[i];
	if (!port)
		return error_set(err, -EINVAL, "no interface with id %u on this socket", init->id);
	if (port->secret[0] && !session_secret_is(port->secret, init->secret))
		return error_set(err, -EACCES, "the secret is missing or wrong");
	session->link = memif_link_create(session->wake);
	if (!session->link)
		return error_set(err, -ENOMEM, "no memory for a link");
	session->port = port;
	for (uint32_t i = 0; i < MEMIF_NAME_BYTES; i++) {
		const uint8_t c = init->name[i];

		session->peer[i] = (char)(c >= ' ' && c < 127 ? c : c ? '?' : 0);
	}
	return 0;
}

static int session_add_region(
	struct memif_session *session, const struct session_input *input, struct error *err)
{
	const struct memif_add_region *add = &input->message->add_region;

	if (input->fd < 0)
		return error_set(err, -EPROTO, "region %u without a descriptor", add->index);
	return memif_link_add_region(session->link, add->index, add->size, input->fd, err);
}

// The eventfd of a ring that we receive from is not kept: we poll.
static int session_add_ring(
	struct memif_session *session, struct session_input *input, struct error *err)
{
	const struct memif_add_ring *add = &input->message->add_ring;
	const bool keeps = !(add->flags & MEMIF_RING_IS_C2S);
	int rc = memif_link_add_ring(session->link, add, keeps ? input->fd : -1, err);

	if (rc == 0 && keeps)
		input->fd = -1;
	return rc;
}

static int session_connect(
	struct memif_session *session, struct memif_message *reply, struct error *err)
{
	int rc = memif_link_begin(session->link, err);

	if (rc != 0)
		return rc;
	session->is_connected = true;
	reply->type = MEMIF_CONNECTED;
	session_name(reply->connect.name, session->port->name);
	return 0;
}

static int session_leave(
	struct memif_session *session, const struct memif_disconnect *message, struct error *err)
{
	char reason[MEMIF_REASON_BYTES + 1] = "";

	for (uint32_t i = 0; i < MEMIF_REASON_BYTES && message->reason[i]; i++) {
		const uint8_t c = message->reason[i];

		reason[i] = (char)(c >= ' ' && c < 127 ? c : '?');
	}
	return error_set(err, -ECONNRESET, "it took its leave%s%s", reason[0] ? ": " : "", reason);
}

static int session_answer(struct memif_session *session, struct session_input *input,
	struct memif_message *reply, struct error *err)
{
	const uint16_t type = input->message->type;

	if (type == MEMIF_DISCONNECT)
		return session_leave(session, &input->message->disconnect, err);
	if (type == MEMIF_ACK)
		return 0;
	if (session->is_connected || (!session->port && type != MEMIF_INIT))
		return error_set(err, -EPROTO, "a message of type %u %s", type,
			session->port ? "of a peer that is connected"
				      : "before an interface was asked for");
	reply->type = MEMIF_ACK;
	switch (type) {
	case MEMIF_INIT:
		return session_init(session, &input->message->init, err);
	case MEMIF_ADD_REGION:
		return session_add_region(session, input, err);
	case MEMIF_ADD_RING:
		return session_add_ring(session, input, err);
	case MEMIF_CONNECT:
		return session_connect(session, reply, err);
	default:
		return error_set(err, -EPROTO, "a message of type %u, which no client sends", type);
	}
}

int memif_session_take(struct memif_session *session, const void *message, size_t bytes,
	const int *fds, uint32_t n_fds, struct memif_message *reply, struct error *err)
{
	struct memif_message copy = { 0 };
	struct session_input input = { .message = &copy, .fd = n_fds ? fds[0] : -1 };
	int rc;

	*reply = (struct memif_message){ .type = MEMIF_NONE };
	if (bytes != sizeof(copy))
		rc = error_set(
			err, -EPROTO, "a message of %zu bytes; each has %zu", bytes, sizeof(copy));
	else if (n_fds > 1)
		rc = error_set(err, -EPROTO, "%u descriptors with a message; one at most", n_fds);
	else if (++session->n_messages > MESSAGES_MAX)
		rc = error_set(err, -EPROTO, "more than %d messages", MESSAGES_MAX);
	else {
		memcpy(&copy, message, sizeof(copy));
		rc = session_answer(session, &input, reply, err);
	}
	if (input.fd >= 0)
		close(input.fd);
	for (uint32_t i = 1; i < n_fds; i++)
		close(fds[i]);
	if (rc != 0)
		reply->type = MEMIF_NONE;
	return rc;
}
