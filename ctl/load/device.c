// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/device.h"

#include "dataplane/unmap.h"

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS   1024
#define MBUFS         8191
#define MBUF_CACHE    256
#define LINK_TRY_MS   300
#define ARGUMENTS_MAX 12
#define MEMIF_BUFFER  2048 // bytes of a buffer unless told otherwise

// A vdev's name ends at its first comma; PCI addresses have none and contain colons.
static void device_name(const char *device, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(device, ","), device);
}

struct device_arguments {
	char text[ARGUMENTS_MAX][CONFIG_PATH_MAX + 32];
	char *argv[ARGUMENTS_MAX]; // EAL wants them writable
	int argc;
};

__attribute__((format(printf, 2, 3))) static void device_argument(
	struct device_arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->argc];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(arguments->text[0]), format, list);
	va_end(list);
	arguments->argv[arguments->argc++] = text;
}

// Each frame gets a buffer of its own: DPDK's memif client, where it chains buffers, overruns a ring
// that is full.
static void device_add_device(const struct device *device, struct device_arguments *arguments,
	const struct load_options *options, uint32_t frame_bytes)
{
	struct error unused;
	char text[CONFIG_PATH_MAX];
	const bool is_vdev = strncmp(options->device, "net_", 4) == 0;
	const bool is_memif = strncmp(options->device, "net_memif", 9) == 0;

	if (is_memif && frame_bytes > MEMIF_BUFFER && !strstr(options->device, ",bsize="))
		device_argument(arguments, "--vdev=%s,bsize=%u", options->device,
			RTE_ALIGN_CEIL(frame_bytes, (uint32_t)RTE_CACHE_LINE_SIZE));
	else if (device->xdp.if_index &&
		xdp_device_write(
			options->device, device->xdp.queues, text, sizeof(text), &unused) == 0)
		device_argument(arguments, "--vdev=%s", text);
	else
		device_argument(arguments, "%s%s", is_vdev ? "--vdev=" : "-a", options->device);
	if (is_vdev)
		device_argument(arguments, "--no-pci");
}

static int device_start_eal(const struct device *device, const struct load_options *options,
	uint32_t frame_bytes, struct error *err)
{
	struct device_arguments arguments = { .argc = 0 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(options->cpu, &set);
	// EAL's own threads inherit this CPU, and so stay away from the appliance's.
	if (sched_setaffinity(0, sizeof(set), &set))
		return error_set(
			err, -EINVAL, "--cpu %u: there is no such CPU for us", options->cpu);
	device_argument(&arguments, "martlet-load");
	device_argument(&arguments, "--lcores=0@%u", options->cpu);
	device_argument(&arguments, "--no-telemetry");
	device_argument(
		&arguments, "--log-level=*:critical"); // memif complains at each try to connect
	device_argument(&arguments, "-m%u", options->megabytes);
	device_argument(&arguments, "--file-prefix=martlet-load-%d", getpid());
	device_add_device(device, &arguments, options, frame_bytes);
	// Neither of the two needs a mount of hugetlbfs or leaves files behind.
	device_argument(&arguments, "%s", options->no_huge ? "--no-huge" : "--in-memory");
	if (options->no_huge)
		device_argument(&arguments, "--no-shconf");
	if (rte_eal_init(arguments.argc, arguments.argv) < 0) {
		rmdir(rte_eal_get_runtime_dir());
		return error_set(err, -ENODEV, "DPDK did not start (%s): is '%s' right%s?",
			rte_strerror(rte_errno), options->device,
			options->no_huge ? "" : ", are there free hugepages (else --no-huge)");
	}
	return 0;
}

// A socket of AF_XDP receives and sends: its driver has as many queues of either kind.
static uint16_t device_tx_queues(const struct device *device)
{
	return device->xdp.if_index ? device->rx_queues : device->queues;
}

static int device_setup_queues(const struct device *device, struct error *err)
{
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(device->id, &rx, &tx);

	for (uint16_t q = 0; rc == 0 && q < device->rx_queues; q++)
		rc = rte_eth_rx_queue_setup(device->id, q, rx, SOCKET_ID_ANY, NULL, device->pool);
	for (uint16_t q = 0; rc == 0 && q < device_tx_queues(device); q++)
		rc = rte_eth_tx_queue_setup(device->id, q, tx, SOCKET_ID_ANY, NULL);
	return rc != 0 ? error_set(err, rc, "queues: %s", rte_strerror(-rc)) : 0;
}

static int device_setup(struct device *device, const struct load_options *options,
	uint32_t frame_bytes, struct error *err)
{
	const struct rte_eth_conf conf = { 0 };
	const uint32_t mbuf_bytes =
		RTE_PKTMBUF_HEADROOM + (frame_bytes > 2048 ? frame_bytes : 2048) + 128;
	struct rte_eth_dev_info info;
	char name[CONFIG_PATH_MAX];
	int rc;

	device_name(options->device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &device->id))
		return error_set(err, -ENODEV, "DPDK made no port of '%s'", name);
	rc = rte_eth_dev_info_get(device->id, &info);
	if (rc != 0)
		return error_set(err, rc, "%s: %s", name, rte_strerror(-rc));
	device->queues = (uint16_t)options->queues;
	device->rx_queues = (uint16_t)(options->rx_queues ? options->rx_queues : options->queues);
	if (device->xdp.if_index)
		device->rx_queues = (uint16_t)device->xdp.queues;
	if (device->queues > info.max_tx_queues || device->rx_queues > info.max_rx_queues)
		return error_set(err, -EINVAL,
			"%u queues to send and %u to hear on: %s has %u and %u", device->queues,
			device->rx_queues, name, info.max_tx_queues, info.max_rx_queues);
	device->pool = rte_pktmbuf_pool_create("load", frame_bytes > 2048 ? MBUFS / 2 : MBUFS,
		MBUF_CACHE, 0, (uint16_t)mbuf_bytes, (int)rte_socket_id());
	if (!device->pool)
		return error_set(err, -ENOMEM, "no memory for packets (%s): give more --megabytes",
			rte_strerror(rte_errno));
	rc = rte_eth_dev_configure(device->id, device->rx_queues, device_tx_queues(device), &conf);
	if (rc != 0)
		return error_set(err, rc, "%s: %s", name, rte_strerror(-rc));
	if (frame_bytes - 14 > 1500) {
		rc = rte_eth_dev_set_mtu(device->id, (uint16_t)(frame_bytes - 14));
		if (rc != 0 && rc != -ENOTSUP) // memif has no MTU to set
			return error_set(err, rc, "%s takes no frames of %u bytes: %s", name,
				frame_bytes, rte_strerror(-rc));
	}
	if (device_setup_queues(device, err) != 0)
		return error_prefix(err, "%s", name);
	rc = rte_eth_macaddr_get(device->id, (struct rte_ether_addr *)device->mac);
	return rc != 0 ? error_set(err, rc, "%s: its MAC address: %s", name, rte_strerror(-rc)) : 0;
}

struct device_order { // to EAL's interrupt thread
	bool closes;
	_Atomic(bool) done;
};

static void device_stop_here(void *argument)
{
	struct device_order *order = argument;
	uint16_t id;

	RTE_ETH_FOREACH_DEV (id) {
		rte_eth_dev_stop(id);
		if (order->closes)
			rte_eth_dev_close(id);
	}
	atomic_store(&order->done, true);
}

// Stops all devices on EAL's interrupt thread, as an alarm: there memif stops a client by itself when
// the server has gone, and twice at once would free what it holds twice.
static void device_stop_all(bool closes)
{
	static struct device_order order; // one at a time; the thread may come to it late

	order.closes = closes;
	atomic_store(&order.done, false);
	if (rte_eal_alarm_set(1, device_stop_here, &order) != 0)
		return;
	while (!atomic_load(&order.done))
		usleep(100);
}

// A memif client does not start before its server listens. Nor does a client ask again that a
// server turned away because it was not started itself. So the device is started anew until there
// is a link.
static int device_wait_for_link(const struct device *device, const volatile sig_atomic_t *stop,
	uint32_t timeout_ms, struct error *err)
{
	const uint64_t end = rte_get_timer_cycles() + rte_get_timer_hz() / 1000 * timeout_ms;
	struct rte_eth_link link = { 0 };

	do {
		const int rc = rte_eth_dev_start(device->id);

		for (uint32_t ms = 0; ms < LINK_TRY_MS; ms += 10) {
			if (rc == 0 && !rte_eth_link_get_nowait(device->id, &link) &&
				link.link_status)
				return 0;
			usleep(10000);
		}
		if (rc == 0)
			device_stop_all(false);
		if (*stop)
			return error_set(err, -EINTR, "stopped before there was a link");
	} while (rte_get_timer_cycles() < end);
	return error_set(err, -ETIMEDOUT,
		"no link within %u ms: is the other side running, on the same socket or wire?",
		timeout_ms);
}

static int device_make_qsbr(struct device *device, struct error *err)
{
	device->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	if (!device->qsbr || rte_rcu_qsbr_init(device->qsbr, 1) != 0)
		return error_set(err, -ENOMEM, "no memory: give more --megabytes");
	rte_rcu_qsbr_thread_register(device->qsbr, 0);
	unmap_guard(device->qsbr);
	return 0;
}

// EAL makes the device as it starts, so that an interface has to be held before.
static int device_hold_interface(
	struct device *device, const struct load_options *options, struct error *err)
{
	const struct xdp_request request = { .device = options->device,
		.queues = options->rx_queues };

	return xdp_device_is(options->device) ? xdp_hold_take(&device->xdp, &request, err) : 0;
}

int device_open(struct device *device, const struct load_options *options, uint32_t frame_bytes,
	const volatile sig_atomic_t *stop, struct error *err)
{
	int rc;

	memset(device, 0, sizeof(*device));
	rc = device_hold_interface(device, options, err);
	if (rc == 0)
		rc = device_start_eal(device, options, frame_bytes, err);
	if (rc != 0) {
		xdp_hold_release(&device->xdp);
		return rc;
	}
	rc = device_setup(device, options, frame_bytes, err);
	if (rc == 0 && device->xdp.if_index)
		xdp_hold_open(&device->xdp);
	if (rc == 0)
		rc = device_make_qsbr(device, err);
	if (rc == 0)
		rc = device_wait_for_link(device, stop, options->link_timeout_ms, err);
	if (rc != 0) {
		device_close(device);
		return rc;
	}
	rte_rcu_qsbr_thread_online(device->qsbr, 0);
	return 0;
}

void device_between_bursts(const struct device *device)
{
	rte_rcu_qsbr_quiescent(device->qsbr, 0);
}

bool device_has_link(const struct device *device)
{
	struct rte_eth_link link = { 0 };

	return rte_eth_link_get_nowait(device->id, &link) != 0 || link.link_status;
}

void device_close(struct device *device)
{
	char directory[CONFIG_PATH_MAX];

	if (device->qsbr)
		rte_rcu_qsbr_thread_offline(device->qsbr, 0);
	device_stop_all(true);
	unmap_guard(NULL);
	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(directory); // EAL makes it for each process, and leaves it
	xdp_hold_release(&device->xdp);
	memset(device, 0, sizeof(*device));
}
