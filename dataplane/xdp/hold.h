// SPDX-License-Identifier: BSD-3-Clause
// An interface that this process receives from by AF_XDP: locked before DPDK's driver touches it,
// watched while it is ours, and given back as it was found.
//
// DPDK's driver, when it closes a device, takes away whatever XDP program the interface has then: that
// of a program that holds it, where it was refused itself; that of a firewall. So libbpf's
// bpf_xdp_detach(), by which the driver does it, is replaced for the whole process (hold.c): only what
// came with us is taken away.
//
// Cold. The control thread's, but for the detaching, which may be another thread's while that waits.
#pragma once

#include "base/error.h"
#include "dataplane/xdp/device.h"
#include "dataplane/xdp/program.h"

#include <stddef.h>
#include <time.h>

#define XDP_TROUBLE_BYTES 192

struct xdp_request {
	const char *device; // the configuration's
	uint32_t queues;    // to receive on; 0: all that the interface has
	bool steered;       // the operator has sent our packets to these queues
};

struct xdp_hold {
	struct xdp_device device;
	uint32_t if_index; // 0: nothing is held
	uint32_t queues;   // that DPDK's driver shall have
	bool steered;
	int lock;
	struct xdp_program found, ours; // what was there before us; what is there for us
	int program;                    // descriptor of `ours`
	struct timespec looked; // when xdp_hold_look() last asked the kernel, CLOCK_MONOTONIC
	char trouble[XDP_TROUBLE_BYTES]; // what it found
	struct xdp_hold *next;
};

// Before the device is made. -ENODEV, -EINVAL, -EADDRINUSE, -EBUSY with a sentence; nothing was touched
// then.
int xdp_hold_take(struct xdp_hold *hold, const struct xdp_request *request, struct error *err);
// After its queues are set up.
void xdp_hold_open(struct xdp_hold *hold);
// What is wrong with it, as a clause for the operator; NULL where all is well. Asks the kernel once a
// second at most, and puts back a program that was taken off.
const char *xdp_hold_look(struct xdp_hold *hold);
// After the device is closed. One that holds nothing is fine.
void xdp_hold_release(struct xdp_hold *hold);
