// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/seen.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HEAD             "martlet counters 1\n"
#define DERIVED_OF       "martlet counters"
#define CACHE_LINE_BYTES 64
#define TAG_BYTES        16
#define LINE_BYTES       (5 + 1 + 20 + 1 + 2 * TAG_BYTES + 1) // at the most

struct seen_line {
	uint16_t id;
	uint64_t counter;
	uint8_t tag[TAG_BYTES];
};

struct seen_window_of { // a window and whose it is
	struct window window __attribute__((aligned(CACHE_LINE_BYTES)));
	uint16_t id;
	uint8_t key
		[crypto_generichash_KEYBYTES]; // made of the secret: by it the window is known, and lines are tagged
	bool has_line;
	struct seen_line line; // as the last text has it
	SLIST_ENTRY(seen_window_of) all;
};

struct seen {
	SLIST_HEAD(, seen_window_of) windows; // that was asked for last comes first
	struct seen_line *kept;               // lines that no window was made of
	uint32_t n_kept;
	uint32_t n_strange;
	uint16_t strange_id;
};

int seen_create(struct seen **out, struct error *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : error_set(err, -ENOMEM, "no memory for the counters of keys");
}

void seen_destroy(struct seen *seen)
{
	struct seen_window_of *of;

	if (!seen)
		return;
	while ((of = SLIST_FIRST(&seen->windows))) {
		SLIST_REMOVE_HEAD(&seen->windows, all);
		sodium_memzero(of->key, sizeof(of->key));
		free(of);
	}
	free(seen->kept);
	free(seen);
}

// --- Tags ----------------------------------------------------------------------------------------

static void seen_derive(const struct wire_key *key, uint8_t derived[crypto_generichash_KEYBYTES])
{
	static const char of[] = DERIVED_OF;

	_Static_assert(sizeof(key->secret) >= crypto_generichash_KEYBYTES_MIN, "it can be a key");
	crypto_generichash(derived, crypto_generichash_KEYBYTES, (const uint8_t *)of,
		sizeof(of) - 1, key->secret, sizeof(key->secret));
}

static void seen_tag(const uint8_t derived[crypto_generichash_KEYBYTES], uint16_t id,
	uint64_t counter, uint8_t tag[TAG_BYTES])
{
	uint8_t message[sizeof(id) + sizeof(counter)]; // little-endian, as on the wire

	memcpy(message, &id, sizeof(id));
	memcpy(message + sizeof(id), &counter, sizeof(counter));
	crypto_generichash(
		tag, TAG_BYTES, message, sizeof(message), derived, crypto_generichash_KEYBYTES);
}

// --- Reading -------------------------------------------------------------------------------------

// A decimal number up to `max` in the one form that there is of it, and the character behind it, before `limit`; NULL:
// it is none.
static const char *seen_number(
	const char *at, const char *limit, uint64_t max, char end, uint64_t *number)
{
	const char *first = at;

	*number = 0;
	for (; at < limit && *at >= '0' && *at <= '9'; at++) {
		const uint64_t digit = (uint64_t)(*at - '0');

		if (*number > max / 10 || (*number == max / 10 && digit > max % 10))
			return NULL;
		*number = *number * 10 + digit;
	}
	if (at == first || at == limit || *at != end || (*first == '0' && at > first + 1))
		return NULL;
	return at + 1;
}

// `end`: behind the line's last character.
static bool seen_read_line(const char *at, const char *end, struct seen_line *line)
{
	uint64_t id = 0;
	size_t bytes;

	at = seen_number(at, end, UINT16_MAX, ' ', &id);
	line->id = (uint16_t)id;
	if (at)
		at = seen_number(at, end, UINT64_MAX, ' ', &line->counter);
	return at && line->id > 0 && end - at == 2 * TAG_BYTES &&
		sodium_hex2bin(line->tag, TAG_BYTES, at, 2 * TAG_BYTES, NULL, &bytes, NULL) == 0 &&
		bytes == TAG_BYTES;
}

// Those that cannot be read are counted, and so are those that are too many.
static uint32_t seen_take_lines(struct seen *seen, const char *text, const char *end, uint32_t most)
{
	uint32_t n_bad = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		struct seen_line line;

		if (newline && seen->n_kept < most && seen_read_line(text, newline, &line))
			seen->kept[seen->n_kept++] = line;
		else
			n_bad++;
		text = newline ? newline + 1 : end;
	}
	return n_bad;
}

int seen_take(struct seen *seen, const char *text, size_t size, struct error *err)
{
	const char *end = text + size;
	uint32_t n_bad, most = 0;

	if (size < sizeof(HEAD) - 1 || memcmp(text, HEAD, sizeof(HEAD) - 1) != 0)
		return error_set(err, -EINVAL,
			"is no list of counters as martletd writes it: nothing is known of what "
			"was accepted before, and could be accepted once more");
	text += sizeof(HEAD) - 1;
	for (const char *at = text; at < end; at++)
		most += *at == '\n';
	if (most > SEEN_LINES_MAX)
		most = SEEN_LINES_MAX;
	free(seen->kept);
	seen->n_kept = 0;
	seen->kept = calloc(most + 1, sizeof(*seen->kept));
	if (!seen->kept)
		return error_set(err, -ENOMEM, "cannot be read: no memory");
	n_bad = seen_take_lines(seen, text, end, most);
	if (n_bad == 0)
		return 0;
	return error_set(err, -EINVAL,
		"%u of its lines cannot be read: of their keys nothing is known of what was "
		"accepted before, and could be accepted once more",
		n_bad);
}

// --- Windows -------------------------------------------------------------------------------------

// Lines of this window's secret close it, and are its own from here on.
static void seen_claim(struct seen *seen, struct seen_window_of *of)
{
	uint32_t n = 0, n_of_id = 0;

	for (uint32_t i = 0; i < seen->n_kept; i++) {
		const struct seen_line *line = &seen->kept[i];
		uint8_t tag[TAG_BYTES];

		if (line->id == of->id) {
			n_of_id++;
			seen_tag(of->key, line->id, line->counter, tag);
			if (sodium_memcmp(tag, line->tag, TAG_BYTES) == 0) {
				if (!of->has_line || of->line.counter < line->counter)
					of->line = *line;
				of->has_line = true;
				continue;
			}
		}
		seen->kept[n++] = *line;
	}
	seen->n_kept = n;
	if (of->has_line) {
		window_close(&of->window, of->line.counter);
	} else if (n_of_id > 0) {
		seen->n_strange++;
		seen->strange_id = of->id;
	}
}

struct window *seen_window(struct seen *seen, const struct wire_key *key)
{
	uint8_t derived[sizeof(((struct seen_window_of *)NULL)->key)];
	struct seen_window_of *of;

	seen_derive(key, derived);
	SLIST_FOREACH(of, &seen->windows, all)
	if (of->id == key->id && sodium_memcmp(of->key, derived, sizeof(derived)) == 0)
		break;
	if (of) {
		SLIST_REMOVE(&seen->windows, of, seen_window_of, all);
	} else {
		of = aligned_alloc(CACHE_LINE_BYTES, sizeof(*of));
		if (!of)
			return NULL;
		memset(of, 0, sizeof(*of));
		of->id = key->id;
		memcpy(of->key, derived, sizeof(derived));
		seen_claim(seen, of);
	}
	SLIST_INSERT_HEAD(&seen->windows, of, all);
	sodium_memzero(derived, sizeof(derived));
	return &of->window;
}

uint32_t seen_strange(const struct seen *seen, uint16_t *id)
{
	*id = seen->strange_id;
	return seen->n_strange;
}

// --- Writing -------------------------------------------------------------------------------------

struct seen_counted {
	uint32_t lines_max;  // that a text may have: lcores go on meanwhile
	bool is_any, is_new; // something is to be said; something that the last text does not say
};

static void seen_count(struct seen *seen, struct seen_counted *counted)
{
	struct seen_window_of *of;
	uint64_t newest;

	*counted = (struct seen_counted){ .lines_max = seen->n_kept, .is_any = seen->n_kept > 0 };
	SLIST_FOREACH(of, &seen->windows, all)
	{
		counted->lines_max++;
		if (window_newest(&of->window, &newest)) {
			counted->is_any = true;
			counted->is_new |= !of->has_line || of->line.counter != newest;
		}
	}
	if (counted->lines_max > SEEN_LINES_MAX)
		counted->lines_max = SEEN_LINES_MAX;
}

static char *seen_write_line(char *at, const struct seen_line *line)
{
	char tag[2 * TAG_BYTES + 1];

	sodium_bin2hex(tag, sizeof(tag), line->tag, TAG_BYTES);
	return at +
		snprintf(at, LINE_BYTES + 1, "%u %" PRIu64 " %s\n", line->id, line->counter, tag);
}

char *seen_text(struct seen *seen, bool all, size_t *size)
{
	struct seen_window_of *of;
	struct seen_counted counted;
	uint32_t left;
	char *text, *at;

	seen_count(seen, &counted);
	left = counted.lines_max;
	if (!counted.is_any || !(counted.is_new || all))
		return NULL;
	text = malloc(sizeof(HEAD) + (size_t)left * LINE_BYTES);
	if (!text)
		return NULL;
	at = stpcpy(text, HEAD);
	SLIST_FOREACH(of, &seen->windows, all)
	{
		uint64_t newest;

		if (left == 0 || !window_newest(&of->window, &newest))
			continue;
		if (!of->has_line || of->line.counter != newest) {
			of->line = (struct seen_line){ .id = of->id, .counter = newest };
			seen_tag(of->key, of->id, newest, of->line.tag);
			of->has_line = true;
		}
		at = seen_write_line(at, &of->line);
		left--;
	}
	for (uint32_t i = 0; i < seen->n_kept && left > 0; i++, left--)
		at = seen_write_line(at, &seen->kept[i]);
	*size = (size_t)(at - text);
	return text;
}
