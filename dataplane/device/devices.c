// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/devices.h"

#include "dataplane/device/abi.h"
#include "dataplane/device/devargs.h"
#include "dataplane/memif/device.h"
#include "dataplane/xdp/queues.h"

#include <dirent.h>
#include <rte_config.h>
#include <rte_pci.h>
#include <stdio.h>
#include <string.h>

#define VALUE_BYTES 256

// --- Names ---------------------------------------------------------------------------------------

static bool devices_pci_address(const char *device, struct rte_pci_addr *address)
{
	char text[PCI_PRI_STR_SIZE + 1];
	const size_t bytes = devargs_name_bytes(device);

	if (bytes >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)bytes, device);
	return rte_pci_addr_parse(text, address) == 0;
}

bool devices_is_pci(const char *device)
{
	struct rte_pci_addr address;

	return devices_pci_address(device, &address);
}

// The value of the first of `keys` (which end in NULL) that the device has. False: it has none.
static bool devices_value(const char *device, const char *const *keys, char value[VALUE_BYTES])
{
	for (size_t k = 0; keys[k]; k++)
		if (devargs_text(device, keys[k], value, VALUE_BYTES))
			return true;
	return false;
}

const char *devices_of(const struct config_port *port, uint32_t index)
{
	return index ? port->members[index - 1] : port->device;
}

// --- What two of them share ----------------------------------------------------------------------

struct devices_pair {
	const char *a, *b;
};

static bool devices_share_pci(const struct devices_pair *pair, char *what, size_t size)
{
	struct rte_pci_addr a, b;

	if (!devices_pci_address(pair->a, &a) || !devices_pci_address(pair->b, &b) ||
		rte_pci_addr_cmp(&a, &b) != 0)
		return false;
	snprintf(what, size, "the PCI device " PCI_PRI_FMT, a.domain, a.bus, a.devid, a.function);
	return true;
}

// What of a memif server's name counts is its socket and id.
static bool devices_share_name(const struct devices_pair *pair, char *what, size_t size)
{
	const size_t bytes = devargs_name_bytes(pair->a);

	if (memif_device_is_server(pair->a) || memif_device_is_server(pair->b) ||
		bytes != devargs_name_bytes(pair->b) || memcmp(pair->a, pair->b, bytes) != 0)
		return false;
	snprintf(what, size, "the name %.*s (number them differently, as net_null0 and net_null1)",
		(int)bytes, pair->a);
	return true;
}

static bool devices_share_value(
	const struct devices_pair *pair, const char *const *keys, char value[VALUE_BYTES])
{
	char other[VALUE_BYTES];

	return devices_value(pair->a, keys, value) && devices_value(pair->b, keys, other) &&
		strcmp(value, other) == 0;
}

// An interface, which an AF_XDP port has with all of its queues, or a capture that both would write.
static bool devices_share_argument(const struct devices_pair *pair, char *what, size_t size)
{
	static const char *const INTERFACE[] = { "iface", "rx_iface", "rx_iface_in", "tx_iface",
		NULL };
	static const char *const CAPTURE[] = { "tx_pcap", NULL };
	char value[VALUE_BYTES];

	if (devices_share_value(pair, INTERFACE, value))
		snprintf(what, size, "the interface %s", value);
	else if (devices_share_value(pair, CAPTURE, value))
		snprintf(what, size, "the capture %s that both write", value);
	else
		return false;
	return true;
}

static bool devices_share_memif(const struct devices_pair *pair, char *what, size_t size)
{
	struct memif_device a, b;
	struct error ignored;

	if (!memif_device_is_server(pair->a) || !memif_device_is_server(pair->b) ||
		memif_device_parse(pair->a, &a, &ignored) != 0 ||
		memif_device_parse(pair->b, &b, &ignored) != 0)
		return false;
	if (a.id != b.id || a.is_abstract != b.is_abstract || strcmp(a.socket, b.socket) != 0)
		return false;
	snprintf(
		what, size, "the memif socket %s with id %u (give one another id)", a.socket, a.id);
	return true;
}

static bool devices_share(const struct devices_pair *pair, char *what, size_t size)
{
	return devices_share_pci(pair, what, size) || devices_share_memif(pair, what, size) ||
		devices_share_argument(pair, what, size) || devices_share_name(pair, what, size);
}

static int devices_check_pair(
	const struct config_port *a, const struct config_port *b, struct error *err)
{
	char what[VALUE_BYTES + 64];

	for (uint32_t i = 0; i <= a->n_members; i++)
		for (uint32_t j = a == b ? i + 1 : 0; j <= b->n_members; j++) {
			const struct devices_pair pair = { devices_of(a, i), devices_of(b, j) };

			if (!devices_share(&pair, what, sizeof(what)))
				continue;
			if (a == b)
				return error_set(err, -EINVAL,
					"port %s: two of its devices have %s", b->name, what);
			return error_set(err, -EINVAL, "port %s: %.200s: port '%s' has %s already",
				b->name, pair.b, a->name, what);
		}
	return 0;
}

// --- Queues ----------------------------------------------------------------------------------------

int devices_check_queues(const struct config_port *port, uint32_t rx_queues, uint32_t tx_queues,
	uint32_t senders, struct error *err)
{
	if (rx_queues && port->queues > rx_queues)
		return error_set(err, -EINVAL,
			"port %s: queues is %u, but %s has %u receive queues", port->name,
			port->queues, port->device, rx_queues);
	if (tx_queues && senders > tx_queues)
		return error_set(err, -EINVAL,
			"port %s: %s has %u transmit queues, but each of the %u lcores needs one: "
			"give the device more queues or list fewer CPUs in lcores",
			port->name, port->device, tx_queues, senders);
	return 0;
}

// How many queues a device has, by its arguments; 0: that is not known before it is made, or (AF_XDP) chosen
// elsewhere.
static uint32_t devices_count_queues(const char *device)
{
	if (devargs_is_of(device, "net_af_packet") || devargs_is_of(device, "eth_af_packet"))
		return devargs_number(device, "qpairs", 1);
	return 0;
}

int devices_count_xdp_queues(const struct config_port *port, uint32_t *queues, struct error *err)
{
	struct xdp_device device;
	int rc = xdp_device_parse(port->device, &device, err);

	if (rc == 0)
		rc = xdp_queues_choose(&device, port->queues, port->steered, queues, err);
	if (rc == -ENODEV) { // a start refuses it; until then its queues are not known
		*queues = port->queues ? port->queues : device.queue_count ? device.queue_count : 1;
		return 0;
	}
	return rc != 0 ? error_prefix(err, "port %s", port->name) : 0;
}

static int devices_check_counts(
	const struct config *config, const struct config_port *port, struct error *err)
{
	const struct config_lcores *lcores = &config->lcores;
	const uint32_t senders = lcores->n_io + lcores->n_workers + lcores->n_complete;

	for (uint32_t i = 0; i <= port->n_members; i++) {
		uint32_t queues = devices_count_queues(devices_of(port, i));
		int rc = 0;

		if (i == 0 && xdp_device_is(port->device))
			rc = devices_count_xdp_queues(port, &queues, err);
		if (rc == 0)
			rc = devices_check_queues(port, queues, queues, senders, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int devices_check(const struct config *config, struct error *err)
{
	for (uint32_t i = 0; i < config->n_ports; i++) {
		int rc = devices_check_counts(config, &config->ports[i], err);

		for (uint32_t j = 0; rc == 0 && j <= i; j++)
			rc = devices_check_pair(&config->ports[j], &config->ports[i], err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// --- Drivers ---------------------------------------------------------------------------------------

// Debian has a package for each of DPDK's drivers, named after its library: net_af_packet0 is of
// librte-net-af-packet23. Names that end in a digit are set off: librte-net-mlx5-23.
int devices_no_driver(const char *port, const char *device, struct error *err)
{
	static const struct {
		const char *driver, *library;
	} OTHERS[] = { { "net-bonding", "net-bond" }, { "net-virtio-user", "net-virtio" },
		{ "net-tun", "net-tap" } };
	char driver[64];
	size_t n;

	snprintf(driver, sizeof(driver), "%.*s", (int)devargs_name_bytes(device), device);
	for (n = strlen(driver); n > 0 && driver[n - 1] >= '0' && driver[n - 1] <= '9'; n--)
		driver[n - 1] = '\0';
	if (strncmp(driver, "eth_", 4) == 0) // an older name of each
		memcpy(driver, "net_", 4);
	for (char *c = driver; *c; c++)
		if (*c == '_')
			*c = '-';
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		if (strcmp(driver, OTHERS[i].driver) == 0)
			snprintf(driver, sizeof(driver), "%s", OTHERS[i].library);
	return error_set(err, -ENODEV,
		"port %s: DPDK has no driver for device %s: check its name; Debian's package of "
		"the driver would be librte-%s" DPDK_ABI,
		port, device, driver);
}

int devices_no_bus(const char *port, const char *bus, struct error *err)
{
	return error_set(err, -ENODEV,
		"port %s: DPDK has no driver of the bus '%s': install librte-bus-%s" DPDK_ABI, port,
		bus, bus);
}

// Whether a file in DPDK's folder of drivers is the library of that name, as "librte_bus_vdev.so.23".
static bool devices_is_library(const char *file, const char *library)
{
	const size_t bytes = strlen(library);

	return strncmp(file, library, bytes) == 0 && strncmp(file + bytes, ".so", 3) == 0;
}

static bool devices_has_library(DIR *drivers, const char *library)
{
	struct dirent *entry;

	rewinddir(drivers);
	while ((entry = readdir(drivers)))
		if (devices_is_library(entry->d_name, library))
			return true;
	return false;
}

// As the virtual bus does it: the device's name begins with its driver's.
static bool devices_has_driver(DIR *drivers, const char *device)
{
	const char *name = strncmp(device, "net_", 4) == 0 || strncmp(device, "eth_", 4) == 0
		? device + 4
		: device;
	struct dirent *entry;

	if (strncmp(name, "tun", 3) == 0)
		return devices_has_library(drivers, "librte_net_tap");
	rewinddir(drivers);
	while ((entry = readdir(drivers))) {
		const char *driver = entry->d_name;
		size_t bytes;

		if (strncmp(driver, "librte_net_", 11) != 0)
			continue;
		driver += 11;
		bytes = strcspn(driver, ".");
		if (bytes && strncmp(driver, name, bytes) == 0)
			return true;
	}
	return false;
}

static int devices_check_driver(
	DIR *drivers, const struct config_port *port, const char *device, struct error *err)
{
	const char *bus = devices_is_pci(device) ? "pci" : "vdev";
	char library[32];

	snprintf(library, sizeof(library), "librte_bus_%s", bus);
	if (!devices_has_library(drivers, library))
		return devices_no_bus(port->name, bus, err);
	if (devices_is_pci(device) || devices_has_driver(drivers, device))
		return 0;
	return devices_no_driver(port->name, device, err);
}

int devices_check_drivers(const struct config *config, struct error *err)
{
	DIR *drivers = opendir(RTE_EAL_PMD_PATH);
	int rc = 0;

	if (!drivers) // they are elsewhere, or within DPDK's libraries
		return 0;
	if (!devices_has_library(drivers, "librte_mempool_ring"))
		rc = error_set(err, -ENODEV,
			"DPDK has no mempool driver 'ring_mp_mc': install "
			"librte-mempool-ring" DPDK_ABI);
	for (uint32_t i = 0; rc == 0 && i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];

		if (memif_device_is_server(port->device))
			continue;
		for (uint32_t d = 0; rc == 0 && d <= port->n_members; d++)
			rc = devices_check_driver(drivers, port, devices_of(port, d), err);
	}
	closedir(drivers);
	return rc;
}
