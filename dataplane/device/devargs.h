// SPDX-License-Identifier: BSD-3-Clause
// A device's string, "net_af_packet0,iface=eth1,framesz=4096": its name and arguments, as DPDK takes them.
// Pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether `device` is one of that driver's: as the virtual bus has it, its name begins with the driver's, as
// net_af_packet0 and net_af_packet_edge.
bool devargs_is_of(const char *device, const char *driver);
// Of the device's name, which ends where its arguments begin.
size_t devargs_name_bytes(const char *device);
// The next argument behind `at`, which is the device at first: where its key begins; NULL at the end. One without a
// value has an empty one.
const char *devargs_next(
	const char *at, size_t *key_bytes, const char **value, size_t *value_bytes);
// Where the argument's value lies, and how long it is; NULL where there is none of that name.
const char *devargs_find(const char *device, const char *key, size_t *bytes);
// Copies the argument's value. False, and "", where there is none of that name or it is too long.
bool devargs_text(const char *device, const char *key, char *text, size_t size);
// The argument as a number; `otherwise` where there is none. 0 where it is no number.
uint32_t devargs_number(const char *device, const char *key, uint32_t otherwise);
