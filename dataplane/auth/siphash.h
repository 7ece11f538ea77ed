// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4 with a tag of 64 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): of one
// message, or of up to eight side by side in vector registers, whose lengths and keys may differ. The time
// depends on the lengths and on nothing else. No state; any thread.
#pragma once

#include "dataplane/auth/siphash_kernels.h"

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const void *bytes, size_t length, const uint64_t key[2]);

// The best kernel of those that `isa_mask` (infer/infer.h) lets run.
siphash_kernel *siphash_pick(unsigned isa_mask);

// Makes the tags of any number of jobs.
void siphash_many(siphash_kernel *kernel, struct siphash_job *jobs, uint32_t n);
