// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/calls.h"

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define EQUALS(at, is)                                                                             \
	{                                                                                          \
		.argument = (at), .value = (is)                                                    \
	}
#define BITS(at, under, is)                                                                        \
	{                                                                                          \
		.argument = (at), .mask = (under), .value = (is)                                   \
	}
#define OWN_PID(at)                                                                                \
	{                                                                                          \
		.argument = (at), .is_own_pid = true                                               \
	}
#define CALL(system_call, reason) .name = (system_call), .why = (reason)
#define ANY(system_call, reason)                                                                   \
	{                                                                                          \
		CALL(system_call, reason)                                                          \
	}
#define IF(...) .test = __VA_ARGS__, .has_test = true
#define SETID   ((uint64_t)(S_ISUID | S_ISGID))
// The kinds of ioctl() by the bits that tell them (linux/ioctl.h).
#define IOCTL_KIND(kind) BITS(1, 0xff00, (uint64_t)(kind) << 8)

const struct call CALLS[] = {
	// --- Memory: none is both written and run, and none becomes executable. A file that was written can be mapped to
	// be run, since libraries are: a filter cannot see which file it is.
	ANY("brk", "the heap"),
	{ CALL("mmap", "the heap, regions of memif's peers, hugepages"),
		IF(BITS(2, PROT_EXEC, 0)) },
	{ CALL("mmap", "libraries that libraries load: of certificates, of users' names"),
		IF(BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)) },
	ANY("munmap", "of the same"),
	ANY("mremap", "a large block of the heap grows"),
	{ CALL("mprotect", "stacks, heaps and libraries"), IF(BITS(2, PROT_EXEC, 0)) },
	ANY("madvise", "memory that is given back, or kept out of core dumps"),
	ANY("mlock", "weights and keys that are not to be swapped"),
	ANY("mlock2", "likewise"),
	ANY("munlock", "likewise"),
	ANY("mincore", "DPDK looks whether memory is there"),
	ANY("get_mempolicy", "DPDK: memory of the CPU's own node"),
	ANY("set_mempolicy", "likewise"),
	ANY("mbind", "likewise"),
	ANY("move_pages", "likewise: where a page lies"),
	ANY("memfd_create", "memory that is shared with memif's peers, and hugepages"),
	ANY("membarrier", "DPDK's fences between threads"),

	// --- Threads: those that are there, and such as a library may start; no other process.
	ANY("futex", "locks"),
	{ CALL("clone", "a thread"), IF(BITS(0, CLONE_THREAD, CLONE_THREAD)) },
	ANY("set_robust_list", "a thread begins"),
	ANY("rseq", "a thread begins"),
	ANY("set_tid_address", "a thread begins"),
	ANY("exit", "a thread ends"),
	ANY("exit_group", "the end"),
	ANY("wait4", "the process that runs the drain hook ends"),
	ANY("gettid", "a thread's number"),
	ANY("getpid", "ours, in paths and messages"),
	ANY("getppid", "the service manager's"),
	{ CALL("tgkill", "abort(), and what tells a thread to end"), IF(OWN_PID(0)) },
	ANY("sched_yield", "a lock is waited for"),
	ANY("sched_getaffinity", "on which CPUs we are"),
	ANY("sched_setaffinity", "threads keep off the lcores' CPUs"),
	ANY("sched_getparam", "threads' priorities"),
	ANY("sched_getscheduler", "likewise"),
	ANY("sched_setscheduler", "the worker that opens models yields to packets"),
	ANY("sched_get_priority_max", "likewise"),
	ANY("sched_get_priority_min", "likewise"),
	ANY("getpriority", "likewise"),
	ANY("setpriority", "likewise"),
	ANY("rt_sigaction", "signals"),
	ANY("rt_sigprocmask", "signals"),
	ANY("rt_sigreturn", "signals"),
	ANY("rt_sigpending", "signals"),
	ANY("rt_sigtimedwait", "signals"),
	ANY("sigaltstack", "signals"),
	ANY("restart_syscall", "a call goes on after a signal"),
	ANY("arch_prctl", "the tiles of AMX are asked for once"),
	{ CALL("prctl", "a thread's name"), IF(EQUALS(0, PR_SET_NAME)) },
	{ CALL("prctl", "a thread's name"), IF(EQUALS(0, PR_GET_NAME)) },
	{ CALL("prctl", "what status says"), IF(EQUALS(0, PR_GET_NO_NEW_PRIVS)) },
	{ CALL("prctl", "lcores sleep for microseconds"), IF(EQUALS(0, PR_SET_TIMERSLACK)) },
	{ CALL("prctl", "names of memory, for who looks at it"), IF(EQUALS(0, PR_SET_VMA)) },

	// --- Who and where we are.
	ANY("getuid", "who may connect"),
	ANY("geteuid", "likewise"),
	ANY("getgid", "likewise"),
	ANY("getegid", "likewise"),
	ANY("getresuid", "likewise"),
	ANY("getresgid", "likewise"),
	ANY("getgroups", "likewise"),
	ANY("capget", "what we may do, for status"),
	{ CALL("prlimit64", "how much we may have: asked, not set"), IF(EQUALS(2, 0)) },
	ANY("getrlimit", "likewise"),
	ANY("getrusage", "what it took"),
	ANY("times", "likewise"),
	ANY("sysinfo", "how much memory there is"),
	ANY("uname", "the machine's name"),
	ANY("getcpu", "on which CPU we are"),
	ANY("getrandom", "TLS, and names that nobody guesses"),

	// --- Time and waiting.
	ANY("clock_gettime", "the time"),
	ANY("clock_getres", "the time"),
	ANY("gettimeofday", "the time"),
	ANY("time", "the time"),
	ANY("clock_nanosleep", "lcores that are idle"),
	ANY("nanosleep", "likewise"),
	ANY("timerfd_create", "alarms"),
	ANY("timerfd_settime", "alarms"),
	ANY("timerfd_gettime", "alarms"),
	ANY("epoll_create", "event loops"),
	ANY("epoll_create1", "event loops"),
	ANY("epoll_ctl", "event loops"),
	ANY("epoll_wait", "event loops"),
	ANY("epoll_pwait", "event loops"),
	ANY("epoll_pwait2", "event loops"),
	ANY("poll", "event loops"),
	ANY("ppoll", "event loops"),
	ANY("select", "event loops"),
	ANY("pselect6", "event loops"),
	ANY("eventfd2", "a thread wakes another"),
	ANY("signalfd4", "signals come by the event loop"),
	ANY("pipe2", "a thread wakes another"),

	// --- Files: the store, certificates, keys, the configuration, /proc and /sys. No set-user-id file is made
	// by them; of what io_uring makes a filter sees nothing.
	{ CALL("openat", "files"), IF(BITS(3, SETID, 0)) },
	{ CALL("open", "files, by older libraries"), IF(BITS(2, SETID, 0)) },
	ANY("close", "files"),
	ANY("close_range", "files"),
	ANY("read", "files, sockets, alarms"),
	ANY("readv", "likewise"),
	ANY("pread64", "files"),
	ANY("preadv", "files"),
	ANY("preadv2", "files"),
	ANY("write", "the log, sockets"),
	ANY("writev", "likewise"),
	ANY("pwrite64", "files"),
	ANY("pwritev", "files"),
	ANY("pwritev2", "files"),
	ANY("lseek", "files"),
	ANY("stat", "files"),
	ANY("lstat", "files"),
	ANY("fstat", "files"),
	ANY("newfstatat", "files"),
	ANY("fstatat64", "files"),
	ANY("statx", "files"),
	ANY("statfs", "room on the disk"),
	ANY("fstatfs", "room on the disk"),
	ANY("access", "files"),
	ANY("faccessat", "files"),
	ANY("faccessat2", "files"),
	ANY("readlink", "links of /proc and /sys"),
	ANY("readlinkat", "likewise"),
	ANY("getdents64", "folders"),
	ANY("getcwd", "paths that do not begin at the root"),
	ANY("fcntl", "flags of descriptors"),
	ANY("flock", "the store's lock"),
	ANY("dup", "descriptors"),
	ANY("dup2", "descriptors"),
	ANY("dup3", "descriptors"),
	ANY("umask", "modes of new files"),
	ANY("ftruncate", "new files"),
	ANY("fallocate", "new files"),
	ANY("fadvise64", "files that are read once"),
	ANY("fsync", "what is stored stays"),
	ANY("fdatasync", "likewise"),
	ANY("sync_file_range", "likewise"),
	ANY("rename", "a new file takes an old one's place"),
	ANY("renameat", "likewise"),
	ANY("renameat2", "likewise"),
	ANY("unlink", "models that are deleted, our sockets at the end"),
	ANY("unlinkat", "likewise"),
	ANY("rmdir", "models that are deleted"),
	{ CALL("mkdir", "new models"), IF(BITS(1, SETID, 0)) },
	{ CALL("mkdirat", "new models"), IF(BITS(2, SETID, 0)) },
	{ CALL("fchmod", "modes of new files"), IF(BITS(1, SETID, 0)) },
	{ CALL("chmod", "likewise"), IF(BITS(1, SETID, 0)) },
	{ CALL("fchmodat", "likewise"), IF(BITS(2, SETID, 0)) },
	ANY("lsetxattr", "who may connect to the API's socket, by its access list"),
	ANY("lremovexattr", "likewise"),
	ANY("io_uring_enter", "the store's ring, which takes but the calls it needs"),
	ANY("io_submit", "memif: lcores are woken up"),
	ANY("io_getevents", "memif: lcores are woken up"),
	ANY("io_destroy", "memif: at the end"),

	// --- Sockets, by family.
	{ CALL("socket", "the API's, the service manager's, other programs' locks"),
		IF(EQUALS(0, AF_UNIX)) },
	{ CALL("socket", "the API's"), IF(EQUALS(0, AF_INET)) },
	{ CALL("socket", "the API's"), IF(EQUALS(0, AF_INET6)) },
	{ CALL("socket", "how interfaces stand"), IF(EQUALS(0, AF_NETLINK)), .when = CALL_NETLINK },
	{ CALL("socket", "an interface that is back is opened anew"), IF(EQUALS(0, AF_PACKET)),
		.when = CALL_PACKET },
	{ CALL("socketpair", "threads"), IF(EQUALS(0, AF_UNIX)) },
	ANY("bind", "listeners"),
	ANY("listen", "listeners"),
	ANY("accept", "listeners"),
	ANY("accept4", "listeners"),
	ANY("connect", "the service manager"),
	ANY("getsockname", "sockets"),
	ANY("getpeername", "who asks"),
	ANY("getsockopt", "who asks"),
	ANY("setsockopt", "sockets"),
	ANY("shutdown", "sockets"),
	ANY("sendto", "replies; packets of AF_PACKET and AF_XDP"),
	ANY("recvfrom", "requests"),
	ANY("sendmsg", "replies; memory to memif's peers"),
	ANY("recvmsg", "requests; memory of memif's peers"),
	ANY("sendmmsg", "replies"),
	ANY("recvmmsg", "requests"),

	// --- Devices, by the kind of request. None of a terminal's: TIOCSTI would type for whoever sits there.
	{ CALL("ioctl", "network interfaces"), IF(IOCTL_KIND(0x89)) },
	{ CALL("ioctl", "vfio: the card and its memory"), IF(IOCTL_KIND(0x3b)) },
	{ CALL("ioctl", "TAP: number 192 and above of the terminal's kind"),
		IF(BITS(1, 0xffc0, 0x54c0)) },
	{ CALL("ioctl", "RDMA, which a Mellanox card is driven by"), IF(IOCTL_KIND(0x1b)) },
	{ CALL("ioctl", "whether a log is a terminal"), IF(EQUALS(1, TCGETS)) },
	{ CALL("ioctl", "how much there is to read"), IF(EQUALS(1, FIONREAD)) },
	{ CALL("ioctl", "a socket does not block"), IF(EQUALS(1, FIONBIO)) },

	// --- AF_XDP: programs and maps that are open already. None is loaded.
	{ CALL("bpf", "the map of sockets"), IF(EQUALS(0, BPF_MAP_LOOKUP_ELEM)), .when = CALL_XDP },
	{ CALL("bpf", "likewise"), IF(EQUALS(0, BPF_MAP_UPDATE_ELEM)), .when = CALL_XDP },
	{ CALL("bpf", "likewise"), IF(EQUALS(0, BPF_MAP_DELETE_ELEM)), .when = CALL_XDP },
	{ CALL("bpf", "which program the interface has"), IF(EQUALS(0, BPF_OBJ_GET_INFO_BY_FD)),
		.when = CALL_XDP },
	{ CALL("bpf", "likewise"), IF(EQUALS(0, BPF_PROG_GET_FD_BY_ID)), .when = CALL_XDP },
	{ CALL("bpf", "likewise"), IF(EQUALS(0, BPF_MAP_GET_FD_BY_ID)), .when = CALL_XDP },
	{ CALL("bpf", "likewise"), IF(EQUALS(0, BPF_LINK_GET_FD_BY_ID)), .when = CALL_XDP },
	{ CALL("bpf", "likewise"), IF(EQUALS(0, BPF_LINK_GET_NEXT_ID)), .when = CALL_XDP },
	{ CALL("bpf", "the program is taken away at the end"), IF(EQUALS(0, BPF_LINK_DETACH)),
		.when = CALL_XDP },
};
const size_t N_CALLS = sizeof(CALLS) / sizeof(CALLS[0]);

const char *const CALLS_UNKNOWN[] = {
	"clone3",  // its flags lie in memory, where a filter cannot look: clone() is made instead
	"openat2", // likewise
	"io_uring_setup", // another ring would pass by this filter
	NULL,
};

bool call_is_needed(const struct call *call, const struct confine_needs *needs)
{
	switch (call->when) {
	case CALL_ALWAYS:
		return true;
	case CALL_PACKET:
		return needs->packet_sockets;
	case CALL_XDP:
		return needs->xdp_sockets;
	case CALL_NETLINK:
		return needs->netlink;
	}
	return false;
}
