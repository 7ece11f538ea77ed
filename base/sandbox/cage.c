// SPDX-License-Identifier: BSD-3-Clause
#include "base/sandbox/cage.h"

#include <inttypes.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

// A sanitiser reports on standard error.
#ifdef __SANITIZE_ADDRESS__
#define HAS_REPORTS true
#else
#define HAS_REPORTS false
#endif

// What computing takes: memory, the time, reading what is open, and the end. Nothing is opened, made or sent.
static const char *const CALLS[] = {
	// memory
	"brk",
	"munmap",
	"mremap",
	"madvise",
	// files that are open already
	"read",
	"readv",
	"pread64",
	"preadv",
	"lseek",
	"fstat",
	"close",
	// locks and signals of the C library
	"futex",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"restart_syscall",
	// who, where and when
	"getpid",
	"gettid",
	"sched_yield",
	"sched_getaffinity",
	"getcpu",
	"sysinfo",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"getrandom",
	"getrusage",
	"times",
	"uname",
	// the tiles of AMX
	"arch_prctl",
	// the end
	"exit",
	"exit_group",
};

static int cage_limit(int resource, uint64_t soft, uint64_t hard, struct error *err)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		return error_set(err, -errno, "limits cannot be read: %s", strerror(errno));
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < hard)
		hard = limit.rlim_max;
	limit = (struct rlimit){ .rlim_cur = soft < hard ? soft : hard, .rlim_max = hard };
	return setrlimit(resource, &limit) == 0
		? 0
		: error_set(err, -errno, "limits cannot be set: %s", strerror(errno));
}

// What the process has mapped already; proc(5), statm.
static uint64_t cage_mapped(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int cage_set_limits(const struct sandbox_limits *limits, struct error *err)
{
	const uint64_t memory = cage_mapped() + limits->memory_bytes;
	int rc = cage_limit(RLIMIT_AS, memory, memory, err);

	// The first second over it is SIGXCPU's, and the next is SIGKILL's.
	if (rc == 0)
		rc = cage_limit(
			RLIMIT_CPU, limits->cpu_seconds, (uint64_t)limits->cpu_seconds + 1, err);
	if (rc == 0)
		rc = cage_limit(RLIMIT_FSIZE, limits->memory_bytes, limits->memory_bytes, err);
	return rc == 0 ? cage_limit(RLIMIT_CORE, 0, 0, err) : rc;
}

static int cage_compare(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static void cage_close_others(const struct cage *cage)
{
	int kept[SANDBOX_KEEP_MAX + 3], n = 0, from = 0;

	for (unsigned int i = 0; i < cage->n_keep; i++)
		kept[n++] = cage->keep[i];
	kept[n++] = cage->result;
	kept[n++] = cage->socket;
	if (HAS_REPORTS)
		kept[n++] = STDERR_FILENO;
	qsort(kept, (size_t)n, sizeof(kept[0]), cage_compare);
	for (int i = 0; i < n; from = kept[i++] + 1)
		if (kept[i] > from)
			close_range((unsigned)from, (unsigned)kept[i] - 1, 0);
	close_range((unsigned)from, ~0u, 0);
}

static int cage_allow(scmp_filter_ctx filter, const char *name, unsigned int n,
	struct scmp_arg_cmp first, struct scmp_arg_cmp second)
{
	const struct scmp_arg_cmp tests[] = { first, second };
	const int number = seccomp_syscall_resolve_name(name);

	return number < 0 ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, n, tests);
}

// Calls that are let through with some arguments only.
static int cage_allow_some(scmp_filter_ctx filter, const struct cage *cage)
{
	const struct scmp_arg_cmp none = { 0 };
	const struct {
		const char *name;
		unsigned int n;
		struct scmp_arg_cmp tests[2];
	} RULES[] = {
		// memory that is written is not run
		{ "mmap", 2,
			{ SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_PRIVATE, MAP_PRIVATE) } },
		{ "mprotect", 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0), none } },
		// the result, and who started it
		{ "write", 1, { SCMP_A0(SCMP_CMP_EQ, (uint64_t)cage->result, 0), none } },
		{ "write", 1, { SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0), none } },
		{ "sendto", 1, { SCMP_A0(SCMP_CMP_EQ, (uint64_t)cage->socket, 0), none } },
		{ "recvmsg", 1, { SCMP_A0(SCMP_CMP_EQ, (uint64_t)cage->socket, 0), none } },
		// fstat() of the C library: of a descriptor, not of a path
		{ "newfstatat", 1, { SCMP_A3(SCMP_CMP_MASKED_EQ, 0x1000, 0x1000), none } },
		// whether what is read is a terminal: stdio asks
		{ "ioctl", 1, { SCMP_A1(SCMP_CMP_EQ, TCGETS, 0), none } },
		// abort() in this process
		{ "tgkill", 1, { SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid(), 0), none } },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(RULES) / sizeof(RULES[0]); i++)
		rc = cage_allow(
			filter, RULES[i].name, RULES[i].n, RULES[i].tests[0], RULES[i].tests[1]);
	return rc;
}

static int cage_filter(const struct cage *cage, struct error *err)
{
	const struct scmp_arg_cmp none = { 0 };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)
			: -ENOMEM;

	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	for (size_t i = 0; rc == 0 && i < sizeof(CALLS) / sizeof(CALLS[0]); i++)
		rc = cage_allow(filter, CALLS[i], 0, none, none);
	if (rc == 0)
		rc = cage_allow_some(filter, cage);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc == 0 ? 0
		       : error_set(err, rc, "the kernel here has no filters of system calls: %s",
				 strerror(-rc));
}

int cage_shut(const struct cage *cage, struct error *err)
{
	int rc;

	// It ends with whoever started it.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return error_set(err, -errno, "its end cannot be bound to this process's: %s",
			strerror(errno));
	signal(SIGXCPU, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	rc = cage_set_limits(&cage->limits, err);
	if (rc != 0)
		return rc;
	cage_close_others(cage);
	return cage_filter(cage, err);
}
