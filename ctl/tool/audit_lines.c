// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/audit_lines.h"

#include "base/trust/chain.h"
#include "base/trust/chain_files.h"
#include "ctl/tool/api.h"
#include "ctl/tool/tool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_LINES 1000
#define LINE_BYTES 131072 // no piece that a crash left is longer

struct reading {
	audit_line_taken take;
	void *arg;
	uint64_t from;  // lines up to here are not wanted
	uint64_t after; // that was given on last
	uint64_t odd;   // pieces that are no line, and lines that are not behind the one before
	bool is_over;   // no more is wanted
	// What there is of a line, until its end comes.
	char line[LINE_BYTES];
	size_t n;
	bool is_long;
};

static int reading_line(struct reading *r, const char *text, size_t bytes, struct error *err)
{
	json_t *line = json_loadb(text, bytes, 0, NULL);
	const json_int_t seq = json_integer_value(json_object_get(line, "seq"));
	int rc = 0;

	if (seq <= 0) {
		r->odd++;
		if (r->after > r->from || r->from == 0)
			rc = r->take(r->arg, text, bytes, NULL, err);
	} else if ((uint64_t)seq <= r->after) {
		r->odd += (uint64_t)seq > r->from;
	} else {
		r->after = (uint64_t)seq;
		rc = r->take(r->arg, text, bytes, line, err);
	}
	json_decref(line);
	if (rc > 0)
		r->is_over = true;
	return rc;
}

// 1: no more is wanted.
static int reading_take(void *arg, const char *bytes, size_t size, struct error *err)
{
	struct reading *r = arg;
	int rc = 0;

	while (size > 0 && rc == 0) {
		const char *end = memchr(bytes, '\n', size);
		const size_t n = end ? (size_t)(end - bytes) : size;

		if (r->n + n > sizeof(r->line))
			r->is_long = true;
		else
			memcpy(r->line + r->n, bytes, n);
		r->n = r->is_long ? 0 : r->n + n;
		if (end && r->is_long)
			r->odd++;
		else if (end)
			rc = reading_line(r, r->line, r->n, err);
		if (end) {
			r->n = 0;
			r->is_long = false;
		}
		bytes += n + (end != NULL);
		size -= n + (end != NULL);
	}
	return rc;
}

// --- Of files ------------------------------------------------------------------------------------

// No line goes on in another file; the last newline may be missing.
static int reading_end(struct reading *r, struct error *err)
{
	const int rc = r->n > 0 ? reading_line(r, r->line, r->n, err) : 0;

	r->odd += r->is_long;
	r->n = 0;
	r->is_long = false;
	return rc;
}

static int reading_folder(struct reading *r, int folder, const char *path, struct error *err)
{
	struct chain_files files;
	int rc = chain_files_list(folder, path, &files, err);

	if (rc == 0 && files.n == 0)
		rc = error_set(err, -ENOENT, "%s: has no files of an audit log in it", path);
	for (size_t i = 0; rc == 0 && i < files.n; i++) {
		if (i + 1 < files.n && files.first[i + 1] <= r->after + 1)
			continue;
		rc = chain_file_read(
			folder, path, files.first[i], 0, UINT64_MAX, reading_take, r, err);
		if (rc == 0)
			rc = reading_end(r, err);
	}
	chain_files_free(&files);
	return rc;
}

static int reading_local(struct reading *r, const char *path, struct error *err)
{
	const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (folder < 0)
		rc = chain_file_read_alone(path, reading_take, r, err);
	else
		rc = reading_folder(r, folder, path, err);
	if (folder >= 0)
		close(folder);
	return rc == 0 ? reading_end(r, err) : rc;
}

// --- Of the appliance ----------------------------------------------------------------------------

char *audit_page(const char *query, size_t *size)
{
	struct api_headers headers;
	char path[96], *text = NULL;
	FILE *to = open_memstream(&text, size);
	bool ok;

	if (!to) {
		tool_refuse("no memory for the audit log");
		return NULL;
	}
	snprintf(path, sizeof(path), "/v1/audit?%s", query);
	ok = api_download(path, to, &headers);
	if (fclose(to) != 0 && ok) {
		tool_refuse("no memory for the audit log");
		ok = false;
	}
	if (ok)
		return text;
	free(text);
	return NULL;
}

static int reading_appliance(struct reading *r, struct error *err)
{
	for (;;) {
		const uint64_t after = r->after;
		char query[64], *text;
		size_t size;
		int rc;

		snprintf(query, sizeof(query), "after=%" PRIu64 "&limit=%d", after, PAGE_LINES);
		text = audit_page(query, &size);
		if (!text)
			return error_set(err, -EIO, "the appliance refused");
		if (size == 0) {
			free(text);
			return 0;
		}
		rc = reading_take(r, text, size, err);
		free(text);
		if (rc != 0)
			return rc;
		if (r->after <= after)
			return error_set(err, -EINVAL,
				"what came is no audit log: after line %" PRIu64
				" no later one came",
				after);
	}
}

int audit_lines_each(
	const char *path, uint64_t after, audit_line_taken take, void *arg, struct error *err)
{
	struct reading *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set(err, -ENOMEM, "no memory for the audit log");
	r->take = take;
	r->arg = arg;
	r->from = r->after = after;
	rc = path ? reading_local(r, path, err) : reading_appliance(r, err);
	if (rc == 0 && r->odd)
		tool_note("%" PRIu64
			  " pieces are no lines, or not in their place: martletctl audit verify "
			  "says more",
			r->odd);
	rc = r->is_over ? 0 : rc;
	free(r);
	return rc;
}
