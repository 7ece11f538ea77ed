// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/parser.h"

#include <string.h>
#include <strings.h>

#define METHOD_BYTES_MAX 16
#define VERSION_BYTES    8 // "HTTP/1.1"
#define TLS_HANDSHAKE    0x16
#define NO_LINE                                                                                    \
	"this is no HTTP/1.1 request: its first line must be a method, a target and HTTP/1.1, "    \
	"with a blank between them, and end in CR LF"

enum parser_state {
	PARSER_EMPTY_LINE, // one may stand before the request's line (RFC 9112, 2.2)
	PARSER_EMPTY_LINE_LF,
	PARSER_METHOD,
	PARSER_TARGET,
	PARSER_VERSION,
	PARSER_LINE_LF,
	PARSER_FIELD, // its first byte, or the end of all
	PARSER_NAME,
	PARSER_BLANKS, // before a value
	PARSER_VALUE,
	PARSER_VALUE_LF,
	PARSER_END_LF
};

// Fields that say one thing: twice they would say two.
static const char *const SINGLE[] = { "Host", "Content-Length", "Transfer-Encoding", "Expect",
	"Content-Type", "Content-Encoding", "Authorization", "Inference-Header-Content-Length" };

// What a reading ends with; `sentence` has no format.
struct parser_refusal {
	enum refusal *kind;
	struct error *err;
};

static int parser_refuse(const struct parser_refusal *r, enum refusal kind, const char *sentence)
{
	*r->kind = kind;
	error_set(r->err, -EPROTO, "%s", sentence);
	return -1;
}

static bool parser_is_token(unsigned char c) // RFC 9110, 5.6.2
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		(c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool parser_is_value(unsigned char c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

void parser_begin(struct parser *p, uint32_t bytes_max, bool needs_host)
{
	memset(p, 0, offsetof(struct parser, fields));
	p->bytes_max = bytes_max < PARSER_HEAD_BYTES_MAX ? bytes_max : PARSER_HEAD_BYTES_MAX;
	p->needs_host = needs_host;
}

// --- The request's line --------------------------------------------------------------------------

// Where the path lies in a target: at its beginning, or behind a scheme and an authority, as a client
// sends it to what it takes for a proxy.
static int parser_take_target(struct parser *p, const char *head, const struct parser_refusal *r)
{
	const char *target = head + p->open.at;
	size_t bytes = p->open.bytes, skip = 0, end;

	if (bytes >= 7 && strncasecmp(target, "http://", 7) == 0)
		skip = 7;
	else if (bytes >= 8 && strncasecmp(target, "https://", 8) == 0)
		skip = 8;
	if (skip) {
		size_t host = skip;

		while (skip < bytes && target[skip] != '/' && target[skip] != '?')
			skip++;
		if (skip == host || skip == bytes || target[skip] != '/')
			return parser_refuse(r, REFUSAL_MALFORMED,
				"this is no HTTP/1.1 request: its target is a URL without a path");
	} else if (bytes == 0 || (target[0] != '/' && (bytes != 1 || target[0] != '*'))) {
		return parser_refuse(r, REFUSAL_MALFORMED,
			"this is no HTTP/1.1 request: its target must begin with '/'");
	}
	for (end = skip; end < bytes && target[end] != '?'; end++)
		;
	if (memchr(target, '#', bytes))
		return parser_refuse(r, REFUSAL_MALFORMED,
			"this is no HTTP/1.1 request: a target has no fragment ('#')");
	p->path.at = (uint16_t)(p->open.at + skip);
	p->path.bytes = (uint16_t)(end - skip);
	p->query.at = (uint16_t)(p->open.at + (end < bytes ? end + 1 : end));
	p->query.bytes = (uint16_t)(end < bytes ? bytes - end - 1 : 0);
	return 0;
}

static int parser_take_version(struct parser *p, const char *head, const struct parser_refusal *r)
{
	const char *version = head + p->open.at;

	if (p->open.bytes != VERSION_BYTES || memcmp(version, "HTTP/", 5) != 0 ||
		version[5] < '0' || version[5] > '9' || version[6] != '.' || version[7] < '0' ||
		version[7] > '9')
		return parser_refuse(r, REFUSAL_MALFORMED, NO_LINE);
	if (version[5] != '1' || version[7] > '1')
		return parser_refuse(
			r, REFUSAL_VERSION, "HTTP/1.1 and HTTP/1.0 are spoken here, no other");
	p->minor = (uint8_t)(version[7] - '0');
	if (p->method == HTTP_METHODS)
		return parser_refuse(r, REFUSAL_METHOD_UNKNOWN,
			"unknown method; there are GET, HEAD, PUT, POST and DELETE");
	return 0;
}

static int parser_read_line(
	struct parser *p, const char *head, unsigned char c, const struct parser_refusal *r)
{
	switch (p->state) {
	case PARSER_METHOD:
		if (c == ' ' && p->open.bytes > 0) {
			p->method = http_method_find(head + p->open.at, p->open.bytes);
			p->open = (struct parser_span){ (uint16_t)(p->scanned + 1), 0 };
			p->state = PARSER_TARGET;
			return 0;
		}
		if (!parser_is_token(c) || p->open.bytes++ == METHOD_BYTES_MAX)
			return parser_refuse(r, REFUSAL_MALFORMED,
				c == TLS_HANDSHAKE
					? "this is TLS, which this listener does not speak"
					: "this is no HTTP/1.1 request: it begins with no method");
		return 0;
	case PARSER_TARGET:
		if (c == ' ') {
			if (parser_take_target(p, head, r) != 0)
				return -1;
			p->open = (struct parser_span){ (uint16_t)(p->scanned + 1), 0 };
			p->state = PARSER_VERSION;
			return 0;
		}
		if (c == '\r' || c == '\n')
			return parser_refuse(r, REFUSAL_MALFORMED, NO_LINE);
		if (c <= ' ' || c >= 0x7f)
			return parser_refuse(r, REFUSAL_MALFORMED,
				"this is no HTTP/1.1 request: a byte of its target is none of a "
				"URL's; write it as %XX");
		if (p->open.bytes++ == PARSER_TARGET_BYTES_MAX)
			return parser_refuse(r, REFUSAL_TARGET_LONG,
				"the request's target is too long: it may have 4096 bytes");
		return 0;
	default: // PARSER_VERSION
		if (c == '\r') {
			p->state = PARSER_LINE_LF;
			return parser_take_version(p, head, r);
		}
		if (c < ' ' || p->open.bytes++ == VERSION_BYTES)
			return parser_refuse(r, REFUSAL_MALFORMED, NO_LINE);
		return 0;
	}
}

// --- Header fields -------------------------------------------------------------------------------

static bool parser_is(const struct parser_span *span, const char *head, const char *word)
{
	return span->bytes == strlen(word) && strncasecmp(head + span->at, word, span->bytes) == 0;
}

const struct parser_field *parser_find(const struct parser *p, const char *head, const char *name)
{
	for (uint16_t i = 0; i < p->n_fields; i++)
		if (parser_is(&p->fields[i].name, head, name))
			return &p->fields[i];
	return NULL;
}

static int parser_take_length(
	struct parser *p, const char *value, size_t bytes, const struct parser_refusal *r)
{
	for (size_t i = 0; i < bytes; i++) {
		const unsigned digit = (unsigned)value[i] - '0';

		if (digit > 9)
			bytes = 0;
		else if (p->body_bytes > (UINT64_MAX - digit) / 10)
			p->body_bytes = UINT64_MAX; // where it stays
		else
			p->body_bytes = p->body_bytes * 10 + digit;
	}
	if (bytes == 0)
		return parser_refuse(r, REFUSAL_MALFORMED,
			"Content-Length must be a whole number, in digits alone");
	p->has_length = true;
	return 0;
}

// "close", "keep-alive" and others, between commas.
static void parser_take_connection(struct parser *p, const char *value, size_t bytes)
{
	while (bytes > 0) {
		const char *comma = memchr(value, ',', bytes);
		size_t step = comma ? (size_t)(comma - value) : bytes, from = 0, to = step;

		while (from < to && (value[from] == ' ' || value[from] == '\t'))
			from++;
		while (to > from && (value[to - 1] == ' ' || value[to - 1] == '\t'))
			to--;
		if (to - from == 5 && strncasecmp(value + from, "close", 5) == 0)
			p->wants_close = true;
		if (to - from == 10 && strncasecmp(value + from, "keep-alive", 10) == 0)
			p->wants_keep_alive = true;
		step += comma != NULL;
		value += step;
		bytes -= step;
	}
}

static int parser_take_field(struct parser *p, const char *head, const struct parser_refusal *r)
{
	const struct parser_field *f = &p->fields[p->n_fields];
	const char *value = head + f->value.at;

	for (size_t i = 0; i < sizeof(SINGLE) / sizeof(SINGLE[0]); i++)
		if (parser_is(&f->name, head, SINGLE[i]) && parser_find(p, head, SINGLE[i])) {
			*r->kind = REFUSAL_MALFORMED;
			error_set(r->err, -EPROTO, "the header has %s twice", SINGLE[i]);
			return -1;
		}
	p->n_fields++;
	if (parser_is(&f->name, head, "Content-Length"))
		return parser_take_length(p, value, f->value.bytes, r);
	if (parser_is(&f->name, head, "Connection"))
		parser_take_connection(p, value, f->value.bytes);
	if (parser_is(&f->name, head, "Host"))
		p->has_host = true;
	if (parser_is(&f->name, head, "Transfer-Encoding")) {
		p->has_coding = true;
		p->is_chunked = parser_is(&f->value, head, "chunked");
	}
	if (parser_is(&f->name, head, "Expect") && f->value.bytes > 0) {
		p->expects_continue = true; // C++ clients send it empty
		p->is_expectation_known = parser_is(&f->value, head, "100-continue");
	}
	return 0;
}

static int parser_begin_name(struct parser *p, unsigned char c, const struct parser_refusal *r)
{
	if (c == ' ' || c == '\t')
		return parser_refuse(r, REFUSAL_MALFORMED,
			"a header field goes on in a second line, which HTTP/1.1 forbids");
	if (!parser_is_token(c))
		return parser_refuse(
			r, REFUSAL_MALFORMED, "a header field must begin with its name");
	if (p->n_fields == PARSER_FIELDS_MAX)
		return parser_refuse(
			r, REFUSAL_HEAD_LARGE, "the header has too many fields: 100 are possible");
	p->open = (struct parser_span){ (uint16_t)p->scanned, 1 };
	p->state = PARSER_NAME;
	return 0;
}

static int parser_read_value(
	struct parser *p, const char *head, unsigned char c, const struct parser_refusal *r)
{
	struct parser_field *f = &p->fields[p->n_fields];

	if (c == '\r') {
		if (p->state == PARSER_BLANKS)
			f->value = (struct parser_span){ (uint16_t)p->scanned, 0 };
		p->state = PARSER_VALUE_LF;
		return parser_take_field(p, head, r);
	}
	if (!parser_is_value(c))
		return parser_refuse(r, REFUSAL_MALFORMED,
			"a header field's value holds a control character, or its line does not "
			"end in CR LF");
	if (c == ' ' || c == '\t')
		return 0;
	if (p->state == PARSER_BLANKS) {
		f->value.at = (uint16_t)p->scanned;
		p->state = PARSER_VALUE;
	}
	f->value.bytes =
		(uint16_t)(p->scanned + 1 - f->value.at); // up to the last that is no blank
	return 0;
}

static int parser_read_field(
	struct parser *p, const char *head, unsigned char c, const struct parser_refusal *r)
{
	switch (p->state) {
	case PARSER_FIELD:
		if (c == '\r') {
			p->state = PARSER_END_LF;
			return 0;
		}
		return parser_begin_name(p, c, r);
	case PARSER_NAME:
		if (c == ':') {
			p->fields[p->n_fields].name = p->open;
			p->state = PARSER_BLANKS;
			return 0;
		}
		if (!parser_is_token(c))
			return parser_refuse(r, REFUSAL_MALFORMED,
				"a header field must be a name, a colon right behind it, and a "
				"value");
		p->open.bytes++;
		return 0;
	default: // PARSER_BLANKS, PARSER_VALUE
		return parser_read_value(p, head, c, r);
	}
}

// --- The whole -----------------------------------------------------------------------------------

// What only all fields together say.
static int parser_finish(const struct parser *p, const struct parser_refusal *r)
{
	if (p->has_coding && (p->has_length || p->minor == 0))
		return parser_refuse(r, REFUSAL_MALFORMED,
			"a body is framed by Content-Length or by Transfer-Encoding, not by both, "
			"and in HTTP/1.0 not by the latter");
	if (p->has_coding && !p->is_chunked)
		return parser_refuse(r, REFUSAL_CODING,
			"no transfer coding is understood: send the body as it is, with a "
			"Content-Length");
	if (p->has_coding)
		return parser_refuse(r, REFUSAL_NO_LENGTH,
			"bodies in chunks are not taken: say a Content-Length");
	if (p->needs_host && p->minor == 1 && !p->has_host)
		return parser_refuse(
			r, REFUSAL_MALFORMED, "the header has no Host, which HTTP/1.1 asks for");
	if (p->expects_continue && !p->is_expectation_known)
		return parser_refuse(r, REFUSAL_EXPECTATION,
			"of expectations only 'Expect: 100-continue' is understood");
	return 1;
}

// Of states that know one byte that may come, and the state behind it.
static int parser_read_break(struct parser *p, unsigned char c, const struct parser_refusal *r)
{
	static const uint8_t NEXT[] = { [PARSER_EMPTY_LINE_LF] = PARSER_METHOD,
		[PARSER_LINE_LF] = PARSER_FIELD,
		[PARSER_VALUE_LF] = PARSER_FIELD };

	if (c != '\n')
		return parser_refuse(r, REFUSAL_MALFORMED,
			"this is no HTTP/1.1 request: a line must end in CR LF");
	if (p->state == PARSER_END_LF)
		return parser_finish(p, r);
	p->state = NEXT[p->state];
	p->open = (struct parser_span){ (uint16_t)(p->scanned + 1), 0 };
	return 0;
}

static int parser_read_byte(
	struct parser *p, const char *head, unsigned char c, const struct parser_refusal *r)
{
	if (p->state == PARSER_EMPTY_LINE) {
		p->state = c == '\r' ? PARSER_EMPTY_LINE_LF : PARSER_METHOD;
		if (c == '\r')
			return 0;
	}
	switch (p->state) {
	case PARSER_METHOD:
	case PARSER_TARGET:
	case PARSER_VERSION:
		return parser_read_line(p, head, c, r);
	case PARSER_FIELD:
	case PARSER_NAME:
	case PARSER_BLANKS:
	case PARSER_VALUE:
		return parser_read_field(p, head, c, r);
	default:
		return parser_read_break(p, c, r);
	}
}

int parser_read(
	struct parser *p, const char *head, size_t bytes, enum refusal *refusal, struct error *err)
{
	const struct parser_refusal r = { refusal, err };
	const size_t end = bytes < p->bytes_max ? bytes : p->bytes_max;
	int rc = 0;

	while (rc == 0 && p->scanned < end) {
		rc = parser_read_byte(p, head, (unsigned char)head[p->scanned], &r);
		p->scanned++;
	}
	if (rc == 0 && p->scanned == p->bytes_max) {
		*refusal = REFUSAL_HEAD_LARGE;
		error_set(err, -EPROTO, "the header is too large: it may have %u bytes",
			p->bytes_max);
		return -1;
	}
	return rc;
}

bool parser_keeps_alive(const struct parser *p)
{
	return !p->wants_close && (p->minor == 1 || p->wants_keep_alive);
}
