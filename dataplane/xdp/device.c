// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/xdp/device.h"

#include "dataplane/device/devargs.h"

#include <stdlib.h>
#include <string.h>

#define DRIVER      "net_af_xdp"
#define QUEUE_COUNT "queue_count"
#define QUEUE_MOST  65535 // a queue's number has 16 bits in DPDK

bool xdp_device_is(const char *device)
{
	return devargs_is_of(device, DRIVER);
}

static int device_number(
	const char *device, const char *key, uint32_t least, uint32_t *number, struct error *err)
{
	size_t bytes;
	const char *value = devargs_find(device, key, &bytes);
	char *end;
	unsigned long n;

	if (!value)
		return 0;
	n = strtoul(value, &end, 10);
	if (bytes == 0 || *value < '0' || *value > '9' || end != value + bytes || n < least ||
		n > QUEUE_MOST)
		return error_set(err, -EINVAL, "%s=%.*s: a number from %u to %d is right", key,
			(int)bytes, value, least, QUEUE_MOST);
	*number = (uint32_t)n;
	return 0;
}

int xdp_device_parse(const char *device, struct xdp_device *parsed, struct error *err)
{
	size_t bytes;
	const char *interface = devargs_find(device, "iface", &bytes);
	int rc;

	*parsed = (struct xdp_device){ .start_queue = 0 };
	if (!interface || bytes == 0)
		return error_set(err, -EINVAL,
			"it names no interface: " DRIVER "0,iface=eth1 would be right");
	if (bytes >= sizeof(parsed->interface))
		return error_set(err, -EINVAL,
			"iface=%.*s: an interface's name has at most %zu bytes", (int)bytes,
			interface, sizeof(parsed->interface) - 1);
	memcpy(parsed->interface, interface, bytes);
	rc = device_number(device, "start_queue", 0, &parsed->start_queue, err);
	return rc != 0 ? rc : device_number(device, QUEUE_COUNT, 1, &parsed->queue_count, err);
}

int xdp_device_write(
	const char *device, uint32_t queues, char *text, size_t size, struct error *err)
{
	size_t bytes;
	const char *count = devargs_find(device, QUEUE_COUNT, &bytes);
	int n = count ? snprintf(text, size, "%s", device)
		      : snprintf(text, size, "%s," QUEUE_COUNT "=%u", device, queues);

	return n >= 0 && (size_t)n < size
		? 0
		: error_set(err, -EINVAL, "it is too long: %zu bytes are the most", size - 1);
}
