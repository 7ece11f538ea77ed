// SPDX-License-Identifier: BSD-3-Clause
#include "config/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPUS_MAX 4096

// The kernel's list of CPUs is "0-3,8" and a newline. Where /sys is not mounted, it is made up from
// their count.
static void cpus_online(char *text, size_t size)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	bool got = file && fgets(text, (int)size, file);

	if (file)
		fclose(file);
	if (!got)
		snprintf(text, size, "0-%ld", sysconf(_SC_NPROCESSORS_ONLN) - 1);
	text[strcspn(text, "\n")] = '\0';
}

void cpus_describe(char *text, size_t size)
{
	cpus_online(text, size);
}

bool cpus_exists(long long cpu)
{
	char text[1024];
	char *at = text;

	cpus_online(text, sizeof(text));
	while (*at) {
		long first = strtol(at, &at, 10);
		long last = *at == '-' ? strtol(at + 1, &at, 10) : first;

		if (cpu >= first && cpu <= last)
			return true;
		if (*at != ',')
			break;
		at++;
	}
	return false;
}

bool cpus_usable(uint32_t cpu)
{
	size_t bytes = CPU_ALLOC_SIZE(CPUS_MAX);
	cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
	bool usable = cpu < CPUS_MAX;

	if (!set)
		return false;
	// Where the mask cannot be read, every CPU passes: EAL will say so if it cannot run there.
	if (usable && sched_getaffinity(0, bytes, set) == 0)
		usable = CPU_ISSET_S(cpu, bytes, set);
	CPU_FREE(set);
	return usable;
}
