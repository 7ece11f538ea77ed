// SPDX-License-Identifier: BSD-3-Clause
// An operation changes what is stored or deployed. They run one at a time, in the order they came,
// so none sees another's half. Each is a chain: begin() on the control thread, then, as it needs,
// work on the worker thread and changes of the store, until operation_reply() or operation_fail()
// ends it. At start the same operations run without a client.
#pragma once

#include "ctl/server/log.h"
#include "ctl/server/operations/accepted.h"
#include "ctl/server/operations/if_match.h"
#include "ctl/server/operations/signature.h"
#include "ctl/server/operations/wish.h"
#include "ctl/server/server_state.h"

#include <jansson.h>

// Who asked, over whatever protocol; all zero at start. reply() takes `body`; where the operation
// was refused there is a sentence, and `body`, if any, is what there is to know beside it. `status` is HTTP's.
struct operation_client {
	void (*reply)(void *arg, int status, json_t *body, const char *refusal);
	void *arg;
	const char *by; // "uid 1000": copied
};

struct keeping { // keep.c's
	void (*then)(struct operation *op);
	char *accepted; // what STORE_ACCEPTED is to say; NULL: it stays
	bool is_image;  // the image is written, too, and not its signature alone
	struct error failed;
};

struct recording { // recording.c's
	void (*then)(struct operation *op);
	void *before; // deployment.json; NULL: there was none
	size_t before_size;
	bool is_known; // what was there before
	bool is_as_before;
	bool is_doubtful;    // it was put back, but that is not known to last
	struct error failed; // what is said, once it is taken back
};

// A version that has to be opened, as it comes into service.
struct operation_part {
	uint16_t version;
	char sha256[RECORD_SHA256_BYTES];    // what the image must have
	struct model *opened;                // ours until the dataplane takes it
	struct deployment *prepared;         // of `opened`, likewise
	const struct model_choices *choices; // kernels as timed before; the list owns them
	struct model_choices *timed;         // kernels as timed now; ours until the list takes them
	bool is_in_service; // it gets another role: only whether it may be believed is looked at
	struct error err;   // why it cannot be opened
	int status;
};

struct operation {
	struct server *server;
	struct operation_client client;
	char by[192];     // the client's
	const char *what; // for the log: "deploy"
	void (*begin)(struct operation *op);
	bool has_begun;
	bool is_change; // of what serves: what it costs is looked at
	bool is_whole;  // of the model, not of one version: to be deleted
	char model[MODEL_NAME_MAX + 1];
	uint16_t id, version;
	struct wish wish;         // of a deployment
	struct if_match if_match; // the revision that the client knows
	char *path;               // image to import
	struct model_retention retention;

	void *data; // an image or JSON text that is to be written
	size_t size;
	char *signature; // of the image: its text; NULL: it has none
	size_t signature_size;
	char there_sha256
		[RECORD_SHA256_BYTES]; // of the version that is stored already; "": it is not
	struct signature_claim claim;  // of the image's signature
	struct accepted accepted;      // what the store knew of the model's
	struct keeping keeping;
	struct model_version stored; // what the list of versions will say
	struct record record;        // what deployment.json will say
	struct recording recording;
	bool recorded;                                   // it says so already
	struct operation_part parts[ROUTE_VERSIONS_MAX]; // the live one first
	uint32_t n_parts;
	struct model_route *route; // of what is in service and of the parts, to be published

	// Of the last work or change: what failed (err.code is 0 where nothing did), and the HTTP
	// status that this means for the client.
	struct error err;
	int status;
	json_t *beside; // a refusal's body
	void (*then)(struct operation *op);
	struct operation *next;
};

// NULL without memory: the client was replied to.
struct operation *operation_create(struct server *server, struct operation_client client,
	const char *what, void (*begin)(struct operation *op), const char *model, uint16_t version);
// Queues it, and begins it where nothing is before it. While draining a client's is refused.
void operation_start(struct operation *op);

// work(op) on the worker thread, then then(op).
void operation_work(
	struct operation *op, void (*work)(void *op), void (*then)(struct operation *op));
// Changes of the store, then then(op). The first writes op->data, the second bytes that must stay until then.
void operation_write(struct operation *op, const char *file, void (*then)(struct operation *op));
void operation_write_bytes(struct operation *op, const char *file, const void *bytes, size_t size,
	void (*then)(struct operation *op));
void operation_write_record(struct operation *op, void (*then)(struct operation *op));
void operation_remove(struct operation *op, const char *file, void (*then)(struct operation *op));

// The HTTP status of an error: 5xx where this machine's memory or disk is at fault, else `refusal`.
int operation_status(const struct error *err, int refusal);

// Both end the operation: the client gets its reply, `op` is freed, the next one begins.
void operation_reply(struct operation *op, int status, json_t *body);
__attribute__((format(printf, 3, 4))) void operation_fail(
	struct operation *op, int status, const char *format, ...);

// Ends it without a word: who began it has logged and replied, or does so elsewhere.
void operation_done(struct operation *op);

// A line about the operation: what, of which model and version, who asked, and the sentence, if any.
__attribute__((format(printf, 3, 4))) void operation_log(
	const struct operation *op, enum log_level level, const char *format, ...);

// False where what the store says of the model is a later martletd's, which no change may write over: it
// failed with 409.
bool operation_may_change(struct operation *op, const struct model_entry *entry);
// False where the client knows another revision of the model's deployment than there is: it failed with 412
// and heard what was changed, by whom and when.
bool operation_matches(struct operation *op, const struct model_entry *entry);
// Gives op->record the revision after `before`, and says who changed what.
void operation_sign_record(struct operation *op, const struct record *before);

// Fails it with 404: there is no model of op's name.
void operation_fail_unknown(struct operation *op);

// Between these two, operations are queued but none is begun. At start all are queued this way, so
// that the last one's end, and not an earlier one's, makes the server ready.
void operation_hold(struct server *server);
void operation_release(struct server *server);
// When the server ends: frees the operation under way and those queued behind it; their clients hear
// so. The worker thread must be gone already; a system call of the store is waited for.
void operation_give_up_all(struct server *server);
