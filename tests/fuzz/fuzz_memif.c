// SPDX-License-Identifier: BSD-3-Clause
// Any messages from a memif peer, with any descriptors, and then any bytes in the memory that it
// shares while we read from its rings and write to them. No descriptor is kept, no frame is longer
// than its ring can hold, and whoever broke a rule has a reason given.
//
// The input is a list of steps. A step's first byte says which: 0 to 7 a message of 128 bytes, with
// the descriptors of that number; else bytes into the shared memory (two bytes where, one how many).
#include "dataplane/memif/session.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_BYTES 65536u
#define ROOM         2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
	struct memif_port port;
	struct memif_port *ports[1];
	struct memif_session session;
	int fd;
	uint8_t *memory;
};

static void check(bool right)
{
	if (!right)
		abort();
}

static int lowest_free(void)
{
	const int fd = dup(0);
	const int lowest = fd;

	close(fd);
	return lowest;
}

// What comes with a message: copies, as the kernel would make them.
static uint32_t attach(const struct peer *peer, uint8_t which, int fds[MEMIF_FDS_MAX])
{
	switch (which) {
	case 1:
		fds[0] = dup(peer->fd);
		return 1;
	case 2:
		fds[0] = eventfd(0, 0);
		return 1;
	case 3:
		fds[0] = open("/dev/null", O_RDWR);
		return 1;
	case 4:
		fds[0] = memfd_create("empty", 0);
		return 1;
	case 5:
		fds[0] = dup(peer->fd);
		fds[1] = dup(peer->fd);
		return 2;
	default:
		return 0;
	}
}

// False where the peer is turned away.
static bool take_message(struct peer *peer, uint8_t which, const uint8_t *data, size_t size)
{
	struct memif_message reply;
	struct error err = { .text = "" };
	int fds[MEMIF_FDS_MAX];
	const uint32_t n = attach(peer, which, fds);
	const int rc = memif_session_take(&peer->session, data, size, fds, n, &reply, &err);

	check(rc <= 0 && (rc == 0 || (err.text[0] && reply.type == MEMIF_NONE)));
	return rc == 0;
}

static void run_rings(struct peer *peer)
{
	struct memif_link *link = peer->session.link;
	static uint8_t frame[ROOM];

	for (uint32_t i = 0; i < link->n_c2s; i++) {
		struct memif_ring *ring = &link->c2s[i];
		uint16_t slots = (uint16_t)(ring->memory->head - ring->position);
		uint8_t *to = malloc(ROOM);
		uint32_t bytes = 0;
		uint16_t used;

		if (slots > ring->size)
			slots = ring->size;
		used = slots ? memif_link_read(link, ring, slots, to, ROOM, &bytes) : 0;
		check(used <= slots);
		ring->position = (uint16_t)(ring->position + used);
		free(to);
	}
	for (uint32_t i = 0; i < link->n_s2c; i++) {
		struct memif_ring *ring = &link->s2c[i];
		uint16_t slots = (uint16_t)(ring->memory->head - ring->position), used;

		if (slots > ring->size)
			slots = ring->size;
		used = memif_link_write(link, ring, slots, frame, 100 + i * 300 % ROOM);
		check(used <= slots);
		ring->position = (uint16_t)(ring->position + used);
	}
}

static size_t write_memory(struct peer *peer, const uint8_t *data, size_t size)
{
	uint32_t at, n;

	if (size < 3)
		return size;
	at = data[0] | (uint32_t)data[1] << 8;
	n = data[2];
	if (n > size - 3)
		n = (uint32_t)(size - 3);
	if (n > MEMORY_BYTES - at)
		n = MEMORY_BYTES - at;
	memcpy(peer->memory + at, data + 3, n);
	return 3 + n;
}

static void play(struct peer *peer, const uint8_t *data, size_t size)
{
	while (size > 1) {
		const uint8_t step = data[0];
		size_t used = size - 1 < 128 ? size - 1 : 128;

		if (step > 7)
			used = write_memory(peer, data + 1, size - 1);
		else if (!take_message(peer, step, data + 1, used))
			return;
		if (peer->session.is_connected)
			run_rings(peer);
		data += 1 + used;
		size -= 1 + used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer peer;
	const int lowest = lowest_free();
	struct error err;

	check(memif_region_guard(&err) == 0);
	memset(&peer, 0, sizeof(peer));
	peer.port.id = 1;
	memcpy(peer.port.secret, "key", 4);
	peer.ports[0] = &peer.port;
	peer.session = (struct memif_session){ .ports = peer.ports, .n_ports = 1, .wake = -1 };
	peer.fd = memfd_create("peer", 0);
	check(ftruncate(peer.fd, MEMORY_BYTES) == 0);
	peer.memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, peer.fd, 0);
	check(peer.memory != MAP_FAILED);
	play(&peer, data, size);
	memif_link_destroy(peer.session.link);
	munmap(peer.memory, MEMORY_BYTES);
	close(peer.fd);
	check(lowest_free() == lowest);
	return 0;
}
