// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/api_server.h"

#include "base/file.h"
#include "ctl/tool/credentials.h"
#include "ctl/tool/tool.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define CALL_TIMEOUT_S 600L // a promotion opens, times and warms a model of any size

// Where all goes: what -s says, a socket or a URL, unless api_use() says otherwise.
static const struct api_server *api_server;
static struct api_server api_default;

static bool api_is_url(const char *text)
{
	return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

const struct api_server *api_remote(void)
{
	if (api_server && api_server->url)
		return api_server;
	if (!api_is_url(tool.socket))
		return NULL;
	api_default = (struct api_server){ .url = tool.socket,
		.cacert = tool.ca,
		.cert = tool.client_cert,
		.key = tool.client_key };
	return &api_default;
}

const char *api_url(void)
{
	return api_remote() ? api_remote()->url : NULL;
}

const char *api_where(void)
{
	return api_url() ? api_url() : tool.socket;
}

long api_timeout_s(void)
{
	return api_server && api_server->timeout_s ? (long)api_server->timeout_s : CALL_TIMEOUT_S;
}

// --- Tokens --------------------------------------------------------------------------------------

// Whether it is a number of this machine's, 127.0.0.0/8: a name may begin like one.
static bool api_is_loopback(const char *host)
{
	struct in_addr address;

	return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

// Where libcurl would go: over TLS, or to this machine.
static bool api_url_is_safe(const char *text)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL;
	bool is_safe = false;

	if (url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		is_safe = strcmp(scheme, "https") == 0 ||
			(strcmp(scheme, "http") == 0 &&
				(strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
					api_is_loopback(host)));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(url);
	return is_safe;
}

static bool api_token_may_go(const char *url)
{
	if (api_url_is_safe(url))
		return true;
	tool_refuse("%s: a token is sent over https:// alone, or to this machine", url);
	return false;
}

bool api_token(const char **line)
{
	struct error why;

	*line = NULL;
	if (!api_url() || !tool.token_file)
		return true;
	if (!api_token_may_go(api_url()))
		return false;
	if (credentials_header(tool.token_file, line, &why) == 0)
		return true;
	tool_refuse("--token-file: %s", why.text);
	return false;
}

// --- Is it good? ---------------------------------------------------------------------------------

// What the options are called that a server was given by.
struct api_names {
	const char *url, *cacert, *cert, *key;
};

static const struct api_names TOOL_NAMES = { "-s", "--ca", "--client-cert", "--client-key" };

// A file that libcurl is to read: its own words for one that is not there are poor.
static bool api_has_file(const char *option, const char *path)
{
	struct error why;
	FILE *file = path ? file_open(path, &why) : NULL;

	if (file)
		fclose(file);
	else if (path)
		tool_refuse("%s %s", option, why.text);
	return !path || file;
}

static bool api_is_good(const struct api_server *server, const struct api_names *names)
{
	const char *url = server->url ? server->url : "";
	const bool is_tls = strncmp(url, "https://", 8) == 0;
	const char *host = url + (is_tls ? 8 : 7);

	if (server->url &&
		((!is_tls && strncmp(url, "http://", 7) != 0) || strchr("/:", *host) ||
			strpbrk(url, "?#@ \t\r\n") || strlen(url) > API_URL_BYTES)) {
		tool_refuse("%s '%.100s': http://HOST:PORT or https://HOST:PORT is wanted",
			names->url, url);
		return false;
	}
	if (!is_tls && (server->cacert || server->cert || server->key)) {
		tool_refuse("%s, %s and %s are for %s https://...", names->cacert, names->cert,
			names->key, names->url);
		return false;
	}
	if (!server->cert != !server->key) {
		tool_refuse("give %s and %s together: a certificate, and its private key",
			names->cert, names->key);
		return false;
	}
	return api_has_file(names->cacert, server->cacert) &&
		api_has_file(names->cert, server->cert) && api_has_file(names->key, server->key);
}

bool api_server_is_good(void)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (api_server && api_server->url)
		return true; // looked at already
	if (api_remote())
		return api_is_good(api_remote(), &TOOL_NAMES);
	if (tool.ca || tool.client_cert || tool.client_key) {
		tool_refuse("--ca, --client-cert and --client-key are for -s https://HOST:PORT");
		return false;
	}
	if (strlen(tool.socket) <= most)
		return true;
	tool_refuse("socket path '%s' is %zu bytes long: the kernel takes at most %zu", tool.socket,
		strlen(tool.socket), most);
	return false;
}

bool api_use(const struct api_server *server)
{
	static const struct api_names NAMES = { "--url", "--cacert", "--cert", "--key" };

	api_server = server;
	return api_is_good(server, &NAMES);
}
