// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor_nic.h"

#include "ctl/tool/doctor_read.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PCI "/sys/bus/pci/devices"

static void nic_check_iommu(struct doctor *doctor)
{
	char names[8][DOCTOR_NAME_BYTES], cmdline[4096];

	doctor_read(doctor, cmdline, sizeof(cmdline), "/proc/cmdline");
	if (doctor_list(doctor, "/sys/class/iommu", names, 8))
		doctor_find(doctor, "nic", "iommu", DOCTOR_OK, NULL, "on (%s)%s", names[0],
			strstr(cmdline, "iommu=pt") ? ", pass-through" : "");
	else
		doctor_find(doctor, "nic", "iommu", DOCTOR_WARN,
			"add to GRUB_CMDLINE_LINUX: intel_iommu=on iommu=pt; update-grub && "
			"reboot; without one: echo 1 > "
			"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
			"none: a PCI card under vfio needs one (memif, AF_XDP and AF_PACKET do "
			"not)");
}

static void nic_check_vfio(struct doctor *doctor)
{
	if (doctor_exists(doctor, "/sys/bus/pci/drivers/vfio-pci"))
		doctor_find(doctor, "nic", "vfio", DOCTOR_OK, NULL, "vfio-pci is loaded");
	else
		doctor_find(doctor, "nic", "vfio", DOCTOR_WARN, "modprobe vfio-pci",
			"vfio-pci is not loaded: only PCI cards under it want it");
}

static void nic_check_xdp(struct doctor *doctor)
{
	char protocols[8192], release[64];
	const char *at;

	doctor_read(doctor, protocols, sizeof(protocols), "/proc/net/protocols");
	doctor_read(doctor, release, sizeof(release), "/proc/sys/kernel/osrelease");
	at = strstr(protocols, "XDP ");
	if (at && (at == protocols || at[-1] == '\n'))
		doctor_find(doctor, "nic", "af_xdp", DOCTOR_OK, NULL,
			"kernel %s has AF_XDP sockets", release);
	else
		doctor_find(doctor, "nic", "af_xdp", DOCTOR_WARN, NULL,
			"kernel %s has no AF_XDP sockets: use net_af_packet0,iface=NAME for a "
			"kernel's NIC",
			release);
}

// Finds the name of the kernel's interface on a PCI device, or on a virtio device that stands on it.
// False where there is none.
static bool nic_find_interface(
	const struct doctor *doctor, const char *address, char *name, size_t size)
{
	char path[PATH_MAX], names[16][DOCTOR_NAME_BYTES], inner[4][DOCTOR_NAME_BYTES];
	uint32_t n;

	snprintf(path, sizeof(path), PCI "/%s/net", address);
	if (doctor_list(doctor, path, inner, 4)) {
		snprintf(name, size, "%s", inner[0]);
		return true;
	}
	snprintf(path, sizeof(path), PCI "/%s", address);
	n = doctor_list(doctor, path, names, 16);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), PCI "/%s/%.63s/net", address, names[i]);
		if (strncmp(names[i], "virtio", 6) == 0 && doctor_list(doctor, path, inner, 4)) {
			snprintf(name, size, "%s", inner[0]);
			return true;
		}
	}
	return false;
}

static bool nic_carries_default_route(const struct doctor *doctor, const char *interface)
{
	char routes[16384], name[64], destination[16], *line, *rest = routes;

	doctor_read(doctor, routes, sizeof(routes), "/proc/net/route");
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%63s %15s", name, destination) == 2 &&
			strcmp(name, interface) == 0 && strcmp(destination, "00000000") == 0)
			return true;
	return false;
}

static bool nic_is_dpdk_driver(const char *driver)
{
	return strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "uio_pci_generic") == 0 ||
		strcmp(driver, "igb_uio") == 0;
}

// Notes what can be done with a card. Returns true where martletd could use it as it stands.
static bool nic_check_card(struct doctor *doctor, const char *address)
{
	char path[160], driver[64] = "", interface[64] = "", fix[256];

	snprintf(path, sizeof(path), PCI "/%s/driver", address);
	doctor_link(doctor, path, driver, sizeof(driver));
	nic_find_interface(doctor, address, interface, sizeof(interface));
	snprintf(fix, sizeof(fix), "%s%s%sdpdk-devbind.py -b vfio-pci %s",
		*interface ? "ip link set " : "", interface, *interface ? " down && " : "",
		address);
	if (nic_is_dpdk_driver(driver)) {
		doctor_find(doctor, "nic", "card", DOCTOR_OK, NULL,
			"%s is bound to %s: ready as device = \"%s\"", address, driver, address);
		return true;
	}
	if (strncmp(driver, "mlx", 3) == 0 || strcmp(driver, "mana") == 0) {
		doctor_find(doctor, "nic", "card", DOCTOR_OK, NULL,
			"%s (%s, %s) is shared with the kernel: ready as device = \"%s\"", address,
			interface, driver, address);
		return true;
	}
	if (*interface && nic_carries_default_route(doctor, interface))
		doctor_find(doctor, "nic", "card", DOCTOR_OK, NULL,
			"%s (%s, %s) carries the default route: leave it to the kernel", address,
			interface, driver);
	else if (*driver)
		doctor_find(doctor, "nic", "card", DOCTOR_WARN, fix,
			"%s (%s) belongs to the kernel's %s: usable as net_af_xdp0,iface=%s, "
			"faster once bound to vfio-pci",
			address, *interface ? interface : "no interface", driver,
			*interface ? interface : "NAME");
	else
		doctor_find(doctor, "nic", "card", DOCTOR_WARN, fix, "%s has no driver", address);
	return false;
}

static void nic_check_cards(struct doctor *doctor)
{
	static char addresses[256][DOCTOR_NAME_BYTES];
	uint32_t n = doctor_list(doctor, PCI, addresses, 256), ready = 0, cards = 0;
	char path[160], class[16];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), PCI "/%.63s/class", addresses[i]);
		if (!doctor_read(doctor, class, sizeof(class), path) ||
			strncmp(class, "0x02", 4) != 0)
			continue; // PCI base class 2: network controller
		cards++;
		ready += nic_check_card(doctor, addresses[i]);
	}
	if (!cards)
		doctor_find(doctor, "nic", "cards", DOCTOR_WARN, NULL,
			"no PCI network card: memif, AF_XDP and AF_PACKET ports work without");
	else if (!ready)
		doctor_find(doctor, "nic", "cards", DOCTOR_WARN, NULL,
			"none of %u PCI network card%s is ready for DPDK: memif, AF_XDP and "
			"AF_PACKET ports work without",
			cards, cards == 1 ? "" : "s");
}

void doctor_check_nics(struct doctor *doctor)
{
	nic_check_iommu(doctor);
	nic_check_vfio(doctor);
	nic_check_xdp(doctor);
	nic_check_cards(doctor);
}

// Reads a PCI address: "0000:03:00.0", or "03:00.0" in domain 0. What follows it is not looked at.
// False where `device` begins otherwise.
static bool nic_parse_address(const char *device, char address[32])
{
	unsigned domain = 0, bus, slot, function;

	if (sscanf(device, "%4x:%2x:%2x.%1x", &domain, &bus, &slot, &function) != 4) {
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1x", &bus, &slot, &function) != 3)
			return false;
	}
	snprintf(address, 32, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot & 0xff,
		function & 0xf);
	return true;
}

// Nothing finishes the checksum of a packet that never reaches a card.
static void nic_check_checksums(
	struct doctor *doctor, const struct config_port *port, const char *interface)
{
	char path[160], fix[256];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
	if (doctor_exists(doctor, path) || port->checksum == CONFIG_CHECKSUM_TRUST)
		return;
	snprintf(fix, sizeof(fix),
		"ethtool -K IF tx off at each sender's end, or checksum = \"trust\"; for port %s",
		port->name);
	doctor_find(doctor, "configuration", "checksums", DOCTOR_WARN, fix,
		"line %d: port %s: %s is virtual (veth, containers): senders on this machine leave "
		"UDP checksums to offload, and are dropped as bad_l4_checksum",
		port->line, port->name, interface);
}

// How many receive queues the interface has: folders named rx-0, rx-1, ...
static uint32_t nic_count_queues(const struct doctor *doctor, const char *interface)
{
	static char names[256][DOCTOR_NAME_BYTES];
	char path[160];
	uint32_t n, queues = 0;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", interface);
	n = doctor_list(doctor, path, names, 256);
	for (uint32_t i = 0; i < n; i++)
		queues += strncmp(names[i], "rx-", 3) == 0;
	return queues;
}

// What comes in by a queue that an AF_XDP port does not hear goes to the kernel, and is lost. Virtual
// interfaces have mostly no combined channels: of these DPDK's driver hears one queue.
static void nic_check_xdp_queues(
	struct doctor *doctor, const struct config_port *port, const char *interface)
{
	const char *said = strstr(port->device, ",queue_count=");
	uint32_t have = nic_count_queues(doctor, interface), wanted = port->queues;
	char fix[128], path[160];
	bool is_card;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
	is_card = doctor_exists(doctor, path);
	if (!wanted && said)
		sscanf(said, ",queue_count=%u", &wanted);
	if (!wanted)
		wanted = is_card ? have : 1;
	if (!have || wanted == have || (port->steered && wanted < have))
		return;
	if (is_card || wanted > 1)
		snprintf(fix, sizeof(fix), "ethtool -L %s combined %u    # or queues = %u",
			interface, wanted, have);
	else
		snprintf(fix, sizeof(fix),
			"ethtool -L %s rx 1    # and at a veth's other end: tx 1", interface);
	doctor_find(doctor, "configuration", "port",
		is_card || port->queues || said ? DOCTOR_FAIL : DOCTOR_WARN, fix,
		"line %d: port %s: %u receive queue%s for AF_XDP, but interface %s has %u%s",
		port->line, port->name, wanted, wanted == 1 ? "" : "s", interface, have,
		wanted < have ? ": what comes by the others would not be heard" : "");
}

// The name that martletd and martlet-load hold while an interface is theirs: dataplane/xdp/lock.c.
static void nic_check_xdp_holder(
	struct doctor *doctor, const struct config_port *port, const char *interface)
{
	static char sockets[1 << 20];
	char path[160], name[64];
	const char *at;
	uint64_t index;

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", interface);
	if (!doctor_read_number(doctor, path, &index) ||
		!doctor_read(doctor, sockets, sizeof(sockets), "/proc/net/unix"))
		return;
	snprintf(name, sizeof(name), "@martlet/af_xdp/%u", (unsigned)index);
	at = sockets;
	while ((at = strstr(at, name)) && *(at += strlen(name)) != '\n' && *at)
		; // another number that begins so
	if (at)
		doctor_find(doctor, "configuration", "port", DOCTOR_OK, NULL,
			"line %d: port %s: interface %s is held for AF_XDP by a martletd or "
			"martlet-load that runs",
			port->line, port->name, interface);
}

static void nic_check_interface(struct doctor *doctor, const struct config_port *port)
{
	char path[160], interface[64], *end;
	const char *name = strstr(port->device, "iface=");

	if (!name)
		return;
	snprintf(interface, sizeof(interface), "%s", name + 6);
	end = interface + strcspn(interface, ",");
	*end = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s", interface);
	if (!doctor_exists(doctor, path)) {
		doctor_find(doctor, "configuration", "port", DOCTOR_FAIL, "ip -br link",
			"line %d: port %s: there is no interface %s", port->line, port->name,
			interface);
		return;
	}
	if (strncmp(port->device, "net_af_", 7) == 0)
		nic_check_checksums(doctor, port, interface);
	if (strncmp(port->device, "net_af_xdp", 10) != 0)
		return;
	nic_check_xdp_queues(doctor, port, interface);
	nic_check_xdp_holder(doctor, port, interface);
}

static void nic_check_port(struct doctor *doctor, const struct config_port *port)
{
	char address[32], path[160];

	if (!nic_parse_address(port->device, address)) {
		nic_check_interface(doctor, port);
		return;
	}
	snprintf(path, sizeof(path), PCI "/%s", address);
	if (!doctor_exists(doctor, path))
		doctor_find(doctor, "configuration", "port", DOCTOR_FAIL, "lspci -D | grep -i net",
			"line %d: port %s: there is no PCI device %s", port->line, port->name,
			address);
}

void doctor_check_ports(struct doctor *doctor)
{
	for (uint32_t i = 0; i < doctor->config->n_ports; i++)
		nic_check_port(doctor, &doctor->config->ports[i]);
}
