// SPDX-License-Identifier: BSD-3-Clause
// Several devices as one port, by DPDK's net_bonding. The members are made here, in front of the bond that
// is told their names. Control thread.
//
// The driver asks its members for their links, and AF_PACKET's driver always says "up". So where members
// stand on interfaces of the kernel, we look at these, and make a member whose link is up the one in use.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "dataplane/limit.h"

#include <net/if.h>
#include <rte_ethdev.h>

struct bond {
	uint16_t id; // DPDK's, of the bond
	uint32_t n;  // members
	struct bond_member {
		uint16_t id;
		bool probed;
		uint32_t if_index; // of the kernel's interface that it stands on; 0: none
		char if_name[IF_NAMESIZE];
		bool is_gone; // the interface is: our socket is not on one that comes after it
	} members[CONFIG_MEMBERS_MAX];
	uint32_t current;   // where we choose: the member in use
	bool is_chosen;     // by us, for all members stand on interfaces of the kernel
	bool is_up;         // as far as we look: one of these has a link
	char news[128];     // not told yet by bond_news(); "": none
	struct limit lines; // of the log
	int (*set_primary)(uint16_t bond, uint16_t member); // rte_eth_bond_primary_set()
};

bool bond_is_device(const char *device);
// What can be said of a port's bond without making it: its mode, its members. 0 for a port that is none,
// too. -EINVAL.
int bond_check(const struct config_port *config, struct error *err);

// Makes the members, and the string by which the bond is made. `info` is what all of them can do. -ENODEV,
// -EINVAL.
int bond_make_members(struct bond *bond, const struct config_port *config,
	char device[CONFIG_PATH_MAX], struct rte_eth_dev_info *info, struct error *err);
// After the bond `id` was started.
int bond_begin(struct bond *bond, uint16_t id, struct error *err);
// Looks at the members' links, and changes to another where the one in use has lost its own.
void bond_watch(struct bond *bond);
// That the member in use has changed, as a clause for the log. False where it has not since it was said.
bool bond_news(struct bond *bond, char *text, size_t size);
// After the bond was closed; one that was made half or not at all is fine.
void bond_close_members(struct bond *bond);
