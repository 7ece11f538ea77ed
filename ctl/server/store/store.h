// SPDX-License-Identifier: BSD-3-Clause
// The model store: <path>/models/<name>/<version>.mlt and <name>/deployment.json. What changes it
// is in store_change.h; here it is opened and read.
//
// Changes go through io_uring on the control thread's event loop. Where that is forbidden (containers'
// seccomp filters do that) the same calls are made one by one and block the control thread while the
// disk works. What a crash left half-written is removed by store_scan().
//
// Names must be valid (base/name.h); files are "<version>.mlt", "<version>.mlt.minisig" or one of STORE_*. None of
// them is a link, nor are their folders: what is one is not read.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_COMPARE         "compare.json" // the last canary that was rolled back by itself
#define STORE_DEPLOYMENT      "deployment.json"
#define STORE_RETENTION       "retention" // how many versions are kept, as base/retention.h says it
#define STORE_ACCEPTED        "accepted" // which signed versions were ever taken; stays when all else goes
#define STORE_FILE_MAX        24         // bytes of a file's name with the NUL
#define STORE_IMAGE_BYTES_MAX ((size_t)256 << 20) // of the largest image

struct disk;
struct event_base;
struct store;

// Creates the folders and takes the store's lock: -EBUSY where another process holds it, -ELOOP where the
// store's folder is a link.
// `synchronous`: without io_uring, as where it is forbidden.
int store_open(const char *path, struct event_base *base, bool synchronous, struct store **out,
	struct error *err);
// Nothing may be under way. NULL is fine.
void store_close(struct store *store);
// Keeps io_uring's kernel threads on the CPUs of the calling thread, and so off those of the lcores.
void store_stay_here(struct store *store);

// The folder <path>/<name>, made where there is none with mode 0700: a descriptor to close(), and what it is called. A
// negative errno with a sentence.
int store_open_folder(
	struct store *store, const char *name, char *path, size_t path_bytes, struct error *err);
// Who makes the store's system calls: for files that others keep in such a folder.
struct disk *store_disk(struct store *store);

// The name of a version's file: "12.mlt".
void store_image_file(char file[STORE_FILE_MAX], uint16_t version);
// That of its signature, which lies beside it: "12.mlt.minisig".
void store_signature_file(char file[STORE_FILE_MAX], uint16_t version);

// Blocks; any thread, but nothing else of the store at the same time. *data is malloc'ed, 64-byte aligned. -ENOENT, -ELOOP, -EFBIG, -EIO with a sentence.
int store_read(struct store *store, const char *model, const char *file, void **data, size_t *size,
	struct error *err);

// When a file was written, in seconds since 1970; 0: not known.
int64_t store_written_at(const struct store *store, const char *model, const char *file);

// Calls found(arg, model, version) for every image and found(arg, model, 0) for every deployment,
// and removes what a crash left behind. Blocks; at start only.
int store_scan(struct store *store, void (*found)(void *arg, const char *model, uint16_t version),
	void *arg, struct error *err);
