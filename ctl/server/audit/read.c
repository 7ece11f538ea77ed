// SPDX-License-Identifier: BSD-3-Clause
// A page of the log, for who asks over the API. What a crash left between two lines is given with the lines, so that
// they can be verified elsewhere.
#include "ctl/server/audit/read.h"

#include "base/trust/chain_files.h"
#include "ctl/server/audit/audit_state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAP_BYTES ((uint64_t)65536) // less than this is read through
#define LINE_BYTES ((size_t)131072)  // no piece that a crash left is longer

struct page {
	uint64_t after, until;
	uint32_t limit, n;
	bool copies; // what comes is behind line `after`
	bool is_full;
	char *text;
	size_t size, whole; // whole: up to the end of its last line
	char *line;         // what has come of one
	size_t line_bytes;
};

// The number that a line begins with; 0: it is none of ours.
static uint64_t page_number(const char *line, size_t bytes)
{
	static const char FIRST[] = "{\"seq\":";
	uint64_t seq = 0;
	size_t i = sizeof(FIRST) - 1;

	if (bytes <= i || memcmp(line, FIRST, i) != 0)
		return 0;
	for (; i < bytes && i < 26 && line[i] >= '0' && line[i] <= '9'; i++)
		seq = seq * 10 + (uint64_t)(line[i] - '0');
	return i < bytes && line[i] == ',' ? seq : 0;
}

// What a crash left of a line begins as one does, but has no end, or zeros within: it counts as none.
static bool page_is_whole(const char *line, size_t bytes)
{
	static const char LAST[] = "\"}\n";
	const size_t n = sizeof(LAST) - 1;

	return bytes > n && memcmp(line + bytes - n, LAST, n) == 0 && !memchr(line, '\0', bytes);
}

// A line with its newline.
static void page_line(struct page *p, const char *line, size_t bytes)
{
	const uint64_t seq = page_is_whole(line, bytes) ? page_number(line, bytes) : 0;

	if (seq && seq <= p->after) {
		p->copies = seq == p->after;
		return;
	}
	p->copies |= seq != 0;
	if (!p->copies)
		return;
	p->is_full = seq > p->until || p->n == p->limit || p->size + bytes > AUDIT_PAGE_BYTES;
	if (p->is_full)
		return;
	memcpy(p->text + p->size, line, bytes);
	p->size += bytes;
	if (seq) {
		p->whole = p->size;
		p->n++;
	}
}

// No line goes on in another file, nor does the piece that a crash left.
static void page_file_ends(struct page *p)
{
	if (p->line_bytes > 0 && p->line_bytes < LINE_BYTES && !p->is_full) {
		p->line[p->line_bytes++] = '\n';
		page_line(p, p->line, p->line_bytes);
	}
	p->line_bytes = 0;
}

static int page_take(void *arg, const char *bytes, size_t size, struct error *err)
{
	struct page *p = arg;

	while (size > 0 && !p->is_full) {
		const char *end = memchr(bytes, '\n', size);
		const size_t n = end ? (size_t)(end - bytes) + 1 : size;

		if (p->line_bytes + n > LINE_BYTES)
			return error_set(err, -EIO,
				"the audit log holds a line that is longer than any; verify it");
		memcpy(p->line + p->line_bytes, bytes, n);
		p->line_bytes += n;
		bytes += n;
		size -= n;
		if (end) {
			page_line(p, p->line, p->line_bytes);
			p->line_bytes = 0;
		}
	}
	return 0;
}

// An offset of the open file at which a line begins that is line `after` or one before it; 0 is always one.
static uint64_t page_leap(int fd, uint64_t after)
{
	char piece[2 * CHAIN_LINE_BYTES_MAX];
	struct stat st;
	uint64_t low = 0, high = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;

	while (high - low > LEAP_BYTES) {
		const uint64_t middle = low + (high - low) / 2;
		const ssize_t got = pread(fd, piece, sizeof(piece), (off_t)middle);
		const char *end = got > 0 ? memchr(piece, '\n', (size_t)got) : NULL;
		const size_t skip = end ? (size_t)(end - piece) + 1 : 0;
		const uint64_t seq = end ? page_number(piece + skip, (size_t)got - skip) : 0;

		if (seq == 0)
			break;
		if (seq <= after)
			low = middle + skip;
		else
			high = middle;
	}
	return low;
}

static uint64_t page_offset(const struct audit *a, uint64_t first, uint64_t after)
{
	char name[CHAIN_NAME_BYTES];
	uint64_t offset;
	int fd;

	chain_file_name(first, name);
	fd = openat(a->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0; // who reads it says why
	offset = page_leap(fd, after);
	close(fd);
	return offset;
}

static int page_read(
	const struct audit *a, struct page *p, const struct chain_files *files, struct error *err)
{
	size_t i = files->n;
	int rc = 0;

	while (i > 0 && files->first[--i] > p->after + 1)
		;
	for (bool is_first = true; rc == 0 && i < files->n && !p->is_full; i++) {
		const uint64_t from = is_first ? page_offset(a, files->first[i], p->after) : 0;

		rc = chain_file_read(
			a->folder, a->path, files->first[i], from, UINT64_MAX, page_take, p, err);
		page_file_ends(p);
		is_first = false;
	}
	return rc;
}

int audit_read(struct audit *audit, uint64_t after, uint32_t limit, char **text, size_t *size,
	struct error *err)
{
	struct page p = {
		.after = after, .until = audit->durable.seq, .limit = limit, .copies = after == 0
	};
	struct chain_files files;
	int rc = chain_files_list(audit->folder, audit->path, &files, err);

	if (rc != 0)
		return rc;
	p.text = malloc(AUDIT_PAGE_BYTES);
	p.line = malloc(LINE_BYTES);
	if (!p.text || !p.line)
		rc = error_set(err, -ENOMEM, "no memory to read the audit log");
	else if (after < p.until)
		rc = page_read(audit, &p, &files, err);
	free(p.line);
	chain_files_free(&files);
	if (rc != 0) {
		free(p.text);
		return rc;
	}
	*text = p.text;
	*size = p.whole;
	return 0;
}
