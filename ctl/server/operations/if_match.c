// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/if_match.h"

#include <string.h>

static int if_match_refuse(const char *header, struct error *err)
{
	return error_set(err, -EINVAL,
		"If-Match: '%.80s' is neither * nor a list of ETags as \"7\", in their quotes",
		header);
}

static const char *if_match_skip(const char *at, const char *what)
{
	return at + strspn(at, what);
}

// The end of a tag, behind its second quote; NULL: it is none.
static const char *if_match_end(const char *tag)
{
	if (*tag++ != '"')
		return NULL;
	while (*tag == 0x21 || (*tag >= 0x23 && *tag != 0x7f) || *tag & 0x80)
		tag++;
	return *tag == '"' ? tag + 1 : NULL;
}

static bool if_match_add(struct if_match *match, const char *tag, size_t bytes)
{
	if (bytes >= IF_MATCH_TAG_BYTES)
		return true;
	if (match->n == IF_MATCH_TAGS)
		return false;
	memcpy(match->tags[match->n], tag, bytes);
	match->tags[match->n++][bytes] = '\0';
	return true;
}

int if_match_parse(const char *header, struct if_match *out, struct error *err)
{
	const char *at = header, *end;
	bool is_weak, has_some = false;

	*out = (struct if_match){ .is_bound = header };
	if (!header)
		return 0;
	at = if_match_skip(at, " \t");
	if (*at == '*') {
		out->is_any = true;
		return *if_match_skip(at + 1, " \t") ? if_match_refuse(header, err) : 0;
	}
	for (;;) {
		at = if_match_skip(at, " \t,"); // empty elements are passed over (5.6.1.2)
		if (!*at)
			break;
		is_weak = at[0] == 'W' && at[1] == '/';
		at += is_weak ? 2 : 0;
		end = if_match_end(at);
		if (!end)
			return if_match_refuse(header, err);
		if (!is_weak && !if_match_add(out, at, (size_t)(end - at)))
			return error_set(
				err, -EINVAL, "If-Match: more than %d ETags", IF_MATCH_TAGS);
		has_some = true;
		at = if_match_skip(end, " \t");
		if (*at && *at != ',')
			return if_match_refuse(header, err);
	}
	return has_some ? 0 : if_match_refuse(header, err);
}

bool if_match_holds(const struct if_match *match, const char *tag)
{
	if (!match->is_bound)
		return true;
	if (match->is_any)
		return tag;
	for (uint32_t i = 0; tag && i < match->n; i++)
		if (strcmp(match->tags[i], tag) == 0)
			return true;
	return false;
}
