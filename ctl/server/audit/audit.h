// SPDX-License-Identifier: BSD-3-Clause
// The audit log: who asked for which change, and what became of it, in files below <store.path>/audit. What a
// line says and how it is bound to the others is base/trust/chain.h's; here lines become durable, by the store's
// disk and so through io_uring. Control thread only.
//
// Lines are written in the order they come, those that wait together at a time, and each is told once it is
// durable. Where the disk fails, who waits for that is told so, and is refused from then on; the lines that were
// made stay, and are written again, the same bytes at the same place, once a second. So a line is never cut,
// and the disk's recovery is noticed by itself. What could not be kept meanwhile is counted, and the count is written.
#pragma once

#include "base/error.h"
#include "base/trust/chain.h"
#include "ctl/server/audit/done.h"

struct audit;
struct store;

struct audit_options {
	const char *key; // the secret key's file; "": audit.key in the log's folder
	uint64_t file_bytes;
};

// Goes on with the log that is there, or begins it, and records the start. Blocks. What is damaged of it is no error,
// but recorded. `store` outlives it.
int audit_open(struct store *store, const struct audit_options *options, struct audit **out,
	struct error *err);
// Records the end, signs, waits for the disk. Everyone who waits is told. NULL is fine.
void audit_close(struct audit *audit);
// Of a server without a log, as tests have it, `audit` is NULL below: nothing is kept, and everything lasts.
// From here on nothing is to be begun by a done().
bool audit_is_closing(const struct audit *audit);

// Makes a line of the entry, whose time is set here. done(), which may be NULL, is called once, perhaps before this
// returns. The line's number; 0: none was made, since the disk fails and done() was given, or there is no memory.
uint64_t audit_write(
	struct audit *audit, const struct chain_entry *entry, audit_done done, void *arg);
uint64_t audit_next(
	const struct audit *audit); // the number of the line that audit_write() makes next
// A change that nobody asked for by a request.
void audit_own(struct audit *audit, const struct chain_entry *entry);
// The file that the configuration's `key` names was read again, as it is another or everything is: a certificate, keys,
// tokens. `refusal`: why it is not used; NULL: it is.
void audit_reread(struct audit *audit, const char *key, const char *path, const char *refusal);
// A request that got no further, of a source as its `by` and `from` name it. Of one that is refused again and
// again only some are written, and the rest counted.
void audit_refused(struct audit *audit, const struct chain_entry *entry);

// To be called now and then (100 ms).
void audit_tick(struct audit *audit);

struct audit_figures {
	uint64_t lines;             // that are durable: the last one's number
	char hash[CHAIN_HEX_BYTES]; // of the last of them
	// Since the start: lines and bytes that became durable, requests that were refused, and of these, and of lines
	// while the disk failed, what was counted only.
	uint64_t written, written_bytes, refused, omitted;
	int64_t written_at; // seconds since 1970, when the last one became durable; 0: none since the start
	bool is_failing;
	char why[ERROR_TEXT_BYTES];
};
void audit_figures(const struct audit *audit, struct audit_figures *figures);
