// SPDX-License-Identifier: BSD-3-Clause
#include "config/clients.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IPV6_BITS 64 // an IPv6 client is its /64

// The setting that a message is about: the key of that entry, or the entry where it is not written.
static const config_setting_t *clients_member(
	const config_setting_t *list, uint32_t index, const char *key)
{
	const config_setting_t *group = config_setting_get_elem(list, index);
	const config_setting_t *setting = config_setting_get_member(group, key);

	return setting ? setting : group;
}

static bool clients_has_host_bits(const struct config_address *network)
{
	const uint8_t *bytes = (const uint8_t *)&network->ipv6;
	const uint32_t all = network->is_ipv6 ? 128 : 32;

	for (uint32_t bit = network->prefix_length; bit < all; bit++)
		if (bytes[bit / 8] & 0x80u >> bit % 8)
			return true;
	return false;
}

// "10.0.0.0/8", "10.77.0.2", "fd00:77::/64". NULL, or what is wrong with it.
static const char *clients_parse(const char *text, struct config_address *out)
{
	const char *slash = strchr(text, '/');
	const size_t bytes = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	unsigned long bits;
	char *end;

	memset(out, 0, sizeof(*out));
	if (bytes >= sizeof(host))
		return "is no network";
	memcpy(host, text, bytes);
	host[bytes] = '\0';
	out->is_ipv6 = strchr(host, ':') != NULL;
	if (inet_pton(out->is_ipv6 ? AF_INET6 : AF_INET, host, &out->ipv6) != 1)
		return "is no network";
	if (!slash) {
		out->prefix_length = out->is_ipv6 ? 128 : 32;
		return out->is_ipv6 ? "is one IPv6 address, but a client is all of a /64" : NULL;
	}
	bits = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : 999;
	if (bits > (out->is_ipv6 ? 128 : 32) || *end)
		return "is no network";
	out->prefix_length = (uint8_t)bits;
	if (out->is_ipv6 && bits > IPV6_BITS)
		return "is longer than a /64, and a client is all of a /64";
	return clients_has_host_bits(out) ? "has bits behind its prefix length" : NULL;
}

static bool clients_are_same(const struct config_client *a, const struct config_client *b)
{
	if (a->key || b->key)
		return a->key == b->key;
	return a->network.is_ipv6 == b->network.is_ipv6 &&
		a->network.prefix_length == b->network.prefix_length &&
		memcmp(&a->network.ipv6, &b->network.ipv6, sizeof(a->network.ipv6)) == 0;
}

// Limits that are not written are the group's.
static void clients_inherit(struct config_limits *own, const struct config_limits *group)
{
	if (own->burst == UINT32_MAX)
		own->burst = own->rate == UINT32_MAX ? group->burst : 0;
	if (own->rate == UINT32_MAX)
		own->rate = group->rate;
	if (own->rows_burst == UINT32_MAX)
		own->rows_burst = own->rows == UINT32_MAX ? group->rows_burst : 0;
	if (own->rows == UINT32_MAX)
		own->rows = group->rows;
	if (own->share == UINT32_MAX)
		own->share = group->share;
}

static int clients_check_one(const struct reader *reader, const config_setting_t *list, uint32_t i,
	struct config_client *client)
{
	const char *trouble;

	if (!client->address[0] == !client->key)
		return reader_refuse(reader, config_setting_get_elem(list, i),
			"clients.list[%u]: must name either address = \"10.77.0.0/24\" or key = 7",
			i);
	if (client->key)
		return 0;
	trouble = clients_parse(client->address, &client->network);
	if (!trouble)
		return 0;
	return reader_refuse(reader, clients_member(list, i, "address"),
		"clients.list[%u].address: '%s' %s: say it as \"10.77.0.0/24\", \"10.77.0.2\" or "
		"\"fd00:77::/64\"",
		i, client->address, trouble);
}

static int clients_refuse_twice(const struct reader *reader, const config_setting_t *list,
	uint32_t i, uint32_t j, const struct config_client *other)
{
	const char *key = other->key ? "key" : "address";

	return reader_refuse(reader, clients_member(list, i, key),
		"clients.list[%u].%s: is the client of the entry at line %d already", i, key,
		config_setting_source_line(config_setting_get_elem(list, j)));
}

int clients_check(
	const struct reader *reader, const config_setting_t *list, struct config_clients *config)
{
	int rc = 0;

	for (uint32_t i = 0; i < config->n_list; i++) {
		struct config_client *client = &config->list[i];

		clients_inherit(&client->limits, &config->limits);
		if (clients_check_one(reader, list, i, client) != 0) {
			rc = -EINVAL;
			continue;
		}
		for (uint32_t j = 0; j < i; j++)
			if (clients_are_same(client, &config->list[j]))
				rc = clients_refuse_twice(reader, list, i, j, &config->list[j]);
	}
	return rc;
}
