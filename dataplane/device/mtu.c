// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/mtu.h"

#include "dataplane/device/devargs.h"
#include "dataplane/device/devices.h"
#include "dataplane/device/netdev.h"
#include "dataplane/memif/device.h"
#include "dataplane/packet.h"
#include "dataplane/xdp/device.h"

#include <linux/if_packet.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <string.h>
#include <unistd.h>

// Of a frame, beside its IP packet: Ethernet and two tags.
#define LINK_BYTES ((uint32_t)RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)

// AF_PACKET: what lies in front of the IP packet in a frame of the ring. The kernel puts the packet at
// TPACKET_ALIGN(header + 16) (tpacket_rcv() in net/packet/af_packet.c) and takes the outer tag out; the
// inner one stays.
#define RING_BYTES         ((uint32_t)TPACKET_ALIGN(TPACKET2_HDRLEN + 16) + RTE_VLAN_HLEN)
#define RING_FRAME_DEFAULT 2048u // framesz and framecnt of DPDK's driver
#define RING_COUNT_DEFAULT 512u
#define RING_FRAME_MOST    32768u
// What the driver takes out of framesz before it compares the rest with a packet buffer.
#define RING_HEADER_BYTES (TPACKET2_HDRLEN - (uint32_t)sizeof(struct sockaddr_ll))

// AF_XDP: a frame is a packet buffer with all its headers, and may not be longer than a page. The kernel
// keeps XDP_PACKET_HEADROOM of it for itself.
#define XDP_HEADROOM 256u
// DPDK may make a buffer one cache line longer, so that buffers are spread over channels of memory.
#define XDP_OBJECT_MOST(page) ((page)-RTE_CACHE_LINE_SIZE)
#define XDP_OBJECT_BYTES(room)                                                                     \
	((uint32_t)RTE_CACHE_LINE_ROUNDUP(sizeof(struct rte_mempool_objhdr)) +                     \
		(uint32_t)sizeof(struct rte_mbuf) + PACKET_BYTES + RTE_PKTMBUF_HEADROOM +          \
		(uint32_t)RTE_CACHE_LINE_ROUNDUP(room))

#define MEMIF_BUFFER_DEFAULT 2048u // bsize of DPDK's driver

struct mtu_ring {
	uint32_t frame, block, count;
};

static struct mtu_ring mtu_ring_of(const char *device)
{
	return (struct mtu_ring){
		.frame = devargs_number(device, "framesz", RING_FRAME_DEFAULT),
		.block = devargs_number(device, "blocksz", (uint32_t)getpagesize()),
		.count = devargs_number(device, "framecnt", RING_COUNT_DEFAULT),
	};
}

static uint32_t mtu_device_bytes(const char *device, uint32_t mtu)
{
	uint32_t frame = mtu + LINK_BYTES + RTE_ETHER_CRC_LEN;

	if (xdp_device_is(device))
		return mtu + LINK_BYTES + XDP_HEADROOM;
	if (devargs_is_of(device, "net_af_packet")) {
		uint32_t ring = mtu_ring_of(device).frame;

		if (ring <= RING_FRAME_MOST && ring > frame + RING_HEADER_BYTES)
			return ring - RING_HEADER_BYTES;
	}
	return frame;
}

uint32_t mtu_buffer_bytes(const struct config_port *port)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i <= port->n_members; i++)
		bytes = RTE_MAX(bytes, mtu_device_bytes(devices_of(port, i), port->mtu));
	return bytes;
}

// The smallest ring that carries an mtu: blocks are whole pages and hold whole frames.
static struct mtu_ring mtu_ring_for(uint32_t mtu)
{
	uint32_t page = (uint32_t)getpagesize();
	struct mtu_ring ring = { .frame = RTE_MAX(RING_FRAME_DEFAULT,
					 RTE_ALIGN_CEIL(mtu + RING_BYTES, 1024u)),
		.count = RING_COUNT_DEFAULT };

	ring.block = ring.frame;
	while (ring.block % page)
		ring.block += ring.frame;
	return ring;
}

static int mtu_check_ring(const struct config_port *port, const char *device, struct error *err)
{
	const struct mtu_ring ring = mtu_ring_of(device), good = mtu_ring_for(port->mtu);
	uint32_t page = (uint32_t)getpagesize();
	uint32_t most = ring.frame > RING_BYTES ? ring.frame - RING_BYTES : 0;

	// The driver finds frames by framesz alone, the kernel begins anew in each block.
	if (!ring.frame || !ring.block || ring.frame > RING_FRAME_MOST ||
		ring.frame % TPACKET_ALIGNMENT || ring.block % page || ring.block % ring.frame ||
		!ring.count || ring.count % (ring.block / ring.frame))
		return error_set(err, -EINVAL,
			"port %s: framesz=%u, blocksz=%u, framecnt=%u make no ring: framesz is a "
			"multiple of %u and at most %u, blocksz one of framesz and of a page (%u), "
			"framecnt one of blocksz / framesz: framesz=%u,blocksz=%u would do",
			port->name, ring.frame, ring.block, ring.count, TPACKET_ALIGNMENT,
			RING_FRAME_MOST, page, good.frame, good.block);
	if (port->mtu <= most)
		return 0;
	return error_set(err, -EINVAL,
		"port %s: mtu is %u, but AF_PACKET's frames of %u bytes (framesz) carry at most "
		"%u: add framesz=%u,blocksz=%u to its device",
		port->name, port->mtu, ring.frame, most, good.frame, good.block);
}

static int mtu_check_xdp(const struct config *config, const struct config_port *port, uint32_t room,
	struct error *err)
{
	uint32_t page = (uint32_t)getpagesize();
	uint32_t room_most = XDP_OBJECT_MOST(page) - XDP_OBJECT_BYTES(0);
	uint32_t most = room_most - XDP_HEADROOM - LINK_BYTES;
	const struct config_port *longest = port;

	if (port->mtu > most)
		return error_set(err, -EINVAL,
			"port %s: mtu is %u, but AF_XDP's frames are of at most a page and carry "
			"%u: net_af_packet carries more",
			port->name, port->mtu, most);
	if (room <= room_most)
		return 0;
	for (uint32_t i = 0; i < config->n_ports; i++)
		if (mtu_buffer_bytes(&config->ports[i]) > mtu_buffer_bytes(longest))
			longest = &config->ports[i];
	return error_set(err, -EINVAL,
		"port %s: AF_XDP's frames are the packet buffers, and may have at most %u bytes, "
		"but "
		"port %s (mtu %u, framesz) needs %u: serve one of them by a martletd of its own",
		port->name, room_most, longest->name, longest->mtu, mtu_buffer_bytes(longest));
}

// A client of DPDK's that chains buffers sends stale ones after them.
static int mtu_check_memif_client(
	const struct config_port *port, const char *device, struct error *err)
{
	uint32_t buffer = devargs_number(device, "bsize", MEMIF_BUFFER_DEFAULT);
	char zero_copy[8];

	if (devargs_text(device, "zero-copy", zero_copy, sizeof(zero_copy)) &&
		strcmp(zero_copy, "yes") == 0)
		return 0; // its buffers are ours
	if (port->mtu + LINK_BYTES <= buffer)
		return 0;
	return error_set(err, -EINVAL,
		"port %s: mtu is %u, but memif buffers of %u bytes (bsize) carry at most %u: add "
		"bsize=%u to its device",
		port->name, port->mtu, buffer, buffer > LINK_BYTES ? buffer - LINK_BYTES : 0,
		RTE_ALIGN_CEIL(port->mtu + LINK_BYTES, 1024u));
}

int mtu_check_interface(const struct config_port *port, uint32_t if_index, struct error *err)
{
	struct netdev_state state;

	if (!if_index || netdev_look(if_index, &state) != 0 || state.mtu >= port->mtu)
		return 0;
	return error_set(err, -EINVAL,
		"port %s: mtu is %u, but interface %s has one of %u: ip link set %s mtu %u, or mtu "
		"= %u for the port",
		port->name, port->mtu, state.name, state.mtu, state.name, port->mtu, state.mtu);
}

static int mtu_check_device(const struct config *config, const struct config_port *port,
	const char *device, uint32_t room, struct error *err)
{
	bool is_packet = devargs_is_of(device, "net_af_packet");
	bool is_xdp = xdp_device_is(device);
	char interface[IF_NAMESIZE];
	int rc = 0;

	if (devargs_is_of(device, "net_memif") && !memif_device_is_server(device))
		return mtu_check_memif_client(port, device, err);
	if (is_packet)
		rc = mtu_check_ring(port, device, err);
	else if (is_xdp)
		rc = mtu_check_xdp(config, port, room, err);
	if (rc == 0 && (is_packet || is_xdp) &&
		devargs_text(device, "iface", interface, sizeof(interface)))
		rc = mtu_check_interface(port, netdev_find(interface), err);
	return rc;
}

int mtu_check(const struct config *config, uint32_t room, struct error *err)
{
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];

		for (uint32_t k = 0; k <= port->n_members; k++) {
			int rc = mtu_check_device(config, port, devices_of(port, k), room, err);

			if (rc != 0)
				return rc;
		}
	}
	return 0;
}
