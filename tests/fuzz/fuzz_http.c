// SPDX-License-Identifier: BSD-3-Clause
// What HTTP clients and a damaged disk can hand to the control plane: paths, JSON bodies,
// deployment.json, heads of requests. The first byte chooses which.
#include "base/name.h"
#include "ctl/server/http/body.h"
#include "ctl/server/http/parser.h"
#include "ctl/server/routes.h"
#include "ctl/server/store/record.h"
#include "tests/fuzz/must.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void path(const char *text)
{
	static const enum http_method METHODS[] = { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE };
	const struct route *route;
	struct route_params params;
	struct error err = { .text = "" };
	char allow[ROUTE_ALLOW_BYTES];

	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
		int status = route_find(ROUTES, N_ROUTES, ROUTE_ALL, METHODS[i], text, &route,
			&params, allow, &err);

		must(status == 200 || (status >= 400 && err.text[0]));
		must(status != 200 || !params.model[0] || name_is_valid(params.model));
		must(status != 405 || allow[0]);
	}
}

static void bodies(const char *text, size_t size)
{
	struct body_deployment deployment;
	struct body_index index;
	struct body_log log;
	struct body_logging logging;
	struct error err = { .text = "" };

	must(body_deployment_parse(text, size, &deployment, &err) == 0 ? deployment.live > 0
								       : err.text[0]);
	err.text[0] = '\0';
	must(body_index_parse(text, size, &index, &err) == 0 || err.text[0]);
	err.text[0] = '\0';
	must(body_log_parse(text, size, &log, &err) == 0 ? log.level[sizeof(log.level) - 1] == '\0'
							 : err.text[0]);
	err.text[0] = '\0';
	must(body_empty_parse(text, size, NULL, &err) == 0 || err.text[0]);
	err.text[0] = '\0';
	must(body_logging_parse(text, size, &logging, &err) == 0 || err.text[0]);
	err.text[0] = '\0';
	must(body_repository_parse(text, size, NULL, &err) == 0 || err.text[0]);
}

// What is taken must come back from its own text.
static void record(const char *text, size_t size)
{
	struct record taken, back;
	struct error err = { .text = "" };
	char *again, *twice;

	if (record_parse(text, size, &taken, &err) != 0) {
		must(err.text[0]);
		return;
	}
	again = record_format(&taken);
	must(again && record_parse(again, strlen(again), &back, &err) == 0);
	twice = record_format(&back);
	must(twice && strcmp(again, twice) == 0);
	free(twice);
	free(again);
	record_promote(&taken, taken.n_previous ? taken.previous[0].live.version : 1, "");
	must(taken.n_previous <= RECORD_PREVIOUS_MAX);
}

// A head, whole and byte by byte: both read the same, and what is taken has one reading.
static void head(const char *text, size_t bytes)
{
	static struct parser whole, slow;
	enum refusal why = 0, why_slow = 0;
	struct error err = { .text = "" };
	int rc, rc_slow = 0;

	parser_begin(&whole, 1000, true);
	rc = parser_read(&whole, text, bytes, &why, &err);
	must(rc >= 0 || (err.text[0] && refusal_status(why) >= 400));
	parser_begin(&slow, 1000, true);
	for (size_t n = 0; n <= bytes && rc_slow == 0; n++)
		rc_slow = parser_read(&slow, text, n, &why_slow, &err);
	must(rc == rc_slow && why == why_slow && whole.scanned == slow.scanned);
	if (rc != 1)
		return;
	must(whole.scanned <= bytes && memcmp(text + whole.scanned - 4, "\r\n\r\n", 4) == 0);
	must(whole.method < HTTP_METHODS && whole.path.bytes > 0);
	must(whole.path.at + whole.path.bytes < whole.scanned);
	for (uint16_t i = 0; i < whole.n_fields; i++) {
		const struct parser_field *f = &whole.fields[i];

		must(f->name.bytes > 0 && text[f->name.at + f->name.bytes] == ':');
		must(f->value.at + f->value.bytes < whole.scanned);
		for (uint16_t k = 0; k < f->value.bytes; k++)
			must(!strchr("\r\n", text[f->value.at + k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0 || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 4) {
	case 0:
		path(text);
		break;
	case 1:
		bodies(text, size - 1);
		break;
	case 2:
		record(text, size - 1);
		break;
	default:
		head((const char *)data + 1, size - 1);
	}
	free(text);
	return 0;
}
