// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/tag_filter.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WHOLE_FRAME    0x40000u
#define ETHERNET_BYTES 14u

static bool tag_filter_is_ours(int fd, unsigned if_index)
{
	struct sockaddr_ll address = { 0 };
	socklen_t bytes = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &bytes) == 0 &&
		address.sll_family == AF_PACKET && address.sll_ifindex == (int)if_index;
}

static int tag_filter_set(int fd, uint16_t type)
{
	struct sock_filter code[] = {
		BPF_STMT(
			BPF_LD | BPF_B | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_VLAN_TPID)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, WHOLE_FRAME),
		BPF_STMT(BPF_RET | BPF_K, ETHERNET_BYTES),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0
		? 0
		: -errno;
}

int tag_filter_attach(unsigned if_index, uint16_t type, struct error *err)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;
	uint32_t n = 0;
	int rc = 0;

	while (fds && rc == 0 && (entry = readdir(fds))) {
		const int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || !tag_filter_is_ours(fd, if_index))
			continue;
		rc = tag_filter_set(fd, type);
		n++;
	}
	if (fds)
		closedir(fds);
	if (rc == 0 && n == 0)
		rc = -ENOENT;
	return rc == 0 ? 0
		       : error_set(err, rc, "the type of VLAN tags cannot be told apart: %s",
				 strerror(-rc));
}
