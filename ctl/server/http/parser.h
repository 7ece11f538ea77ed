// SPDX-License-Identifier: BSD-3-Clause
// The head of an HTTP/1.1 request (RFC 9112): its line and its header fields, read byte by byte as
// they come. It knows nothing of sockets and owns no memory.
//
// One reading is possible, or it is refused: lines end in CR LF and nothing else, a field's name ends at
// its colon, no field goes on in a second line, fields that mean one thing come once, and a body is
// framed by one Content-Length alone. So whoever stands before us, a proxy say, sees the same requests
// in the same bytes.
#pragma once

#include "base/error.h"
#include "ctl/server/http/method.h"
#include "ctl/server/http/refusal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARSER_FIELDS_MAX       100
#define PARSER_TARGET_BYTES_MAX 4096
#define PARSER_HEAD_BYTES_MAX   65535 // the largest `bytes_max`: spans count in 16 bits

struct parser_span { // of the head
	uint16_t at, bytes;
};

struct parser_field {
	struct parser_span name, value; // the value without the blanks around it
};

struct parser {
	uint32_t bytes_max; // of a head; set before the first parser_read()
	bool needs_host;    // HTTP/1.1 asks for it; on a UNIX socket there is none to name
	// Where the next byte is read, and what has been begun there.
	uint32_t scanned;
	uint8_t state;
	struct parser_span open;
	// What was read: of use once parser_read() returned 1.
	enum http_method method;
	uint8_t minor;            // of HTTP/1.x: 0 or 1
	struct parser_span path;  // of the target, without a query; begins with '/', or is "*"
	struct parser_span query; // ... what follows the '?', or nothing
	bool has_length, has_host, has_coding, is_chunked, expects_continue, is_expectation_known;
	bool wants_close, wants_keep_alive;
	uint64_t body_bytes; // Content-Length; UINT64_MAX where it is more
	uint16_t n_fields;
	struct parser_field fields[PARSER_FIELDS_MAX];
};

void parser_begin(struct parser *parser, uint32_t bytes_max, bool needs_host);

// Reads on in head[bytes], which holds all of the head that has come, from its first byte (it may have
// moved, and what follows the head may be there, too). 0: more bytes are needed. 1: the head is complete
// and has parser->scanned bytes. -1: refused, with a sentence; the connection can have no other request.
int parser_read(struct parser *parser, const char *head, size_t bytes, enum refusal *refusal,
	struct error *err);

// Whether the connection is to be kept for another request, as far as the client is concerned.
bool parser_keeps_alive(const struct parser *parser);

// The first field of a name (in any case), NULL where there is none.
const struct parser_field *parser_find(
	const struct parser *parser, const char *head, const char *name);
