// SPDX-License-Identifier: BSD-3-Clause
// The arguments in a port's device string, "net_af_packet0,iface=eth1,framesz=4096", as DPDK's drivers
// take them. Pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether `device` is one of that driver's: "net_af_packet" of net_af_packet0.
bool devargs_is_of(const char *device, const char *driver);
// Copies the argument's value. False, and "", where there is none of that name or it is too long.
bool devargs_text(const char *device, const char *key, char *text, size_t size);
// The argument as a number; `otherwise` where there is none. 0 where it is no number.
uint32_t devargs_number(const char *device, const char *key, uint32_t otherwise);
