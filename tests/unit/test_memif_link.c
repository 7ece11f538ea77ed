// SPDX-License-Identifier: BSD-3-Clause
// Rings in memory that a peer shares: what is read and written, and what a peer cannot make us do.
#include "dataplane/memif/doorbell.h"
#include "dataplane/memif/link.h"

#include "tests/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG2        3
#define SLOTS       (1u << LOG2)
#define RING_BYTES  (sizeof(struct memif_ring_memory) + SLOTS * sizeof(struct memif_descriptor))
#define BUFFER      128u
#define TO_CLIENT   RING_BYTES // where the second ring begins
#define BUFFERS     1024u      // where the buffers begin: eight to the server, eight to the client
#define BYTES       (BUFFERS + 2 * SLOTS * BUFFER)
#define BEYOND      "a descriptor points beyond its region"
#define FRAME_BYTES 300

static struct peer { // the other side of the memory
	int fd;
	uint8_t *memory;
	struct memif_ring_memory *to_server, *to_client;
	struct memif_link *link;
} peer;

static uint8_t frame[FRAME_BYTES], got[FRAME_BYTES + 100];

static void put(struct memif_ring_memory *ring, uint16_t slot, uint16_t flags, uint32_t length,
	uint32_t offset)
{
	ring->descriptors[slot % SLOTS] =
		(struct memif_descriptor){ .flags = flags, .length = length, .offset = offset };
}

static uint32_t buffer_at(bool to_client, uint16_t slot)
{
	return BUFFERS + ((uint32_t)to_client * SLOTS + slot % SLOTS) * BUFFER;
}

static void add_ring(uint16_t flags, uint32_t offset)
{
	const struct memif_add_ring add = {
		.flags = flags, .offset = offset, .log2_ring_size = LOG2
	};
	struct error err;

	assert_int_equal(memif_link_add_ring(peer.link, &add, -1, &err), 0);
}

static int connect_peer(void **state)
{
	struct error err;

	peer.fd = memfd_create("peer", 0);
	assert_int_equal(ftruncate(peer.fd, BYTES), 0);
	peer.memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, peer.fd, 0);
	peer.to_server = (void *)peer.memory;
	peer.to_client = (void *)(peer.memory + TO_CLIENT);
	peer.to_server->cookie = peer.to_client->cookie = MEMIF_COOKIE;
	for (uint16_t i = 0; i < SLOTS; i++)
		put(peer.to_client, i, 0, BUFFER, buffer_at(true, i));
	for (uint32_t i = 0; i < FRAME_BYTES; i++)
		frame[i] = (uint8_t)(i * 7 + 1);
	memset(got, 0, sizeof(got));
	peer.link = memif_link_create(-1);
	assert_int_equal(memif_link_add_region(peer.link, 0, BYTES, peer.fd, &err), 0);
	add_ring(MEMIF_RING_IS_C2S, 0);
	add_ring(0, TO_CLIENT);
	assert_int_equal(memif_link_begin(peer.link, &err), 0);
	return 0;
}

static int disconnect_peer(void **state)
{
	memif_link_destroy(peer.link);
	munmap(peer.memory, BYTES);
	close(peer.fd);
	return 0;
}

// Puts the frame into buffers of BUFFER bytes from `slot` on. Returns how many it needs.
static uint16_t put_frame(uint16_t slot, uint32_t bytes)
{
	uint16_t n = 0;

	for (uint32_t at = 0; at < bytes; at += BUFFER, n++) {
		const uint32_t piece = bytes - at < BUFFER ? bytes - at : BUFFER;
		const uint32_t offset = buffer_at(false, (uint16_t)(slot + n));

		memcpy(peer.memory + offset, frame + at, piece);
		put(peer.to_server, (uint16_t)(slot + n),
			at + piece < bytes ? MEMIF_DESCRIPTOR_NEXT : 0, piece, offset);
	}
	return n;
}

static uint16_t read_frame(uint16_t slots, uint32_t room, uint32_t *bytes)
{
	return memif_link_read(peer.link, &peer.link->c2s[0], slots, got, room, bytes);
}

static const char *fault(void)
{
	return atomic_load(&peer.link->fault);
}

static void read_chain_is_one_frame(void **state)
{
	uint32_t bytes = 0;

	assert_int_equal(read_frame(put_frame(0, FRAME_BYTES), sizeof(got), &bytes), 3);
	assert_int_equal(bytes, FRAME_BYTES);
	assert_memory_equal(got, frame, FRAME_BYTES);
	assert_null(fault());
}

static void read_longer_than_room_is_cut_off(void **state)
{
	uint32_t bytes = 0;

	assert_int_equal(read_frame(put_frame(0, FRAME_BYTES), 200, &bytes), 3);
	assert_int_equal(bytes, FRAME_BYTES);
	assert_memory_equal(got, frame, 200);
	assert_int_equal(got[200], 0);
}

static void read_goes_round_the_ring_and_its_counter(void **state)
{
	uint32_t bytes = 0;

	peer.link->c2s[0].position = 65535;
	assert_int_equal(read_frame(put_frame(65535, FRAME_BYTES), sizeof(got), &bytes), 3);
	assert_memory_equal(got, frame, FRAME_BYTES);
}

static void read_beyond_the_region_fails(void **state)
{
	static const struct memif_descriptor BAD[] = {
		{ .length = 1, .offset = BYTES },
		{ .length = 2, .offset = BYTES - 1 },
		{ .length = UINT32_MAX, .offset = 1 },
		{ .length = 0, .offset = BYTES + 1 },
		{ .length = 16, .offset = UINT32_MAX },
		{ .length = 16, .region = 1 },
		{ .length = 16, .region = UINT16_MAX },
	};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		uint32_t bytes = 77;

		atomic_store(&peer.link->fault, NULL);
		peer.to_server->descriptors[0] = BAD[i];
		assert_int_equal(read_frame(1, sizeof(got), &bytes), 0);
		assert_string_equal(fault(), BEYOND);
		assert_int_equal(bytes, 77);
	}
	put(peer.to_server, 0, 0, 16, BYTES - 16);
	assert_int_equal(read_frame(1, sizeof(got), &(uint32_t){ 0 }), 1);
}

static void read_chain_without_end_is_no_frame(void **state)
{
	uint32_t bytes;

	for (uint16_t i = 0; i < SLOTS; i++)
		put(peer.to_server, i, MEMIF_DESCRIPTOR_NEXT, 16, BUFFERS);
	assert_int_equal(read_frame(SLOTS, sizeof(got), &bytes), 0);
	assert_null(fault());
}

static uint16_t write_frame(uint16_t slots, uint32_t bytes)
{
	return memif_link_write(peer.link, &peer.link->s2c[0], slots, frame, bytes);
}

static void write_fills_a_chain(void **state)
{
	const struct memif_descriptor *to = peer.to_client->descriptors;

	assert_int_equal(write_frame(SLOTS, FRAME_BYTES), 3);
	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(to[i].flags, i < 2 ? MEMIF_DESCRIPTOR_NEXT : 0);
		assert_int_equal(to[i].length, i < 2 ? BUFFER : FRAME_BYTES - 2 * BUFFER);
		assert_memory_equal(
			peer.memory + buffer_at(true, i), frame + i * BUFFER, to[i].length);
	}
	assert_int_equal(to[3].length, BUFFER);
}

static void write_waits_for_room(void **state)
{
	assert_int_equal(write_frame(2, FRAME_BYTES), 0);
	assert_null(fault());
}

static void write_beyond_the_region_fails(void **state)
{
	put(peer.to_client, 0, 0, BUFFER, BYTES - BUFFER + 1);
	assert_int_equal(write_frame(SLOTS, 10), 0);
	assert_string_equal(fault(), BEYOND);
}

static void write_into_nothing_fails(void **state)
{
	put(peer.to_client, 0, 0, 0, BUFFERS);
	assert_int_equal(write_frame(SLOTS, 10), 0);
	assert_string_equal(fault(), "an empty buffer has no bytes");
}

static void memory_cut_off_reads_as_zeros(void **state)
{
	uint32_t bytes = 0;
	struct error err;

	assert_int_equal(memif_region_guard(&err), 0); // in the place of cmocka's own handler
	put_frame(0, 64);
	assert_int_equal(ftruncate(peer.fd, 0), 0);
	// The ring's own page is gone: its descriptor is read as a frame of no bytes.
	assert_int_equal(read_frame(1, sizeof(got), &bytes), 1);
	assert_int_equal(bytes, 0);
	assert_string_equal(fault(), "a region's memory is gone: its file was cut off");
	assert_int_equal(write_frame(1, 10), 0);
}

// It ends the process, as without the handler, instead of leaving it without one.
static void sigbus_that_is_sent_is_not_swallowed(void **state)
{
	struct error err;
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGBUS, SIG_DFL);
		if (memif_region_guard(&err) == 0)
			kill(getpid(), SIGBUS);
		_exit(7);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void memory_is_sealed_where_it_can_be(void **state)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	struct memif_link *link = memif_link_create(-1);
	struct error err;

	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(memif_link_add_region(link, 0, 4096, fd, &err), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	memif_link_destroy(link);
	close(fd);
}

static void fault_wakes_once(void **state)
{
	int wake = eventfd(0, EFD_NONBLOCK);
	struct memif_link *link = memif_link_create(wake);
	eventfd_t count = 0;

	memif_link_fail(link, "first");
	memif_link_fail(link, "second");
	assert_string_equal(atomic_load(&link->fault), "first");
	assert_int_equal(eventfd_read(wake, &count), 0);
	assert_int_equal(count, 1);
	memif_link_destroy(link);
	close(wake);
}

static void calls_wake_once_until_they_are_taken(void **state)
{
	int wake = eventfd(0, EFD_NONBLOCK);
	struct memif_link *link = memif_link_create(wake);
	eventfd_t count = 0;

	memif_link_call(link, 0);
	memif_link_call(link, 63);
	memif_link_call(link, 63);
	assert_int_equal(eventfd_read(wake, &count), 0);
	assert_int_equal(count, 1);
	assert_true(atomic_exchange(&link->calls, 0) == (UINT64_C(1) << 63 | 1));
	memif_link_call(link, 63);
	assert_int_equal(eventfd_read(wake, &count), 0);
	assert_null(atomic_load(&link->fault));
	memif_link_destroy(link);
	close(wake);
}

static void doorbell_rings_and_never_blocks(void **state)
{
	struct memif_doorbell doorbell;
	int fd = eventfd(0, 0), pipes[2];
	eventfd_t count = 0;
	struct error err;

	assert_int_equal(memif_doorbell_open(&doorbell, &err), 0);
	for (int i = 0; i < 1000; i++)
		assert_true(memif_doorbell_ring(&doorbell, fd));
	assert_int_equal(eventfd_read(fd, &count), 0);
	assert_int_equal(count, 1000);
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0); // writing to it would block now
	for (int i = 0; i < 1000; i++)
		assert_true(memif_doorbell_ring(&doorbell, fd));
	assert_int_equal(pipe(pipes), 0);
	assert_false(memif_doorbell_ring(&doorbell, pipes[1]));
	assert_false(memif_doorbell_ring(&doorbell, 9999));
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	memif_doorbell_close(&doorbell);
	memif_doorbell_close(&doorbell);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, connect_peer, disconnect_peer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(read_chain_is_one_frame),
		CASE(read_longer_than_room_is_cut_off),
		CASE(read_goes_round_the_ring_and_its_counter),
		CASE(read_beyond_the_region_fails),
		CASE(read_chain_without_end_is_no_frame),
		CASE(write_fills_a_chain),
		CASE(write_waits_for_room),
		CASE(write_beyond_the_region_fails),
		CASE(write_into_nothing_fails),
		CASE(memory_cut_off_reads_as_zeros),
		cmocka_unit_test(sigbus_that_is_sent_is_not_swallowed),
		cmocka_unit_test(memory_is_sealed_where_it_can_be),
		cmocka_unit_test(fault_wakes_once),
		cmocka_unit_test(calls_wake_once_until_they_are_taken),
		cmocka_unit_test(doorbell_rings_and_never_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
