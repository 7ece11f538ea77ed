// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/bound.h"

static size_t bound_counts(size_t bytes)
{
	return bytes < BOUND_FREE_BYTES ? 0 : bytes - BOUND_FREE_BYTES;
}

bool bound_admits(const struct bound *bound, size_t bytes, size_t instead)
{
	const size_t room = bound->held < bound->max ? bound->max - bound->held : 0;

	return bound_counts(bytes) <= room + bound_counts(instead);
}

void bound_change(struct bound *bound, size_t before, size_t after)
{
	bound->held -= bound_counts(before);
	bound->held += bound_counts(after);
}

bool bound_share_admits(const struct bound_share *share, size_t bytes)
{
	return !share->bound ||
		bound_admits(share->bound, share->taken + bytes, share->taken + share->held);
}

void bound_share_set(struct bound_share *share, size_t bytes)
{
	if (share->bound)
		bound_change(share->bound, share->taken + share->held, share->taken + bytes);
	share->held = bytes;
}
