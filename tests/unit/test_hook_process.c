// SPDX-License-Identifier: BSD-3-Clause
// The process that runs the drain hook does what its two words say, whatever else it hears.
#include "config/settings.h"
#include "ctl/server/hook_process.h"
#include "tests/cmocka.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static char folder[64];
static struct config config;
static int to;
static pid_t process;

// The hook adds a line to a file: how often it ran can be read there.
static int set_up(void **state)
{
	int sockets[2];

	strcpy(folder, "/tmp/martlet-hook-XXXXXX");
	if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return -1;
	snprintf(config.control.drain_hook, sizeof(config.control.drain_hook), "echo ran >>%s/said",
		folder);
	process = fork();
	if (process == 0)
		hook_process_run(&config, sockets[1]);
	close(sockets[1]);
	to = sockets[0];
	return process < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[96];

	close(to);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void say(const void *message, size_t size)
{
	assert_int_equal(send(to, message, size, MSG_NOSIGNAL), size);
}

static struct hook_news hear(void)
{
	struct pollfd polled = { .fd = to, .events = POLLIN };
	struct hook_news news;

	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(to, &news, sizeof(news), 0), sizeof(news));
	return news;
}

static int times_run(void)
{
	char path[96], line[64];
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path), "%s/said", folder);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		assert_string_equal(line, "ran\n");
		n++;
	}
	if (file)
		fclose(file);
	return n;
}

static void wait_for_its_end(void)
{
	int status;

	assert_int_equal(waitpid(process, &status, 0), process);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

// Messages are heard in turn: what the words before HOOK_RUN had set off would be heard before its news.
static void other_words_do_nothing(void **state)
{
	static const int OTHERS[] = { 2, 3, 99, -1, 1 << 30 };
	const enum hook_word run = HOOK_RUN, end = HOOK_END;

	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		say(&OTHERS[i], sizeof(OTHERS[i]));
	say(&end, sizeof(end)); // nothing runs yet
	say(&run, sizeof(run));
	assert_int_equal(hear().kind, HOOK_BEGAN);
	const struct hook_news news = hear();

	assert_int_equal(news.kind, HOOK_ENDED);
	assert_int_equal(news.value, 0);
	assert_int_equal(times_run(), 1);
	shutdown(to, SHUT_WR);
	wait_for_its_end();
}

// What comes behind a word is no command: the hook is that of the configuration.
static void words_bring_no_command(void **state)
{
	struct {
		enum hook_word word;
		char text[64];
	} message = { .word = HOOK_RUN };

	snprintf(message.text, sizeof(message.text), "; echo other >>%.40s/said", folder);
	say(&message, sizeof(message));
	assert_int_equal(hear().kind, HOOK_BEGAN);
	assert_int_equal(hear().kind, HOOK_ENDED);
	assert_int_equal(times_run(), 1);
	shutdown(to, SHUT_WR);
	wait_for_its_end();
}

static void piece_of_a_word_ends_it(void **state)
{
	say("\0", 1);
	wait_for_its_end();
	assert_int_equal(times_run(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(other_words_do_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(words_bring_no_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(piece_of_a_word_ends_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
