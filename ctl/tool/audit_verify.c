// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/audit_verify.h"

#include "base/file.h"
#include "base/trust/chain_check.h"
#include "base/trust/chain_files.h"
#include "base/trust/chain_sign.h"
#include "ctl/tool/tool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_TRIES 20 // 100 ms each: martletd may be writing

struct verify {
	const struct audit_verify *request;
	struct chain_check *check;
	int folder;              // -1: the log is a file
	uint64_t begins;         // the first line, by the name of the folder's first file
	struct chain_place head; // seq 0: there is none
	bool is_head_there, is_expected_there;
	bool is_broken; // the chain: that does not mend by itself
};

static void verify_line(void *arg, const char *text, size_t bytes, const struct chain_line *line)
{
	struct verify *v = arg;

	v->is_head_there |= line->seq == v->head.seq && strcmp(line->hash, v->head.hash) == 0;
	v->is_expected_there |= v->request->expect && strcmp(line->hash, v->request->expect) == 0;
}

static int verify_take(void *arg, const char *bytes, size_t size, struct error *err)
{
	return chain_check_take(((struct verify *)arg)->check, bytes, size, err);
}

static int verify_read_folder(struct verify *v, struct error *err)
{
	struct chain_files files;
	int rc = chain_files_list(v->folder, v->request->path, &files, err);

	for (size_t i = 0; rc == 0 && i < files.n; i++) {
		rc = i > 0 ? chain_check_file_ends(v->check, err) : 0;
		if (rc == 0)
			rc = chain_file_read(v->folder, v->request->path, files.first[i], 0,
				UINT64_MAX, verify_take, v, err);
	}
	v->begins = files.n > 0 ? files.first[0] : 0;
	chain_files_free(&files);
	return rc;
}

// --- The key and the head ------------------------------------------------------------------------

static int verify_read_key(const struct audit_verify *request, bool is_folder,
	char key[CHAIN_HEX_BYTES], struct error *err)
{
	char path[PATH_MAX];

	key[0] = '\0';
	if (request->key)
		return chain_public_read(request->key, key, err);
	if (!is_folder)
		return 0;
	snprintf(path, sizeof(path), "%.4000s/" CHAIN_PUBLIC_FILE, request->path);
	return chain_public_read(path, key, err);
}

static int verify_read_head(struct verify *v, const char *key, struct error *err)
{
	char head[CHAIN_HEAD_BYTES], signer[CHAIN_HEX_BYTES];
	struct error why;
	int fd = file_open_at(v->folder, CHAIN_HEAD_FILE, CHAIN_HEAD_FILE, err), rc;

	if (fd < 0)
		return fd;
	rc = file_read_part(fd, 0, head, sizeof(head));
	close(fd);
	if (rc != 0 || chain_head_read(head, sizeof(head), &v->head, signer, &why) != 0)
		return error_set(err, -EINVAL, "the signed head %s", rc ? "is cut" : why.text);
	if (strcmp(signer, key) != 0)
		return error_set(err, -EINVAL, "the signed head is of another key, %s", signer);
	return 0;
}

// --- The verdict ---------------------------------------------------------------------------------

static int verify_judge(const struct verify *v, struct error *err)
{
	const struct chain_found *found = chain_check_found(v->check);

	if (found->lines == 0)
		return error_set(err, -EINVAL, "there is no line in it");
	if (v->request->expect && !v->is_expected_there)
		return error_set(err, -EINVAL,
			"no line has the hash %.64s: the log was cut off before it, or made anew",
			v->request->expect);
	if (v->folder < 0 && v->request->key && found->checkpoints == 0)
		return error_set(err, -EINVAL,
			"no line of it is signed: the key that was given proves nothing of it");
	if (v->folder < 0)
		return 0;
	if (found->first.seq != v->begins)
		return error_set(err, -EINVAL,
			"its first file should begin with line %" PRIu64
			" by its name, and begins "
			"with line %" PRIu64 ": lines were removed, or files renamed",
			v->begins, found->first.seq);
	if (v->head.seq > found->last.seq)
		return error_set(err, -EINVAL,
			"the log ends at line %" PRIu64 ", but the signed head knows line %" PRIu64
			": its end was cut off",
			found->last.seq, v->head.seq);
	if (found->torn)
		return error_set(err, -EINVAL,
			"behind line %" PRIu64 " there are %" PRIu64
			" bytes that are no line: a crash left them, and martletd's next start "
			"says "
			"so, or the line was changed",
			found->last.seq, found->torn);
	if (v->head.seq < found->last.seq)
		return error_set(err, -EINVAL,
			"the signed head ends at line %" PRIu64 ", the log at line %" PRIu64
			": what is behind was added, or martletd was killed before it signed, "
			"which "
			"its next start says",
			v->head.seq, found->last.seq);
	return v->is_head_there
		? 0
		: error_set(err, -EINVAL, "line %" PRIu64 " is not the one that the head signed",
			  v->head.seq);
}

static void verify_print(const struct verify *v)
{
	const struct chain_found *f = chain_check_found(v->check);

	if (tool.json) {
		tool_print_json(json_pack("{s:b, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:s}", "whole",
			1, "first", (json_int_t)f->first.seq, "last", (json_int_t)f->last.seq,
			"hash", f->last.hash, "checkpoints", (json_int_t)f->checkpoints, "signed",
			(json_int_t)(v->folder < 0 ? f->signed_seq : v->head.seq), "recovered",
			(json_int_t)f->recovered, "omitted", (json_int_t)f->omitted, "key",
			f->key));
		return;
	}
	printf("whole: lines %" PRIu64 " to %" PRIu64 ", %" PRIu64
	       " checkpoints, signed up to line "
	       "%" PRIu64 "\nkey  %s\nhash %s\n",
		f->first.seq, f->last.seq, f->checkpoints,
		v->folder < 0 ? f->signed_seq : v->head.seq, f->key[0] ? f->key : "none",
		f->last.hash);
	if (f->first.seq != 1)
		printf("what was before line %" PRIu64 " is not here\n", f->first.seq);
	if (f->recovered || f->omitted)
		printf("%" PRIu64 " pieces of lines that crashes left, %" PRIu64
		       " lines counted only\n",
			f->recovered, f->omitted);
	if (!v->request->key)
		printf("the key was not given (--key): who changed the log may have changed that "
		       "as "
		       "well\n");
}

static int verify_once(struct verify *v, const char *key, struct error *err)
{
	int rc;

	v->is_head_there = v->is_expected_there = v->is_broken = false;
	v->check = chain_check_create(key[0] ? key : NULL, verify_line, v);
	if (!v->check)
		return error_set(err, -ENOMEM, "no memory to read the log");
	rc = v->folder < 0 ? 0 : verify_read_head(v, key, err);
	if (rc != 0)
		return rc;
	rc = v->folder < 0 ? chain_file_read_alone(v->request->path, verify_take, v, err)
			   : verify_read_folder(v, err);
	if (rc == 0)
		rc = chain_check_end(v->check, err);
	v->is_broken = rc == -EINVAL;
	return rc == 0 ? verify_judge(v, err) : rc;
}

int audit_verify(const struct audit_verify *request, struct error *err)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct verify v = { .request = request };
	char key[CHAIN_HEX_BYTES];
	int rc;

	v.folder = open(request->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = verify_read_key(request, v.folder >= 0, key, err);
	// A log that is being written is another while it is read: it is read again.
	for (int i = 0; rc == 0 && i < HEAD_TRIES; i++) {
		rc = verify_once(&v, key, err);
		if (rc == 0)
			verify_print(&v);
		if (rc == 0 || v.folder < 0 || v.is_broken)
			i = HEAD_TRIES;
		chain_check_destroy(v.check);
		if (rc != 0 && i < HEAD_TRIES - 1) {
			nanosleep(&pause, NULL);
			rc = 0;
		}
	}
	if (v.folder >= 0)
		close(v.folder);
	return rc == 0 ? 0 : error_prefix(err, "%.200s", request->path);
}
