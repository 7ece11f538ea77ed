// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with a port that was opened well: its link is down, its interface is gone or has lost its
// XDP program. Asked now and then by the control thread; lcores know nothing of it.
#pragma once

#include "dataplane/device/bond.h"
#include "dataplane/info.h"
#include "dataplane/limit.h"
#include "dataplane/xdp/hold.h"

#include <net/if.h>
#include <stddef.h>
#include <time.h>

// The port as it was opened.
struct trouble_subject {
	const char *name;
	uint16_t id;               // DPDK's
	uint16_t mtu;              // that it was configured with
	uint32_t if_index;         // of the kernel's interface that it stands on; 0: none
	char if_name[IF_NAMESIZE]; // and its name then
	struct xdp_hold *xdp;      // by which AF_XDP has it; NULL: not
	const struct bond *bond;   // whose members' links bond_watch() looks at; NULL: none
	bool can_return; // it is opened again where the interface went and there is one anew
};

struct trouble {
	struct trouble_subject subject; // `name` NULL: nothing is looked at
	char text[PORT_TROUBLE_BYTES];  // a clause for the operator; "": none
	struct timespec since;          // CLOCK_REALTIME
	bool is_link_down;
	bool is_gone;                       // the interface is, or was: it has to be opened again
	char hindrance[PORT_TROUBLE_BYTES]; // why it could not be opened again; "": nothing hinders
	bool is_news;                       // not told yet by trouble_news()
	struct trouble_before {
		char text[PORT_TROUBLE_BYTES];
		struct timespec since;
	} before;           // what ended when this began
	struct limit lines; // of the log, for a link that comes and goes
};

// Once the port was opened: well as yet.
void trouble_begin(struct trouble *trouble, const struct trouble_subject *subject);
// Looks at the port anew.
void trouble_look(struct trouble *trouble);
// What has changed since the last call, as a sentence for the log: what is wrong, or that it is right
// again. False where nothing has.
bool trouble_news(struct trouble *trouble, char *text, size_t size);
