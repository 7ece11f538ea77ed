// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/xdp/hold.h"

#include "dataplane/xdp/lock.h"
#include "dataplane/xdp/queues.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t hold_mutex = PTHREAD_MUTEX_INITIALIZER; // of the list
static struct xdp_hold *hold_first;

static struct xdp_hold *hold_find(uint32_t if_index)
{
	struct xdp_hold *hold = hold_first;

	while (hold && hold->if_index != if_index)
		hold = hold->next;
	return hold;
}

// A program that libxdp knows it shares or takes over (a killed daemon leaves one); with another one
// there it fails. What this process may not ask for, it could not open either: the driver says so.
static int hold_check_program(const struct xdp_hold *hold, struct error *err)
{
	const struct xdp_program *found = &hold->found;

	if (!found->id || !found->name[0] || xdp_program_is_default(found))
		return 0;
	return error_set(err, -EBUSY,
		"interface %s carries another XDP program (%s, id %u): where nobody needs it, ip "
		"link set dev %s xdp off takes it away; beside it, net_af_packet0,iface=%s works",
		hold->device.interface, found->name, found->id, hold->device.interface,
		hold->device.interface);
}

int xdp_hold_take(struct xdp_hold *hold, const struct xdp_request *request, struct error *err)
{
	uint32_t if_index;
	int rc;

	*hold = (struct xdp_hold){ .lock = XDP_LOCK_NONE, .program = XDP_PROGRAM_NONE };
	rc = xdp_device_parse(request->device, &hold->device, err);
	if (rc == 0)
		rc = xdp_queues_choose(
			&hold->device, request->queues, request->steered, &hold->queues, err);
	if (rc != 0)
		return rc;
	hold->steered = request->steered;
	if_index = if_nametoindex(hold->device.interface);
	if (!if_index)
		return error_set(
			err, -ENODEV, "there is no interface %s here", hold->device.interface);
	rc = xdp_lock_take(if_index, hold->device.interface, &hold->lock, err);
	if (rc != 0)
		return rc;
	xdp_program_look(if_index, &hold->found, NULL);
	rc = hold_check_program(hold, err);
	if (rc != 0) {
		xdp_lock_release(hold->lock);
		hold->lock = XDP_LOCK_NONE;
		return rc;
	}
	hold->if_index = if_index;
	pthread_mutex_lock(&hold_mutex);
	hold->next = hold_first;
	hold_first = hold;
	pthread_mutex_unlock(&hold_mutex);
	return 0;
}

void xdp_hold_open(struct xdp_hold *hold)
{
	xdp_program_look(hold->if_index, &hold->ours, &hold->program);
}

// Our descriptor keeps the program alive, with the map that names our sockets: it can be put back as
// long as nobody else's is there.
static void hold_put_back(struct xdp_hold *hold)
{
	const char *interface = hold->device.interface;
	int rc = -EPERM;

	if (hold->program != XDP_PROGRAM_NONE)
		rc = xdp_program_put(hold->if_index, hold->program, hold->ours.flags);
	if (rc == 0)
		snprintf(hold->trouble, sizeof(hold->trouble),
			"interface %s had lost its XDP program (ip link set dev %s xdp off?): it "
			"is put back",
			interface, interface);
	else
		snprintf(hold->trouble, sizeof(hold->trouble),
			"interface %s has lost its XDP program, which cannot be put back (%s): "
			"restart martletd",
			interface, strerror(-rc));
}

static void hold_look_at_program(struct xdp_hold *hold, const struct xdp_program *now)
{
	if (!now->id) {
		hold_put_back(hold);
		return;
	}
	// Whoever adds a program to libxdp's dispatcher puts another dispatcher in its place, which has
	// ours as well.
	if (xdp_program_is_dispatcher(now) && xdp_program_is_dispatcher(&hold->ours)) {
		if (hold->program != XDP_PROGRAM_NONE)
			close(hold->program);
		xdp_hold_open(hold);
		return;
	}
	// Its name only CAP_SYS_ADMIN is told.
	snprintf(hold->trouble, sizeof(hold->trouble),
		"interface %s carries another XDP program (%s%sid %u) in place of ours: ip link "
		"set dev %s xdp off, and ours is put back",
		hold->device.interface, now->name, now->name[0] ? ", " : "", now->id,
		hold->device.interface);
}

static void hold_look_at_queues(struct xdp_hold *hold)
{
	struct xdp_queues have;

	if (hold->steered || xdp_queues_look(hold->device.interface, &have) != 0 ||
		have.receive <= hold->queues)
		return;
	snprintf(hold->trouble, sizeof(hold->trouble),
		"interface %s has %u receive queues now, of which %u are heard: ethtool -L %s %s "
		"%u",
		hold->device.interface, have.receive, hold->queues, hold->device.interface,
		have.most ? "combined" : "rx", hold->queues);
}

const char *xdp_hold_look(struct xdp_hold *hold)
{
	struct xdp_program now;
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	if (hold->ours.id && time.tv_sec != hold->looked.tv_sec) {
		hold->looked = time;
		xdp_lock_answer(hold->lock);
		if (xdp_program_look(hold->if_index, &now, NULL) != 0) // it stands as it did
			return hold->trouble[0] ? hold->trouble : NULL;
		hold->trouble[0] = '\0';
		if (now.id != hold->ours.id)
			hold_look_at_program(hold, &now);
		else
			hold_look_at_queues(hold);
	}
	return hold->trouble[0] ? hold->trouble : NULL;
}

void xdp_hold_release(struct xdp_hold *hold)
{
	struct xdp_hold **at = &hold_first;

	if (!hold->if_index)
		return;
	pthread_mutex_lock(&hold_mutex);
	while (*at && *at != hold)
		at = &(*at)->next;
	if (*at)
		*at = hold->next;
	pthread_mutex_unlock(&hold_mutex);
	if (hold->program != XDP_PROGRAM_NONE)
		close(hold->program);
	xdp_lock_release(hold->lock);
	*hold = (struct xdp_hold){ .lock = XDP_LOCK_NONE, .program = XDP_PROGRAM_NONE };
}

// Whether a program that the interface has now came with us. One that was there before stays, unless it
// was left behind by a program that was killed: libxdp's own one, which we have taken over.
static bool hold_has_brought(const struct xdp_hold *hold, const struct xdp_program *now)
{
	if (hold->ours.id && now->id != hold->ours.id)
		return false;
	if (hold->found.id != now->id)
		return hold->ours.id || !hold->found.id;
	return hold->ours.id && !xdp_program_is_dispatcher(now);
}

// Takes the place of libbpf's in the whole process, for DPDK's driver: see hold.h.
int bpf_xdp_detach(int if_index, __u32 flags, const struct bpf_xdp_attach_opts *options)
{
	const struct xdp_hold *hold;
	struct xdp_program now;
	bool is_ours;
	int fd, rc = xdp_program_look((uint32_t)if_index, &now, &fd);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&hold_mutex);
	hold = hold_find((uint32_t)if_index);
	// By its number only CAP_SYS_ADMIN has a program and its name, which is given up after the start.
	if (hold && !now.name[0] && now.id == hold->ours.id)
		now = hold->ours;
	is_ours = hold && hold_has_brought(hold, &now);
	if (fd == XDP_PROGRAM_NONE && is_ours && hold->program != XDP_PROGRAM_NONE &&
		now.id == hold->ours.id)
		fd = fcntl(hold->program, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&hold_mutex);
	if (fd < 0)
		return 0;
	if (is_ours)
		rc = xdp_program_take_away((uint32_t)if_index, fd, now.flags);
	close(fd);
	return rc;
}
