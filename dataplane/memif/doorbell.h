// SPDX-License-Identifier: BSD-3-Clause
// Rings an eventfd that a peer gave us. To write to it might block for ever: whether it blocks is a
// flag of the file that both share, and the peer can have counted it to its end. The kernel rings it
// for us instead, at the end of an asynchronous read of nothing (io_submit(2), aio_resfd), which
// never blocks and refuses what is no eventfd. But it wakes all who wait for it: no lcore is to do it.
#pragma once

#include "base/error.h"

#include <linux/aio_abi.h>
#include <stdbool.h>

struct memif_doorbell {
	aio_context_t context; // 0: none
	int null;              // /dev/null
};

int memif_doorbell_open(struct memif_doorbell *doorbell, struct error *err);
void memif_doorbell_close(struct memif_doorbell *doorbell); // one that was not opened is fine

// One thread at a time. False where `eventfd` is none.
bool memif_doorbell_ring(const struct memif_doorbell *doorbell, int eventfd);
