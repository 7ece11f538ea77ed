// SPDX-License-Identifier: BSD-3-Clause
// auth: which requests of a burst are let in, what a new file of keys changes, and the trailers of replies.
#include "dataplane/auth/check.h"

#include "base/trust/datagram.h"
#include "dataplane/parse.h"
#include "dataplane/reply.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/frame.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS 3 // ids 1 to 3; the last one has retired

static struct port port;
static struct clock clk;
static struct registry *registry;
static struct auth *auth;
static struct dataplane_counters counters;
static struct frame frames[BURST_MAX];
static uint8_t secrets[KEYS + 1][KEY_SECRET_BYTES];
static int64_t retires = 10; // key 3

static void put_keys(uint32_t n, int64_t now, bool requires_all)
{
	struct wire_keys *keys = calloc(1, sizeof(*keys) + KEYS * sizeof(keys->keys[0]));
	struct config_trust trust = { .require_authentication = { "*" },
		.n_require_authentication = requires_all };
	struct auth_table *table;

	keys->n = n;
	for (uint32_t i = 0; i < n; i++) {
		keys->keys[i] = (struct wire_key){ .id = (uint16_t)(i + 1),
			.retires = i == 2 ? retires : 0 };
		memcpy(keys->keys[i].secret, secrets[i + 1], KEY_SECRET_BYTES);
	}
	assert_int_equal(auth_prepare_keys(auth, &trust, keys, now, &table, NULL), 0);
	auth_commit(auth, table);
	free(keys);
}

static int setup(void **state)
{
	if (sodium_init() < 0 || registry_create(1, 1 << 16, 1500, NULL, &registry, NULL) ||
		auth_create(NULL, isa_detected(), &auth, NULL))
		return -1;
	randombytes_buf(secrets, sizeof(secrets));
	memset(&counters, 0, sizeof(counters));
	frame_port(&port);
	clock_init(&clk, 1000000000);
	put_keys(KEYS, 20, false);
	return 0;
}

static int teardown(void **state)
{
	auth_destroy(auth);
	registry_destroy(registry);
	return 0;
}

// A ping, which is parsed; `key` 0: without a trailer.
static struct rte_mbuf *ping(
	struct frame *f, bool is_ipv6, bool vlan, uint32_t bytes, uint16_t key, uint64_t counter)
{
	frame_request(f, is_ipv6, vlan, WIRE_TYPE_PING, 1, 4, bytes);
	if (key) {
		frame_wire(f)->flags = WIRE_FLAG_AUTHENTICATED;
		frame_wire(f)->key_id = key;
		datagram_seal(frame_wire(f), bytes - DATAGRAM_TRAILER_BYTES,
			secrets[key <= KEYS ? key : 0], counter);
	}
	frame_mend_udp(f);
	assert_int_equal(parse_packet(&port, &f->m), DROP_NONE);
	assert_int_equal(f->p.key, 0);
	rte_mbuf_refcnt_set(&f->m, 2); // what frees it leaves it where it is
	return &f->m;
}

static uint16_t let_in(struct rte_mbuf **mbufs, uint16_t n)
{
	uint8_t flags = 0;

	for (uint16_t i = 0; i < n; i++)
		flags |= packet_of(mbufs[i])->flags;
	return auth_burst(mbufs, n, flags, auth, registry, &counters);
}

static bool is_let_in(uint16_t key, uint64_t counter)
{
	struct rte_mbuf *m = ping(&frames[0], false, false, 64, key, counter);

	return let_in(&m, 1) == 1;
}

// A whole burst of good and bad ones, each in turn: the good ones keep their order.
static void mixed_burst_keeps_what_is_good_in_order(void **state)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	uint16_t n = 0, n_good = 0, expected[BURST_MAX];

	for (uint16_t i = 0; i < BURST_MAX; i++) {
		const uint16_t keys[] = { 1, 0, 2, 3, 4, 1, 2, 1 };
		const uint16_t key = keys[i % 8];

		mbufs[n++] = ping(&frames[i], i & 1, i & 2, 48u + i * 3u, key, 1000 + i);
		if (i % 8 == 5) // its tag
			*frame_at(&frames[i], frames[i].m.data_len - 1u) ^= 1;
		if (i % 8 == 6) { // once more what came four before
			frames[i] = frames[i - 4];
			frames[i].m.buf_addr = frames[i].room;
		}
		if (i % 8 == 7) { // says so, and has no trailer
			ping(&frames[i], i & 1, i & 2, 47, 0, 0);
			frame_wire(&frames[i])->flags = WIRE_FLAG_AUTHENTICATED;
		}
		if (i % 8 < 3)
			expected[n_good++] = i;
	}
	assert_int_equal(let_in(mbufs, n), n_good);
	for (uint16_t i = 0; i < n_good; i++) {
		const uint16_t at = expected[i];

		assert_ptr_equal(mbufs[i], &frames[at].m);
		assert_int_equal(frames[at].p.key, at % 8 == 0 ? 1 : at % 8 == 1 ? 0 : 2);
		assert_int_equal(frames[at].p.payload_bytes, 48 + at * 3 - (at % 8 == 1 ? 0 : 16));
	}
	assert_int_equal(counters.drops[DROP_AUTH_KEY_NOT_VALID], BURST_MAX / 8);
	assert_int_equal(counters.drops[DROP_AUTH_UNKNOWN_KEY], BURST_MAX / 8);
	assert_int_equal(counters.drops[DROP_AUTH_BAD_TAG], BURST_MAX / 8);
	assert_int_equal(counters.drops[DROP_AUTH_REPLAYED], BURST_MAX / 8);
	assert_int_equal(counters.drops[DROP_AUTH_SHORT], BURST_MAX / 8);
}

static void new_keys_keep_what_was_seen(void **state)
{
	assert_true(is_let_in(1, 50));
	put_keys(KEYS, 20, false);
	assert_false(is_let_in(1, 50));
	assert_true(is_let_in(1, 51));
	put_keys(0, 20, false);
	assert_false(is_let_in(1, 52));
	put_keys(KEYS, 20, false);
	assert_false(is_let_in(1, 51));
	// Another secret under the id counts by itself.
	secrets[1][0] ^= 1;
	assert_false(is_let_in(1, 52));
	put_keys(KEYS, 20, false);
	assert_true(is_let_in(1, 50));
}

// Keys 1 and 2 of a file, as martletd starts; what was kept, and what is said of it.
static void start_anew(const char *text, size_t size, const char *said)
{
	static struct config config = { .infer.isa = "native" };
	struct dataplane_kept kept = { .text = text, .size = size };
	char path[] = "/tmp/test_auth.XXXXXX", hex[2 * KEY_SECRET_BYTES + 1];
	const int fd = mkstemp(path);
	struct error err = { .text = "" };

	assert_true(fd >= 0);
	for (unsigned id = 1; id <= 2; id++)
		dprintf(fd, "%u %s name * - -\n", id,
			sodium_bin2hex(hex, sizeof(hex), secrets[id], KEY_SECRET_BYTES));
	close(fd);
	snprintf(config.trust.keys, sizeof(config.trust.keys), "%s", path);
	auth_destroy(auth);
	auth = NULL;
	if (auth_start(&config, text ? &kept : NULL, NULL, &auth, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(kept.said, said);
	unlink(path);
}

static void restart_keeps_what_was_seen(void **state)
{
	static const char *const strange =
		"what it says of key 1 was written for another secret, "
		"or changed since: it counts for nothing";
	char *text, both[512];
	size_t size;

	start_anew(NULL, 0, "");
	assert_true(is_let_in(1, 5000));
	assert_true(is_let_in(2, 70));
	text = seen_text(auth->seen, false, &size);
	assert_non_null(text);
	start_anew(text, size, "");
	assert_false(is_let_in(1, 5000));
	assert_false(is_let_in(1, 4999));
	assert_true(is_let_in(1, 5001));
	assert_false(is_let_in(2, 70));
	secrets[1][0] ^= 1;
	start_anew(text, size, strange);
	assert_true(is_let_in(1, 1));
	assert_false(is_let_in(2, 70));
	// The tag of key 1, whose line is the last one: that makes no difference.
	text[size - 2] = text[size - 2] == '0' ? '1' : '0';
	start_anew(text, size, strange);
	text[strlen("martlet counters 1\n") + strlen("2 70 ")] = 'x';
	snprintf(both, sizeof(both),
		"1 of its lines cannot be read: of their keys nothing is known of what was "
		"accepted before, and could be accepted once more; %s",
		strange);
	start_anew(text, size, both);
	assert_true(is_let_in(2, 70));
	secrets[2][0] ^= 1;
	text[strlen("martlet counters 1\n") + strlen("2 70 ")] = '0';
	start_anew(text, size,
		"what it says of key 2 and of 1 more was written for another secret, or changed "
		"since: it counts for nothing");
	free(text);
}

static void keys_come_and_go_by_the_clock(void **state)
{
	assert_false(is_let_in(3, 1));
	auth_watch(auth, 9);
	assert_true(is_let_in(3, 1));
	auth_watch(auth, 10);
	assert_false(is_let_in(3, 2));
	assert_int_equal(counters.drops[DROP_AUTH_KEY_NOT_VALID], 2);
	// The clock is set back: it stays retired, though the keys are read anew, until it retires at another time.
	auth_watch(auth, 9);
	assert_false(is_let_in(3, 3));
	put_keys(KEYS, 9, false);
	assert_false(is_let_in(3, 3));
	auth_watch(auth, 9);
	assert_false(is_let_in(3, 3));
	assert_true(is_let_in(1, 1));
	retires = 11;
	put_keys(KEYS, 9, false);
	assert_true(is_let_in(3, 4));
	auth_watch(auth, 9);
	assert_true(is_let_in(3, 5));
	retires = 10;
}

static void stranger_is_dropped_where_all_must_have_a_key(void **state)
{
	assert_true(is_let_in(0, 0));
	put_keys(KEYS, 20, true);
	assert_false(is_let_in(0, 0));
	assert_true(is_let_in(1, 1));
	assert_int_equal(counters.drops[DROP_AUTH_MISSING], 1);
}

// Requests without a key pass as they are while nobody needs one, and are dropped as soon as somebody does.
static void strangers_are_not_looked_at_until_a_key_is_needed(void **state)
{
	struct rte_mbuf *mbufs[2] = { ping(&frames[0], false, false, 64, 0, 0),
		ping(&frames[1], false, false, 64, 0, 0) };

	assert_int_equal(auth_burst(mbufs, 2, WIRE_FLAG_PRIORITY, auth, registry, &counters), 2);
	put_keys(0, 20, true);
	assert_int_equal(auth_burst(mbufs, 2, WIRE_FLAG_PRIORITY, auth, registry, &counters), 0);
	assert_int_equal(counters.drops[DROP_AUTH_MISSING], 2);
}

// PONGs and statuses of any length, over both families, with a tag and without: sealed, and checksums are right.
static void reply_is_sealed(void **state)
{
	for (uint32_t bytes = 48; bytes < 200; bytes++) {
		const bool is_ipv6 = bytes & 1, vlan = bytes & 2, is_pong = bytes & 4;
		struct rte_mbuf *m = ping(&frames[0], is_ipv6, vlan, bytes, 1, bytes);
		const uint32_t reply_bytes = is_pong ? bytes : 48;
		struct rte_udp_hdr *udp;
		uint16_t checksum;

		assert_int_equal(let_in(&m, 1), 1);
		frames[0].p.kind = is_pong ? PACKET_PONG : PACKET_RESULT;
		frames[0].p.status = is_pong ? WIRE_STATUS_OK : WIRE_STATUS_FORBIDDEN;
		frames[0].p.stats = NULL;
		reply_burst(&m, 1, frames[0].p.arrival_tsc + 5000, &clk, &counters, auth);
		udp = (struct rte_udp_hdr *)frame_l4(&frames[0]);
		assert_int_equal(ntohs(udp->dgram_len), sizeof(*udp) + reply_bytes);
		assert_int_equal(frame_wire(&frames[0])->flags, WIRE_FLAG_AUTHENTICATED);
		assert_int_equal(frame_wire(&frames[0])->key_id, 1);
		assert_true(datagram_is_sealed(udp + 1, reply_bytes, secrets[1], bytes));
		checksum = udp->dgram_cksum;
		frame_mend_udp(&frames[0]);
		assert_int_equal(checksum, udp->dgram_cksum);
	}
}

// Some with a key and some without, in one burst: each as it would be alone; also where the device makes checksums.
static void burst_is_sealed_where_it_has_keys(void **state)
{
	struct rte_mbuf *mbufs[BURST_MAX];

	for (int offloads = 0; offloads < 2; offloads++) {
		port.tx_checksum = offloads;
		for (uint16_t i = 0; i < BURST_MAX; i++)
			mbufs[i] = ping(&frames[i], i & 1, i & 2, 48u + i, i % 3,
				10000u * (offloads + 1) + i);
		assert_int_equal(let_in(mbufs, BURST_MAX), BURST_MAX);
		for (uint16_t i = 0; i < BURST_MAX; i++) {
			frames[i].p.kind = PACKET_PONG;
			frames[i].p.status = WIRE_STATUS_OK;
			frames[i].p.stats = NULL;
		}
		reply_burst(mbufs, BURST_MAX, frames[0].p.arrival_tsc, &clk, &counters, auth);
		for (uint16_t i = 0; i < BURST_MAX; i++) {
			struct rte_udp_hdr *udp = (struct rte_udp_hdr *)frame_l4(&frames[i]);
			const uint16_t checksum = udp->dgram_cksum;

			assert_int_equal(ntohs(udp->dgram_len), sizeof(*udp) + 48 + i);
			assert_int_equal(i % 3 != 0,
				datagram_is_sealed(udp + 1, 48u + i, secrets[i % 3],
					10000u * (offloads + 1) + i));
			frame_mend_udp(&frames[i]);
			if (!offloads)
				assert_int_equal(checksum, udp->dgram_cksum);
			else
				assert_true(mbufs[i]->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM);
		}
	}
	port.tx_checksum = false;
}

// The key is gone while the request is on its way: the reply has no tag that anybody takes for one.
static void reply_of_a_key_that_is_gone_has_no_tag(void **state)
{
	struct rte_mbuf *m = ping(&frames[0], false, false, 64, 1, 7);
	static const uint8_t NOTHING[8];
	struct rte_udp_hdr *udp;
	uint16_t checksum;

	assert_int_equal(let_in(&m, 1), 1);
	put_keys(0, 20, false);
	frames[0].p.kind = PACKET_PONG;
	frames[0].p.status = WIRE_STATUS_OK;
	frames[0].p.stats = NULL;
	reply_burst(&m, 1, frames[0].p.arrival_tsc, &clk, &counters, auth);
	assert_memory_equal((uint8_t *)frame_wire(&frames[0]) + 56, NOTHING, 8);
	udp = (struct rte_udp_hdr *)frame_l4(&frames[0]);
	checksum = udp->dgram_cksum;
	frame_mend_udp(&frames[0]);
	assert_int_equal(checksum, udp->dgram_cksum);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(mixed_burst_keeps_what_is_good_in_order),
		CASE(new_keys_keep_what_was_seen),
		CASE(restart_keeps_what_was_seen),
		CASE(keys_come_and_go_by_the_clock),
		CASE(stranger_is_dropped_where_all_must_have_a_key),
		CASE(strangers_are_not_looked_at_until_a_key_is_needed),
		CASE(reply_is_sealed),
		CASE(burst_is_sealed_where_it_has_keys),
		CASE(reply_of_a_key_that_is_gone_has_no_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
