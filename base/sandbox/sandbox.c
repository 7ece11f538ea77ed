// SPDX-License-Identifier: BSD-3-Clause
#include "base/sandbox/sandbox.h"

#include "base/align.h"
#include "base/clock.h"
#include "base/sandbox/cage.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALIGNMENT 64

enum word_kind {
	WORD_SHUT, // it is confined, and begins
	WORD_DONE, // with what the work gave
	WORD_FREE, // it could not be confined, and did nothing
	WORD_ASK,  // for a file
};

struct word { // the child's, in one message
	enum word_kind kind;
	int code;
	union {
		char text[ERROR_TEXT_BYTES]; // the sentence
		char name[SANDBOX_NAME_MAX]; // of a file
	};
};

struct answer { // to WORD_ASK; the descriptor comes with it
	int code;
	char text[ERROR_TEXT_BYTES];
};

struct sandbox_child {
	int result, socket;
};

union descriptor { // a message's control data with one descriptor
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

// --- The child's end -------------------------------------------------------------------------------

static void child_say(int socket, enum word_kind kind, int code, const char *text)
{
	struct word word = { .kind = kind, .code = code };

	snprintf(word.text, sizeof(word.text), "%s", text);
	(void)!send(socket, &word, sizeof(word), MSG_NOSIGNAL);
}

_Noreturn static void child_run(const struct sandbox *sandbox, int result, int socket)
{
	struct sandbox_child child = { result, socket };
	const struct cage cage = { sandbox->limits, sandbox->keep, sandbox->n_keep, result,
		socket };
	struct error err = { .text = "" };
	int rc = cage_shut(&cage, &err);

	if (rc != 0) {
		child_say(socket, WORD_FREE, rc, err.text);
		_exit(1);
	}
	child_say(socket, WORD_SHUT, 0, "");
	rc = sandbox->work(sandbox->arg, &child, &err);
	child_say(socket, WORD_DONE, rc, rc == 0 ? "" : err.text);
	_exit(0);
}

int sandbox_put(struct sandbox_child *child, const void *bytes, size_t size, struct error *err)
{
	for (size_t done = 0; done < size;) {
		const ssize_t n = write(child->result, (const char *)bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno,
				"what was made of it cannot be handed back: %s", strerror(errno));
		done += (size_t)n;
	}
	return 0;
}

int sandbox_ask(struct sandbox_child *child, const char *name, struct error *err)
{
	struct word word = { .kind = WORD_ASK };
	struct answer answer = { 0 };
	union descriptor with = { 0 };
	struct iovec data = { .iov_base = &answer, .iov_len = sizeof(answer) };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &with,
		.msg_controllen = sizeof(with) };
	int fd;

	if (strlen(name) >= sizeof(word.name))
		return error_set(err, -EINVAL, "%.80s... is too long for a file's name", name);
	snprintf(word.name, sizeof(word.name), "%s", name);
	if (send(child->socket, &word, sizeof(word), MSG_NOSIGNAL) != sizeof(word) ||
		recvmsg(child->socket, &message, MSG_CMSG_CLOEXEC) != sizeof(answer))
		return error_set(err, -EIO, "%.80s cannot be asked for", name);
	if (answer.code != 0)
		return error_set(err, answer.code, "%s", answer.text);
	if (message.msg_controllen < sizeof(with) || with.header.cmsg_type != SCM_RIGHTS)
		return error_set(err, -EIO, "%.80s did not come", name);
	memcpy(&fd, CMSG_DATA(&with.header), sizeof(fd));
	return fd;
}

// --- This process's end ----------------------------------------------------------------------------

// False: it takes no answers. One that is sound waits for each before it asks again.
static bool sandbox_answer(const struct sandbox *sandbox, int socket, struct word *word)
{
	struct error why = { .text = "" };
	struct answer answer = { 0 };
	union descriptor with = { 0 };
	struct iovec data = { .iov_base = &answer, .iov_len = sizeof(answer) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	bool is_taken;
	int fd;

	word->name[sizeof(word->name) - 1] = '\0';
	fd = sandbox->open ? sandbox->open(sandbox->arg, word->name, &why)
			   : error_set(&why, -EPERM, "no other file is given to what reads it");
	if (fd < 0) {
		answer.code = fd;
		memcpy(answer.text, why.text, sizeof(answer.text));
	} else {
		message.msg_control = &with;
		message.msg_controllen = sizeof(with);
		with.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&with.header), &fd, sizeof(fd));
	}
	is_taken = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EPIPE ||
		errno == ECONNRESET;
	if (fd >= 0)
		close(fd);
	return is_taken;
}

// "8 GiB", "64 MiB".
static void sandbox_write_bytes(uint64_t bytes, char *text, size_t size)
{
	if (bytes % (UINT64_C(1) << 30) == 0)
		snprintf(text, size, "%" PRIu64 " GiB", bytes >> 30);
	else
		snprintf(text, size, "%" PRIu64 " MiB", bytes >> 20);
}

static int sandbox_refuse_memory(const struct sandbox *sandbox, struct error *err)
{
	char limit[32];

	sandbox_write_bytes(sandbox->limits.memory_bytes, limit, sizeof(limit));
	return error_set(
		err, -ENOMEM, "refused: %s took more than %s of memory", sandbox->doing, limit);
}

// It ended without a word.
static int sandbox_tell_end(const struct sandbox *sandbox, int status, struct error *err)
{
	const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (number == SIGXCPU || number == SIGKILL)
		return error_set(err, -ETIME, "refused: %s took more than %u s of CPU time%s",
			sandbox->doing, sandbox->limits.cpu_seconds,
			number == SIGKILL ? ", or was ended by the kernel or by somebody" : "");
	if (number == SIGXFSZ)
		return sandbox_refuse_memory(sandbox, err);
	if (number == SIGSYS)
		return error_set(err, -EPERM,
			"refused: %s tried to do what reading a model never does (a forbidden "
			"system call)",
			sandbox->doing);
	if (number)
		return error_set(err, -EFAULT, "refused: %s crashed (SIG%s)", sandbox->doing,
			sigabbrev_np(number));
	return error_set(err, -EFAULT, "refused: %s ended before its time", sandbox->doing);
}

static int sandbox_take_result(int result, void **bytes, size_t *size, struct error *err)
{
	struct stat st;

	if (fstat(result, &st) != 0)
		return error_set(
			err, -errno, "what was handed back cannot be read: %s", strerror(errno));
	*size = (size_t)st.st_size;
	*bytes = aligned_alloc(ALIGNMENT, align_up(*size + 1, ALIGNMENT));
	if (!*bytes)
		return error_set(err, -ENOMEM, "no memory for %zu bytes", *size);
	for (size_t done = 0; done < *size;) {
		const ssize_t n = pread(result, (char *)*bytes + done, *size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(*bytes);
			*bytes = NULL;
			return error_set(err, -EIO, "what was handed back cannot be read");
		}
		done += (size_t)n;
	}
	return 0;
}

enum heard {
	HEARD_END,      // how it ended: a word of WORD_DONE or WORD_FREE
	HEARD_NOTHING,  // it is gone
	HEARD_NONSENSE, // it is no more what it was, or would not say such a thing
	HEARD_TOO_LATE,
};

// Waits until there is something to hear. False: the time is over.
static bool sandbox_wait(int socket, uint64_t end_ns)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };

	for (;;) {
		const uint64_t now = clock_ns(),
			       left_ms = now < end_ns ? (end_ns - now) / 1000000 : 0;
		const int n = poll(&wait, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);

		if (n > 0 || (n < 0 && errno != EINTR)) // what is wrong, receiving says
			return true;
		if (n == 0 && clock_ns() >= end_ns)
			return false;
	}
}

// Serves the child until it says how it ended, or there is nothing more to hear of it.
static enum heard sandbox_listen(const struct sandbox *sandbox, int socket, struct word *word)
{
	const uint64_t seconds = sandbox->seconds ? sandbox->seconds
						  : UINT64_C(4) * sandbox->limits.cpu_seconds + 60;
	const uint64_t end_ns = clock_ns() + seconds * 1000000000;
	bool is_shut = false;

	while (sandbox_wait(socket, end_ns)) {
		const ssize_t n = recv(socket, word, sizeof(*word), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return HEARD_NOTHING;
		if (n != sizeof(*word))
			return HEARD_NONSENSE;
		if (word->kind == WORD_ASK && is_shut) {
			if (!sandbox_answer(sandbox, socket, word))
				return HEARD_NONSENSE;
		} else if (word->kind == WORD_SHUT) {
			is_shut = true;
		} else {
			return word->kind == WORD_DONE || word->kind == WORD_FREE ? HEARD_END
										  : HEARD_NONSENSE;
		}
	}
	return HEARD_TOO_LATE;
}

static int sandbox_attend(const struct sandbox *sandbox, pid_t child, int socket, int result,
	void **bytes, size_t *size, struct error *err)
{
	struct word word;
	const enum heard heard = sandbox_listen(sandbox, socket, &word);
	int status;

	// What it has said is all there is; a child that goes on after it has no use. How one that has ended by itself
	// did so stays as it is.
	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, -errno, "%s: its process is lost: %s", sandbox->doing,
				strerror(errno));
	if (heard == HEARD_NOTHING)
		return sandbox_tell_end(sandbox, status, err);
	if (heard == HEARD_NONSENSE)
		return error_set(err, -EPERM,
			"refused: %s said what makes no sense, as if something in it had been "
			"taken over",
			sandbox->doing);
	if (heard == HEARD_TOO_LATE)
		return error_set(err, -ETIME, "refused: %s did not end in time, and was ended",
			sandbox->doing);
	word.text[sizeof(word.text) - 1] = '\0';
	if (word.kind == WORD_FREE)
		return error_set(err, word.code < 0 ? word.code : -ENOSYS,
			"%s cannot be confined: %.300s; --no-sandbox does it in this process, for "
			"files of whom you trust",
			sandbox->doing, word.text);
	if (word.code == -ENOMEM)
		return sandbox_refuse_memory(sandbox, err);
	if (word.code != 0)
		return error_set(err, word.code < 0 ? word.code : -EINVAL, "%s", word.text);
	return sandbox_take_result(result, bytes, size, err);
}

int sandbox_run(const struct sandbox *sandbox, void **result, size_t *size, struct error *err)
{
	const int memory = memfd_create("martlet-sandbox", MFD_CLOEXEC);
	int sockets[2] = { -1, -1 }, rc;
	pid_t child;

	*result = NULL;
	*size = 0;
	if (memory < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
		rc = error_set(err, -errno, "%s: no descriptors for its process: %s",
			sandbox->doing, strerror(errno));
		if (memory >= 0)
			close(memory);
		return rc;
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		child_run(sandbox, memory, sockets[1]);
	close(sockets[1]);
	if (child < 0)
		rc = error_set(
			err, -errno, "%s: no process for it: %s", sandbox->doing, strerror(errno));
	else
		rc = sandbox_attend(sandbox, child, sockets[0], memory, result, size, err);
	close(sockets[0]);
	close(memory);
	return rc;
}
