// SPDX-License-Identifier: BSD-3-Clause
// Work that misbehaves in a sandbox: it is refused by name, and this process goes on. Work that does not comes back
// as it was done.
#include "base/sandbox/sandbox.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GIB (UINT64_C(1) << 30)

static int do_nothing(void *arg, struct sandbox_child *child, struct error *err)
{
	return 0;
}

static int hand_back(void *arg, struct sandbox_child *child, struct error *err)
{
	int rc = sandbox_put(child, "one ", 4, err);

	return rc == 0 ? sandbox_put(child, arg, strlen(arg), err) : rc;
}

static int refuse(void *arg, struct sandbox_child *child, struct error *err)
{
	return error_set(err, -ENOTSUP, "operator %s is none that we know", (const char *)arg);
}

static int open_a_file(void *arg, struct sandbox_child *child, struct error *err)
{
	return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0
		? sandbox_put(child, "opened", 6, err)
		: 0;
}

static int connect_somewhere(void *arg, struct sandbox_child *child, struct error *err)
{
	return (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static int run_a_program(void *arg, struct sandbox_child *child, struct error *err)
{
	char *const none[] = { NULL };

	return (int)syscall(SYS_execve, "/bin/true", none, none);
}

static int fork_itself(void *arg, struct sandbox_child *child, struct error *err)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int kill_its_parent(void *arg, struct sandbox_child *child, struct error *err)
{
	return (int)syscall(SYS_kill, *(pid_t *)arg, SIGKILL);
}

static int run_what_it_wrote(void *arg, struct sandbox_child *child, struct error *err)
{
	return syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) > 0
		? 0
		: -1;
}

static int write_to_the_terminal(void *arg, struct sandbox_child *child, struct error *err)
{
	return syscall(SYS_write, STDOUT_FILENO, "\033[2J", 4) > 0 ? 0 : -1;
}

// The kernel's own answer: a sanitiser's malloc() has a say of its own.
static int take_ten_gib(void *arg, struct sandbox_child *child, struct error *err)
{
	char *memory = mmap(NULL, 10 * GIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return error_set(err, -ENOMEM, "out of memory");
	return sandbox_put(child, "had it", 6, err);
}

static int hand_back_ten_gib(void *arg, struct sandbox_child *child, struct error *err)
{
	static char block[1 << 20];
	int rc = 0;

	for (int i = 0; rc == 0 && i < 10 << 10; i++)
		rc = sandbox_put(child, block, sizeof(block), err);
	return rc;
}

static int go_on_for_ever(void *arg, struct sandbox_child *child, struct error *err)
{
	for (volatile unsigned long i = 0;; i++)
		;
	return 0;
}

static int crash(void *arg, struct sandbox_child *child, struct error *err)
{
	signal(SIGSEGV, SIG_DFL); // a sanitiser has its own, and says much
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSEGV);
	return 0;
}

static int leave(void *arg, struct sandbox_child *child, struct error *err)
{
	syscall(SYS_exit_group, 0);
	return 0;
}

// What is said to the parent by who has taken the child over: its end holds the two descriptors that it may use.
static void say(const struct sandbox_child *child, const void *bytes, size_t size)
{
	int ends[2];

	memcpy(ends, child, sizeof(ends));
	(void)!syscall(SYS_sendto, ends[1], bytes, size, 0, NULL, 0);
}

static void wait_for_ever(const struct sandbox_child *child)
{
	struct msghdr nothing = { 0 };
	int ends[2];

	memcpy(ends, child, sizeof(ends));
	for (;;)
		syscall(SYS_recvmsg, ends[1], &nothing, 0);
}

static int say_half_a_word(void *arg, struct sandbox_child *child, struct error *err)
{
	say(child, "?", 1);
	wait_for_ever(child);
	return 0;
}

static int say_a_word_that_is_none(void *arg, struct sandbox_child *child, struct error *err)
{
	char word[2048]; // cut to a word's length

	memset(word, 0x7f, sizeof(word));
	say(child, word, sizeof(word));
	wait_for_ever(child);
	return 0;
}

// It asks for files and takes no answer: there is no room for ever more of them.
static int ask_on_and_on(void *arg, struct sandbox_child *child, struct error *err)
{
	const struct {
		int kind, code;
		union {
			char text[ERROR_TEXT_BYTES];
			char name[SANDBOX_NAME_MAX];
		};
	} word = { .kind = 3, .name = "weights.bin" };

	for (;;)
		say(child, &word, sizeof(word));
	return 0;
}

static int say_nothing(void *arg, struct sandbox_child *child, struct error *err)
{
	wait_for_ever(child);
	return 0;
}

static int fail_with_a_wrong_code(void *arg, struct sandbox_child *child, struct error *err)
{
	memset(err->text, 'x', sizeof(err->text)); // without an end
	return 5;
}

static const struct sandbox_limits LIMITS = { .memory_bytes = 8 * GIB, .cpu_seconds = 20 };

static void what_misbehaves_is_refused_by_name(void **state)
{
	pid_t self = getpid();
	const struct {
		const char *name;
		int (*work)(void *arg, struct sandbox_child *child, struct error *err);
		uint32_t memory_mib, seconds;
		int code;
		const char *sentence;
	} CASES[] = {
		{ "a file", open_a_file, 8192, 20, -EPERM,
			"refused: reading bad.onnx tried to do what reading a model never does" },
		{ "a socket", connect_somewhere, 8192, 20, -EPERM, "a forbidden system call" },
		{ "a program", run_a_program, 8192, 20, -EPERM, "a forbidden system call" },
		{ "a process", fork_itself, 8192, 20, -EPERM, "a forbidden system call" },
		{ "a signal", kill_its_parent, 8192, 20, -EPERM, "a forbidden system call" },
		{ "code", run_what_it_wrote, 8192, 20, -EPERM, "a forbidden system call" },
		{ "the terminal", write_to_the_terminal, 8192, 20, -EPERM,
			"a forbidden system call" },
		{ "10 GiB", take_ten_gib, 8192, 20, -ENOMEM,
			"refused: reading bad.onnx took more than 8 GiB of memory" },
		{ "a result without end", hand_back_ten_gib, 64, 20, -ENOMEM,
			"refused: reading bad.onnx took more than 64 MiB of memory" },
		{ "time", go_on_for_ever, 8192, 1, -ETIME,
			"refused: reading bad.onnx took more than 1 s of CPU time" },
		{ "a crash", crash, 8192, 20, -EFAULT,
			"refused: reading bad.onnx crashed (SIGSEGV)" },
		{ "no word", leave, 8192, 20, -EFAULT,
			"refused: reading bad.onnx ended before its time" },
		{ "a wrong code", fail_with_a_wrong_code, 8192, 20, -EINVAL, "xxxx" },
		{ "half a word", say_half_a_word, 8192, 20, -EPERM,
			"refused: reading bad.onnx said what makes no sense" },
		{ "questions without end", ask_on_and_on, 8192, 20, -EPERM,
			"refused: reading bad.onnx said what makes no sense" },
		{ "a word that is none", say_a_word_that_is_none, 8192, 20, -EPERM,
			"refused: reading bad.onnx said what makes no sense" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct sandbox sandbox = { .doing = "reading bad.onnx",
			.limits = { (uint64_t)CASES[i].memory_mib << 20, CASES[i].seconds },
			.work = CASES[i].work,
			.arg = &self };
		struct error err = { .text = "" };
		void *result;
		size_t size;
		int rc = sandbox_run(&sandbox, &result, &size, &err);

		if (rc != CASES[i].code || !strstr(err.text, CASES[i].sentence))
			fail_msg("%s: %d, '%s'", CASES[i].name, rc, err.text);
		assert_null(result);
	}
}

static void what_waits_for_ever_is_ended(void **state)
{
	const struct sandbox sandbox = {
		.doing = "reading bad.onnx", .limits = LIMITS, .seconds = 1, .work = say_nothing
	};
	struct error err = { .text = "" };
	void *result;
	size_t size;

	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), -ETIME);
	assert_string_equal(
		err.text, "refused: reading bad.onnx did not end in time, and was ended");
	assert_null(result);
}

static void work_comes_back_as_it_was_done(void **state)
{
	char text[] = "two", operator[] = "Frobnicate";
	struct sandbox sandbox = {
		.doing = "reading good.onnx", .limits = LIMITS, .work = hand_back, .arg = text
	};
	struct error err = { .text = "" };
	void *result;
	size_t size;

	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), 0);
	assert_int_equal(size, 7);
	assert_memory_equal(result, "one two", 7);
	assert_int_equal((uintptr_t)result % 64, 0);
	free(result);
	sandbox.work = do_nothing;
	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), 0);
	assert_int_equal(size, 0);
	free(result);
	sandbox.work = refuse;
	sandbox.arg = operator;
	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), -ENOTSUP);
	assert_string_equal(err.text, "operator Frobnicate is none that we know");
}

static int read_asked(void *arg, struct sandbox_child *child, struct error *err)
{
	char bytes[16];
	int fd = sandbox_ask(child, arg, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	return n < 0 ? error_set(err, -errno, "not read")
		     : sandbox_put(child, bytes, (size_t)n, err);
}

static int give(void *arg, const char *name, struct error *err)
{
	int ends[2];

	if (strcmp(name, "weights.bin") != 0)
		return error_set(err, -EINVAL, "%s: is none of the model's", name);
	if (pipe(ends) != 0 || write(ends[1], "weights", 7) != 7)
		return error_set(err, -EIO, "no pipe");
	close(ends[1]);
	return ends[0];
}

static void files_are_those_that_are_given(void **state)
{
	char good[] = "weights.bin", bad[] = "../../etc/passwd";
	struct sandbox sandbox = { .doing = "reading good.onnx",
		.limits = LIMITS,
		.work = read_asked,
		.open = give,
		.arg = good };
	struct error err = { .text = "" };
	void *result;
	size_t size;

	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), 0);
	assert_int_equal(size, 7);
	assert_memory_equal(result, "weights", 7);
	free(result);
	sandbox.arg = bad;
	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), -EINVAL);
	assert_string_equal(err.text, "../../etc/passwd: is none of the model's");
	sandbox.open = NULL;
	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), -EPERM);
}

static int read_number(void *arg, struct sandbox_child *child, struct error *err)
{
	char byte;
	const ssize_t n = read(*(int *)arg, &byte, 1);

	return n == 1 ? sandbox_put(child, &byte, 1, err) : error_set(err, -EBADF, "it is closed");
}

static void other_descriptors_are_closed(void **state)
{
	int fd = open("/etc/passwd", O_RDONLY);
	struct sandbox sandbox = {
		.doing = "reading good.onnx", .limits = LIMITS, .work = read_number, .arg = &fd
	};
	struct error err = { .text = "" };
	void *result;
	size_t size;

	assert_true(fd >= 0);
	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), -EBADF);
	sandbox.keep[sandbox.n_keep++] = fd;
	assert_int_equal(sandbox_run(&sandbox, &result, &size, &err), 0);
	assert_int_equal(size, 1);
	free(result);
	close(fd);
}

// Of an emulated CPU's kernel there are none.
static bool kernel_has_filters(void)
{
	const struct sandbox sandbox = { .doing = "nothing", .limits = LIMITS, .work = do_nothing };
	struct error err = { .text = "" };
	void *result = NULL;
	size_t size;
	int rc = sandbox_run(&sandbox, &result, &size, &err);

	free(result);
	return rc == 0 || !strstr(err.text, "nothing cannot be confined");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_misbehaves_is_refused_by_name),
		cmocka_unit_test(what_waits_for_ever_is_ended),
		cmocka_unit_test(work_comes_back_as_it_was_done),
		cmocka_unit_test(files_are_those_that_are_given),
		cmocka_unit_test(other_descriptors_are_closed),
	};

	if (!kernel_has_filters()) {
		printf("1..0 # SKIP the kernel here has no filters of system calls\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
