// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/device.h"

#include "dataplane/device/devargs.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET "/run/memif.sock"

static bool device_is(const char *key, size_t bytes, const char *name)
{
	return strlen(name) == bytes && memcmp(key, name, bytes) == 0;
}

// DPDK, too, looks for the words within the value, and still takes "master".
static bool device_says_server(const char *value, size_t bytes)
{
	char role[32];

	snprintf(role, sizeof(role), "%.*s", (int)bytes, value);
	return strstr(role, "server") || strstr(role, "master");
}

bool memif_device_is_server(const char *device)
{
	size_t key_bytes, value_bytes;
	const char *value;

	if (!devargs_is_of(device, "net_memif"))
		return false;
	for (const char *at = device;
		(at = devargs_next(at, &key_bytes, &value, &value_bytes)) != NULL;)
		if (device_is(at, key_bytes, "role") && device_says_server(value, value_bytes))
			return true;
	return false;
}

static int device_text(
	char *to, size_t size, const char *what, const char *value, size_t bytes, struct error *err)
{
	if (!bytes || bytes >= size)
		return error_set(err, -EINVAL, "%s has %zu bytes: 1 to %zu are right", what, bytes,
			size - 1);
	memcpy(to, value, bytes);
	to[bytes] = '\0';
	return 0;
}

static int device_choice(
	bool *to, const char *what, const char *value, size_t bytes, struct error *err)
{
	*to = device_is(value, bytes, "yes");
	if (*to || device_is(value, bytes, "no"))
		return 0;
	return error_set(err, -EINVAL, "%s=%.*s: yes or no is right", what, (int)bytes, value);
}

static int device_number(uint64_t *to, uint64_t min, uint64_t max, const char *what,
	const char *value, size_t bytes, struct error *err)
{
	char text[24], *end;

	snprintf(text, sizeof(text), "%.*s", (int)bytes, value);
	errno = 0;
	*to = strtoull(text, &end, 10);
	if (errno == 0 && bytes < sizeof(text) && *text >= '0' && *text <= '9' && !*end &&
		*to >= min && *to <= max)
		return 0;
	return error_set(err, -EINVAL, "%s=%.*s: a number from %lu to %lu is right", what,
		(int)bytes, value, min, max);
}

static int device_mac(struct rte_ether_addr *to, const char *value, size_t bytes, struct error *err)
{
	char text[RTE_ETHER_ADDR_FMT_SIZE];

	snprintf(text, sizeof(text), "%.*s", (int)bytes, value);
	if (bytes < sizeof(text) && rte_ether_unformat_addr(text, to) == 0 &&
		rte_is_valid_assigned_ether_addr(to))
		return 0;
	return error_set(
		err, -EINVAL, "mac=%.*s: 02:00:00:00:00:01 would be right", (int)bytes, value);
}

static int device_argument(struct memif_device *parsed, const char *key, size_t key_bytes,
	const char *value, size_t bytes, struct error *err)
{
	uint64_t number = 0;
	bool flag;
	int rc;

	if (device_is(key, key_bytes, "role"))
		return 0;
	if (device_is(key, key_bytes, "id")) {
		rc = device_number(&number, 0, UINT32_MAX, "id", value, bytes, err);
		parsed->id = (uint32_t)number;
		return rc;
	}
	if (device_is(key, key_bytes, "socket"))
		return device_text(
			parsed->socket, sizeof(parsed->socket), "socket", value, bytes, err);
	if (device_is(key, key_bytes, "socket-abstract"))
		return device_choice(&parsed->is_abstract, "socket-abstract", value, bytes, err);
	if (device_is(key, key_bytes, "secret"))
		return device_text(
			parsed->secret, sizeof(parsed->secret), "secret", value, bytes, err);
	if (device_is(key, key_bytes, "socket-group"))
		return device_text(
			parsed->group, sizeof(parsed->group), "socket-group", value, bytes, err);
	if (device_is(key, key_bytes, "mac"))
		return device_mac(&parsed->mac, value, bytes, err);
	if (device_is(key, key_bytes, "bsize"))
		return device_number(&number, 1, UINT16_MAX, "bsize", value, bytes, err);
	if (device_is(key, key_bytes, "rsize"))
		return device_number(&number, 1, 14, "rsize", value, bytes, err);
	if (device_is(key, key_bytes, "zero-copy"))
		return device_choice(&flag, "zero-copy", value, bytes, err);
	return error_set(err, -EINVAL,
		"'%.*s' is no argument of a memif server; there are role, id, socket, "
		"socket-abstract, socket-group, secret, mac, bsize, rsize and zero-copy",
		(int)key_bytes, key);
}

int memif_device_parse(const char *device, struct memif_device *parsed, struct error *err)
{
	size_t key_bytes, value_bytes;
	const char *value;

	*parsed = (struct memif_device){ .socket = DEFAULT_SOCKET, .is_abstract = true };
	rte_eth_random_addr(parsed->mac.addr_bytes);
	for (const char *at = device;
		(at = devargs_next(at, &key_bytes, &value, &value_bytes)) != NULL;) {
		int rc = device_argument(parsed, at, key_bytes, value, value_bytes, err);

		if (rc != 0)
			return rc;
	}
	if (parsed->group[0] && parsed->is_abstract)
		return error_set(err, -EINVAL,
			"socket-group=%s, but an abstract socket has no owner: a path and "
			"socket-abstract=no would be right",
			parsed->group);
	return 0;
}
