// SPDX-License-Identifier: BSD-3-Clause
// Captures: every link type, hostile packets, files cut at every byte, and real ones where there
// are.
#include "dataplane/flow/capture.h"
#include "dataplane/flow/features.h"
#include "tests/cmocka.h"

// cmocka.h wants these first.

#include <glob.h>
#include <stdlib.h>
#include <string.h>

// 10.0.0.1:7 → 10.0.0.2:9, UDP, 4 bytes of payload; checksums are not looked at.
static const uint8_t udp_ipv4[] = { 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0,
	2, 0, 7, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4 };
static const uint8_t file_header[] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0xff, 0xff, 0, 0, 1, 0, 0, 0 }; // little-endian pcap, Ethernet

static void count_flow(void *context, const struct flow *flow, enum flow_end end)
{
	*(uint32_t *)context += 1;
}

static int read_bytes(const uint8_t *bytes, size_t count, bool partial, uint32_t *flows,
	struct capture_stats *stats, struct error *err)
{
	struct flow_table_options options = { FLOW_TABLE_DEFAULTS, .emit = count_flow };
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	rewind(file);
	*flows = 0;
	options.capacity = 64;
	options.context = flows;
	return capture_read(file, "x.pcap", &options, partial, stats, err);
}

static enum packet_verdict parse(enum packet_link link, const uint8_t *before, size_t before_bytes,
	const uint8_t *ip, size_t ip_bytes, struct flow_packet *out)
{
	// On the heap at its exact size: ASan sees any byte read too far.
	uint8_t *bytes = malloc(before_bytes + ip_bytes);
	enum packet_verdict verdict;

	if (before_bytes)
		memcpy(bytes, before, before_bytes);
	memcpy(bytes + before_bytes, ip, ip_bytes);
	verdict = packet_parse(link, bytes, (uint32_t)(before_bytes + ip_bytes),
		(uint32_t)(before_bytes + ip_bytes), 1, out);
	free(bytes);
	return verdict;
}

static void every_link_type_finds_the_packet(void **state)
{
	static const struct {
		enum packet_link link;
		size_t bytes;
		uint8_t before[32];
	} links[] = {
		{ PACKET_LINK_ETHERNET, 14, { [12] = 8, 0 } },
		{ PACKET_LINK_ETHERNET, 18, { [12] = 0x81, 0, 0, 5, 8, 0 } },
		{ PACKET_LINK_ETHERNET, 22, { [12] = 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0 } },
		{ PACKET_LINK_RAW_IP, 0, { 0 } },
		{ PACKET_LINK_NULL, 4, { 2 } },
		{ PACKET_LINK_SLL, 16, { [14] = 8, 0 } },
		{ PACKET_LINK_SLL2, 20, { 8, 0 } },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct flow_packet packet;

		assert_int_equal(parse(links[i].link, links[i].before, links[i].bytes, udp_ipv4,
					 sizeof(udp_ipv4), &packet),
			PACKET_OK);
		assert_int_equal(packet.source.port, 7);
		assert_int_equal(packet.destination.port, 9);
		assert_int_equal(packet.ip_bytes, 32);
		assert_int_equal(packet.header_bytes, 28);
		assert_int_equal(packet.payload_bytes, 4);
	}
}

static void ipv6_extension_headers_are_walked(void **state)
{
	uint8_t ip[40 + 8 + 20] = { 0x60, [5] = 28, 0, [40] = 6, [48 + 1] = 80, [48 + 12] = 0x50,
		PACKET_SYN, 1, 2 };
	struct flow_packet packet;

	assert_int_equal(parse(PACKET_LINK_RAW_IP, NULL, 0, ip, sizeof(ip), &packet), PACKET_OK);
	assert_int_equal(packet.protocol, PACKET_PROTOCOL_TCP);
	assert_int_equal(packet.tcp_flags, PACKET_SYN);
	assert_int_equal(packet.window, 258);
	assert_int_equal(packet.header_bytes, 68);
	assert_int_equal(packet.payload_bytes, 0);
	ip[5] = 29; // says one byte more than there is
	assert_int_equal(
		parse(PACKET_LINK_RAW_IP, NULL, 0, ip, sizeof(ip), &packet), PACKET_MALFORMED);
}

static void a_packet_cut_anywhere_is_not_taken(void **state)
{
	struct flow_packet packet;

	for (uint32_t bytes = 0; bytes < 28; bytes++) {
		assert_int_equal(parse(PACKET_LINK_RAW_IP, NULL, 0, udp_ipv4, bytes, &packet),
			PACKET_MALFORMED);
		// The same, cut by the capture's snap length rather than by its sender.
		assert_int_equal(packet_parse(PACKET_LINK_RAW_IP, udp_ipv4, bytes, 32, 1, &packet),
			PACKET_SNAPPED);
	}
	assert_int_equal(packet_parse(PACKET_LINK_RAW_IP, udp_ipv4, 28, 32, 1, &packet), PACKET_OK);
	assert_int_equal(packet.payload_bytes, 4);
}

static void lying_headers_are_malformed(void **state)
{
	static const struct {
		uint8_t at, value;
		enum packet_verdict verdict;
	} lies[] = {
		{ 0, 0x44, PACKET_MALFORMED }, // header of 16 bytes
		{ 0, 0x4f, PACKET_MALFORMED }, // header of 60, longer than the packet
		{ 0, 0x55, PACKET_MALFORMED }, // IP version 5
		{ 3, 19, PACKET_MALFORMED },   // total length below the header's
		{ 3, 33, PACKET_MALFORMED },   // total length above what is there
		{ 3, 24, PACKET_MALFORMED },   // UDP header cut
		{ 7, 1, PACKET_FRAGMENT },     // offset 8
		{ 9, 132, PACKET_OTHER_PROTOCOL },
		{ 9, PACKET_PROTOCOL_TCP, PACKET_MALFORMED }, // 12 bytes are no TCP header
		{ 25, 7, PACKET_MALFORMED },                  // UDP length below its header's
		{ 25, 13, PACKET_MALFORMED },                 // UDP length above what is there
	};
	struct flow_packet packet;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t ip[sizeof(udp_ipv4)];

		memcpy(ip, udp_ipv4, sizeof(ip));
		ip[lies[i].at] = lies[i].value;
		assert_int_equal(parse(PACKET_LINK_RAW_IP, NULL, 0, ip, sizeof(ip), &packet),
			lies[i].verdict);
	}
}

// Two packets in a file cut at every byte: whole only at its three record boundaries.
static void a_file_cut_mid_record_is_refused(void **state)
{
	uint8_t file[24 + 2 * (16 + 46)];
	struct capture_stats stats;
	struct error err;
	uint32_t flows;

	memcpy(file, file_header, 24);
	for (int i = 0; i < 2; i++) {
		uint8_t *record = file + 24 + i * 62;

		memset(record, 0, 62);
		record[8] = record[12] = 46;
		record[16 + 12] = 8;
		memcpy(record + 30, udp_ipv4, 32);
	}
	for (size_t bytes = 24; bytes <= sizeof(file); bytes++) {
		size_t whole = (bytes - 24) / 62;
		bool cut = (bytes - 24) % 62 != 0;
		char expected[32];

		assert_int_equal(
			read_bytes(file, bytes, false, &flows, &stats, &err), cut ? -EINVAL : 0);
		snprintf(expected, sizeof(expected), "at packet %zu ", whole + 1);
		if (cut)
			assert_non_null(strstr(err.text, expected));
		assert_int_equal(read_bytes(file, bytes, true, &flows, &stats, &err), 0);
		assert_int_equal(stats.packets, whole);
		assert_int_equal(flows, whole ? 1 : 0);
		assert_int_equal(stats.cut, cut);
	}
	for (size_t bytes = 0; bytes < 24; bytes++)
		assert_int_equal(read_bytes(file, bytes, true, &flows, &stats, &err), -EINVAL);
}

static void a_link_type_not_understood_is_named(void **state)
{
	uint8_t file[24];
	struct capture_stats stats;
	struct error err;
	uint32_t flows;

	memcpy(file, file_header, 24);
	file[20] = 105; // IEEE 802.11
	assert_int_equal(read_bytes(file, 24, false, &flows, &stats, &err), -EINVAL);
	assert_non_null(strstr(err.text, "IEEE802_11 (105)"));
}

// As captured on the host that sends them, before its card cuts them into segments.
static void a_length_of_zero_is_the_frames(void **state)
{
	uint8_t four[20 + 20 + 300] = { 0x45, [8] = 64, PACKET_PROTOCOL_TCP, [32] = 0x50 };
	uint8_t six[40 + 20 + 300] = { 0x60, [6] = PACKET_PROTOCOL_TCP, [52] = 0x50 };
	struct flow_packet packet;

	assert_int_equal(
		parse(PACKET_LINK_RAW_IP, NULL, 0, four, sizeof(four), &packet), PACKET_OK);
	assert_int_equal(packet.ip_bytes, 340);
	assert_int_equal(packet.payload_bytes, 300);
	assert_int_equal(parse(PACKET_LINK_RAW_IP, NULL, 0, six, sizeof(six), &packet), PACKET_OK);
	assert_int_equal(packet.ip_bytes, 360);
	assert_int_equal(packet.payload_bytes, 300);
	// Longer on the wire than any that a card is handed.
	assert_int_equal(packet_parse(PACKET_LINK_RAW_IP, four, sizeof(four), 1u << 20, 1, &packet),
		PACKET_OK);
	assert_int_equal(
		packet_parse(PACKET_LINK_RAW_IP, four, sizeof(four), (1u << 20) + 1, 1, &packet),
		PACKET_MALFORMED);
	assert_int_equal(
		packet_parse(PACKET_LINK_RAW_IP, six, sizeof(six), (1u << 20) + 1, 1, &packet),
		PACKET_MALFORMED);
	// No next header: there is nothing behind it, and the frame's padding does not count.
	six[6] = 59;
	assert_int_equal(parse(PACKET_LINK_RAW_IP, NULL, 0, six, sizeof(six), &packet),
		PACKET_OTHER_PROTOCOL);
}

struct seen {
	uint32_t flows;
	struct packet_end source;
	float features[FEATURE_COUNT];
};

static void keep_flow(void *context, const struct flow *flow, enum flow_end end)
{
	struct seen *seen = context;

	seen->flows++;
	seen->source = flow->source;
	features_of(flow, seen->features);
}

// A handshake and what follows, each packet a millisecond later; order[i] is the number of the
// packet that stands at place i of the file.
static void read_handshake(const int order[4], struct seen *seen, struct capture_stats *stats)
{
	static const uint8_t flags[] = { PACKET_SYN, PACKET_SYN | PACKET_ACK, PACKET_ACK,
		PACKET_PSH | PACKET_ACK };
	struct flow_table_options options = { FLOW_TABLE_DEFAULTS, .emit = keep_flow };
	uint8_t bytes[24 + 4 * (16 + 54)] = { 0 };
	struct error err;
	FILE *file = tmpfile();

	memcpy(bytes, file_header, 24);
	for (int i = 0; i < 4; i++) {
		uint8_t *record = bytes + 24 + (ptrdiff_t)i * 70, *ip = record + 30;
		const int number = order[i];
		const uint32_t microseconds = 1000u * (uint32_t)number;

		record[4] = (uint8_t)microseconds;
		record[5] = (uint8_t)(microseconds >> 8);
		record[8] = record[12] = 54;
		record[16 + 12] = 8;
		ip[0] = 0x45;
		ip[3] = 40;
		ip[8] = 64;
		ip[9] = PACKET_PROTOCOL_TCP;
		ip[12] = ip[16] = 10;
		ip[number == 1 ? 19 : 15] = 1; // 10.0.0.1, the client
		ip[number == 1 ? 15 : 19] = 2;
		ip[number == 1 ? 23 : 21] = 99;
		ip[number == 1 ? 21 : 23] = 80;
		ip[32] = 0x50;
		ip[33] = flags[number];
	}
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	rewind(file);
	memset(seen, 0, sizeof(*seen));
	options.context = seen;
	assert_int_equal(capture_read(file, "x.pcap", &options, false, stats, &err), 0);
	assert_int_equal(seen->flows, 1);
}

static void packets_are_taken_in_order_of_time(void **state)
{
	static const int ordered[4] = { 0, 1, 2, 3 }, swapped[4] = { 1, 0, 3, 2 };
	struct capture_stats stats;
	struct seen right, seen;

	read_handshake(ordered, &right, &stats);
	assert_int_equal(stats.order.unordered, 0);
	assert_int_equal(right.source.address[3], 1);
	read_handshake(swapped, &seen, &stats);
	assert_int_equal(stats.order.unordered, 2);
	assert_int_equal(stats.order.late, 0);
	assert_memory_equal(&seen, &right, sizeof(right));
}

// pcapng: a section, two interfaces of link types 1 and 101, and a packet of the first.
static void interfaces_of_two_link_types_are_said(void **state)
{
	static const uint32_t words[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28,
		1, 20, 1, 0, 20, 1, 20, 101, 0, 20, 6, 32, 0, 0, 0, 0, 0, 32 };
	struct capture_stats stats;
	struct error err;
	uint32_t flows;

	assert_int_equal(
		read_bytes((const uint8_t *)words, sizeof(words), false, &flows, &stats, &err),
		-EINVAL);
	assert_string_equal(err.text,
		"x.pcap: its interfaces have different link types, which are read one at a time: "
		"split it, as by tshark -r FILE -Y 'frame.interface_id == 0' -w OUT, and read each "
		"part");
}

static void every_shared_capture_is_survived(void **state)
{
	const char *shared = getenv("MARTLET_SHARED");
	char pattern[4096];
	uint64_t packets = 0;
	glob_t found;

	snprintf(
		pattern, sizeof(pattern), "%s/data/pcaps/*/*.*cap*", shared ? shared : "../shared");
	if (glob(pattern, 0, NULL, &found) != 0)
		skip(); // no such material on this machine
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct flow_table_options options = { FLOW_TABLE_DEFAULTS, .emit = count_flow };
		struct capture_stats stats = { 0 };
		uint64_t verdicts = 0;
		struct error err = { .text = "" };
		uint32_t flows = 0;
		FILE *file;

		options.capacity = 256;
		options.context = &flows;
		assert_int_equal(capture_open(found.gl_pathv[i], &file, &err), 0);
		if (capture_read(file, found.gl_pathv[i], &options, true, &stats, &err))
			assert_true(err.text[0] != 0);
		for (int j = 0; j < PACKET_VERDICTS; j++)
			verdicts += stats.verdicts[j];
		assert_int_equal(verdicts, stats.packets);
		assert_int_equal(flows, stats.table.flows);
		assert_int_equal(stats.verdicts[PACKET_OK], stats.table.packets);
		packets += stats.packets;
	}
	print_message(
		"# %zu captures, %llu packets\n", found.gl_pathc, (unsigned long long)packets);
	globfree(&found);
	assert_true(packets > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link_type_finds_the_packet),
		cmocka_unit_test(ipv6_extension_headers_are_walked),
		cmocka_unit_test(a_packet_cut_anywhere_is_not_taken),
		cmocka_unit_test(lying_headers_are_malformed),
		cmocka_unit_test(a_file_cut_mid_record_is_refused),
		cmocka_unit_test(a_link_type_not_understood_is_named),
		cmocka_unit_test(a_length_of_zero_is_the_frames),
		cmocka_unit_test(packets_are_taken_in_order_of_time),
		cmocka_unit_test(interfaces_of_two_link_types_are_said),
		cmocka_unit_test(every_shared_capture_is_survived),
	};

	return cmocka_run_group_tests_name("flow_capture", tests, NULL, NULL);
}
