// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/status.h"

#include <stdio.h>
#include <string.h>

enum grpc_status grpc_status_of_http(int status)
{
	switch (status) {
	case 200:
	case 201:
		return GRPC_OK;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_NOT_FOUND;
	case 405:
	case 415:
	case 501:
		return GRPC_UNIMPLEMENTED;
	case 409:
		return GRPC_FAILED_PRECONDITION;
	case 412:
		return GRPC_ABORTED;
	case 413:
	case 429:
	case 507:
		return GRPC_RESOURCE_EXHAUSTED;
	case 499: // the client gave up
		return GRPC_CANCELLED;
	case 500:
		return GRPC_INTERNAL;
	case 503:
		return GRPC_UNAVAILABLE;
	case 504:
		return GRPC_DEADLINE_EXCEEDED;
	default:
		return status >= 400 && status < 500 ? GRPC_INVALID_ARGUMENT : GRPC_UNKNOWN;
	}
}

void grpc_message_encode(const char *sentence, char message[GRPC_MESSAGE_BYTES])
{
	static const char DIGITS[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const char *c = sentence; *c && n + 4 <= GRPC_MESSAGE_BYTES; c++) {
		if (*c >= ' ' && *c <= '~' && *c != '%') {
			message[n++] = *c;
			continue;
		}
		message[n++] = '%';
		message[n++] = DIGITS[(unsigned char)*c >> 4];
		message[n++] = DIGITS[(unsigned char)*c & 15];
	}
	message[n] = '\0';
}

bool grpc_timeout_parse(const char *text, uint64_t *us)
{
	const size_t digits = strspn(text, "0123456789");
	uint64_t value = 0;

	if (digits < 1 || digits > 8 || strlen(text) != digits + 1)
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	switch (text[digits]) {
	case 'H':
		value *= 3600ull * 1000000;
		break;
	case 'M':
		value *= 60ull * 1000000;
		break;
	case 'S':
		value *= 1000000;
		break;
	case 'm':
		value *= 1000;
		break;
	case 'u':
		break;
	case 'n': // rounded up: what is not over is not over
		value = (value + 999) / 1000;
		break;
	default:
		return false;
	}
	*us = value;
	return true;
}
