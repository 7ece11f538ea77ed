// SPDX-License-Identifier: BSD-3-Clause
// What HTTP itself refuses, before or behind any route: each kind has a name, under which it is
// counted, and a status, by which it is answered.
#pragma once

#include <stdint.h>

// name in metrics, HTTP status (0: the connection is closed without an answer)
#define REFUSALS(X)                                                                                \
	X(REFUSAL_MALFORMED, "malformed", 400) /* no HTTP, or two readings */                      \
	X(REFUSAL_UNAUTHENTICATED, "unauthenticated",                                              \
		401)                                 /* no credential, or none that is valid */    \
	X(REFUSAL_FORBIDDEN, "forbidden", 403)       /* of this role */                            \
	X(REFUSAL_NOT_FOUND, "not_found", 404)       /* no such path */                            \
	X(REFUSAL_METHOD, "method", 405)             /* not of this path */                        \
	X(REFUSAL_HEAD_SLOW, "head_slow", 408)       /* header_seconds */                          \
	X(REFUSAL_BODY_SLOW, "body_slow", 408)       /* body_bytes_per_second */                   \
	X(REFUSAL_NO_LENGTH, "no_length", 411)       /* chunked */                                 \
	X(REFUSAL_BODY_LARGE, "body_large", 413)     /* body_megabytes */                          \
	X(REFUSAL_TARGET_LONG, "target_long", 414)   /* PARSER_TARGET_BYTES_MAX */                 \
	X(REFUSAL_TYPE, "content_type", 415)         /* not gRPC's, where that is spoken */        \
	X(REFUSAL_EXPECTATION, "expectation", 417)   /* not 100-continue */                        \
	X(REFUSAL_ADDRESS_FULL, "address_full", 429) /* address_connections */                     \
	X(REFUSAL_GUESSES, "guesses", 429)           /* credentials_per_second */                  \
	X(REFUSAL_HEAD_LARGE, "head_large", 431)     /* header_bytes */                            \
	X(REFUSAL_NO_MEMORY, "no_memory", 500)                                                     \
	X(REFUSAL_METHOD_UNKNOWN, "method_unknown", 501)                                           \
	X(REFUSAL_CODING, "coding", 501)           /* of a transfer */                             \
	X(REFUSAL_BODIES_FULL, "bodies_full", 503) /* upload_megabytes */                          \
	X(REFUSAL_VERSION, "version", 505)                                                         \
	X(REFUSAL_HANDSHAKE, "handshake", 0) /* of TLS: it failed, or took header_seconds */       \
	X(REFUSAL_HANDSHAKE_RATE, "handshake_rate", 0)   /* handshakes_per_second */               \
	X(REFUSAL_HANDSHAKES_FULL, "handshakes_full", 0) /* handshakes: closed as slow */          \
	X(REFUSAL_SILENT, "silent", 0)                   /* closed to let others in */             \
	X(REFUSAL_IDLE, "idle", 0)                       /* IDLE_SECONDS */                        \
	X(REFUSAL_READS_SLOWLY, "reads_slowly", 0)       /* its answer */                          \
	X(REFUSAL_STREAMS, "streams", 0)                 /* HTTP/2: streams_per_connection */      \
	X(REFUSAL_RESETS, "resets", 0)                   /* HTTP/2: resets_per_second */           \
	X(REFUSAL_FLOOD, "flood", 0)                     /* HTTP/2: frames that say nothing */

enum refusal {
#define REFUSAL_ENUM(name, text, status) name,
	REFUSALS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
		REFUSAL_COUNT
};

const char *refusal_name(enum refusal refusal);
int refusal_status(enum refusal refusal);
