// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor_memory.h"

#include "ctl/tool/doctor_read.h"
#include "ctl/tool/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGEPAGES   "/sys/kernel/mm/hugepages"
#define NODES       "/sys/devices/system/node"
#define WANTED_MB   512 // of hugepages, where no configuration says
#define MEMLOCK_MIN ((uint64_t)64 << 20)

static void memory_check_hugepages(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	uint64_t wanted = (uint64_t)(config && config->memory.megabytes ? config->memory.megabytes
									: WANTED_MB)
		<< 20;
	bool needed = config && config->memory.hugepages;
	char sizes[8][DOCTOR_NAME_BYTES], path[256], fix[128];
	uint32_t n = doctor_list(doctor, HUGEPAGES, sizes, 8);
	uint64_t total = 0, unused = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t kb = strtoull(strcspn(sizes[i], "-") + sizes[i] + 1, NULL, 10), pages;

		snprintf(path, sizeof(path), HUGEPAGES "/%.63s/nr_hugepages", sizes[i]);
		if (doctor_read_number(doctor, path, &pages))
			total += pages * kb << 10;
		snprintf(path, sizeof(path), HUGEPAGES "/%.63s/free_hugepages", sizes[i]);
		if (doctor_read_number(doctor, path, &pages))
			unused += pages * kb << 10;
	}
	if (unused >= wanted) {
		doctor_find(doctor, "memory", "hugepages", DOCTOR_OK, NULL, "%s reserved, %s free",
			format_bytes(total).s, format_bytes(unused).s);
		return;
	}
	snprintf(fix, sizeof(fix), "echo %" PRIu64 " > " HUGEPAGES "/hugepages-2048kB/nr_hugepages",
		(total - unused + wanted) >> 21);
	doctor_find(doctor, "memory", "hugepages", needed ? DOCTOR_FAIL : DOCTOR_WARN, fix,
		"%s reserved, %s free: %s wanted, or memory.hugepages = false for ordinary pages",
		format_bytes(total).s, format_bytes(unused).s, format_bytes(wanted).s);
}

static void memory_check_hugetlbfs(struct doctor *doctor)
{
	char mounts[32768], *line, *rest = mounts;

	doctor_read(doctor, mounts, sizeof(mounts), "/proc/mounts");
	while ((line = strsep(&rest, "\n"))) {
		char where[200], kind[32];

		if (sscanf(line, "%*s %199s %31s", where, kind) == 2 &&
			strcmp(kind, "hugetlbfs") == 0) {
			doctor_find(doctor, "memory", "hugetlbfs", DOCTOR_OK, NULL, "mounted on %s",
				where);
			return;
		}
	}
	doctor_find(doctor, "memory", "hugetlbfs", DOCTOR_WARN,
		"mkdir -p /dev/hugepages && mount -t hugetlbfs nodev /dev/hugepages",
		"not mounted: hugepages cannot be shared between processes");
}

static void memory_check_memlock(struct doctor *doctor)
{
	if (doctor->memlock_bytes == UINT64_MAX)
		doctor_find(doctor, "memory", "memlock", DOCTOR_OK, NULL, "unlimited");
	else if (doctor->is_root || doctor->memlock_bytes >= MEMLOCK_MIN)
		doctor_find(doctor, "memory", "memlock", DOCTOR_OK, NULL, "%s%s",
			format_bytes(doctor->memlock_bytes).s,
			doctor->is_root ? ", which does not bind root" : "");
	else
		doctor_find(doctor, "memory", "memlock", DOCTOR_WARN,
			"ulimit -l unlimited    # systemd: LimitMEMLOCK=infinity",
			"%s may be locked: DMA mappings and AF_XDP want more",
			format_bytes(doctor->memlock_bytes).s);
}

static void memory_check_thp(struct doctor *doctor)
{
	char text[128];

	if (!doctor_read(doctor, text, sizeof(text), "/sys/kernel/mm/transparent_hugepage/enabled"))
		return;
	if (strstr(text, "[always]"))
		doctor_find(doctor, "memory", "thp", DOCTOR_WARN,
			"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
			"transparent hugepages are always on: khugepaged may stall an lcore");
	else
		doctor_find(doctor, "memory", "thp", DOCTOR_OK, NULL, "transparent hugepages: %s",
			text);
}

static void memory_check_numa(struct doctor *doctor)
{
	char names[64][DOCTOR_NAME_BYTES];
	uint32_t n = doctor_list(doctor, NODES, names, 64), nodes = 0;
	uint64_t balancing = 0;

	for (uint32_t i = 0; i < n; i++)
		nodes += strncmp(names[i], "node", 4) == 0 && names[i][4] >= '0' &&
			names[i][4] <= '9';
	doctor_read_number(doctor, "/proc/sys/kernel/numa_balancing", &balancing);
	if (nodes > 1 && balancing)
		doctor_find(doctor, "memory", "numa", DOCTOR_WARN,
			"sysctl -w kernel.numa_balancing=0",
			"%u nodes with automatic balancing: page faults on the lcores; keep lcores "
			"and NIC on one node",
			nodes);
	else if (nodes > 1)
		doctor_find(doctor, "memory", "numa", DOCTOR_OK, NULL,
			"%u nodes: keep lcores and NIC on one", nodes);
	else
		doctor_find(doctor, "memory", "numa", DOCTOR_OK, NULL, "one node");
}

void doctor_check_memory(struct doctor *doctor)
{
	memory_check_hugepages(doctor);
	memory_check_hugetlbfs(doctor);
	memory_check_memlock(doctor);
	memory_check_thp(doctor);
	memory_check_numa(doctor);
}
