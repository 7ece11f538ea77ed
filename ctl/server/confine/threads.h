// SPDX-License-Identifier: BSD-3-Clause
// A call in each thread of the process: what a thread may do is its own (capabilities(7)), and most of the threads
// are DPDK's.
#pragma once

#include "base/error.h"

// Calls `work`, which must be safe in a signal handler and give 0 or -errno, once in each thread but those of the
// kernel's own (io_uring's), one after another; the caller's comes last. Threads must not have SIGRTMAX blocked, and
// none may begin or end meanwhile. The first failure ends it. Not again while it runs.
int threads_each(int (*work)(void), struct error *err);
