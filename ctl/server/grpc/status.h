// SPDX-License-Identifier: BSD-3-Clause
// What gRPC says in headers: its statuses, which are those of REST by one table, its messages, its deadlines.
// Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum grpc_status { // https://grpc.github.io/grpc/core/md_doc_statuscodes.html
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16
};

// The status that says what HTTP's does.
enum grpc_status grpc_status_of_http(int status);

#define GRPC_MESSAGE_BYTES 1536
// A sentence as grpc-message has it: what is not printable ASCII, and '%', as %XX. Cut where it is too long.
void grpc_message_encode(const char *sentence, char message[GRPC_MESSAGE_BYTES]);

// "100m" in us, at most UINT64_MAX. False where it is no timeout: 1 to 8 digits and one of H, M, S, m, u, n.
bool grpc_timeout_parse(const char *text, uint64_t *us);
