// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/reflection.h"

#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/proto_write.h"

#include "grpc_descriptors.h"
#include <stdio.h>
#include <string.h>

#define REFLECTION_WAITING_MAX ((size_t)1 << 20)
#define SYMBOL_BYTES           256

// The numbers of reflection.proto, and of protobuf's descriptor.proto.
enum { ASK_FILE = 3, ASK_SYMBOL = 4, ASK_EXTENSION = 5, ASK_EXTENSIONS = 6, ASK_SERVICES = 7 };
enum {
	SAY_HOST = 1,
	SAY_ASKED = 2,
	SAY_FILE = 4,
	SAY_EXTENSIONS = 5,
	SAY_SERVICES = 6,
	SAY_ERROR = 7
};
enum { FILE_NAME = 1, FILE_PACKAGE = 2, FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6 };
enum { MESSAGE_FIELD = 2, MESSAGE_NESTED = 3, MESSAGE_ENUM = 4, MESSAGE_ONEOF = 8 };
enum { ENUM_VALUE = 2, SERVICE_METHOD = 2 };

enum symbol_kind { SYMBOL_MESSAGE, SYMBOL_ENUM, SYMBOL_SERVICE, SYMBOL_LEAF };

static struct proto_text reflection_own(const void *at, size_t size)
{
	return (struct proto_text){ (char *)(uintptr_t)at, size };
}

// Field `number` of a descriptor, which is a text; the whole program's descriptors are well formed.
static struct proto_text reflection_field(struct proto_text message, uint32_t number)
{
	struct proto_read reader;
	struct proto_field field;
	struct error unused;

	proto_read_open(&reader, "descriptor", message, &unused);
	while (proto_read_next(&reader, &field) > 0)
		if (field.number == number)
			return field.text;
	return (struct proto_text){ 0 };
}

// --- Symbols -------------------------------------------------------------------------------------

// Is `symbol` that descriptor, whose name stands in `scope`, or something within it?
static bool reflection_has(
	struct proto_text descriptor, enum symbol_kind kind, const char *scope, const char *symbol)
{
	const struct proto_text name = reflection_field(descriptor, 1);
	struct proto_read reader;
	struct proto_field field;
	struct error unused;
	char full[SYMBOL_BYTES];
	const int n = snprintf(full, sizeof(full), "%s%s%.*s", scope, scope[0] ? "." : "",
		(int)name.size, name.at);

	if (n < 0 || n >= (int)sizeof(full) || strncmp(symbol, full, (size_t)n) != 0)
		return false;
	if (symbol[n] == '\0')
		return true;
	if (symbol[n] != '.' || kind == SYMBOL_LEAF)
		return false;
	proto_read_open(&reader, "descriptor", descriptor, &unused);
	while (proto_read_next(&reader, &field) > 0) {
		enum symbol_kind inner = SYMBOL_LEAF;

		if (kind == SYMBOL_MESSAGE && field.number == MESSAGE_NESTED)
			inner = SYMBOL_MESSAGE;
		else if (kind == SYMBOL_MESSAGE && field.number == MESSAGE_ENUM)
			inner = SYMBOL_ENUM;
		else if (!(kind == SYMBOL_MESSAGE &&
				 (field.number == MESSAGE_FIELD ||
					 field.number == MESSAGE_ONEOF)) &&
			!(kind == SYMBOL_ENUM && field.number == ENUM_VALUE) &&
			!(kind == SYMBOL_SERVICE && field.number == SERVICE_METHOD))
			continue;
		if (reflection_has(field.text, inner, full, symbol))
			return true;
	}
	return false;
}

static bool reflection_file_has(struct proto_text file, const char *symbol)
{
	const struct proto_text package = reflection_field(file, FILE_PACKAGE);
	struct proto_read reader;
	struct proto_field field;
	struct error unused;
	char scope[SYMBOL_BYTES];

	snprintf(scope, sizeof(scope), "%.*s", (int)package.size, package.at);
	proto_read_open(&reader, "descriptor", file, &unused);
	while (proto_read_next(&reader, &field) > 0)
		if ((field.number == FILE_MESSAGE &&
			    reflection_has(field.text, SYMBOL_MESSAGE, scope, symbol)) ||
			(field.number == FILE_ENUM &&
				reflection_has(field.text, SYMBOL_ENUM, scope, symbol)) ||
			(field.number == FILE_SERVICE &&
				reflection_has(field.text, SYMBOL_SERVICE, scope, symbol)))
			return true;
	return false;
}

// Calls take() for each of the files until it returns true.
static bool reflection_files(
	bool (*take)(struct proto_text file, const char *text, struct bytes *out), const char *text,
	struct bytes *out)
{
	struct proto_read reader;
	struct proto_field field;
	struct error unused;

	proto_read_open(&reader, "descriptor",
		reflection_own(GRPC_DESCRIPTORS, sizeof(GRPC_DESCRIPTORS)), &unused);
	while (proto_read_next(&reader, &field) > 0)
		if (take(field.text, text, out))
			return true;
	return false;
}

// --- Answers -------------------------------------------------------------------------------------

static bool reflection_take_file(struct proto_text file, const char *name, struct bytes *out)
{
	const struct proto_text its = reflection_field(file, FILE_NAME);

	if (its.size == 0 || its.size != strlen(name) || memcmp(its.at, name, its.size) != 0)
		return false;
	proto_write_text(out, 1, file.at, file.size);
	return true;
}

static bool reflection_take_symbol(struct proto_text file, const char *symbol, struct bytes *out)
{
	if (!reflection_file_has(file, symbol))
		return false;
	proto_write_text(out, 1, file.at, file.size);
	return true;
}

static bool reflection_take_services(struct proto_text file, const char *text, struct bytes *out)
{
	const struct proto_text package = reflection_field(file, FILE_PACKAGE);
	struct proto_read reader;
	struct proto_field field;
	struct error unused;

	proto_read_open(&reader, "descriptor", file, &unused);
	while (proto_read_next(&reader, &field) > 0) {
		const struct proto_text name = reflection_field(field.text, 1);
		const size_t size = package.size + 1 + name.size;

		if (field.number != FILE_SERVICE)
			continue;
		proto_write_head(out, 1, 1 + proto_varint_bytes(size) + size);
		proto_write_head(out, 1, size);
		bytes_add(out, package.at, package.size);
		bytes_add(out, ".", 1);
		bytes_add(out, name.at, name.size);
	}
	return false;
}

static void reflection_error(
	struct bytes *out, enum grpc_status status, const char *what, const char *name)
{
	char sentence[SYMBOL_BYTES + 64];

	snprintf(sentence, sizeof(sentence), "there is no %s %s", what, name);
	proto_write_number(out, 1, status);
	proto_write_text(out, 2, sentence, strlen(sentence));
}

// The answer to one question: its field, and what stands in it.
static uint32_t reflection_answer(uint32_t asked, const char *text, struct bytes *out)
{
	switch (asked) {
	case ASK_FILE:
		if (reflection_files(reflection_take_file, text, out))
			return SAY_FILE;
		reflection_error(out, GRPC_NOT_FOUND, "file", text);
		return SAY_ERROR;
	case ASK_SYMBOL:
		if (reflection_files(reflection_take_symbol, text, out))
			return SAY_FILE;
		reflection_error(out, GRPC_NOT_FOUND, "symbol", text);
		return SAY_ERROR;
	case ASK_EXTENSIONS: // proto3 has none, but messages that could
		if (!reflection_files(reflection_take_symbol, text, out)) {
			reflection_error(out, GRPC_NOT_FOUND, "message", text);
			return SAY_ERROR;
		}
		out->size = 0;
		proto_write_text(out, 1, text, strlen(text));
		return SAY_EXTENSIONS;
	case ASK_SERVICES:
		reflection_files(reflection_take_services, text, out);
		return SAY_SERVICES;
	default:
		reflection_error(out, asked == ASK_EXTENSION ? GRPC_NOT_FOUND : GRPC_UNIMPLEMENTED,
			asked == ASK_EXTENSION ? "extension" : "answer to", "that");
		return SAY_ERROR;
	}
}

struct reflection_asked {
	struct proto_text host, text;
	uint32_t field; // ASK_; 0: nothing
};

static int reflection_take(const struct proto_read *reader, const struct proto_field *field,
	struct reflection_asked *asked)
{
	if (field->number == 1)
		return proto_read_string(reader, field, &asked->host);
	if (field->number < ASK_FILE || field->number > ASK_SERVICES)
		return 0;
	asked->field = field->number;
	return field->number == ASK_EXTENSION ? proto_read_text(reader, field, &asked->text)
					      : proto_read_string(reader, field, &asked->text);
}

void reflection_message(struct call *call, struct proto_text message)
{
	struct reflection_asked asked = { 0 };
	struct bytes answer = { 0 }, inner = { 0 };
	char name[SYMBOL_BYTES];
	struct proto_read reader;
	struct proto_field field;
	struct error err;
	uint32_t said;
	int rc = 0;

	proto_read_open(&reader, "ServerReflectionRequest", message, &err);
	while (rc == 0 && (rc = proto_read_next(&reader, &field)) > 0)
		rc = reflection_take(&reader, &field, &asked);
	if (rc == 0 && asked.text.size >= sizeof(name))
		rc = error_set(&err, -EINVAL, "a name of %zu bytes; at most %zu are known",
			asked.text.size, sizeof(name) - 1);
	if (rc != 0) {
		call_end(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
		return;
	}
	if (call->transport->waiting(call->stream) > REFLECTION_WAITING_MAX) {
		call_end(call, GRPC_RESOURCE_EXHAUSTED,
			"more than %zu bytes of answers are not read", REFLECTION_WAITING_MAX);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)asked.text.size,
		asked.text.size ? asked.text.at : "");
	said = reflection_answer(asked.field, name, &inner);
	proto_write_text(&answer, SAY_HOST, asked.host.at, asked.host.size);
	proto_write_head(&answer, SAY_ASKED, message.size);
	bytes_add(&answer, message.at, message.size);
	proto_write_head(&answer, said, inner.size);
	bytes_add(&answer, inner.at, inner.size);
	if (answer.failed || inner.failed)
		call_end(call, GRPC_INTERNAL, "no memory for the answer");
	else
		call_send(call, answer.at, answer.size);
	bytes_fini(&answer);
	bytes_fini(&inner);
}

void reflection_end(struct call *call)
{
	call_end(call, GRPC_OK, "%s", "");
}
