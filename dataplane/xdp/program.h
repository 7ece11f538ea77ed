// SPDX-License-Identifier: BSD-3-Clause
// The XDP program of an interface, which sends packets to AF_XDP sockets: asked for, named, put back,
// taken away. Cold: the control thread's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define XDP_PROGRAM_NONE (-1) // no file descriptor

struct xdp_program {
	uint32_t id;    // 0: the interface has none
	uint32_t flags; // XDP_FLAGS_*_MODE that it is attached by
	char name[16];  // "": this process may not ask for it
};

// Which one the interface has, and with `fd` a descriptor of it, XDP_PROGRAM_NONE where it cannot be
// had (it takes CAP_SYS_ADMIN). 0 or a negative errno: -ENODEV where the interface is gone.
int xdp_program_look(uint32_t if_index, struct xdp_program *program, int *fd);
// Whether libxdp made it, and would take it over: its own program or its dispatcher of several.
bool xdp_program_is_default(const struct xdp_program *program);
bool xdp_program_is_dispatcher(const struct xdp_program *program);
// Only where the interface has none: -EBUSY or -EEXIST otherwise.
int xdp_program_put(uint32_t if_index, int fd, uint32_t flags);
// Only if the interface has this one.
int xdp_program_take_away(uint32_t if_index, int fd, uint32_t flags);
