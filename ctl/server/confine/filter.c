// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/filter.h"

#include "ctl/server/confine/calls.h"

#include <seccomp.h>
#include <string.h>
#include <unistd.h>

static struct scmp_arg_cmp filter_test(const struct call_test *test)
{
	struct scmp_arg_cmp cmp = { .arg = test->argument, .op = SCMP_CMP_EQ };

	cmp.datum_a = test->is_own_pid ? (uint64_t)getpid() : test->value;
	if (test->mask) {
		cmp.op = SCMP_CMP_MASKED_EQ;
		cmp.datum_a = test->mask;
		cmp.datum_b = test->value;
	}
	return cmp;
}

static int filter_allow(scmp_filter_ctx filter, const struct call *call)
{
	const int number = seccomp_syscall_resolve_name(call->name);
	struct scmp_arg_cmp test;

	if (number < 0) // another architecture's
		return 0;
	if (call->has_test)
		test = filter_test(&call->test);
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, call->has_test, &test);
}

static int filter_fill(scmp_filter_ctx filter, const struct confine_needs *needs)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < N_CALLS; i++)
		if (call_is_needed(&CALLS[i], needs))
			rc = filter_allow(filter, &CALLS[i]);
	for (size_t i = 0; rc == 0 && CALLS_UNKNOWN[i]; i++) {
		const int number = seccomp_syscall_resolve_name(CALLS_UNKNOWN[i]);

		if (number >= 0)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
	}
	return rc;
}

int filter_load(const struct confine_needs *needs, enum config_seccomp mode, struct error *err)
{
	scmp_filter_ctx filter;
	int rc;

	if (mode == CONFIG_SECCOMP_OFF)
		return 0;
	filter = seccomp_init(mode == CONFIG_SECCOMP_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_LOG);
	if (!filter)
		return error_set(err, -ENOMEM, "no memory for the filter of system calls");
	// Calls of another architecture (32 bits) end the process, too. Lcores make some of theirs often: they are
	// found in few steps. Without the last the kernel would slow scoring down, for who runs foreign code.
	rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (rc == 0)
		rc = filter_fill(filter, needs);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc == 0
		? 0
		: error_set(err, rc,
			  "process.seccomp: the kernel does not take the filter of system calls: "
			  "%s; seccomp = \"off\" does without",
			  strerror(-rc));
}
