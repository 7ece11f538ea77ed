// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/password.h"

#include "base/trust/trusted_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_BYTES 1024 // with the NUL

static const int SIGNALS[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
#define N_SIGNALS (sizeof(SIGNALS) / sizeof(SIGNALS[0]))

static volatile sig_atomic_t password_signal;

static void password_on_signal(int number)
{
	password_signal = number;
}

// A line without its end. -EINTR at a signal.
static int password_read_line(int fd, char *line)
{
	size_t used = 0;
	ssize_t got;
	char c = '\0';

	while ((got = read(fd, &c, 1)) == 1 && c != '\n')
		if (used < PASSWORD_BYTES - 1)
			line[used++] = c;
		else
			return -E2BIG;
	line[used] = '\0';
	if (got < 0)
		return -errno;
	return got == 0 && used == 0 ? -EIO : 0;
}

// With the terminal's echo off, which comes back whatever happens: a signal waits until it has.
static int password_ask_once(int fd, const char *prompt, char *line)
{
	struct sigaction action = { .sa_handler = password_on_signal }, before[N_SIGNALS];
	struct termios shown, hidden;
	int rc;

	if (tcgetattr(fd, &shown) != 0)
		return -errno;
	password_signal = 0;
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(SIGNALS[i], &action, &before[i]);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ECHONL;
	tcsetattr(fd, TCSAFLUSH, &hidden);
	dprintf(fd, "%s: ", prompt);
	rc = password_read_line(fd, line);
	tcsetattr(fd, TCSAFLUSH, &shown);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(SIGNALS[i], &before[i], NULL);
	if (password_signal)
		raise(password_signal);
	return rc;
}

static int password_ask(const char *what, bool is_new, char *password, struct error *err)
{
	char prompt[256], again[PASSWORD_BYTES];
	const int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return error_set(err, -ENOTTY,
			"there is no terminal to ask for the password of %.200s: give "
			"--password-file FILE",
			what);
	snprintf(prompt, sizeof(prompt), "password of %.200s", what);
	rc = password_ask_once(fd, prompt, password);
	if (rc == 0 && is_new) {
		rc = password_ask_once(fd, "the same again", again);
		if (rc == 0 && strcmp(password, again) != 0)
			rc = -EINVAL;
		sodium_memzero(again, sizeof(again));
	}
	close(fd);
	if (rc == -EINVAL)
		return error_set(err, rc, "the two passwords are not the same");
	if (rc == 0 && !*password)
		return error_set(err, -EINVAL, "the password of %.200s is empty", what);
	return rc == 0 ? 0
		       : error_set(err, rc, "the password of %.200s cannot be read: %s", what,
				 strerror(-rc));
}

static int password_read_file(const char *file, char *password, struct error *err)
{
	void *bytes;
	size_t size, used;
	int rc = trusted_file_read(file, TRUSTED_SECRET, &bytes, &size, err);

	if (rc != 0)
		return rc;
	used = strcspn(bytes, "\r\n");
	if (used == 0 || used >= PASSWORD_BYTES || strlen(bytes) != size)
		rc = error_set(err, -EINVAL,
			"%s: its first line must be a password of 1 to %d bytes", file,
			PASSWORD_BYTES - 1);
	else
		memcpy(password, bytes, used);
	trusted_file_free(bytes);
	return rc;
}

int password_read(
	const char *file, const char *what, bool is_new, char **password, struct error *err)
{
	int rc;

	*password = sodium_malloc(PASSWORD_BYTES);
	if (!*password)
		return error_set(err, -ENOMEM, "no memory for a password");
	memset(*password, 0, PASSWORD_BYTES);
	rc = file ? password_read_file(file, *password, err)
		  : password_ask(what, is_new, *password, err);
	if (rc != 0) {
		password_free(*password);
		*password = NULL;
	}
	return rc;
}

void password_free(char *password)
{
	sodium_free(password);
}
