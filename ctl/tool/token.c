// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/token.h"

#include "base/trust/tokens.h"
#include "base/trust/trusted_file.h"
#include "base/trust/utc.h"
#include "ctl/tool/api.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_DEFAULT "/etc/martlet/tokens"
#define ROLES        "client|viewer|operator|admin"

struct token_request {
	const char *name, *file;
	int64_t not_before, expires; // 0: not said
	uint32_t role;               // of ROLES
};

static int token_parse_name(void *field, const char *text, struct error *err)
{
	if (!name_is_valid(text))
		return error_set(err, -EINVAL,
			"'%s' is no name for a token: at most %d letters, digits, '_', '.' and "
			"'-', a letter or digit first",
			text, NAME_BYTES_MAX);
	*(const char **)field = text;
	return 0;
}

static int token_parse_time(void *field, const char *text, struct error *err)
{
	return token_time_parse_wish(text, (int64_t)time(NULL), field, err);
}

static int token_parse_end(void *field, const char *text, struct error *err)
{
	const int rc = token_parse_time(field, text, err);

	if (rc == 0 && *(int64_t *)field <= (int64_t)time(NULL))
		return error_set(err, -EINVAL, "'%.40s' is over already", text);
	return rc;
}

#define ENTRY_NAME(text)                                                                           \
	{                                                                                          \
		NULL, 0, "NAME", text,                                                             \
			OPTION_TO_OWN(struct token_request, name, token_parse_name),               \
			.required = true                                                           \
	}
#define ENTRY_FILE(text)                                                                           \
	{                                                                                          \
		"file", 0, "FILE", text, OPTION_TO_TEXT(struct token_request, file)                \
	}

// --- The file ------------------------------------------------------------------------------------

// Holds the file's lock and has what is in it, which `change` changes; then writes it.
static int token_edit(const char *path,
	int (*change)(struct tokens *tokens, void *arg, struct error *err), void *arg,
	struct error *err)
{
	struct tokens tokens = { 0 };
	const int lock = trusted_file_lock(path, err);
	int rc;

	if (lock < 0)
		return lock;
	rc = tokens_read(path, &tokens, err);
	if (rc == -ENOENT) // the first one
		rc = 0;
	if (rc == 0)
		rc = change(&tokens, arg, err) == 0 ? 0 : error_prefix(err, "%.200s", path);
	if (rc == 0)
		rc = tokens_write(path, &tokens, err);
	tokens_fini(&tokens);
	close(lock);
	return rc;
}

static int token_add(struct tokens *tokens, void *arg, struct error *err)
{
	return tokens_add(tokens, arg, err);
}

static int token_remove(struct tokens *tokens, void *arg, struct error *err)
{
	return tokens_remove(tokens, arg, err);
}

// --- create --------------------------------------------------------------------------------------

static const struct option_entry CREATE[] = {
	ENTRY_NAME("what the token is called in lists, logs and the audit log"),
	{ "role", 0, ROLES, "what it may", OPTION_TO_CHOICE(struct token_request, role),
		.required = true },
	{ "expires", 0, "TIME", "90d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z; else never",
		OPTION_TO_OWN(struct token_request, expires, token_parse_end) },
	{ "not-before", 0, "TIME", "likewise: from when on it is valid; else at once",
		OPTION_TO_OWN(struct token_request, not_before, token_parse_time) },
	ENTRY_FILE("trust.tokens of martletd's configuration (" FILE_DEFAULT ")"),
	{ 0 },
};

static int token_print_new(const struct token *token, const char *text)
{
	char from[UTC_BYTES], until[UTC_BYTES];

	utc_text(token->not_before, from);
	utc_text(token->expires, until);
	if (tool.json)
		return tool_print_json(json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "name", token->name,
			"role", role_name(token->role), "token", text, "not_before",
			token->not_before ? from : NULL, "expires", token->expires ? until : NULL));
	printf("%s\n", text);
	tool_note(
		"this is shown once: keep it in a file that others cannot read, and name that with "
		"--token-file or MARTLET_TOKEN_FILE");
	return TOOL_DONE;
}

static int token_create_run(const struct command *command, char **argv)
{
	struct token_request request = { .file = FILE_DEFAULT };
	char text[TOKEN_TEXT_BYTES];
	struct token token = { 0 };
	struct error err;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (request.expires && request.expires <= request.not_before)
		return tool_refuse("token %s would expire before it is valid", request.name);
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	snprintf(token.name, sizeof(token.name), "%s", request.name);
	token.role = (enum role)(ROLE_CLIENT + request.role);
	token.not_before = request.not_before;
	token.expires = request.expires;
	token_make(text, token.hash);
	exit = token_edit(request.file, token_add, &token, &err) == 0
		? token_print_new(&token, text)
		: tool_refuse("%s", err.text);
	sodium_memzero(text, sizeof(text));
	return exit;
}

const struct command token_create_command = {
	.words = "token create",
	.summary = "a new bearer token for the API over TCP, shown once; its hash goes to a file",
	.entries = CREATE,
	.run = token_create_run,
};

// --- revoke --------------------------------------------------------------------------------------

static const struct option_entry REVOKE[] = {
	ENTRY_NAME("the token's name"),
	ENTRY_FILE("trust.tokens of martletd's configuration (" FILE_DEFAULT ")"),
	{ 0 },
};

static int token_revoke_run(const struct command *command, char **argv)
{
	struct token_request request = { .file = FILE_DEFAULT };
	struct error err;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (!tool_has_sodium())
		return TOOL_REFUSED;
	if (token_edit(request.file, token_remove, (void *)(uintptr_t)request.name, &err) != 0)
		return tool_refuse("%s", err.text);
	if (tool.json)
		return tool_print_json(json_pack("{s:s}", "revoked", request.name));
	printf("%s: revoked; martletd takes it no more within a second\n", request.name);
	return TOOL_DONE;
}

const struct command token_revoke_command = {
	.words = "token revoke",
	.summary = "take a token back: martletd refuses it from its next request on",
	.entries = REVOKE,
	.run = token_revoke_run,
};

// --- list ----------------------------------------------------------------------------------------

static const struct option_entry LIST[] = {
	ENTRY_FILE("read this file, without martletd: it does not say when they were used"),
	{ 0 },
};

static void token_print_list(const json_t *answer)
{
	struct table table;
	const json_t *token;
	size_t i;

	TABLE_INIT(&table, "NAME", "ROLE", "STATE", "NOT BEFORE", "EXPIRES", "LAST USED");
	json_array_foreach (json_object_get(answer, "tokens"), i, token) {
		table_add(&table, "%s", api_text(token, "name"));
		table_add(&table, "%s", api_text(token, "role"));
		table_add(&table, "%s", api_text(token, "state"));
		table_add(&table, "%s", api_text(token, "not_before"));
		table_add(&table, "%s", api_text(token, "expires"));
		table_add(&table, "%s", api_text(token, "last_used"));
	}
	table_print(&table, stdout, 0);
}

static json_t *token_time_json(int64_t at)
{
	char text[UTC_BYTES];

	utc_text(at, text);
	return at ? json_string(text) : json_null();
}

static int token_list_file(const char *path)
{
	const int64_t now = (int64_t)time(NULL);
	json_t *list = json_array(), *answer;
	struct tokens tokens;
	struct error err;

	if (!tool_has_sodium() || tokens_read(path, &tokens, &err) != 0) {
		json_decref(list);
		return tool.refused ? TOOL_REFUSED : tool_refuse("%s", err.text);
	}
	for (size_t i = 0; i < tokens.n; i++) {
		const struct token *token = &tokens.each[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", token->name, "role",
				role_name(token->role), "state",
				token_state_name(token_state(token, now)), "not_before",
				token_time_json(token->not_before), "expires",
				token_time_json(token->expires)));
	}
	tokens_fini(&tokens);
	answer = json_pack("{s:o}", "tokens", list);
	if (tool.json)
		return tool_print_json(answer);
	token_print_list(answer);
	json_decref(answer);
	return TOOL_DONE;
}

static int token_list_run(const struct command *command, char **argv)
{
	struct token_request request = { 0 };
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	return request.file ? token_list_file(request.file)
			    : api_show("/v1/tokens", token_print_list);
}

const struct command token_list_command = {
	.words = "token list",
	.summary = "the tokens that martletd knows, their roles, and when they were used last",
	.entries = LIST,
	.run = token_list_run,
};
