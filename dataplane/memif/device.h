// SPDX-License-Identifier: BSD-3-Clause
// The configuration's device string of a memif server, as DPDK's driver takes it:
// "net_memif0,role=server,id=0,socket=PATH,socket-abstract=no,secret=TEXT,mac=00:11:22:33:44:55",
// and beyond that with socket-group=NAME.
#pragma once

#include "base/error.h"
#include "dataplane/memif/wire.h"

#include <rte_ether.h>
#include <stdbool.h>
#include <sys/un.h>

#define MEMIF_GROUP_BYTES 32 // as long as a name of useradd(8) may be

struct memif_device {
	uint32_t id;
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)]; // a path, or an abstract name
	bool is_abstract;                                         // as it is unless told otherwise
	char group[MEMIF_GROUP_BYTES + 1]; // whose members may connect; "": by the umask alone
	char secret[MEMIF_SECRET_BYTES + 1];
	struct rte_ether_addr mac; // random unless it is given
};

// Whether `device` is a memif server, which is ours. A client is left to DPDK's driver.
bool memif_device_is_server(const char *device);
// -EINVAL with what is wrong and would be right. bsize, rsize and zero-copy are the client's to
// choose: they are checked for, and mean nothing to a server.
int memif_device_parse(const char *device, struct memif_device *parsed, struct error *err);
