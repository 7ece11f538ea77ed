// SPDX-License-Identifier: BSD-3-Clause
// What the files of this folder share.
#pragma once

#include "base/trust/chain_sign.h"
#include "ctl/server/audit/done.h"
#include "ctl/server/audit/refusals.h"
#include "ctl/server/store/disk.h"

#define AUDIT_PATH_BYTES 1024

struct audit_waiter {
	audit_done done;
	void *arg;
};

// Lines that are written together, all into one file.
struct audit_batch {
	char *bytes;
	size_t size, capacity, written;
	uint64_t first;          // its first line
	struct chain_place last; // its last one
	bool begins_file;
	struct audit_waiter *waiters;
	uint32_t n_waiters, capacity_waiters;
	struct audit_batch *next;
};

enum audit_step {
	AUDIT_IDLE,
	AUDIT_OPEN, // a new file
	AUDIT_SYNC_FOLDER,
	AUDIT_WRITE,
	AUDIT_SYNC,
	AUDIT_HEAD, // says which line is the last one; not waited for by anybody
};

struct audit {
	struct store *store;
	struct chain_key key;
	char path[AUDIT_PATH_BYTES]; // of the folder
	int folder, fd, head_fd;     // fd: of the last file; -1: none yet
	uint64_t file_bytes;         // of it that are durable
	uint64_t file_bytes_max, file_bytes_planned;
	bool lacks_newline; // of the file's last line, which is whole but for that
	struct chain_place made, durable;
	uint64_t since_checkpoint; // lines
	// What is to be written; `step` is the first one's.
	struct audit_batch *first, *last;
	size_t waiting_bytes;
	enum audit_step step;
	bool is_under_way, is_advancing, is_closing;
	struct disk_call call;
	char name[32], head[CHAIN_HEAD_BYTES]; // what the call points to
	bool said_head;
	struct error failed; // code 0: the disk is well
	uint64_t again_ns;
	uint64_t omitted, omitted_all; // lines, since that was written; in all
	uint64_t written, written_bytes, refused;
	int64_t written_at;
	struct refusals refusals;
};
