// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/audit_get.h"

#include "ctl/server/audit/audit.h"
#include "ctl/server/audit/read.h"
#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX       10000
#define LIMIT_OTHERWISE 100

// A number of the query, "after=12&limit=100". False: it was replied to.
static bool audit_read_number(struct http_request *request, const char *text, size_t bytes,
	const char *key, uint64_t max, uint64_t *to)
{
	const size_t skip = strlen(key);
	uint64_t number = 0;
	bool is_good = bytes > skip && bytes - skip <= 19;

	for (size_t i = skip; is_good && i < bytes; i++) {
		is_good = text[i] >= '0' && text[i] <= '9';
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	if (!is_good || number > max) {
		http_fail(request, 400, "%s wants a number from 0 to %" PRIu64, key, max);
		return false;
	}
	*to = number;
	return true;
}

static bool audit_read_query(struct http_request *request, uint64_t *after, uint64_t *limit)
{
	const char *text = http_query(request);

	while (*text) {
		const size_t bytes = strcspn(text, "&");
		bool is_good = false;

		if (strncmp(text, "after=", 6) == 0)
			is_good =
				audit_read_number(request, text, bytes, "after=", INT64_MAX, after);
		else if (strncmp(text, "limit=", 6) == 0)
			is_good =
				audit_read_number(request, text, bytes, "limit=", LIMIT_MAX, limit);
		else
			http_fail(request, 400,
				"'%.40s' is nothing that can be asked of the audit log: after=LINE "
				"and limit=LINES are",
				text);
		if (!is_good)
			return false;
		text += bytes + (text[bytes] == '&');
	}
	return true;
}

static void audit_free_text(const void *text, size_t size, void *arg)
{
	free((void *)text);
}

void audit_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	uint64_t after = UINT64_MAX, limit = LIMIT_OTHERWISE;
	struct evbuffer *body = evbuffer_new();
	struct audit_figures figures;
	struct error err;
	char *text = NULL, newest[CHAIN_HEX_BYTES + 32];
	size_t size = 0;
	int rc;

	if (!body) {
		http_fail(request, 500, "no memory for the reply");
		return;
	}
	if (!audit_read_query(request, &after, &limit)) {
		evbuffer_free(body);
		return;
	}
	audit_figures(server->audit, &figures);
	if (after == UINT64_MAX) // the newest
		after = figures.lines > limit ? figures.lines - limit : 0;
	rc = audit_read(server->audit, after, (uint32_t)limit, &text, &size, &err);
	if (rc == 0 && evbuffer_add_reference(body, text, size, audit_free_text, NULL) != 0) {
		free(text);
		rc = error_set(&err, -ENOMEM, "no memory for the reply");
	}
	if (rc != 0) {
		evbuffer_free(body);
		http_fail(request, rc == -EMFILE || rc == -ENFILE ? 503 : 500, "%s", err.text);
		return;
	}
	snprintf(newest, sizeof(newest), "%" PRIu64 " %s", figures.lines, figures.hash);
	http_add_header(request, "Martlet-Audit-Newest", newest);
	http_send(request, 200, "application/jsonl", body);
}
