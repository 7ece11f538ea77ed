// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/xdp/queues.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int queues_ask(int fd, const char *interface, void *command)
{
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : -errno;
}

int xdp_queues_look(const char *interface, struct xdp_queues *queues)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_rxnfc rings = { .cmd = ETHTOOL_GRXRINGS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	*queues = (struct xdp_queues){ .receive = 1, .offered = 1 };
	rc = queues_ask(fd, interface, &channels);
	if (rc == 0) {
		queues->receive = channels.rx_count + channels.combined_count;
		// As the driver has it: channels that only receive it cannot have, but for the first.
		queues->most = channels.max_combined;
		if (channels.max_combined)
			queues->offered = channels.combined_count;
	} else if (rc == -EOPNOTSUPP) {
		rc = 0;
		if (queues_ask(fd, interface, &rings) == 0 && rings.data)
			queues->receive = (uint32_t)rings.data;
	}
	close(fd);
	if (queues->receive == 0) // of a tap: nobody has opened it
		queues->receive = 1;
	return rc;
}

static int queues_too_many(const struct xdp_device *device, const struct xdp_queues *have,
	uint32_t wanted, struct error *err)
{
	if (!have->most)
		return error_set(err, -EINVAL,
			"queues %u to %u are wanted, but of interface %s, which has no combined "
			"channels (ethtool -l %s), DPDK's AF_XDP driver hears queue 0 alone: say "
			"queues = 1",
			device->start_queue, device->start_queue + wanted - 1, device->interface,
			device->interface);
	if (device->start_queue + wanted > have->most)
		return error_set(err, -EINVAL,
			"%u receive queues from queue %u on are wanted, but interface %s has %u "
			"and can have %u (ethtool -l %s): say queues = %u",
			wanted, device->start_queue, device->interface, have->offered, have->most,
			device->interface, have->offered);
	return error_set(err, -EINVAL,
		"%u receive queues from queue %u on are wanted, but interface %s has %u: ethtool "
		"-L %s combined %u, or queues = %u",
		wanted, device->start_queue, device->interface, have->offered, device->interface,
		device->start_queue + wanted, have->offered);
}

static int queues_too_few(const struct xdp_device *device, const struct xdp_queues *have,
	uint32_t queues, struct error *err)
{
	if (!have->most)
		return error_set(err, -EINVAL,
			"interface %s spreads packets over %u receive queues, and as it has no "
			"combined channels, DPDK's AF_XDP driver hears one of them: ethtool -L %s "
			"rx 1 (of a veth also its other end: tx 1), or say steered = true if all "
			"packets of this port come by queue %u",
			device->interface, have->receive, device->interface, device->start_queue);
	return error_set(err, -EINVAL,
		"interface %s spreads packets over %u receive queues, of which %u would be heard: "
		"ethtool -L %s combined %u, or queues = %u, or say steered = true if ethtool -N or "
		"-X sends all packets of this port to these",
		device->interface, have->receive, queues, device->interface, queues, have->receive);
}

int xdp_queues_choose(const struct xdp_device *device, uint32_t wanted, bool steered,
	uint32_t *queues, struct error *err)
{
	struct xdp_queues have = { 0 };
	int rc = xdp_queues_look(device->interface, &have);

	if (rc == -ENODEV)
		return error_set(
			err, rc, "there is no interface %s here: ip -br link", device->interface);
	if (rc != 0)
		return error_set(err, rc, "interface %s: its queues cannot be had: %s",
			device->interface, strerror(-rc));
	if (wanted && device->queue_count && wanted != device->queue_count)
		return error_set(err, -EINVAL,
			"queues is %u, but the device says queue_count=%u: leave queue_count out",
			wanted, device->queue_count);
	*queues = wanted ? wanted : device->queue_count;
	if (!*queues)
		*queues =
			have.offered > device->start_queue ? have.offered - device->start_queue : 1;
	if (*queues > XDP_QUEUES_MAX)
		return error_set(err, -EINVAL,
			"interface %s: %u receive queues, and a port has at most %d: ethtool -L %s "
			"combined %d",
			device->interface, *queues, XDP_QUEUES_MAX, device->interface,
			XDP_QUEUES_MAX);
	// Of channels that only receive, the driver can have a single one by its number.
	if (device->start_queue + *queues > have.offered &&
		!(steered && *queues == 1 && device->start_queue < have.receive))
		return queues_too_many(device, &have, *queues, err);
	if (*queues < have.receive && !steered)
		return queues_too_few(device, &have, *queues, err);
	return 0;
}
