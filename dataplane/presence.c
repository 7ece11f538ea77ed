// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/presence.h"

#include <arpa/inet.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>

#define MAC_BYTES 6
#define NS        1000000000u

void presence_init(struct presence *presence, const struct config_port *config, uint64_t tsc_hz)
{
	memset(presence, 0, sizeof(*presence));
	presence->tsc_hz = tsc_hz;
	limit_init(&presence->echo, config->icmp_per_second, tsc_hz);
	limit_init(&presence->errors, config->icmp_per_second, tsc_hz);
	limit_init(&presence->groups, config->icmp_per_second, tsc_hz);
}

void presence_note(struct presence *presence, uint32_t index, const void *mac, uint64_t now)
{
	struct claim *claim = &presence->claims[index];
	uint64_t word = 0;

	memcpy(&word, mac, MAC_BYTES);
	atomic_store_explicit(&claim->mac, word, memory_order_relaxed);
	atomic_store_explicit(&claim->seen_tsc, now, memory_order_relaxed);
	atomic_fetch_add_explicit(&claim->packets, 1, memory_order_release);
}

bool presence_defends(struct presence *presence, uint32_t index, const void *mac, uint64_t now)
{
	struct claim *claim = &presence->claims[index];
	uint64_t last = atomic_load_explicit(&claim->defended_tsc, memory_order_relaxed);
	bool due = last == 0 ||
		(now > last && now - last >= PRESENCE_DEFEND_SECONDS * presence->tsc_hz);

	presence_note(presence, index, mac, now);
	// Of lcores that come at once one defends. 0 says never.
	if (!due ||
		!atomic_compare_exchange_strong_explicit(&claim->defended_tsc, &last, now ? now : 1,
			memory_order_relaxed, memory_order_relaxed))
		return false;
	atomic_fetch_add_explicit(&claim->defences, 1, memory_order_relaxed);
	return true;
}

static void presence_address_text(const struct config_address *address, char text[INET6_ADDRSTRLEN])
{
	inet_ntop(address->is_ipv6 ? AF_INET6 : AF_INET, &address->ipv6, text, INET6_ADDRSTRLEN);
}

bool presence_news(struct presence *presence, const struct config_port *config, uint64_t now_ns,
	char *text, size_t size)
{
	for (uint32_t i = 0; i < config->n_addresses; i++) {
		struct claim *claim = &presence->claims[i];
		uint64_t packets = atomic_load_explicit(&claim->packets, memory_order_acquire);
		uint64_t mac = atomic_load_explicit(&claim->mac, memory_order_relaxed);
		uint8_t m[sizeof(mac)];
		char address[INET6_ADDRSTRLEN];

		if (packets == claim->said_packets ||
			(claim->said_packets &&
				now_ns - claim->said_ns < (uint64_t)PRESENCE_DEFEND_SECONDS * NS))
			continue;
		memcpy(m, &mac, sizeof(m));
		presence_address_text(&config->addresses[i], address);
		snprintf(text, size,
			"port %s: %02x:%02x:%02x:%02x:%02x:%02x claims our address %s as well "
			"(%llu packets, %llu defences sent since the start): give one of the two "
			"another",
			config->name, m[0], m[1], m[2], m[3], m[4], m[5], address,
			(unsigned long long)packets,
			(unsigned long long)atomic_load_explicit(
				&claim->defences, memory_order_relaxed));
		claim->said_packets = packets;
		claim->said_ns = now_ns;
		return true;
	}
	return false;
}

void presence_info(const struct presence *presence, struct port_info *info)
{
	const uint64_t now = rte_rdtsc();

	for (uint32_t i = 0; i < info->config->n_addresses; i++) {
		const struct claim *claim = &presence->claims[i];
		struct port_conflict *conflict = &info->conflicts[info->n_conflicts];
		uint64_t seen, mac;

		conflict->packets = atomic_load_explicit(&claim->packets, memory_order_acquire);
		if (!conflict->packets)
			continue;
		conflict->address = &info->config->addresses[i];
		conflict->defences = atomic_load_explicit(&claim->defences, memory_order_relaxed);
		seen = atomic_load_explicit(&claim->seen_tsc, memory_order_relaxed);
		conflict->seconds_ago = now > seen ? (now - seen) / presence->tsc_hz : 0;
		mac = atomic_load_explicit(&claim->mac, memory_order_relaxed);
		memcpy(conflict->mac, &mac, sizeof(conflict->mac));
		info->address_conflicts += conflict->packets;
		info->address_defences += conflict->defences;
		info->n_conflicts++;
	}
}
