// SPDX-License-Identifier: BSD-3-Clause
// Requests for changes by way of the audit log: none is begun before it is recorded, none answered before what became of
// it is, none made that cannot be recorded; and what of refusals is written.
#include "ctl/server/audited.h"

#include "ctl/server/http/http.h"
#include "ctl/server/http/request.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"
#include "tests/unit/audit_case.h"

#include <event2/buffer.h>
#include <sodium.h>

#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER  "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static struct server server;
static struct store_case *at;
static struct http_request *asked; // that waits for its handler's reply
static struct route_params given;  // to the handler
static unsigned n_handled, n_replies;
static char *recorded; // the log's text when the handler was called
static struct {
	int status;
	char text[1024], headers[REQUEST_HEADERS_BYTES];
	unsigned results; // lines of them, that were durable by then
} reply;

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	while (text && (text = strstr(text, what)) != NULL)
		n++, text++;
	return n;
}

static void respond(struct http_request *request, const struct http_response *response)
{
	char *text = read_log(at);
	size_t bytes = response->bytes;

	reply.results = count_of(text, "\"kind\":\"result\"");
	free(text);
	reply.status = response->status;
	if (response->buffer) {
		bytes = evbuffer_get_length(response->buffer);
		evbuffer_remove(response->buffer, reply.text, sizeof(reply.text) - 1);
		evbuffer_free(response->buffer);
	} else {
		memcpy(reply.text, response->text, bytes);
	}
	reply.text[bytes] = '\0';
	snprintf(reply.headers, sizeof(reply.headers), "%.*s", (int)request->header_bytes,
		request->headers);
	n_replies++;
	assert_null(request->audited);
	request_destroy(request);
}

static void handle(
	struct server *its, struct http_request *request, const struct route_params *params)
{
	assert_ptr_equal(its, &server);
	free(recorded);
	recorded = read_log(at);
	asked = request;
	given = *params;
	n_handled++;
}

static int begin(void **state)
{
	at = *state;
	memset(&server, 0, sizeof(server));
	memset(&reply, 0, sizeof(reply));
	n_handled = n_replies = 0;
	asked = NULL;
	server.audit = open_log(at, 1 << 20);
	settle(at, server.audit);
	return 0;
}

static void end(void)
{
	audit_close(server.audit);
	models_fini(&server.models);
	free(recorded);
	recorded = NULL;
}

static struct http_request *request_of(const char *name, const char *peer)
{
	struct http_request *request = request_create();

	snprintf(request->who.name, sizeof(request->who.name), "%s", name);
	request->who.uid = strncmp(name, "uid ", 4) == 0 ? 1000 : (uid_t)-1;
	request->peer = peer;
	request->respond = respond;
	return request;
}

static void begin_change(const char *name, const char *peer, uint16_t version)
{
	struct route_params params = { .version = version };

	snprintf(params.model, sizeof(params.model), "lab");
	audited_handle(
		&server, request_of(name, peer), handle, &params, "PUT /v1/models/lab/deployment");
	memset(&params, 'x', sizeof(params)); // it is the caller's
	settle(at, server.audit);
}

// The last line of a kind that lasts, without what binds it; its time as well is left out.
static const char *last_of(const char *kind)
{
	static char line[4096];
	char wanted[64], *text = read_log(at), *found = NULL, *from = text, *end;

	snprintf(wanted, sizeof(wanted), "\"kind\":\"%s\"", kind);
	while ((from = strstr(from, wanted)) != NULL)
		found = from++;
	line[0] = '\0';
	if (found) {
		found += strlen(wanted);
		end = strstr(found, ",\"prev\":");
		assert_non_null(end);
		snprintf(line, sizeof(line), "%.*s", (int)(end - found), found);
	}
	free(text);
	return line;
}

static void assert_whole(void)
{
	char said[ERROR_TEXT_BYTES];
	struct chain_found found;
	struct read r;

	verify(at, &r, &found, said);
	assert_string_equal(said, "");
	free(r.text);
}

// --- Changes -------------------------------------------------------------------------------------

static void change_is_recorded_before_it_is_made_and_before_it_is_answered(void **state)
{
	char peer[] = "127.0.0.1";

	begin(state);
	begin_change("token ci-push", peer, 0);
	assert_int_equal(n_handled, 1);
	assert_string_equal(given.model, "lab");
	assert_int_equal(count_of(recorded, "\"kind\":\"request\""), 1);
	assert_string_equal(last_of("request"),
		",\"by\":\"token ci-push\",\"from\":\"127.0.0.1\",\"what\":\"PUT "
		"/v1/models/lab/deployment\",\"model\":\"lab\",\"allowed\":true");
	assert_int_equal(n_replies, 0);
	memset(peer, '?', sizeof(peer) - 1); // its connection is gone meanwhile
	assert_string_equal(http_peer(asked), "127.0.0.1");
	http_reply(asked, 200,
		json_pack("{s:i, s:s, s:s}", "live", 7, "sha256", SHA256, "change", "live 6 to 7"));
	settle(at, server.audit);
	assert_int_equal(n_replies, 1);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.results, 1);
	assert_non_null(strstr(reply.text, "\"live\":7"));
	assert_string_equal(last_of("result"),
		",\"by\":\"token ci-push\",\"from\":\"127.0.0.1\",\"what\":\"PUT "
		"/v1/models/lab/deployment\",\"model\":\"lab\",\"version\":7,\"sha256\":\"" SHA256
		"\",\"allowed\":true,\"status\":200,\"why\":\"live 6 to 7\",\"of\":3");
	end();
	assert_whole();
}

static void refusal_by_the_handler_is_its_result(void **state)
{
	begin(state);
	begin_change("uid 1000", "uid 1000", 9);
	http_fail(asked, 404, "model 'lab' has no version 9: \"%s\"", "\n\x1b[2J");
	settle(at, server.audit);
	assert_int_equal(reply.status, 404);
	assert_int_equal(reply.results, 1);
	assert_string_equal(last_of("result"),
		",\"by\":\"uid 1000\",\"from\":\"unix\",\"what\":\"PUT "
		"/v1/models/lab/deployment\",\"model\":\"lab\",\"version\":9,\"allowed\":false,"
		"\"status\":404,\"why\":\"model 'lab' has no version 9: "
		"\\\"\\u000a\\u001b[2J\\\"\",\"of\":3");
	end();
	assert_whole();
}

// Of a version that the change removes its hash is that of before.
static void hash_is_of_the_version_that_was_asked_for(void **state)
{
	struct model_version version = { .version = 2, .sha256 = SHA256 },
			     other = { .version = 3, .sha256 = OTHER };
	struct model_entry *entry;
	struct evbuffer *body;

	begin(state);
	entry = models_get(&server.models, "lab");
	assert_int_equal(model_entry_add(entry, &version), 0);
	assert_int_equal(model_entry_add(entry, &other), 0);
	begin_change("uid 1000", "uid 1000", 2);
	assert_non_null(strstr(last_of("request"), "\"version\":2,\"sha256\":\"" SHA256 "\""));
	model_entry_remove(entry, 2);
	http_send(asked, 200, "application/json", evbuffer_new());
	settle(at, server.audit);
	assert_non_null(strstr(last_of("result"), "\"version\":2,\"sha256\":\"" SHA256 "\""));
	// What the reply says that it is now about is what is recorded; it may be in a buffer.
	begin_change("uid 1000", "uid 1000", 0);
	assert_null(strstr(last_of("request"), "sha256"));
	body = evbuffer_new();
	evbuffer_add_printf(body, "{\"version\":3}");
	http_send(asked, 200, "application/json", body);
	settle(at, server.audit);
	assert_string_equal(reply.text, "{\"version\":3}");
	assert_non_null(strstr(last_of("result"), "\"version\":3,\"sha256\":\"" OTHER "\""));
	end();
	assert_whole();
}

static void log_that_cannot_be_written_refuses_changes(void **state)
{
	static const struct {
		enum fault fault;
		int status;
	} CASES[] = { { FAULT_ENOSPC, 507 }, { FAULT_EIO, 503 } };
	char status[32];

	begin(state);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct faulty f;

		n_replies = 0;
		faulty_begin(&f, at, CASES[i].fault, 1);
		f.stays = true;
		begin_change("uid 1000", "uid 1000", 0);
		assert_int_equal(n_handled, i);
		assert_int_equal(n_replies, 1);
		assert_int_equal(reply.status, CASES[i].status);
		assert_non_null(strstr(
			reply.text, "nothing is changed that cannot be recorded: the audit log "));
		assert_string_equal(reply.headers, "Retry-After: 1\r\n");
		faulty_end(&f, at);
		settle(at, server.audit);
		// That it was asked for and refused is told once the disk is well.
		snprintf(status, sizeof(status), "\"status\":%d,", CASES[i].status);
		assert_non_null(strstr(last_of("result"), status));
		assert_non_null(strstr(last_of("result"), "\"allowed\":false"));
		begin_change("uid 1000", "uid 1000", 0);
		assert_int_equal(n_handled, i + 1);
		http_reply(asked, 200, json_object());
		settle(at, server.audit);
		assert_int_equal(reply.status, 200);
	}
	end();
	assert_whole();
}

// What was done is told, though its line lasts only later.
static void disk_that_fails_behind_the_change_is_not_the_clients_trouble(void **state)
{
	struct faulty f;

	begin(state);
	begin_change("uid 1000", "uid 1000", 0);
	faulty_begin(&f, at, FAULT_EIO, 1);
	f.stays = true;
	http_reply(asked, 200, json_pack("{s:i}", "live", 4));
	settle(at, server.audit);
	assert_int_equal(n_replies, 1);
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.text, "\"live\":4"));
	faulty_end(&f, at);
	settle(at, server.audit);
	assert_non_null(strstr(last_of("result"), "\"version\":4"));
	end();
	assert_whole();
}

static void nothing_is_begun_while_martletd_ends(void **state)
{
	begin(state);
	server.audit->is_closing = true;
	begin_change("uid 1000", "uid 1000", 0);
	assert_int_equal(n_handled, 0);
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.text, "martletd ends"));
	server.audit->is_closing = false;
	settle(at, server.audit);
	assert_non_null(strstr(last_of("result"), "\"status\":503"));
	end();
	assert_whole();
}

static void server_without_a_log_goes_on(void **state)
{
	begin(state);
	audit_close(server.audit);
	server.audit = NULL;
	audited_handle(&server, request_of("uid 1000", "uid 1000"), handle,
		&(struct route_params){ .model = "lab" }, "PUT /v1/log");
	assert_int_equal(n_handled, 1);
	http_reply(asked, 200, json_object());
	assert_int_equal(n_replies, 1);
	end();
}

// --- Refusals ------------------------------------------------------------------------------------

static void watched_request_is_recorded_where_it_is_refused(void **state)
{
	char what[600];
	struct http_request *request;

	begin(state);
	memset(what, 'x', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	request = request_of("", "192.0.2.7");
	audited_watch(&server, request, what, "lab");
	audited_watch(&server, request, "another", ""); // is watched already
	http_fail(request, 403, "needs role admin");
	assert_int_equal(n_replies, 1); // not waited for
	settle(at, server.audit);
	assert_non_null(strstr(last_of("refused"),
		",\"by\":\"anonymous\",\"from\":\"192.0.2.7\",\"what\":\"xxxx"));
	assert_non_null(strstr(last_of("refused"),
		"xxx\",\"model\":\"lab\",\"allowed\":false,\"status\":403,\"why\":\"needs role "
		"admin\""));
	assert_null(strstr(last_of("refused"), "another"));
	assert_in_range(strlen(last_of("refused")), 400, 600);
	end();
	assert_whole();
}

static void watched_request_that_is_let_through_is_not_recorded(void **state)
{
	struct http_request *request;
	uint64_t next;

	begin(state);
	next = audit_next(server.audit);
	request = request_of("uid 1000", "uid 1000");
	audited_watch(&server, request, "GET /v1/log", "");
	http_reply(request, 200, json_object());
	assert_int_equal(n_replies, 1);
	request = request_of("uid 1000", "uid 1000");
	audited_watch(&server, request, "GET /v1/log", "");
	audited_forget(request);
	audited_forget(request); // of nobody's
	assert_ptr_equal(request->respond, respond);
	http_fail(request, 403, "needs role admin");
	assert_int_equal(n_replies, 2);
	assert_int_equal(audit_next(server.audit), next);
	// One that goes on to be a change is recorded as that.
	request = request_of("uid 1000", "uid 1000");
	audited_watch(&server, request, "PUT /v1/log", "");
	audited_forget(request);
	audited_handle(
		&server, request, handle, &(struct route_params){ .model = "" }, "PUT /v1/log");
	settle(at, server.audit);
	http_fail(asked, 400, "no level");
	settle(at, server.audit);
	assert_int_equal(audit_next(server.audit), next + 2);
	assert_string_equal(last_of("refused"), "");
	end();
	assert_whole();
}

static void refusal_without_a_request_is_recorded(void **state)
{
	begin(state);
	audited_note(&server, "certificate CN=gate", "192.0.2.9", "CALL infer", 401, "no token");
	settle(at, server.audit);
	assert_string_equal(last_of("refused"),
		",\"by\":\"certificate CN=gate\",\"from\":\"192.0.2.9\",\"what\":\"CALL infer\","
		"\"allowed\":false,\"status\":401,\"why\":\"no token\"");
	end();
	assert_whole();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_CASE_BOTH(change_is_recorded_before_it_is_made_and_before_it_is_answered),
		STORE_CASE_BOTH(refusal_by_the_handler_is_its_result),
		STORE_CASE_BOTH(hash_is_of_the_version_that_was_asked_for),
		STORE_CASE_BOTH(log_that_cannot_be_written_refuses_changes),
		STORE_CASE_BOTH(disk_that_fails_behind_the_change_is_not_the_clients_trouble),
		STORE_CASE_BOTH(nothing_is_begun_while_martletd_ends),
		STORE_CASE_BOTH(server_without_a_log_goes_on),
		STORE_CASE_BOTH(watched_request_is_recorded_where_it_is_refused),
		STORE_CASE_BOTH(watched_request_that_is_let_through_is_not_recorded),
		STORE_CASE_BOTH(refusal_without_a_request_is_recorded),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
