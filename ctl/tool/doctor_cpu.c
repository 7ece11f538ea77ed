// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor_cpu.h"

#include "ctl/tool/doctor_read.h"
#include "infer/infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_ENTRIES 256 // in the kernel's folder of CPUs: one for each, and a few more
#define CPUS        "/sys/devices/system/cpu"
#define CLOCK       "/sys/devices/system/clocksource/clocksource0"

static void cpu_check_isa(struct doctor *doctor)
{
	if (doctor->isa & (ISA_AVX2 | ISA_AVX512 | ISA_NEON))
		doctor_find(doctor, "cpu", "kernels", DOCTOR_OK, NULL, "up to %s",
			isa_name(doctor->isa));
	else
		doctor_find(doctor, "cpu", "kernels", DOCTOR_WARN, NULL,
			"no AVX2: models run on the scalar kernels, many times slower; in a "
			"virtual machine, pass the host's CPU through");
}

// Reads the value of a parameter of the kernel's command line; "" where it is not given.
static void cpu_read_parameter(const char *cmdline, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	value[0] = '\0';
	for (const char *word = cmdline; word && *word; word = strchr(word, ' ')) {
		word += strspn(word, " ");
		if (strncmp(word, name, length) == 0 && word[length] == '=')
			snprintf(value, size, "%.*s", (int)strcspn(word + length + 1, " "),
				word + length + 1);
	}
}

// Lists the CPUs that poll: those of the configuration, or without one all but CPU 0.
static void cpu_list_polling(const struct doctor *doctor, char *list, size_t size)
{
	const struct config_lcores *l = doctor->config ? &doctor->config->lcores : NULL;
	const uint32_t *sets[] = { l ? l->io : NULL, l ? l->workers : NULL,
		l ? l->complete : NULL };
	const uint32_t counts[] = { l ? l->n_io : 0, l ? l->n_workers : 0, l ? l->n_complete : 0 };
	char online[128], *last;
	size_t used = 0;

	list[0] = '\0';
	for (int s = 0; s < 3; s++)
		for (uint32_t i = 0; i < counts[s] && used + 8 < size; i++)
			used += (size_t)snprintf(
				list + used, size - used, "%s%u", used ? "," : "", sets[s][i]);
	if (used)
		return;
	doctor_read(doctor, online, sizeof(online), CPUS "/online");
	last = online + strlen(online);
	while (last > online && last[-1] >= '0' && last[-1] <= '9')
		last--;
	if (atoi(last) > 1)
		snprintf(list, size, "1-%d", atoi(last));
	else
		snprintf(list, size, "%d", atoi(last));
}

static void cpu_check_isolation(struct doctor *doctor)
{
	static const char *const names[] = { "isolcpus", "nohz_full", "rcu_nocbs" };
	char cmdline[4096], value[256], cpus[96], fix[512], missing[64] = "";
	const char *first = "";

	doctor_read(doctor, cmdline, sizeof(cmdline), "/proc/cmdline");
	cpu_list_polling(doctor, cpus, sizeof(cpus));
	for (int i = 0; i < 3; i++) {
		bool all;

		cpu_read_parameter(cmdline, names[i], value, sizeof(value));
		all = *value;
		for (char *c = cpus; doctor->config && all && c; c = strchr(c, ',')) {
			c += *c == ',';
			all = doctor_cpu_in(value, (uint32_t)strtoul(c, NULL, 10));
		}
		if (!all) {
			strcat(missing, first);
			strcat(missing, names[i]);
			first = ", ";
		}
	}
	if (!*missing) {
		doctor_find(doctor, "cpu", "isolation", DOCTOR_OK, NULL,
			"isolcpus, nohz_full and rcu_nocbs are set");
		return;
	}
	snprintf(fix, sizeof(fix),
		"add to GRUB_CMDLINE_LINUX: isolcpus=managed_irq,domain,%s nohz_full=%s "
		"rcu_nocbs=%s; update-grub && reboot",
		cpus, cpus, cpus);
	doctor_find(doctor, "cpu", "isolation", DOCTOR_WARN, fix,
		"kernel command line lacks %s for CPUs %s: other work and timer ticks interrupt "
		"lcores",
		missing, cpus);
}

static void cpu_check_governor(struct doctor *doctor)
{
	char cpus[CPU_ENTRIES][DOCTOR_NAME_BYTES], path[160], governor[32], other[32] = "";
	uint32_t n = doctor_list(doctor, CPUS, cpus, CPU_ENTRIES), seen = 0;

	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), CPUS "/%.63s/cpufreq/scaling_governor", cpus[i]);
		if (strncmp(cpus[i], "cpu", 3) != 0 ||
			!doctor_read(doctor, governor, sizeof(governor), path))
			continue;
		seen++;
		if (strcmp(governor, "performance") != 0)
			strcpy(other, governor);
	}
	if (!seen)
		doctor_find(doctor, "cpu", "governor", DOCTOR_OK, NULL,
			"no frequency control here (a virtual machine, or the firmware's)");
	else if (!*other)
		doctor_find(doctor, "cpu", "governor", DOCTOR_OK, NULL, "performance");
	else
		doctor_find(doctor, "cpu", "governor", DOCTOR_WARN,
			"echo performance | tee " CPUS "/cpu*/cpufreq/scaling_governor",
			"%s: frequency follows load, and latency with it", other);
}

static void cpu_check_smt(struct doctor *doctor)
{
	uint64_t active = 0;

	doctor_read_number(doctor, CPUS "/smt/active", &active);
	if (active)
		doctor_find(doctor, "cpu", "smt", DOCTOR_WARN, "echo off > " CPUS "/smt/control",
			"on: lcores on one core share its vector units; use one CPU a core, or "
			"turn it off");
	else
		doctor_find(doctor, "cpu", "smt", DOCTOR_OK, NULL, "off");
}

// Does the first "flags" line of /proc/cpuinfo hold `flag`?
static bool cpu_has_flag(const char *cpuinfo, const char *flag)
{
	const char *line = strstr(cpuinfo, "flags"), *end = line ? strchr(line, '\n') : NULL;
	size_t length = strlen(flag);

	for (const char *at = line; at && (at = strstr(at, flag)); at += length)
		if ((!end || at < end) && at[-1] == ' ' && strchr(" \n", at[length]))
			return true;
	return false;
}

static void cpu_check_clock(struct doctor *doctor)
{
	static char cpuinfo[8192];
	char current[64], available[128];

	doctor_read(doctor, cpuinfo, sizeof(cpuinfo), "/proc/cpuinfo");
	doctor_read(doctor, current, sizeof(current), CLOCK "/current_clocksource");
	doctor_read(doctor, available, sizeof(available), CLOCK "/available_clocksource");
	if (!cpu_has_flag(cpuinfo, "constant_tsc") || !cpu_has_flag(cpuinfo, "nonstop_tsc"))
		doctor_find(doctor, "cpu", "clock", DOCTOR_WARN, NULL,
			"the TSC is not constant: latencies and budgets will be off on this CPU");
	else if (strcmp(current, "tsc") == 0)
		doctor_find(
			doctor, "cpu", "clock", DOCTOR_OK, NULL, "constant TSC, clock source tsc");
	else if (strstr(available, "tsc"))
		doctor_find(doctor, "cpu", "clock", DOCTOR_WARN,
			"echo tsc > " CLOCK "/current_clocksource",
			"constant TSC, but the kernel's clock source is %s",
			*current ? current : "unknown");
	else
		doctor_find(doctor, "cpu", "clock", DOCTOR_OK, NULL,
			"constant TSC; the kernel itself uses %s", *current ? current : "another");
}

bool doctor_cpu_in(const char *list, uint32_t cpu)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list) { // a word, as "domain" of isolcpus=domain,5
			list = strchr(list, ',');
			if (!list++)
				return false;
			continue;
		}
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (cpu >= first && cpu <= last)
			return true;
		list = end + strcspn(end, ",");
		list += *list == ',';
	}
	return false;
}

void doctor_check_cpu(struct doctor *doctor)
{
	cpu_check_isa(doctor);
	cpu_check_isolation(doctor);
	cpu_check_governor(doctor);
	cpu_check_smt(doctor);
	cpu_check_clock(doctor);
}
