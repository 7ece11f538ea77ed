// SPDX-License-Identifier: BSD-3-Clause
// What becomes of packets that get no reply. Any thread.
#pragma once

// Every reason to drop a packet, by name.
// X(DROP, "name", "what it means")
#define DROP_LIST(X)                                                                               \
	X(DROP_NOT_OUR_MAC, "not_our_mac", "destination MAC is another's")                         \
	X(DROP_NOT_OUR_VLAN, "not_our_vlan",                                                       \
		"in a VLAN, or without the tag, that the port does not take")                      \
	X(DROP_NOT_OUR_ADDRESS, "not_our_address", "destination address is another's")             \
	X(DROP_NOT_HANDLED, "not_handled", "an ethertype, protocol or port nobody here serves")    \
	X(DROP_TRUNCATED, "truncated", "shorter than its own headers say")                         \
	X(DROP_BAD_IP_HEADER, "bad_ip_header", "IP version, header length or total length wrong")  \
	X(DROP_BAD_IP_CHECKSUM, "bad_ip_checksum", "IPv4 header checksum wrong")                   \
	X(DROP_BAD_UDP_LENGTH, "bad_udp_length", "UDP length does not fit the packet")             \
	X(DROP_BAD_L4_CHECKSUM, "bad_l4_checksum",                                                 \
		"UDP, ICMP or ICMPv6 checksum wrong; if the sender leaves it to offload (veth, "   \
		"containers): ethtool -K IF tx off there, or checksum = \"trust\" for the port")   \
	X(DROP_FRAGMENT, "fragment", "an IP fragment")                                             \
	X(DROP_BAD_SOURCE_ADDRESS, "bad_source_address",                                           \
		"source is broadcast, multicast, loopback, zero or our own")                       \
	X(DROP_BAD_SOURCE_PORT, "bad_source_port", "source port 0 or our service port")            \
	X(DROP_SHORT_HEADER, "short_header", "UDP payload shorter than the 32-byte header")        \
	X(DROP_BAD_MAGIC, "bad_magic", "first two bytes are not 4D 4C")                            \
	X(DROP_BAD_VERSION, "bad_version", "protocol version is not 1")                            \
	X(DROP_RESERVED_NOT_ZERO, "reserved_not_zero", "a reserved field or flag is not zero")     \
	X(DROP_AUTH_MISSING, "auth_missing",                                                       \
		"not authenticated, and trust.require_authentication demands it")                  \
	X(DROP_AUTH_SHORT, "auth_short", "says authenticated, and is too short for a trailer")     \
	X(DROP_AUTH_UNKNOWN_KEY, "auth_unknown_key", "trust.keys has no key of its id")            \
	X(DROP_AUTH_KEY_NOT_VALID, "auth_key_not_valid",                                           \
		"its key has retired or is not valid yet")                                         \
	X(DROP_AUTH_BAD_TAG, "auth_bad_tag", "its tag is not what its key makes of it")            \
	X(DROP_AUTH_REPLAYED, "auth_replayed",                                                     \
		"its counter has been seen, or is 1024 or more below the newest of its key")       \
	X(DROP_BAD_NEIGHBOUR, "bad_neighbour",                                                     \
		"ARP, neighbour discovery or MLD that is malformed or not for us")                 \
	X(DROP_BAD_ICMP, "bad_icmp", "ICMP that is malformed or not an echo request")              \
	X(DROP_TOO_LONG, "too_long", "longer than the port's MTU, or in several segments")         \
	X(DROP_ADDRESS_CONFLICT, "address_conflict",                                               \
		"ARP or neighbour discovery of another host that claims our address")              \
	X(DROP_RATE_LIMITED, "rate_limited",                                                       \
		"an echo request, MLD query or address probe beyond icmp_per_second")              \
	X(DROP_TX_FULL, "tx_full", "reply made, but the NIC's transmit queue stayed full")

enum drop {
#define X(drop, name, text) drop,
	DROP_LIST(X)
#undef X
		DROP_COUNT
};

// What a stage that may drop a packet returns where it does not.
#define DROP_NONE DROP_COUNT

const char *drop_name(enum drop drop); // "bad_magic"
const char *drop_text(enum drop drop); // what that means, for people
