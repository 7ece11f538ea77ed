// SPDX-License-Identifier: BSD-3-Clause
// What martletd gives up: each system call that it has no use for ends whoever makes it, in a child under the same
// filter; capabilities by device; a store that root left, given to a user, and nothing else.
#include "ctl/server/confine/capabilities.h"
#include "ctl/server/confine/filter.h"
#include "ctl/server/confine/needs.h"
#include "ctl/server/confine/threads.h"
#include "ctl/server/confine/user.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY     65534
#define SURVIVED   0
#define NO_FILTER  99
#define FORK_FLAGS SIGCHLD

// A system call as it is: `number` and its arguments.
struct attempt {
	const char *name;
	long number;
	unsigned long arguments[5];
};

// Ends with 0 where the call comes back, whatever it gave; else with its errno, where `wants` says so.
static int try_under_filter(
	const struct confine_needs *needs, enum config_seccomp mode, const struct attempt *attempt)
{
	const unsigned long *a = attempt->arguments;
	const pid_t child = fork();
	struct error err;
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (filter_load(needs, mode, &err) != 0)
			syscall(SYS_exit_group, NO_FILTER);
		if (syscall(attempt->number, a[0], a[1], a[2], a[3], a[4]) < 0 && errno == ENOSYS)
			syscall(SYS_exit_group, ENOSYS);
		syscall(SYS_exit_group, SURVIVED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_call_without_use_is_death(void **state)
{
	static const char PATH[] = "/tmp/martlet-no-such-file";
	static char *const NO_ARGUMENTS[] = { NULL };
	const unsigned long path = (unsigned long)PATH, none = (unsigned long)NO_ARGUMENTS;
	const struct confine_needs needs = { 0 };
	const struct attempt FORBIDDEN[] = {
		{ "execve", SYS_execve, { path, none, none } },
		{ "execveat", SYS_execveat, { (unsigned long)AT_FDCWD, path, none, none } },
		{ "fork by clone", SYS_clone, { FORK_FLAGS } },
		{ "socket of AF_ALG", SYS_socket, { AF_ALG, SOCK_SEQPACKET } },
		{ "socket of AF_PACKET, of which there is no port", SYS_socket,
			{ AF_PACKET, SOCK_RAW } },
		{ "socket of AF_NETLINK, likewise", SYS_socket, { AF_NETLINK, SOCK_RAW } },
		{ "socket of AF_VSOCK", SYS_socket, { AF_VSOCK, SOCK_STREAM } },
		{ "ptrace", SYS_ptrace, { PTRACE_TRACEME } },
		{ "process_vm_readv", SYS_process_vm_readv, { 1 } },
		{ "bpf, without a port of AF_XDP", SYS_bpf, { BPF_OBJ_GET_INFO_BY_FD } },
		{ "mount", SYS_mount, { path, path } },
		{ "umount2", SYS_umount2, { path } },
		{ "pivot_root", SYS_pivot_root, { path, path } },
		{ "chroot", SYS_chroot, { path } },
		{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
		{ "setns", SYS_setns, { (unsigned long)-1 } },
		{ "setresuid", SYS_setresuid, { 0, 0, 0 } },
		{ "setgroups", SYS_setgroups, { 0 } },
		{ "capset", SYS_capset, { 0 } },
		{ "a set-user-id file by open", SYS_openat,
			{ (unsigned long)AT_FDCWD, path, O_CREAT | O_WRONLY, 04755 } },
		{ "a set-user-id file by fchmod", SYS_fchmod, { (unsigned long)-1, 04755 } },
		{ "a set-group-id file by fchmodat", SYS_fchmodat,
			{ (unsigned long)AT_FDCWD, path, 02755 } },
		{ "chown", SYS_fchownat, { (unsigned long)AT_FDCWD, path, 0, 0 } },
		{ "a link", SYS_linkat,
			{ (unsigned long)AT_FDCWD, path, (unsigned long)AT_FDCWD, path } },
		{ "memory that is written and run", SYS_mmap,
			{ 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
				(unsigned long)-1 } },
		{ "memory that is made to be run", SYS_mprotect,
			{ 0, 4096, PROT_READ | PROT_EXEC } },
		{ "kill", SYS_kill, { 1, 0 } },
		{ "tgkill of another", SYS_tgkill, { 1, 1, 0 } },
		{ "a key that is typed into a terminal", SYS_ioctl, { 0, TIOCSTI, path } },
		{ "a module", SYS_init_module, { path, 0, path } },
		{ "kexec", SYS_kexec_load, { 0 } },
		{ "perf_event_open", SYS_perf_event_open, { 0 } },
		{ "userfaultfd", SYS_userfaultfd, { 0 } },
		{ "keyctl", SYS_keyctl, { 0 } },
		{ "add_key", SYS_add_key, { path, path } },
		{ "io_uring_register", SYS_io_uring_register, { (unsigned long)-1 } },
		{ "personality", SYS_personality, { 0 } },
		{ "the clock", SYS_clock_settime, { 0 } },
		{ "reboot", SYS_reboot, { 0 } },
		{ "a limit that is set", SYS_prlimit64, { 0, 0, path, 0 } },
		{ "open_by_handle_at", SYS_open_by_handle_at, { (unsigned long)-1 } },
		{ "prctl of a new filter", SYS_prctl, { 22 /* PR_SET_SECCOMP */ } },
		{ "a call that there is not", 1000, { 0 } },
	};

	for (size_t i = 0; i < sizeof(FORBIDDEN) / sizeof(FORBIDDEN[0]); i++) {
		const int status = try_under_filter(&needs, CONFIG_SECCOMP_KILL, &FORBIDDEN[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status %#x, SIGSYS should end it", FORBIDDEN[i].name, status);
	}
}

static void what_is_needed_is_let_through(void **state)
{
	static const char PATH[] = "/proc/self/status";
	const unsigned long path = (unsigned long)PATH;
	const struct confine_needs packet = { .packet_sockets = true, .netlink = true },
				   xdp = { .xdp_sockets = true, .netlink = true }, none = { 0 };
	const struct {
		struct attempt attempt;
		const struct confine_needs *needs;
		enum config_seccomp mode;
		int exit;
	} ALLOWED[] = {
		{ { "openat", SYS_openat, { (unsigned long)AT_FDCWD, path, O_RDONLY } }, &none,
			CONFIG_SECCOMP_KILL, SURVIVED },
		{ { "socket of AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM } }, &none,
			CONFIG_SECCOMP_KILL, SURVIVED },
		{ { "socket of AF_PACKET", SYS_socket, { AF_PACKET, SOCK_RAW } }, &packet,
			CONFIG_SECCOMP_KILL, SURVIVED },
		{ { "bpf", SYS_bpf, { BPF_OBJ_GET_INFO_BY_FD } }, &xdp, CONFIG_SECCOMP_KILL,
			SURVIVED },
		// So that the C library takes the older call.
		{ { "clone3", SYS_clone3, { 0 } }, &none, CONFIG_SECCOMP_KILL, ENOSYS },
		{ { "io_uring_setup", SYS_io_uring_setup, { 0 } }, &none, CONFIG_SECCOMP_KILL,
			ENOSYS },
		{ { "unshare", SYS_unshare, { 0 } }, &none, CONFIG_SECCOMP_LOG, SURVIVED },
		{ { "unshare", SYS_unshare, { 0 } }, &none, CONFIG_SECCOMP_OFF, SURVIVED },
	};

	for (size_t i = 0; i < sizeof(ALLOWED) / sizeof(ALLOWED[0]); i++) {
		const int status =
			try_under_filter(ALLOWED[i].needs, ALLOWED[i].mode, &ALLOWED[i].attempt);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != ALLOWED[i].exit)
			fail_msg("%s: status %#x, exit %d is right", ALLOWED[i].attempt.name,
				status, ALLOWED[i].exit);
	}
}

static void capabilities_are_those_of_the_devices(void **state)
{
	static const struct {
		const char *device, *member;
		uint16_t listen;
		const char *wanted;
	} CASES[] = {
		{ "net_memif0,socket=/run/x.sock", NULL, 0, "none" },
		{ "net_ring0", NULL, 0, "none" },
		{ "net_tap0,iface=t", NULL, 0, "net_admin" },
		{ "net_af_packet0,iface=e", NULL, 0, "net_admin, net_raw" },
		{ "net_af_xdp0,iface=e", NULL, 0, "net_admin, net_raw" },
		{ "net_bonding0", "net_af_packet0,iface=e", 0, "net_admin, net_raw" },
		{ "net_unheard_of0", NULL, 0, "net_admin, net_raw" },
		{ "net_memif0", NULL, 443, "net_bind_service" },
		{ "net_memif0", NULL, 1024, "none" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		static struct config config;
		struct confine_needs needs;
		char text[CAPABILITIES_TEXT];

		memset(&config, 0, sizeof(config));
		config.n_ports = 1;
		snprintf(config.ports[0].device, sizeof(config.ports[0].device), "%s",
			CASES[i].device);
		if (CASES[i].member)
			snprintf(config.ports[0].members[config.ports[0].n_members++],
				CONFIG_MEMBER_BYTES, "%s", CASES[i].member);
		config.control.n_http = 1;
		config.control.http[0].listen.port = CASES[i].listen;
		confine_find_needs(&config, &needs);
		capabilities_text(needs.capabilities, text);
		assert_string_equal(text, CASES[i].wanted);
	}
}

static _Atomic(bool) visited_end;
static _Thread_local int visits; // of this thread
static _Atomic(int) waiting;

static int visit(void)
{
	visits++;
	return 0;
}

static int visit_and_fail(void)
{
	return -EPERM;
}

// Gives how often it was visited.
static void *wait_about(void *arg)
{
	visits = 0; // so that it is there before a signal asks for it
	atomic_fetch_add(&waiting, 1);
	while (!atomic_load(&visited_end))
		usleep(1000);
	return (void *)(intptr_t)visits;
}

static void each_thread_is_visited_once(void **state)
{
	pthread_t threads[3];
	struct error err;
	void *n;

	visits = 0;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_about, NULL), 0);
	while (atomic_load(&waiting) < 3)
		usleep(1000);
	assert_int_equal(threads_each(visit, &err), 0);
	assert_int_equal(threads_each(visit_and_fail, &err), -EPERM);
	assert_non_null(strstr(err.text, "Operation not permitted"));
	atomic_store(&visited_end, true);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], &n), 0);
		assert_int_equal((intptr_t)n, 1);
	}
	assert_int_equal(visits, 1);
}

static uid_t owner(const char *folder, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(lstat(path, &st), 0);
	return st.st_uid;
}

static void make(const char *folder, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

// Whoever could write there before may have left names of files that are not the store's.
static void a_store_is_given_and_nothing_beside_it(void **state)
{
	const struct confine_user user = { .name = "nobody", .uid = NOBODY, .gid = NOBODY };
	char folder[] = "/tmp/martlet-give-XXXXXX", text[512], other[512];
	struct error err;

	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	snprintf(text, sizeof(text), "cd %s && mkdir -p store/models/lab away && mkfifo store/pipe",
		folder);
	assert_int_equal(system(text), 0);
	make(folder, "store/models/lab/1.mlt");
	make(folder, "away/secret");
	make(folder, "away/linked");
	make(folder, "store/of-another");
	snprintf(text, sizeof(text), "%s/store/of-another", folder);
	assert_int_equal(chown(text, 12345, 12345), 0);
	snprintf(text, sizeof(text), "%s/store/link", folder);
	snprintf(other, sizeof(other), "%s/away/secret", folder);
	assert_int_equal(symlink(other, text), 0);
	snprintf(text, sizeof(text), "%s/store/hard", folder);
	snprintf(other, sizeof(other), "%s/away/linked", folder);
	assert_int_equal(link(other, text), 0);

	snprintf(text, sizeof(text), "%s/store", folder);
	assert_int_equal(user_give_tree(&user, text, &err), 0);
	assert_int_equal(owner(folder, "store"), NOBODY);
	assert_int_equal(owner(folder, "store/models/lab"), NOBODY);
	assert_int_equal(owner(folder, "store/models/lab/1.mlt"), NOBODY);
	assert_int_equal(owner(folder, "store/of-another"), 12345);
	assert_int_equal(owner(folder, "away/secret"), 0);
	assert_int_equal(owner(folder, "away/linked"), 0);
	assert_int_equal(owner(folder, "store/pipe"), 0);
	assert_int_equal(owner(folder, "."), 0);
	snprintf(text, sizeof(text), "rm -rf %s", folder);
	assert_int_equal(system(text), 0);
}

static void a_user_is_found_or_refused(void **state)
{
	struct confine_user user;
	struct error err;

	assert_int_equal(user_find("", &user, &err), 0);
	assert_string_equal(user.name, "");
	assert_int_equal(user_find("no-such-user-here", &user, &err), -ENOENT);
	assert_non_null(strstr(err.text, "there is no user 'no-such-user-here' here"));
	if (geteuid() != 0)
		skip();
	assert_int_equal(user_find("root", &user, &err), 0); // who we are already
	assert_string_equal(user.name, "");
	assert_int_equal(user_find("nobody", &user, &err), 0);
	assert_string_equal(user.name, "nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_without_use_is_death),
		cmocka_unit_test(what_is_needed_is_let_through),
		cmocka_unit_test(capabilities_are_those_of_the_devices),
		cmocka_unit_test(each_thread_is_visited_once),
		cmocka_unit_test(a_store_is_given_and_nothing_beside_it),
		cmocka_unit_test(a_user_is_found_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
