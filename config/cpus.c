// SPDX-License-Identifier: BSD-3-Clause
#include "config/cpus.h"

#include <pthread.h>
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

// CPUs that the process might run on when it was first asked. Later a thread may be on one CPU alone, as those of an
// appliance are, and its own mask say nothing of the process.
static union {
	cpu_set_t set;
	char bytes[CPUS_MAX / 8];
} cpus_allowed;
static bool cpus_known;

static void cpus_ask(void)
{
	cpus_known = sched_getaffinity(0, sizeof(cpus_allowed), &cpus_allowed.set) == 0;
}

bool cpus_usable(uint32_t cpu)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, cpus_ask);
	if (cpu >= CPUS_MAX)
		return false;
	// Where the mask cannot be read, every CPU passes: EAL will say so if it cannot run there.
	return !cpus_known || CPU_ISSET_S(cpu, sizeof(cpus_allowed), &cpus_allowed.set);
}
