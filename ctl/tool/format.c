// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text format_count(uint64_t n)
{
	struct text out;
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	int o = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out.s[o++] = ',';
		out.s[o++] = digits[i];
	}
	out.s[o] = '\0';
	return out;
}

// Three significant digits: 9.87, 98.7, 987.
static int format_decimals(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

struct text format_bytes(uint64_t bytes)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	struct text out;
	double value = (double)bytes / 1024;
	int u = 0;

	if (bytes < 1024) {
		snprintf(out.s, sizeof(out.s), "%" PRIu64 " B", bytes);
		return out;
	}
	for (; value >= 1023.5 && u < 5; u++)
		value /= 1024;
	snprintf(out.s, sizeof(out.s), "%.*f %s", format_decimals(value), value, unit[u]);
	return out;
}

struct text format_ns(double ns)
{
	static const char *const unit[] = { "ns", "µs", "ms", "s" };
	struct text out;
	int u = 0;

	for (; ns >= 999.5 && u < 3; u++)
		ns /= 1000;
	if (u == 0 && ns == (double)(uint64_t)ns)
		snprintf(out.s, sizeof(out.s), "%.0f ns", ns);
	else
		snprintf(out.s, sizeof(out.s), "%.*f %s", format_decimals(ns), ns, unit[u]);
	return out;
}

struct text format_duration(uint64_t seconds)
{
	struct text out;
	uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (days)
		snprintf(out.s, sizeof(out.s), "%" PRIu64 " d %" PRIu64 " h", days, hours % 24);
	else if (hours)
		snprintf(
			out.s, sizeof(out.s), "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
	else if (minutes)
		snprintf(out.s, sizeof(out.s), "%" PRIu64 " min %" PRIu64 " s", minutes,
			seconds % 60);
	else
		snprintf(out.s, sizeof(out.s), "%" PRIu64 " s", seconds);
	return out;
}

struct text format_share(double share)
{
	struct text out;

	snprintf(out.s, sizeof(out.s), "%.1f %%", share * 100);
	return out;
}

struct text format_rate_mbps(uint64_t mbps)
{
	struct text out;

	if (!mbps)
		snprintf(out.s, sizeof(out.s), "unknown");
	else if (mbps >= 1000)
		snprintf(out.s, sizeof(out.s), "%g Gb/s", (double)mbps / 1000);
	else
		snprintf(out.s, sizeof(out.s), "%" PRIu64 " Mb/s", mbps);
	return out;
}

struct text format_sha256_short(const char *hex)
{
	struct text out;

	snprintf(out.s, sizeof(out.s), "%.12s", hex ? hex : "-");
	return out;
}
