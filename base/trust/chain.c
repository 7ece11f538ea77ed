// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/chain.h"

#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#define HASH_BYTES 32
#define HEX_DIGITS (CHAIN_HEX_BYTES - 1)
// What ends each line: ","hash":"<64>"}, and before it ,"prev":"<64>.
#define PREV_KEY   ",\"prev\":\""
#define HASH_KEY   "\",\"hash\":\""
#define PREV_BYTES (sizeof(PREV_KEY) - 1 + HEX_DIGITS)
#define TAIL_BYTES (PREV_BYTES + sizeof(HASH_KEY) - 1 + HEX_DIGITS + 2)
#define HASHED_END (HEX_DIGITS + 2 + sizeof(HASH_KEY) - 2) // bytes of a line that are not hashed

// The most that texts take in a line, escapes counted: all of them fit into one, with what has a fixed size.
#define BY_BYTES   256
#define FROM_BYTES 192
#define WHAT_BYTES 768
#define WHY_BYTES  1280
#define TEXT_BYTES 192 // of what martletd itself makes
static_assert(BY_BYTES + FROM_BYTES + WHAT_BYTES + WHY_BYTES + 5 * TEXT_BYTES < 3600,
	"a line has room for all of its fields");

static const char *const FIELDS[] = {
#define X(name) #name,
	CHAIN_FIELDS(X)
#undef X
};
static const size_t FIELD_BYTES[] = {
#define X(name) sizeof(#name) - 1,
	CHAIN_FIELDS(X)
#undef X
};
static const char *const KINDS[] = {
#define X(name, text) text,
	CHAIN_KINDS(X)
#undef X
};

void chain_hash(const void *bytes, size_t size, char hex[CHAIN_HEX_BYTES])
{
	unsigned char hash[HASH_BYTES];

	crypto_generichash(hash, sizeof(hash), bytes, size, NULL, 0);
	sodium_bin2hex(hex, CHAIN_HEX_BYTES, hash, sizeof(hash));
}

void chain_time(int64_t at_us, char text[CHAIN_TIME_BYTES])
{
	const time_t seconds = (time_t)(at_us / 1000000);
	char date[CHAIN_TIME_BYTES] = "";
	struct tm tm;

	if (at_us < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900 ||
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		strcpy(date, "1970-01-01T00:00:00");
	snprintf(text, CHAIN_TIME_BYTES, "%.19s.%06uZ", date,
		at_us < 0 ? 0 : (unsigned)(at_us % 1000000));
}

bool chain_is_hex(const char *text, size_t bytes, size_t digits)
{
	unsigned odd = 0;

	if (bytes != digits)
		return false;
	// Without a branch for each: which of the two kinds a digit is cannot be foreseen, and each line has 128.
	for (size_t i = 0; i < bytes; i++) {
		const unsigned char c = (unsigned char)text[i];

		odd |= (unsigned)((unsigned char)(c - '0') > 9) &
			(unsigned)((unsigned char)(c - 'a') > 5);
	}
	return !odd;
}

void chain_begin(struct chain_place *place)
{
	place->seq = 0;
	memset(place->hash, '0', HEX_DIGITS);
	place->hash[HEX_DIGITS] = '\0';
}

// --- Writing -------------------------------------------------------------------------------------

struct maker {
	char *line;
	size_t size;
};

static void maker_add(struct maker *m, const char *text, size_t bytes)
{
	assert(m->size + bytes < CHAIN_LINE_BYTES_MAX);
	memcpy(m->line + m->size, text, bytes);
	m->size += bytes;
}

static void maker_key(struct maker *m, const char *key)
{
	maker_add(m, m->size ? ",\"" : "{\"", 2);
	maker_add(m, key, strlen(key));
	maker_add(m, "\":", 2);
}

// The next character of a text as JSON has it; *took are the bytes of the text.
static size_t maker_escape(const char *text, char escaped[8], size_t *took)
{
	const size_t bytes = utf8_character(text, strlen(text));
	const unsigned char c = (unsigned char)*text;

	*took = bytes ? bytes : 1;
	if (bytes == 0)
		return (size_t)snprintf(escaped, 8, "?");
	if (c == '"' || c == '\\')
		return (size_t)snprintf(escaped, 8, "\\%c", c);
	if (c < ' ' || c == 0x7f)
		return (size_t)snprintf(escaped, 8, "\\u%04x", c);
	for (size_t i = 0; i < bytes; i++)
		escaped[i] = text[i];
	return bytes;
}

static void maker_text(struct maker *m, enum chain_field field, const char *text, size_t most)
{
	size_t used = 0, took;
	char escaped[8];

	if (!text)
		return;
	maker_key(m, FIELDS[field]);
	maker_add(m, "\"", 1);
	while (*text) {
		const size_t bytes = maker_escape(text, escaped, &took);

		if (used + bytes + 3 > most) {
			maker_add(m, "...", 3);
			break;
		}
		maker_add(m, escaped, bytes);
		used += bytes;
		text += took;
	}
	maker_add(m, "\"", 1);
}

static void maker_number(struct maker *m, enum chain_field field, uint64_t number)
{
	char text[24];
	const int bytes = snprintf(text, sizeof(text), "%" PRIu64, number);

	maker_key(m, FIELDS[field]);
	maker_add(m, text, (size_t)bytes);
}

static void maker_entry(struct maker *m, uint64_t seq, const struct chain_entry *e)
{
	char at[CHAIN_TIME_BYTES];

	chain_time(e->at_us, at);
	maker_number(m, CHAIN_seq, seq);
	maker_text(m, CHAIN_at, at, TEXT_BYTES);
	maker_text(m, CHAIN_kind, KINDS[e->kind], TEXT_BYTES);
	maker_text(m, CHAIN_by, e->by, BY_BYTES);
	maker_text(m, CHAIN_from, e->from, FROM_BYTES);
	maker_text(m, CHAIN_what, e->what, WHAT_BYTES);
	maker_text(m, CHAIN_model, e->model, TEXT_BYTES);
	if (e->version)
		maker_number(m, CHAIN_version, e->version);
	maker_text(m, CHAIN_sha256, e->sha256, TEXT_BYTES);
	if (e->says_allowed) {
		maker_key(m, FIELDS[CHAIN_allowed]);
		maker_add(m, e->allowed ? "true" : "false", e->allowed ? 4 : 5);
	}
	if (e->status > 0)
		maker_number(m, CHAIN_status, (uint64_t)e->status);
	maker_text(m, CHAIN_why, e->why, WHY_BYTES);
	if (e->of)
		maker_number(m, CHAIN_of, e->of);
	if (e->n)
		maker_number(m, CHAIN_n, e->n);
	if (e->torn)
		maker_number(m, CHAIN_torn, e->torn);
	maker_text(m, CHAIN_torn_hash, e->torn_hash, TEXT_BYTES);
	maker_text(m, CHAIN_key, e->key, TEXT_BYTES);
	maker_text(m, CHAIN_signature, e->signature, TEXT_BYTES);
}

size_t chain_write(
	struct chain_place *place, const struct chain_entry *entry, char line[CHAIN_LINE_BYTES_MAX])
{
	struct maker m = { .line = line };

	maker_entry(&m, place->seq + 1, entry);
	maker_text(&m, CHAIN_prev, place->hash, TEXT_BYTES);
	chain_hash(line, m.size, place->hash);
	maker_text(&m, CHAIN_hash, place->hash, TEXT_BYTES);
	maker_add(&m, "}\n", 2);
	place->seq++;
	return m.size;
}

// --- Reading -------------------------------------------------------------------------------------

static int read_refuse(struct error *err, const char *why)
{
	return error_set(err, -EINVAL, "%s", why);
}

// From the character behind the opening quote: the bytes up to the closing one; -1: there is none.
static long read_string(const char *text, size_t left)
{
	for (size_t i = 0; i < left; i++) {
		if (text[i] == '"')
			return (long)i;
		if ((unsigned char)text[i] < ' ')
			return -1;
		if (text[i] == '\\' && ++i == left)
			return -1;
	}
	return -1;
}

static size_t read_word(const char *text, size_t left)
{
	size_t n = 0;

	if (left >= 4 && memcmp(text, "true", 4) == 0)
		return 4;
	if (left >= 5 && memcmp(text, "false", 5) == 0)
		return 5;
	while (n < left && text[n] >= '0' && text[n] <= '9')
		n++;
	return n > 1 && text[0] == '0' ? 0 : n;
}

// One value; the bytes that it takes, quotes and all, 0: it is none.
static size_t read_value(const char *text, size_t left, struct chain_value *value)
{
	long bytes;

	value->is_string = left > 0 && *text == '"';
	if (!value->is_string) {
		value->at = text;
		value->bytes = read_word(text, left);
		return value->bytes;
	}
	bytes = read_string(text + 1, left - 1);
	if (bytes < 0)
		return 0;
	value->at = text + 1;
	value->bytes = (size_t)bytes;
	return value->bytes + 2;
}

// The field of a name; CHAIN_FIELD_COUNT: it is not known. They come in their order, behind the one before.
static unsigned read_field(const char *name, size_t bytes, unsigned before)
{
	for (unsigned n = 1; n <= CHAIN_FIELD_COUNT; n++) {
		const unsigned i = (before + n) % CHAIN_FIELD_COUNT;

		if (FIELD_BYTES[i] == bytes && memcmp(FIELDS[i], name, bytes) == 0)
			return i;
	}
	return CHAIN_FIELD_COUNT;
}

static int read_fields(const char *line, size_t size, struct chain_line *out, struct error *err)
{
	struct chain_value key, value;
	size_t at = 1, used;
	unsigned field = CHAIN_FIELD_COUNT - 1;

	if (size < 2 || line[0] != '{' || line[size - 1] != '}')
		return read_refuse(err, "it is no JSON object");
	do {
		used = read_value(line + at, size - at, &key);
		if (used == 0 || !key.is_string || at + used >= size || line[at + used] != ':')
			return read_refuse(err, "it is no flat JSON object");
		at += used + 1;
		used = read_value(line + at, size - at, &value);
		if (used == 0 || at + used >= size)
			return read_refuse(err, "it is no flat JSON object");
		at += used;
		field = read_field(key.at, key.bytes, field);
		if (field < CHAIN_FIELD_COUNT && out->fields[field].at)
			return read_refuse(err, "a field of it is there twice");
		if (field < CHAIN_FIELD_COUNT)
			out->fields[field] = value;
	} while (line[at++] == ',');
	return line[at - 1] == '}' && at == size ? 0
						 : read_refuse(err, "it is no flat JSON object");
}

uint64_t chain_number(const struct chain_line *line, enum chain_field field)
{
	const struct chain_value *v = &line->fields[field];
	uint64_t number = 0;

	if (!v->at || v->is_string || v->bytes > 19)
		return 0;
	for (size_t i = 0; i < v->bytes; i++) {
		if (v->at[i] < '0' || v->at[i] > '9')
			return 0;
		number = number * 10 + (uint64_t)(v->at[i] - '0');
	}
	return number;
}

bool chain_is(const struct chain_line *line, enum chain_field field, const char *text)
{
	const struct chain_value *v = &line->fields[field];

	return v->at && v->is_string && v->bytes == strlen(text) &&
		memcmp(v->at, text, v->bytes) == 0;
}

static enum chain_kind read_kind(const struct chain_line *line)
{
	int kind = 0;

	while (kind < CHAIN_KIND_COUNT && !chain_is(line, CHAIN_kind, KINDS[kind]))
		kind++;
	return (enum chain_kind)kind;
}

// The fixed end of each line.
static bool read_tail(const char *line, size_t size, struct chain_line *out)
{
	const char *prev = line + size - TAIL_BYTES;
	const char *hash = prev + PREV_BYTES;

	if (memcmp(prev, PREV_KEY, sizeof(PREV_KEY) - 1) != 0 ||
		memcmp(hash, HASH_KEY, sizeof(HASH_KEY) - 1) != 0 ||
		memcmp(line + size - 2, "\"}", 2) != 0)
		return false;
	prev += sizeof(PREV_KEY) - 1;
	hash += sizeof(HASH_KEY) - 1;
	memcpy(out->prev, prev, HEX_DIGITS);
	memcpy(out->hash, hash, HEX_DIGITS);
	return chain_is_hex(prev, HEX_DIGITS, HEX_DIGITS) &&
		chain_is_hex(hash, HEX_DIGITS, HEX_DIGITS);
}

int chain_read(const char *line, size_t size, struct chain_line *out, struct error *err)
{
	static const char FIRST[] = "{\"seq\":";
	char hash[CHAIN_HEX_BYTES];

	memset(out, 0, sizeof(*out));
	if (size >= CHAIN_LINE_BYTES_MAX)
		return read_refuse(err, "it is longer than any line of an audit log");
	if (size < TAIL_BYTES + sizeof(FIRST) || memcmp(line, FIRST, sizeof(FIRST) - 1) != 0 ||
		!read_tail(line, size, out))
		return read_refuse(err, "it is no line of an audit log");
	chain_hash(line, size - HASHED_END, hash);
	if (strcmp(hash, out->hash) != 0)
		return read_refuse(err, "its hash is not that of its bytes");
	if (read_fields(line, size, out, err) != 0)
		return -EINVAL;
	out->seq = chain_number(out, CHAIN_seq);
	out->kind = read_kind(out);
	if (out->seq == 0 || !out->fields[CHAIN_at].at || !out->fields[CHAIN_kind].at)
		return read_refuse(err, "it has no number, time or kind");
	return 0;
}
