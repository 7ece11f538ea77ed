// SPDX-License-Identifier: BSD-3-Clause
#include "base/leftovers.h"
#include "ctl/tool/interrupts.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENDED = 130, WENT_ON = 7 };

static char folder[] = "/tmp/martlet-interrupts-XXXXXX";
static char path[64];
static int words[2]; // what a child says: a letter each

static int enter(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/half", folder);
	return pipe2(words, O_NONBLOCK | O_CLOEXEC);
}

static int leave(void **state)
{
	return rmdir(folder);
}

static void word(char letter)
{
	if (write(words[1], &letter, 1) != 1)
		_exit(99);
}

static void say(void *arg, bool ended)
{
	(void)arg;
	word(ended ? 'e' : 'w');
}

static void remove_half(void *arg)
{
	unlink(arg);
}

static struct leftover half = { .remove = remove_half, .arg = path };

static void make_half(void)
{
	leftovers_lock();
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	leftovers_add(&half);
	leftovers_unlock();
}

static const struct interrupts_end END = { say, NULL, ENDED };

// Work in a child: its status. Said in between, but for that it waits, which it may be done too early for.
static int status_of(void (*work)(void), const char *said)
{
	const pid_t child = fork();
	char letters[16] = "";
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		work();
		_exit(WENT_ON);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (read(words[0], letters, sizeof(letters) - 1) < 0)
		letters[0] = '\0';
	assert_string_equal(letters[0] == 'w' ? letters + 1 : letters, said);
	assert_int_equal(access(path, F_OK), -1);
	return status;
}

static _Noreturn void wait_for_ever(void)
{
	for (;;)
		pause();
}

static void die_of_it(void)
{
	interrupts_begin(NULL);
	make_half();
	raise(SIGHUP);
	wait_for_ever();
}

static void end_at_once(void)
{
	interrupts_begin(&END);
	make_half();
	raise(SIGTERM);
	wait_for_ever();
}

static void end_though_ignored(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	interrupts_begin(&END);
	interrupts_begin(NULL);
	raise(SIGHUP);
	raise(SIGINT);
	wait_for_ever();
}

static void stay_ignored(void)
{
	signal(SIGINT, SIG_IGN);
	interrupts_begin(NULL);
	raise(SIGINT);
	interrupts_end();
}

static void go_on(void)
{
	interrupts_begin(&END);
	interrupts_spare(UINT32_MAX);
	raise(SIGINT);
	while (!interrupts_came())
		;
	interrupts_end();
}

static void end_what_was_spared(void)
{
	interrupts_begin(&END);
	interrupts_spare(UINT32_MAX);
	make_half();
	raise(SIGINT);
	interrupts_spare(5); // too late
	if (!interrupts_came())
		_exit(98);
	interrupts_spare(0);
	word('x'); // does not come here
}

static void end_in_seconds(void)
{
	interrupts_begin(&END);
	interrupts_spare(3);
	make_half();
	raise(SIGTERM);
	if (interrupts_came())
		word('c');
	wait_for_ever();
}

static void end_by_the_second(void)
{
	interrupts_begin(&END);
	interrupts_spare(UINT32_MAX);
	make_half();
	raise(SIGINT);
	raise(SIGINT);
	wait_for_ever();
}

// What came just before the work was done ends it none the less.
static void end_in_the_end(void)
{
	interrupts_begin(&END);
	make_half();
	raise(SIGINT);
	interrupts_end();
}

static void do_again_what_was_done_before(void)
{
	interrupts_begin(&END);
	interrupts_begin(NULL);
	interrupts_end();
	interrupts_end();
	raise(SIGTERM);
}

static void a_signal_ends_what_is_made(void **state)
{
	int status = status_of(die_of_it, "");

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	status = status_of(do_again_what_was_done_before, "");
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(WEXITSTATUS(status_of(end_at_once, "e")), ENDED);
	assert_int_equal(WEXITSTATUS(status_of(end_in_the_end, "e")), ENDED);
}

static void what_is_ignored_stays_so(void **state)
{
	assert_int_equal(WEXITSTATUS(status_of(stay_ignored, "")), WENT_ON);
	assert_int_equal(WEXITSTATUS(status_of(end_though_ignored, "e")), ENDED);
}

static void work_is_spared_for_as_long_as_it_says(void **state)
{
	assert_int_equal(WEXITSTATUS(status_of(end_what_was_spared, "e")), ENDED);
	assert_int_equal(WEXITSTATUS(status_of(end_in_seconds, "ce")), ENDED);
}

static void a_second_signal_spares_nothing(void **state)
{
	assert_int_equal(WEXITSTATUS(status_of(end_by_the_second, "e")), ENDED);
}

static void work_that_is_spared_goes_on(void **state)
{
	assert_int_equal(WEXITSTATUS(status_of(go_on, "")), WENT_ON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_ends_what_is_made),
		cmocka_unit_test(what_is_ignored_stays_so),
		cmocka_unit_test(work_is_spared_for_as_long_as_it_says),
		cmocka_unit_test(a_second_signal_spares_nothing),
		cmocka_unit_test(work_that_is_spared_goes_on),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
