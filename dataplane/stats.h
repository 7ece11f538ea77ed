// SPDX-License-Identifier: BSD-3-Clause
// What is going on, read from what the lcores write without stopping them. The control thread only.
#pragma once

#include "base/histogram.h"
#include "dataplane/info.h"

struct dataplane;

const char *lcore_role_name(enum lcore_role role); // "io", "worker", "run-to-completion"

const char *route_role_name(enum route_role role); // "live", "canary", "shadow", "pinned"

uint32_t dataplane_n_lcores(const struct dataplane *dp);
void dataplane_lcore(const struct dataplane *dp, uint32_t index, struct lcore_info *info);
// The sum over all lcores.
void dataplane_counters(const struct dataplane *dp, struct dataplane_counters *sum);

uint32_t dataplane_n_ports(const struct dataplane *dp);
void dataplane_port(const struct dataplane *dp, uint32_t index, struct port_info *info);
// Of that what the lcores count, for no call of a device.
void dataplane_port_traffic(
	const struct dataplane *dp, uint32_t index, struct port_traffic *traffic);

// Slots in service, in order of id. Returns how many there are; fills at most `max`.
uint32_t dataplane_slots(const struct dataplane *dp, struct slot_info *slots, uint32_t max);
// One of them; false where no model answers for the id.
bool dataplane_slot(const struct dataplane *dp, uint16_t id, struct slot_info *slot);
// The model in service under that id, good until it is published or retired again; NULL: none.
const struct model *dataplane_model(const struct dataplane *dp, uint16_t id);
// The same of one version, in whichever role.
const struct model *dataplane_version_model(
	const struct dataplane *dp, uint16_t id, uint16_t version);
// Nanoseconds from arrival (rx burst) to transmission (tx burst), all lcores merged; id 0: of
// PINGs. -ENOENT where no model answers for the id: then *out is empty.
int dataplane_latency(const struct dataplane *dp, uint16_t id, struct histogram *out);
// The same of one version that is in service, since it came into service. -ENOENT where it is not.
int dataplane_version_latency(
	const struct dataplane *dp, uint16_t id, uint16_t version, struct histogram *out);
// As dataplane_latency(), of what came by the API, from its arrival there to its answer.
int dataplane_api_latency(const struct dataplane *dp, uint16_t id, struct histogram *out);

// The busiest clients, those that ask most of late first: fills at most `max`, and returns how many it filled.
uint32_t dataplane_clients(const struct dataplane *dp, struct client_info *infos, uint32_t max,
	struct clients_info *all);

void dataplane_mempool(const struct dataplane *dp, struct mempool_info *info);
