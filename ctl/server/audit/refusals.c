// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/audit/refusals.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

// A bucket of `burst` drops, one more every `seconds`: kept as the time at which it will be full again.
static bool bucket_has(
	const struct refusals_bucket *bucket, uint64_t burst, uint64_t seconds, uint64_t now_ns)
{
	return bucket->full_ns <= now_ns + (burst - 1) * seconds * CLOCK_SECOND_NS;
}

static void bucket_take(struct refusals_bucket *bucket, uint64_t seconds, uint64_t now_ns)
{
	if (bucket->full_ns < now_ns)
		bucket->full_ns = now_ns;
	bucket->full_ns += seconds * CLOCK_SECOND_NS;
}

static struct refusals_source *refusals_source(struct refusals *r, const char *text)
{
	char cut[REFUSALS_TEXT_BYTES];
	struct refusals_source *oldest = &r->sources[0];

	snprintf(cut, sizeof(cut), "%s", text);
	for (int i = 0; i < REFUSALS_SOURCES; i++) {
		struct refusals_source *source = &r->sources[i];

		if (strcmp(source->text, cut) == 0)
			return source;
		if (source->seen_ns < oldest->seen_ns)
			oldest = source;
	}
	*oldest = (struct refusals_source){ 0 };
	memcpy(oldest->text, cut, sizeof(cut));
	return oldest;
}

bool refusals_admit(struct refusals *r, const char *source, uint64_t now_ns)
{
	struct refusals_source *s = refusals_source(r, source);

	s->seen_ns = now_ns;
	if (!bucket_has(&s->bucket, REFUSALS_BURST, REFUSALS_SECONDS, now_ns) ||
		!bucket_has(&r->all, REFUSALS_BURST_ALL, REFUSALS_SECONDS_ALL, now_ns)) {
		s->omitted++;
		r->omitted++;
		return false;
	}
	bucket_take(&s->bucket, REFUSALS_SECONDS, now_ns);
	bucket_take(&r->all, REFUSALS_SECONDS_ALL, now_ns);
	return true;
}

uint64_t refusals_report(
	struct refusals *r, uint64_t now_ns, bool all, char most[REFUSALS_TEXT_BYTES])
{
	const struct refusals_source *worst = &r->sources[0];
	const uint64_t omitted = r->omitted;

	if (omitted == 0 || (!all && now_ns - r->reported_ns < REFUSALS_SECONDS * CLOCK_SECOND_NS))
		return 0;
	for (int i = 1; i < REFUSALS_SOURCES; i++)
		if (r->sources[i].omitted > worst->omitted)
			worst = &r->sources[i];
	memcpy(most, worst->omitted ? worst->text : "", worst->omitted ? REFUSALS_TEXT_BYTES : 1);
	for (int i = 0; i < REFUSALS_SOURCES; i++)
		r->sources[i].omitted = 0;
	r->omitted = 0;
	r->reported_ns = now_ns;
	return omitted;
}
