// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/api.h"

#include "base/file.h"

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
#include <sys/un.h>

#define REPLY_BYTES_MAX   ((size_t)64 << 20)
#define CONNECT_TIMEOUT_S 10L
#define CALL_TIMEOUT_S    600L // a promotion opens, times and warms a model of any size
#define EXPECT_TIMEOUT_MS 300L

struct api_exchange {
	struct api_reply *reply;
	bool too_large;
	struct progress progress; // of an upload
};

#define NOTE "Martlet-Note: "

static size_t api_on_header(char *line, size_t one, size_t n, void *user)
{
	if (n > strlen(NOTE) && strncasecmp(line, NOTE, strlen(NOTE)) == 0)
		tool_note("%.*s", (int)(n - strlen(NOTE) - strlen("\r\n")), line + strlen(NOTE));
	return n;
}

static size_t api_on_body(char *data, size_t one, size_t n, void *user)
{
	struct api_exchange *exchange = user;
	struct api_reply *reply = exchange->reply;
	char *text;

	exchange->too_large = reply->size + n > REPLY_BYTES_MAX;
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

static void api_refuse_transport(CURL *curl, CURLcode rc, const struct api_exchange *exchange)
{
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (exchange->too_large)
		tool_refuse("the answer from %s is over 64 MiB: that is not martletd", tool.socket);
	else if (rc == CURLE_COULDNT_CONNECT && (os_error == EACCES || os_error == EPERM))
		tool_refuse(
			"%s: no permission to connect: run as root, or as a member of the group "
			"that control.group in martletd's configuration names",
			tool.socket);
	else if (rc == CURLE_COULDNT_CONNECT && os_error == EAGAIN)
		tool_refuse("%s: too many wait there to be let in: try again later", tool.socket);
	else if (rc == CURLE_COULDNT_CONNECT)
		tool_refuse(
			"no martletd answers on %s: start it (martletd -c FILE), or name its "
			"socket with -s SOCK or MARTLET_SOCK",
			tool.socket);
	else if (rc == CURLE_OPERATION_TIMEDOUT)
		tool_refuse("martletd on %s did not answer within %ld s: see its log", tool.socket,
			CALL_TIMEOUT_S);
	else
		tool_refuse("talking to martletd on %s failed: %s", tool.socket,
			curl_easy_strerror(rc));
}

// Is the whole answer one that the caller can use? The server's own sentence is passed on as it is.
static bool api_accept(long status, bool any_type, struct api_reply *reply)
{
	json_error_t why;
	const char *sentence;

	reply->json = json_loadb(reply->text ? reply->text : "", reply->size, 0, &why);
	if (status >= 200 && status < 300) {
		if (reply->json || any_type)
			return true;
		tool_refuse("%s answered %ld, but with something that is not JSON: is it martletd?",
			tool.socket, status);
		return false;
	}
	sentence = json_string_value(json_object_get(reply->json, "error"));
	if (sentence)
		tool_refuse("%s", sentence);
	else
		tool_refuse(
			"%s answered HTTP status %ld and no reason: is it martletd, and of the "
			"same build?",
			tool.socket, status);
	return false;
}

static void api_prepare(
	CURL *curl, const char *method, const char *url, struct api_exchange *exchange)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, tool.socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, CALL_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, api_on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
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
};

static bool api_perform(
	const char *method, const char *path, const struct api_body *body, struct api_reply *reply)
{
	struct api_exchange exchange = { .reply = reply };
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	char url[512];
	long status = 0;
	CURLcode rc;

	*reply = (struct api_reply){ 0 };
	if (!curl) {
		tool_refuse("libcurl could not be set up: out of memory");
		return false;
	}
	snprintf(url, sizeof(url), "http://martletd%s", path);
	api_prepare(curl, method, url, &exchange);
	if (body->file) {
		headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READDATA, body->file);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, body->file_bytes);
		curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_TIMEOUT_MS);
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, api_on_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
		progress_start(&exchange.progress, "push", "bytes");
	} else if (body->type) {
		char type[64];

		snprintf(type, sizeof(type), "Content-Type: %s", body->type);
		headers = curl_slist_append(NULL, type);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n_bytes);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->bytes);
		curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_TIMEOUT_MS);
		curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, api_on_header);
	} else if (body->text) {
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->text);
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	}
	if (body->etag) {
		const bool has_quotes = body->etag[0] == '"';
		char match[128];

		snprintf(match, sizeof(match),
			has_quotes ? "If-Match: %.100s" : "If-Match: \"%.100s\"", body->etag);
		headers = curl_slist_append(headers, match);
	}
	if (body->revision) {
		char match[64];

		snprintf(match, sizeof(match), "If-Match: \"%" PRIu64 "\"", body->revision);
		headers = curl_slist_append(headers, match);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(curl);
	progress_end(&exchange.progress);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc != 0)
		api_refuse_transport(curl, rc, &exchange);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (rc == 0 && api_accept(status, body->type != NULL, reply))
		return true;
	api_reply_fini(reply);
	return false;
}

static bool api_socket_fits(void)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(tool.socket) <= most)
		return true;
	tool_refuse("socket path '%s' is %zu bytes long: the kernel takes at most %zu", tool.socket,
		strlen(tool.socket), most);
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

	if (!api_socket_fits())
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

bool api_upload(const char *path, const char *file, struct api_reply *reply)
{
	struct error why;
	struct api_body request = { .file = file_open(file, &why) };
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
	ok = api_socket_fits() && api_perform("PUT", path, &request, reply);
	fclose(request.file);
	return ok;
}

bool api_post(
	const char *path, const char *type, const void *bytes, size_t size, struct api_reply *reply)
{
	const struct api_body request = { .type = type, .bytes = bytes, .n_bytes = size };

	return api_socket_fits() && api_perform("POST", path, &request, reply);
}

bool api_send(const char *method, const char *path, const char *etag, const char *type,
	const void *bytes, size_t size, struct api_reply *reply)
{
	const struct api_body request = {
		.type = type, .bytes = bytes, .n_bytes = size, .etag = etag
	};

	if (!api_socket_fits() || !api_perform(method, path, &request, reply))
		return false;
	if (reply->json)
		return true;
	tool_refuse("%s answered with something that is not JSON: is it martletd?", tool.socket);
	api_reply_fini(reply);
	return false;
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
