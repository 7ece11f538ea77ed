// SPDX-License-Identifier: BSD-3-Clause
// Which DPDK this is built for.
#pragma once

#define DPDK_ABI "23" // of DPDK 22.11: Debian's packages and the libraries end in it
