// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/trouble.h"

#include "dataplane/clock.h"
#include "dataplane/device/netdev.h"

#include <rte_ethdev.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct finding {
	bool is_link_down, is_gone;
	char text[PORT_TROUBLE_BYTES]; // "": all is well
};

__attribute__((format(printf, 3, 4))) static void trouble_find(
	struct finding *finding, bool is_link_down, const char *format, ...)
{
	va_list args;

	finding->is_link_down = is_link_down;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

// False where the kernel could not be asked.
static bool trouble_of_interface(const struct trouble *trouble, struct finding *finding)
{
	const struct trouble_subject *subject = &trouble->subject;
	struct netdev_state state;
	const char *of_xdp;
	int rc = netdev_look(subject->if_index, &state);

	// One that was away and has come back, from another network namespace, has the same number, and
	// yet the kernel has taken it from our sockets.
	finding->is_gone = trouble->is_gone || rc == -ENODEV || rc == -ENXIO;
	if (finding->is_gone && trouble->hindrance[0])
		trouble_find(finding, true,
			"interface %s is gone, and another cannot be opened: %s", subject->if_name,
			trouble->hindrance);
	else if (finding->is_gone)
		trouble_find(finding, true, "interface %s is gone: %s", subject->if_name,
			subject->can_return ? "the port serves again once there is one of that name"
					    : "make it anew and restart martletd");
	else if (rc != 0)
		return false;
	else if (!state.is_up)
		trouble_find(finding, true, "interface %s is down: ip link set %s up", state.name,
			state.name);
	else if (!state.has_carrier)
		trouble_find(finding, true,
			"interface %s has no carrier: its cable or the other end is down",
			state.name);
	else if (subject->xdp && (of_xdp = xdp_hold_look(subject->xdp)))
		trouble_find(finding, false, "%s", of_xdp);
	else if (state.mtu < subject->mtu)
		trouble_find(finding, false,
			"interface %s has an mtu of %u, less than the port's %u: ip link set %s "
			"mtu %u",
			state.name, state.mtu, subject->mtu, state.name, subject->mtu);
	return true;
}

static void trouble_of_device(const struct trouble_subject *subject, struct finding *finding)
{
	struct rte_eth_link link = { 0 };

	if (subject->bond && !subject->bond->is_up)
		trouble_find(finding, true,
			"no member has a link: their cables or the other ends are down");
	else if (rte_eth_dev_is_removed(subject->id))
		trouble_find(finding, true, "the device is gone");
	else if (rte_eth_link_get_nowait(subject->id, &link) == 0 && !link.link_status)
		trouble_find(finding, true, "the link is down: its cable or the other end is down");
}

void trouble_begin(struct trouble *trouble, const struct trouble_subject *subject)
{
	trouble->subject = *subject;
	trouble->is_gone = false;
	trouble->hindrance[0] = '\0';
	if (!trouble->lines.interval)
		trouble->lines = LIMIT_LINES(LIMIT_PORT_LINES);
}

void trouble_look(struct trouble *trouble)
{
	struct finding finding = { 0 };

	if (!trouble->subject.name)
		return;
	if (!trouble->subject.if_index)
		trouble_of_device(&trouble->subject, &finding);
	else if (!trouble_of_interface(trouble, &finding))
		return;
	trouble->is_gone = finding.is_gone;
	if (strcmp(finding.text, trouble->text) == 0)
		return;
	memcpy(trouble->before.text, trouble->text, sizeof(trouble->text));
	trouble->before.since = trouble->since;
	memcpy(trouble->text, finding.text, sizeof(trouble->text));
	trouble->is_link_down = finding.is_link_down;
	clock_gettime(CLOCK_REALTIME, &trouble->since);
	trouble->is_news = true;
}

bool trouble_news(struct trouble *trouble, char *text, size_t size)
{
	if (!trouble->is_news || !limit_admits(&trouble->lines, clock_monotonic_ns()))
		return false;
	trouble->is_news = false;
	if (trouble->text[0])
		snprintf(text, size, "port %s: %s", trouble->subject.name, trouble->text);
	else
		snprintf(text, size, "port %s: right again after %.1f s (%s)",
			trouble->subject.name,
			(double)(trouble->since.tv_sec - trouble->before.since.tv_sec) +
				(double)(trouble->since.tv_nsec - trouble->before.since.tv_nsec) *
					1e-9,
			trouble->before.text);
	return true;
}
