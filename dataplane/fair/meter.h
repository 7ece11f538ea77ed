// SPDX-License-Identifier: BSD-3-Clause
// So many requests or rows a second, by DPDK's rte_meter (a token bucket, RFC 2697 with no excess burst). What is
// counted is worth METER_UNIT tokens each, so that an lcore can take more of them for one where a client's rate is
// divided among several lcores. Times are cycles of the TSC.
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_meter.h>
#include <stdbool.h>
#include <stdint.h>

#define METER_UNIT 64u

// `a_second` 0: no limit. Otherwise `burst` of them may come at once, which is 1 at least.
// The profile is filled in here, since rte_meter_srtcm_profile_config() would ask EAL for the clock, and takes
// periods so short that a high rate is rounded by up to 1 %.
void meter_profile(struct rte_meter_srtcm_profile *profile, uint32_t a_second, uint32_t burst,
	uint64_t tsc_hz);

static inline bool meter_is_off(const struct rte_meter_srtcm_profile *profile)
{
	return profile->cir_period == 0;
}

struct meter {
	struct rte_meter_srtcm bucket;
	uint64_t owed; // tokens, by one who was given more than the bucket can hold
};

// Full, as that of a client who was not heard before.
static inline void meter_begin(
	struct meter *meter, const struct rte_meter_srtcm_profile *profile, uint64_t now)
{
	*meter = (struct meter){ .bucket = { .time = now, .tc = profile->cbs } };
}

// rte_meter alone. A clock that steps back adds nothing and takes nothing: rte_meter would read it as a step of
// centuries forward, and fill the bucket.
static inline bool meter_check(struct rte_meter_srtcm *bucket,
	const struct rte_meter_srtcm_profile *profile, uint64_t now, uint32_t tokens)
{
	struct rte_meter_srtcm_profile *same = (struct rte_meter_srtcm_profile *)(uintptr_t)profile;

	return rte_meter_srtcm_color_blind_check(bucket, same,
		       now > bucket->time ? now : bucket->time, tokens) == RTE_COLOR_GREEN;
}

// By all the time that has gone by, of which the bucket would forget what it cannot hold.
static inline bool meter_pays(
	struct meter *meter, const struct rte_meter_srtcm_profile *profile, uint64_t now)
{
	struct rte_meter_srtcm *bucket = &meter->bucket;
	const uint64_t periods =
		now > bucket->time ? (now - bucket->time) / profile->cir_period : 0;
	const uint64_t grown = bucket->tc + periods * profile->cir_bytes_per_period;
	const uint64_t pay = RTE_MIN(meter->owed, grown);

	bucket->time += periods * profile->cir_period;
	bucket->tc = RTE_MIN(grown - pay, profile->cbs);
	meter->owed -= pay;
	return meter->owed == 0;
}

// Takes `tokens`, or none and false. More than the bucket can hold are given when it is full, and owed.
static inline bool meter_takes(struct meter *meter, const struct rte_meter_srtcm_profile *profile,
	uint64_t now, uint32_t tokens)
{
	const uint32_t first = tokens < profile->cbs ? tokens : (uint32_t)profile->cbs;

	if (unlikely(meter->owed) && !meter_pays(meter, profile, now))
		return false;
	if (!meter_check(&meter->bucket, profile, now, first))
		return false;
	meter->owed = tokens - first;
	return true;
}

// What meter_takes() has just taken.
static inline void meter_give_back(struct meter *meter, uint32_t tokens)
{
	meter->bucket.tc += tokens - meter->owed;
	meter->owed = 0;
}
