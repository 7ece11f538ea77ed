// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/api.h"

#include "base/file.h"
#include "ctl/tool/api_server.h"
#include "ctl/tool/progress.h"
#include "ctl/tool/tool.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define REPLY_BYTES_MAX   ((size_t)64 << 20)
#define CONNECT_TIMEOUT_S 10L
#define EXPECT_TIMEOUT_MS 300L
#define HEADER_BYTES_MAX  ((size_t)256 << 10) // of all answers to a request
#define FILE_BYTES_MAX    ((uint64_t)64 << 30)

struct api_exchange {
	CURL *curl;
	struct api_reply *reply;
	FILE *to; // an answer of 2xx goes there instead; NULL: none does
	uint64_t file_bytes;
	size_t header_bytes;
	bool has_notes; // what the server notes is printed
	bool too_large, too_many_headers, not_written;
	struct api_headers headers;
	char why[CURL_ERROR_SIZE];
	struct progress progress; // of an upload
};

// Where the line is that header: its value, without the line's end; NULL: it is not.
static const char *api_header(const char *line, size_t n, const char *name, int *length)
{
	const size_t at = strlen(name);

	if (n <= at + 1 || strncasecmp(line, name, at) != 0 || line[at] != ':')
		return NULL;
	line += at + 1;
	n -= at + 1;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	*length = (int)n;
	return line;
}

static size_t api_on_header(char *line, size_t one, size_t n, void *user)
{
	struct api_exchange *exchange = user;
	struct api_headers *headers = &exchange->headers;
	const char *value;
	int length;

	exchange->header_bytes += n;
	exchange->too_many_headers = exchange->header_bytes > HEADER_BYTES_MAX;
	if (exchange->too_many_headers)
		return 0;
	if (exchange->has_notes && (value = api_header(line, n, "Martlet-Note", &length)))
		tool_note("%.*s", length, value);
	if ((value = api_header(line, n, "ETag", &length)))
		snprintf(headers->etag, sizeof(headers->etag), "%.*s", length, value);
	if ((value = api_header(line, n, "Location", &length)))
		snprintf(headers->location, sizeof(headers->location), "%.*s", length, value);
	if ((value = api_header(line, n, "Retry-After", &length)) && *value >= '0' && *value <= '9')
		headers->retry_after_s = (unsigned)strtoul(value, NULL, 10);
	if ((value = api_header(line, n, "Inference-Header-Content-Length", &length)) &&
		*value >= '0' && *value <= '9') {
		headers->json_bytes = strtoull(value, NULL, 10);
		headers->has_json_bytes = true;
	}
	return n;
}

static size_t api_on_file(struct api_exchange *exchange, const char *data, size_t n)
{
	exchange->file_bytes += n;
	exchange->too_large = exchange->file_bytes > FILE_BYTES_MAX;
	if (exchange->too_large)
		return 0;
	exchange->not_written = fwrite(data, 1, n, exchange->to) != n;
	return exchange->not_written ? 0 : n;
}

static size_t api_on_body(char *data, size_t one, size_t n, void *user)
{
	struct api_exchange *exchange = user;
	struct api_reply *reply = exchange->reply;
	long status = 0;
	char *text;

	curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
	if (exchange->to && status >= 200 && status < 300)
		return api_on_file(exchange, data, n);
	exchange->too_large = n > REPLY_BYTES_MAX - reply->size;
	if (exchange->too_large)
		return 0;
	text = realloc(reply->text, reply->size + n + 1);
	if (!text)
		return 0;
	memcpy(text + reply->size, data, n);
	reply->text = text;
	reply->size += n;
	text[reply->size] = '\0';
	return n;
}

static int api_on_progress(
	void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct api_exchange *exchange = user;

	progress_update(&exchange->progress, (uint64_t)up, (uint64_t)up_total);
	return 0;
}

static void api_refuse_socket(long os_error)
{
	if (os_error == EACCES || os_error == EPERM)
		tool_refuse(
			"%s: no permission to connect: run as root, as a member of control.group, "
			"or as who has a role by trust in martletd's configuration",
			tool.socket);
	else if (os_error == EAGAIN)
		tool_refuse("%s: too many wait there to be let in: try again later", tool.socket);
	else
		tool_refuse(
			"no martletd answers on %s: start it (martletd -c FILE), or name its "
			"socket with -s SOCK or MARTLET_SOCK",
			tool.socket);
}

static void api_refuse_transport(CURL *curl, CURLcode rc, const struct api_exchange *exchange)
{
	const char *why = exchange->why[0] ? exchange->why : curl_easy_strerror(rc);
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (exchange->too_large)
		tool_refuse("the answer from %s is over %s: that is not martletd", api_where(),
			exchange->to ? "64 GiB" : "64 MiB");
	else if (exchange->too_many_headers)
		tool_refuse("the answer from %s has over %zu KiB of headers: that is not martletd",
			api_where(), HEADER_BYTES_MAX >> 10);
	else if (exchange->not_written)
		tool_refuse(
			"the answer from %s cannot be kept in a temporary file: %m", api_where());
	else if (rc == CURLE_COULDNT_CONNECT && !api_url())
		api_refuse_socket(os_error);
	else if (rc == CURLE_PEER_FAILED_VERIFICATION)
		tool_refuse(
			"%s: its certificate is refused: %s (--ca or --cacert names the authority "
			"that "
			"it must be signed by, and its name must be that of the URL)",
			api_where(), why);
	else if (rc == CURLE_OPERATION_TIMEDOUT)
		tool_refuse("martletd on %s did not answer within %ld s: see its log", api_where(),
			api_timeout_s());
	else if (rc == CURLE_PARTIAL_FILE || rc == CURLE_GOT_NOTHING)
		tool_refuse("%s closed the connection before its answer was whole (%s)",
			api_where(), why);
	else
		tool_refuse("talking to martletd on %s failed: %s", api_where(), why);
}

// Is the whole answer one that the caller can use? The server's own sentence is passed on as it is.
static bool api_accept(
	long status, bool any_type, const struct api_headers *headers, struct api_reply *reply)
{
	json_error_t why;
	const char *sentence;

	reply->json = json_loadb(reply->text ? reply->text : "", reply->size, 0, &why);
	if (status >= 200 && status < 300) {
		if (reply->json || any_type)
			return true;
		tool_refuse("%s answered %ld, but with something that is not JSON: is it martletd?",
			api_where(), status);
		return false;
	}
	sentence = json_string_value(json_object_get(reply->json, "error"));
	if (sentence)
		tool_refuse("%s", sentence);
	else if (headers->location[0])
		tool_refuse(
			"%s answered HTTP status %ld and sends to '%s': redirects are not "
			"followed, name the server itself",
			api_where(), status, headers->location);
	else
		tool_refuse(
			"%s answered HTTP status %ld and no reason: is it martletd, and of the "
			"same build?",
			api_where(), status);
	return false;
}

static void api_prepare(
	CURL *curl, const char *method, const char *url, struct api_exchange *exchange)
{
	const struct api_server *remote = api_remote();

	if (remote) {
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
		curl_easy_setopt(curl, CURLOPT_SSLCERT, remote->cert);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, remote->key);
		if (remote->cacert)
			curl_easy_setopt(curl, CURLOPT_CAINFO, remote->cacert);
	} else {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, tool.socket);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, api_timeout_s());
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->why);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, api_on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, api_on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
}

// What is sent: JSON text, a file, or bytes of some type.
struct api_body {
	const char *text;
	FILE *file;
	curl_off_t file_bytes;
	const char *type; // of bytes[n_bytes]; NULL: there are none
	const void *bytes;
	size_t n_bytes;
	uint64_t revision; // for If-Match; 0: none
	const char *etag;  // likewise, with or without its quotes; NULL: none
	const size_t
		*json_bytes; // of bytes[n_bytes], the tensors behind them; NULL: it is no such body
	const char *header;  // a line more; NULL: none
	FILE *answer;        // where the answer goes; NULL: into the reply
};

static struct curl_slist *api_add_body(
	CURL *curl, const char *method, const struct api_body *body, struct api_exchange *exchange)
{
	struct curl_slist *headers = NULL;
	char line[64];

	if (body->file) {
		headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READDATA, body->file);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, body->file_bytes);
		curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_TIMEOUT_MS);
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, api_on_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
		progress_start(&exchange->progress, "push", "bytes");
	} else if (body->type) {
		snprintf(line, sizeof(line), "Content-Type: %s", body->type);
		headers = curl_slist_append(NULL, line);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n_bytes);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->bytes);
		curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_TIMEOUT_MS);
		exchange->has_notes = true;
	} else if (body->text) {
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->text);
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	}
	if (body->header)
		headers = curl_slist_append(headers, body->header);
	if (body->json_bytes) {
		snprintf(line, sizeof(line), "Inference-Header-Content-Length: %zu",
			*body->json_bytes);
		headers = curl_slist_append(headers, line);
	}
	return headers;
}

static struct curl_slist *api_add_match(struct curl_slist *headers, const struct api_body *body)
{
	char match[128];

	if (body->etag) {
		const bool has_quotes = body->etag[0] == '"';

		snprintf(match, sizeof(match),
			has_quotes ? "If-Match: %.100s" : "If-Match: \"%.100s\"", body->etag);
		headers = curl_slist_append(headers, match);
	}
	if (body->revision) {
		snprintf(match, sizeof(match), "If-Match: \"%" PRIu64 "\"", body->revision);
		headers = curl_slist_append(headers, match);
	}
	return headers;
}

// The connection, which is kept between calls. The process is short-lived: it ends with that.
static CURL *api_curl;

// One request, and its whole answer: *status is set. False: there was none, and that was said.
static bool api_ask(const char *method, const char *path, const struct api_body *body,
	struct api_reply *reply, struct api_headers *answered, long *status)
{
	struct api_exchange exchange = { .reply = reply, .to = body->answer };
	struct curl_slist *headers = NULL;
	const char *token = NULL;
	char url[API_URL_BYTES + 512];
	CURLcode rc;

	*reply = (struct api_reply){ 0 };
	if (api_curl)
		curl_easy_reset(api_curl);
	else
		api_curl = curl_easy_init();
	if (!api_curl) {
		tool_refuse("libcurl could not be set up: out of memory");
		return false;
	}
	exchange.curl = api_curl;
	snprintf(url, sizeof(url), "%s", api_url() ? api_url() : "http://martletd");
	while (url[0] && url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
	snprintf(url + strlen(url), 512, "%s", path);
	api_prepare(api_curl, method, url, &exchange);
	headers = api_add_body(api_curl, method, body, &exchange);
	headers = api_add_match(headers, body);
	if (!api_token(&token)) {
		curl_slist_free_all(headers);
		return false;
	}
	if (token)
		headers = curl_slist_append(headers, token);
	curl_easy_setopt(api_curl, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(api_curl);
	progress_end(&exchange.progress);
	curl_easy_getinfo(api_curl, CURLINFO_RESPONSE_CODE, status);
	if (rc != 0)
		api_refuse_transport(api_curl, rc, &exchange);
	curl_slist_free_all(headers);
	*answered = exchange.headers;
	return rc == 0;
}

static bool api_perform(
	const char *method, const char *path, const struct api_body *body, struct api_reply *reply)
{
	struct api_headers headers;
	long status = 0;

	if (api_ask(method, path, body, reply, &headers, &status) &&
		api_accept(status, body->type != NULL, &headers, reply))
		return true;
	api_reply_fini(reply);
	return false;
}

bool api_call(const char *method, const char *path, json_t *body, struct api_reply *reply)
{
	return api_change(method, path, body, 0, reply);
}

bool api_change(const char *method, const char *path, json_t *body, uint64_t revision,
	struct api_reply *reply)
{
	struct api_body request = { .revision = revision };
	char *text = NULL;
	bool ok;

	if (!api_server_is_good())
		return false;
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		if (!text) {
			tool_refuse("out of memory for the request");
			return false;
		}
		request.text = text;
	}
	ok = api_perform(method, path, &request, reply);
	free(text);
	return ok;
}

bool api_upload(const char *path, const char *file, const char *header, struct api_reply *reply)
{
	struct error why;
	struct api_body request = { .file = file_open(file, &why), .header = header };
	struct stat st;
	bool ok;

	if (!request.file) {
		tool_refuse("%s", why.text);
		return false;
	}
	if (fstat(fileno(request.file), &st)) {
		tool_refuse("%s: %m", file);
		fclose(request.file);
		return false;
	}
	request.file_bytes = st.st_size;
	ok = api_server_is_good() && api_perform("PUT", path, &request, reply);
	fclose(request.file);
	return ok;
}

bool api_post(
	const char *path, const char *type, const void *bytes, size_t size, struct api_reply *reply)
{
	const struct api_body request = { .type = type, .bytes = bytes, .n_bytes = size };

	return api_server_is_good() && api_perform("POST", path, &request, reply);
}

bool api_send(const char *method, const char *path, const char *etag, const char *type,
	const void *bytes, size_t size, struct api_reply *reply)
{
	const struct api_body request = {
		.type = type, .bytes = bytes, .n_bytes = size, .etag = etag
	};

	if (!api_server_is_good() || !api_perform(method, path, &request, reply))
		return false;
	if (reply->json)
		return true;
	tool_refuse("%s answered with something that is not JSON: is it martletd?", api_where());
	api_reply_fini(reply);
	return false;
}

bool api_download(const char *path, FILE *to, struct api_headers *headers)
{
	const struct api_body request = { .answer = to };
	struct api_reply reply = { 0 };
	long status = 0;
	bool ok = api_server_is_good() &&
		api_ask("GET", path, &request, &reply, headers, &status) &&
		api_accept(status, true, headers, &reply);

	if (ok && fflush(to) != 0) {
		tool_refuse(
			"the answer from %s cannot be kept in a temporary file: %m", api_where());
		ok = false;
	}
	api_reply_fini(&reply);
	return ok;
}

bool api_infer(const char *path, const void *bytes, size_t size, size_t json_bytes,
	struct api_reply *reply, struct api_headers *headers, long *status)
{
	const struct api_body request = { .type = "application/octet-stream",
		.bytes = bytes,
		.n_bytes = size,
		.json_bytes = &json_bytes };

	if (!api_server_is_good() || !api_ask("POST", path, &request, reply, headers, status)) {
		api_reply_fini(reply);
		return false;
	}
	return true;
}

void api_reply_fini(struct api_reply *reply)
{
	json_decref(reply->json);
	free(reply->text);
	*reply = (struct api_reply){ 0 };
}

bool api_print_json(const struct api_reply *reply)
{
	if (!tool.json)
		return false;
	fwrite(reply->text, 1, reply->size, stdout);
	if (!reply->size || reply->text[reply->size - 1] != '\n')
		putchar('\n');
	return true;
}

int api_show(const char *path, void (*print)(const json_t *answer))
{
	struct api_reply reply;

	if (!api_call("GET", path, NULL, &reply))
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		print(reply.json);
	api_reply_fini(&reply);
	return TOOL_DONE;
}

const char *api_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

uint64_t api_count(const json_t *object, const char *key)
{
	json_int_t n = (json_int_t)json_number_value(json_object_get(object, key));
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		n = json_integer_value(value);
	return n < 0 ? 0 : (uint64_t)n;
}

const char *api_value(const json_t *value, char buffer[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (!json_is_number(value))
		return "-";
	if (json_is_integer(value))
		snprintf(buffer, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		snprintf(buffer, 32, "%.6g", json_real_value(value));
	return buffer;
}
