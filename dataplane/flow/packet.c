// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow/packet.h"

#include <stdbool.h>
#include <string.h>

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,
	VLAN_TAGS_MAX = 4,
	IPV6_EXTENSIONS_MAX = 8,
	IPV6_NO_NEXT_HEADER = 59,
	UNSAID_LENGTH_MAX =
		1 << 20, // of one packet that the card is to cut up; Linux stops at 512 KiB
};

// What is left of the packet: `captured` of it can be read, `wire` of it existed.
struct packet_rest {
	const uint8_t *at;
	uint32_t captured;
	uint32_t wire;
};

const char *packet_verdict_text(enum packet_verdict verdict)
{
	static const char *const texts[] = {
#define X(name, text) [name] = text,
		PACKET_VERDICT_LIST(X)
#undef X
	};

	return texts[verdict];
}

static uint16_t packet_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

// Whether the next `bytes` can be read. Where not, either fewer were captured than were sent
// (PACKET_SNAPPED) or the packet is shorter than its headers say (PACKET_MALFORMED).
static enum packet_verdict packet_rest_has(const struct packet_rest *rest, uint32_t bytes)
{
	if (rest->captured >= bytes)
		return PACKET_OK;
	return rest->wire >= bytes ? PACKET_SNAPPED : PACKET_MALFORMED;
}

static void packet_rest_skip(struct packet_rest *rest, uint32_t bytes)
{
	rest->at += bytes;
	rest->captured -= bytes;
	rest->wire -= bytes;
}

// Ends the packet where its IP length field says: padding and trailers of the link are no part of
// it.
static void packet_rest_limit(struct packet_rest *rest, uint32_t bytes)
{
	rest->wire = bytes;
	if (rest->captured > bytes)
		rest->captured = bytes;
}

// The length of an IP packet whose own field is 0: captured on the host that sends it, before its
// card cuts it into segments (and fills the field in), it is as long as the frame says, which is how
// Wireshark reads it. 0: longer than any such packet.
static uint32_t packet_unsaid_length(const struct packet_rest *rest)
{
	return rest->wire <= UNSAID_LENGTH_MAX ? rest->wire : 0;
}

static enum packet_verdict packet_parse_tcp(struct packet_rest *rest, struct flow_packet *out)
{
	enum packet_verdict verdict = packet_rest_has(rest, 20);
	uint32_t header;

	if (verdict != PACKET_OK)
		return verdict;
	header = (uint32_t)(rest->at[12] >> 4) * 4;
	if (header < 20 || header > rest->wire)
		return PACKET_MALFORMED;
	out->source.port = packet_be16(rest->at);
	out->destination.port = packet_be16(rest->at + 2);
	out->tcp_flags = rest->at[13];
	out->window = packet_be16(rest->at + 14);
	out->header_bytes += header;
	out->payload_bytes = rest->wire - header;
	return PACKET_OK;
}

static enum packet_verdict packet_parse_udp(
	struct packet_rest *rest, bool fragment, struct flow_packet *out)
{
	enum packet_verdict verdict = packet_rest_has(rest, 8);
	uint32_t length;

	if (verdict != PACKET_OK)
		return verdict;
	length = packet_be16(rest->at + 4);
	// The first fragment carries the whole datagram's length.
	if (length < 8 || (length > rest->wire && !fragment))
		return PACKET_MALFORMED;
	out->source.port = packet_be16(rest->at);
	out->destination.port = packet_be16(rest->at + 2);
	out->header_bytes += 8;
	out->payload_bytes = (fragment ? rest->wire : length) - 8;
	return PACKET_OK;
}

static enum packet_verdict packet_parse_icmp(struct packet_rest *rest, struct flow_packet *out)
{
	enum packet_verdict verdict = packet_rest_has(rest, 8);
	uint8_t type;
	bool echo;

	if (verdict != PACKET_OK)
		return verdict;
	type = rest->at[0];
	echo = out->protocol == PACKET_PROTOCOL_ICMP ? type == 0 || type == 8
						     : type == 128 || type == 129;
	out->source.port = out->destination.port = echo ? packet_be16(rest->at + 4) : 0;
	out->header_bytes += 8;
	out->payload_bytes = rest->wire - 8;
	return PACKET_OK;
}

static enum packet_verdict packet_parse_transport(
	struct packet_rest *rest, bool fragment, struct flow_packet *out)
{
	out->is_fragment = fragment;
	switch (out->protocol) {
	case PACKET_PROTOCOL_TCP:
		return packet_parse_tcp(rest, out);
	case PACKET_PROTOCOL_UDP:
		return packet_parse_udp(rest, fragment, out);
	case PACKET_PROTOCOL_ICMP:
		return out->ip_version == 4 ? packet_parse_icmp(rest, out) : PACKET_OTHER_PROTOCOL;
	case PACKET_PROTOCOL_ICMPV6:
		return out->ip_version == 6 ? packet_parse_icmp(rest, out) : PACKET_OTHER_PROTOCOL;
	default:
		return PACKET_OTHER_PROTOCOL;
	}
}

static enum packet_verdict packet_parse_ipv4(struct packet_rest *rest, struct flow_packet *out)
{
	enum packet_verdict verdict = packet_rest_has(rest, 20);
	uint32_t header, total;
	uint16_t fragment;

	if (verdict != PACKET_OK)
		return verdict;
	header = (uint32_t)(rest->at[0] & 15) * 4;
	total = packet_be16(rest->at + 2);
	if (total == 0)
		total = packet_unsaid_length(rest);
	if (header < 20 || total < header || total > rest->wire)
		return PACKET_MALFORMED;
	verdict = packet_rest_has(rest, header);
	if (verdict != PACKET_OK)
		return verdict;
	fragment = packet_be16(rest->at + 6) & 0x3fff; // more-fragments bit and offset
	if (fragment & 0x1fff)
		return PACKET_FRAGMENT;
	out->ip_version = 4;
	out->protocol = rest->at[9];
	out->ip_bytes = total;
	out->header_bytes = header;
	memcpy(out->source.address, rest->at + 12, 4);
	memcpy(out->destination.address, rest->at + 16, 4);
	packet_rest_limit(rest, total);
	packet_rest_skip(rest, header);
	return packet_parse_transport(rest, fragment != 0, out);
}

// Walks the extension headers; `*fragment` tells whether this is the first of several fragments.
static enum packet_verdict packet_skip_extensions(
	struct packet_rest *rest, struct flow_packet *out, bool *fragment)
{
	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		enum packet_verdict verdict;
		uint32_t bytes;

		switch (out->protocol) {
		case 0:  // hop-by-hop options
		case 43: // routing
		case 44: // fragment
		case 51: // authentication
		case 60: // destination options
			break;
		default:
			return PACKET_OK;
		}
		verdict = packet_rest_has(rest, 8);
		if (verdict != PACKET_OK)
			return verdict;
		bytes = 8 * (1 + (uint32_t)rest->at[1]);
		if (out->protocol == 44) {
			bytes = 8;
			if (packet_be16(rest->at + 2) & 0xfff8)
				return PACKET_FRAGMENT;
			*fragment = packet_be16(rest->at + 2) & 1;
		} else if (out->protocol == 51) {
			bytes = 4 * (2 + (uint32_t)rest->at[1]);
		}
		verdict = packet_rest_has(rest, bytes);
		if (verdict != PACKET_OK)
			return verdict;
		out->protocol = rest->at[0];
		out->header_bytes += bytes;
		packet_rest_skip(rest, bytes);
	}
	return PACKET_MALFORMED;
}

static enum packet_verdict packet_parse_ipv6(struct packet_rest *rest, struct flow_packet *out)
{
	enum packet_verdict verdict = packet_rest_has(rest, 40);
	bool fragment = false;
	uint32_t total;

	if (verdict != PACKET_OK)
		return verdict;
	total = 40 + (uint32_t)packet_be16(rest->at + 4);
	if (total == 40 && rest->at[6] != IPV6_NO_NEXT_HEADER)
		total = packet_unsaid_length(rest);
	if (total < 40 || total > rest->wire)
		return PACKET_MALFORMED;
	out->ip_version = 6;
	out->protocol = rest->at[6];
	out->ip_bytes = total;
	out->header_bytes = 40;
	memcpy(out->source.address, rest->at + 8, 16);
	memcpy(out->destination.address, rest->at + 24, 16);
	packet_rest_limit(rest, total);
	packet_rest_skip(rest, 40);
	verdict = packet_skip_extensions(rest, out, &fragment);
	return verdict == PACKET_OK ? packet_parse_transport(rest, fragment, out) : verdict;
}

static enum packet_verdict packet_parse_ip(struct packet_rest *rest, struct flow_packet *out)
{
	enum packet_verdict verdict = packet_rest_has(rest, 1);

	if (verdict != PACKET_OK)
		return verdict;
	switch (rest->at[0] >> 4) {
	case 4:
		return packet_parse_ipv4(rest, out);
	case 6:
		return packet_parse_ipv6(rest, out);
	default:
		return PACKET_MALFORMED;
	}
}

// What follows an EtherType: VLAN tags, then IP, whose own version must be the one that the type
// says.
static enum packet_verdict packet_parse_ethertype(
	struct packet_rest *rest, uint16_t type, struct flow_packet *out)
{
	for (int tags = 0;
		type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD;
		tags++) {
		enum packet_verdict verdict = packet_rest_has(rest, 4);

		if (verdict != PACKET_OK)
			return verdict;
		if (tags == VLAN_TAGS_MAX)
			return PACKET_MALFORMED;
		type = packet_be16(rest->at + 2);
		packet_rest_skip(rest, 4);
	}
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
		return PACKET_NOT_IP;
	if (rest->captured && rest->at[0] >> 4 != (type == ETHERTYPE_IPV4 ? 4 : 6))
		return PACKET_MALFORMED;
	return packet_parse_ip(rest, out);
}

enum packet_verdict packet_parse(enum packet_link link, const uint8_t *bytes, uint32_t captured,
	uint32_t wire_bytes, uint64_t time_ns, struct flow_packet *out)
{
	// Length of the link's header, and where in it the EtherType is.
	static const struct {
		uint8_t bytes, type_at;
	} headers[] = {
		[PACKET_LINK_ETHERNET] = { 14, 12 },
		[PACKET_LINK_RAW_IP] = { 0, 0 },
		[PACKET_LINK_NULL] = { 4, 0 },
		[PACKET_LINK_SLL] = { 16, 14 },
		[PACKET_LINK_SLL2] = { 20, 0 },
	};
	struct packet_rest rest = { bytes, captured,
		wire_bytes < captured ? captured : wire_bytes };
	enum packet_verdict verdict = packet_rest_has(&rest, headers[link].bytes);
	uint16_t type;

	if (verdict != PACKET_OK)
		return verdict;
	memset(out, 0, sizeof(*out));
	out->time_ns = time_ns;
	if (link == PACKET_LINK_RAW_IP || link == PACKET_LINK_NULL) {
		// The address family's numbers differ between systems; IP's version nibble does
		// not.
		packet_rest_skip(&rest, headers[link].bytes);
		verdict = packet_parse_ip(&rest, out);
	} else {
		type = packet_be16(bytes + headers[link].type_at);
		packet_rest_skip(&rest, headers[link].bytes);
		verdict = packet_parse_ethertype(&rest, type, out);
	}
	out->transport_at = (uint32_t)(rest.at - bytes);
	return verdict;
}
