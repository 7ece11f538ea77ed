// SPDX-License-Identifier: BSD-3-Clause
#include "base/options.h"

#include "base/nearest.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_LINE_CHARS 78 // of a usage line, before it is broken
#define OPTION_EXIT_USAGE 2

static const struct option_entry OPTION_HELP_ENTRY = {
	.name = "help", .letter = 'h', .help = "print this and end"
};
static const struct option_entry OPTION_VERSION_ENTRY = { .name = "version",
	.help = "print the version and end" };

static bool option_is_end(const struct option_entry *entry)
{
	return !entry->name && !entry->value;
}

// "-o", "--isa", "IMAGE": what refusals call it.
static const char *option_label(const struct option_entry *entry, char label[64])
{
	if (entry->letter)
		snprintf(label, 64, "-%c", entry->letter);
	else
		snprintf(label, 64, "%s%s", entry->name ? "--" : "",
			entry->name ? entry->name : entry->value);
	return label;
}

// --- Values --------------------------------------------------------------------------------------

// strtod() takes more than an operator should have to know of: blanks, hexadecimal, "inf".
static bool option_read_number(const char *text, double *value)
{
	char *end;

	if (*text == '+' || text[strspn(text, "0123456789.eE+-")])
		return false;
	*value = strtod(text, &end);
	return end != text && !*end;
}

static int option_set_number(
	const struct option_entry *entry, void *field, const char *text, struct error *err)
{
	double value;
	char label[64];

	if (!option_read_number(text, &value) || !(value >= entry->min && value <= entry->max))
		return error_set(err, -EINVAL, "%s %s: a number from %.15g to %.15g is wanted",
			option_label(entry, label), text, entry->min, entry->max);
	if (entry->kind != OPTION_DOUBLE && value != floor(value))
		return error_set(err, -EINVAL, "%s %s: a whole number is wanted",
			option_label(entry, label), text);
	if (entry->kind == OPTION_U32)
		*(uint32_t *)field = (uint32_t)value;
	else if (entry->kind == OPTION_U64)
		*(uint64_t *)field = (uint64_t)value;
	else
		*(double *)field = value;
	return 0;
}

// "f32|f16|bf16" as "f32, f16 or bf16".
static void option_list_choices(const char *choices, char *list, size_t size)
{
	size_t used = 0;

	for (const char *word = choices; *word && used < size; word += strcspn(word, "|")) {
		word += *word == '|';
		used += (size_t)snprintf(list + used, size - used, "%s%.*s",
			word == choices             ? ""
				: strchr(word, '|') ? ", "
						    : " or ",
			(int)strcspn(word, "|"), word);
	}
}

static int option_set_choice(
	const struct option_entry *entry, uint32_t *field, const char *text, struct error *err)
{
	const char *word = entry->value;
	char label[64], list[128];

	for (uint32_t i = 0; *word; i++) {
		const size_t length = strcspn(word, "|");

		if (strlen(text) == length && strncmp(text, word, length) == 0) {
			*field = i;
			return 0;
		}
		word += length + (word[length] == '|');
	}
	option_list_choices(entry->value, list, sizeof(list));
	return error_set(
		err, -EINVAL, "%s '%s': %s is wanted", option_label(entry, label), text, list);
}

// Any kind but a flag, which has no text.
static int option_set(
	const struct option_entry *entry, void *to, const char *text, struct error *err)
{
	void *field = (char *)to + entry->offset;
	char label[64];

	switch (entry->kind) {
	case OPTION_TEXT:
		*(const char **)field = text;
		return 0;
	case OPTION_CHOICE:
		return option_set_choice(entry, field, text, err);
	case OPTION_OWN:
		if (entry->parse(field, text, err))
			return error_prefix(err, "%s", option_label(entry, label));
		return 0;
	default:
		return option_set_number(entry, field, text, err);
	}
}

// --- Parsing -------------------------------------------------------------------------------------

struct option_parser {
	const struct options *options;
	char **argv; // what is left of it
	uint32_t n_words;
	bool only_words;                // a "--" was met
	bool given[OPTION_ENTRIES_MAX]; // of the program's own entries
	struct error *err;
};

// Does `arg` name the option? *value: what is glued to it (--name=V, -nV), else NULL.
static bool option_matches(const struct option_entry *entry, const char *arg, const char **value)
{
	size_t length;

	*value = NULL;
	if (!entry->name)
		return false;
	if (arg[1] != '-') {
		if (arg[1] != entry->letter || (arg[2] && !entry->value))
			return false;
		*value = arg[2] ? arg + 2 : NULL;
		return true;
	}
	arg += 2;
	length = strcspn(arg, "=");
	if (strlen(entry->name) != length || strncmp(arg, entry->name, length) != 0)
		return false;
	*value = arg[length] ? arg + length + 1 : NULL;
	return true;
}

static const struct option_entry *option_find(
	const struct option_group *group, const char *arg, const char **value)
{
	for (const struct option_entry *e = group->entries; e && !option_is_end(e); e++)
		if (option_matches(e, arg, value))
			return e;
	return NULL;
}

static int option_refuse_unknown(const struct option_parser *parser, const char *arg)
{
	const struct option_group *groups[] = { &parser->options->own, &parser->options->shared };
	char wanted[64];
	struct nearest nearest = { .wanted = wanted };

	snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(arg, "="), arg);
	memmove(wanted, wanted + strspn(wanted, "-"), strlen(wanted + strspn(wanted, "-")) + 1);
	for (size_t g = 0; g < 2; g++)
		for (const struct option_entry *e = groups[g]->entries; e && !option_is_end(e); e++)
			if (e->name)
				nearest_try(&nearest, e->name);
	if (nearest.found)
		return error_set(parser->err, -EINVAL, "'%s' is not an option; did you mean --%s?",
			arg, nearest.found);
	return error_set(parser->err, -EINVAL, "'%s' is not an option; see --help", arg);
}

// One option, whose value may be the next of argv.
static int option_take(struct option_parser *parser)
{
	const struct options *options = parser->options;
	const struct option_group *group = &options->own;
	const char *arg = *parser->argv, *value;
	const struct option_entry *entry = option_find(group, arg, &value);
	char label[64];

	if (entry) {
		parser->given[entry - group->entries] = true;
	} else {
		group = &options->shared;
		entry = option_find(group, arg, &value);
	}
	if (!entry && option_matches(&OPTION_HELP_ENTRY, arg, &value))
		return OPTIONS_HELP;
	if (!entry && options->version && option_matches(&OPTION_VERSION_ENTRY, arg, &value))
		return OPTIONS_VERSION;
	if (!entry)
		return option_refuse_unknown(parser, arg);
	if (!entry->value) {
		if (value)
			return error_set(parser->err, -EINVAL, "'%s': %s takes no value", arg,
				option_label(entry, label));
		*(bool *)((char *)group->to + entry->offset) = true;
		return 0;
	}
	if (!value && !(value = *++parser->argv))
		return error_set(parser->err, -EINVAL, "%s needs a value: %s", arg, entry->value);
	return option_set(entry, group->to, value, parser->err);
}

// Does it take all the arguments that are left?
static bool option_is_many(const struct option_entry *entry)
{
	const size_t bytes = strlen(entry->value);

	return bytes > 3 && strcmp(entry->value + bytes - 3, "...") == 0;
}

// One argument: the next entry that has no name.
static int option_take_word(struct option_parser *parser)
{
	const struct option_group *own = &parser->options->own;
	uint32_t n = parser->n_words;

	for (const struct option_entry *e = own->entries; e && !option_is_end(e); e++) {
		if (e->name || n-- > 0)
			continue;
		parser->n_words += !option_is_many(e);
		parser->given[e - own->entries] = true;
		return option_set(e, own->to, *parser->argv, parser->err);
	}
	return error_set(parser->err, -EINVAL, "'%s' is one argument too many", *parser->argv);
}

static int option_check_required(const struct option_parser *parser)
{
	const struct option_entry *entries = parser->options->own.entries;
	char label[64];

	for (size_t i = 0; entries && !option_is_end(&entries[i]); i++) {
		const struct option_entry *e = &entries[i];

		assert(i < OPTION_ENTRIES_MAX);
		if (!e->required || parser->given[i])
			continue;
		return error_set(parser->err, -EINVAL, "%s%s%s is missing: %s",
			option_label(e, label), e->name ? " " : "", e->name ? e->value : "",
			e->help);
	}
	return 0;
}

// Is `word` one of "gru|lstm"?
static bool option_is_among(const char *word, const char *choices)
{
	const size_t length = strlen(word);

	for (const char *at = choices; *at; at += strcspn(at, "|")) {
		at += *at == '|';
		if (strcspn(at, "|") == length && strncmp(at, word, length) == 0)
			return true;
	}
	return false;
}

// What was given has an effect on what the command line asks for.
static int option_check_kind(const struct option_parser *parser)
{
	const struct options *options = parser->options;
	const struct option_entry *entries = options->own.entries;
	const char *kind = options->kind ? options->kind(options->own.to) : NULL;
	char label[64], list[128];

	for (size_t i = 0; kind && entries && !option_is_end(&entries[i]); i++) {
		const struct option_entry *e = &entries[i];

		if (!e->of || !parser->given[i] || option_is_among(kind, e->of))
			continue;
		option_list_choices(e->of, list, sizeof(list));
		return error_set(parser->err, -EINVAL, "%s is an option of %s: %s has no use of it",
			option_label(e, label), list, kind);
	}
	return 0;
}

int options_lack(const struct option_entry *entries, const bool *given, const char *what,
	const char *why, struct error *err)
{
	char label[64];

	for (size_t i = 0; entries && !option_is_end(&entries[i]); i++) {
		const struct option_entry *e = &entries[i];

		if (given[i] && e->needs && option_is_among(what, e->needs))
			return error_set(err, -EINVAL, "%s is for %s: %s", option_label(e, label),
				what, why);
	}
	return 0;
}

int options_parse(const struct options *options, char **argv, int *next, struct error *err)
{
	struct option_parser parser = { .options = options, .argv = argv + 1, .err = err };

	for (; *parser.argv; parser.argv++) {
		const char *arg = *parser.argv;
		int rc;

		if (!parser.only_words && strcmp(arg, "--") == 0) {
			parser.only_words = true;
			continue;
		}
		if (!parser.only_words && arg[0] == '-' && arg[1]) {
			rc = option_take(&parser);
		} else {
			if (next)
				break;
			rc = option_take_word(&parser);
		}
		if (rc != 0)
			return rc;
	}
	if (next)
		*next = (int)(parser.argv - argv);
	if (options->given)
		memcpy(options->given, parser.given, sizeof(parser.given));
	if (option_check_required(&parser) != 0)
		return err->code;
	return option_check_kind(&parser);
}

// --- Usage and help ------------------------------------------------------------------------------

struct option_usage {
	FILE *to;
	int column, indent;
};

static void option_print_usage_word(struct option_usage *usage, const char *word)
{
	const int length = (int)strlen(word);

	if (usage->column + 1 + length > OPTION_LINE_CHARS)
		usage->column = fprintf(usage->to, "\n%*s", usage->indent - 1, "") - 1;
	usage->column += fprintf(usage->to, " %s", word);
}

static void option_print_usage_entry(struct option_usage *usage, const struct option_entry *entry)
{
	char word[128], label[64];

	snprintf(word, sizeof(word), "%s%s%s%s%s", entry->required ? "" : "[",
		option_label(entry, label), entry->name && entry->value ? " " : "",
		entry->name && entry->value ? entry->value : "", entry->required ? "" : "]");
	option_print_usage_word(usage, word);
}

// Arguments, then what is required, then the rest.
static void option_print_usage_entries(
	struct option_usage *usage, const struct option_entry *entries)
{
	for (int pass = 0; pass < 3; pass++)
		for (const struct option_entry *e = entries; e && !option_is_end(e); e++)
			if (pass == (!e->name ? 0 : e->required ? 1 : 2))
				option_print_usage_entry(usage, e);
}

void options_print_usage(const struct options *options, FILE *to)
{
	struct option_usage usage = { .to = to };

	usage.column = fprintf(to, "usage: %s", options->program);
	usage.indent = (int)strlen("usage: ") + 1;
	if (options->synopsis)
		fprintf(to, " %s", options->synopsis);
	else
		option_print_usage_entries(&usage, options->own.entries);
	fputc('\n', to);
}

// The left column of an entry's line. Returns its length.
static int option_describe(const struct option_entry *entry, char *text, size_t size)
{
	char letter[] = { '-', entry->letter, ',', ' ', '\0' };

	if (!entry->name)
		return snprintf(text, size, "%s", entry->value);
	return snprintf(text, size, "%s--%s%s%s", entry->letter ? letter : "    ", entry->name,
		entry->value ? " " : "", entry->value ? entry->value : "");
}

static int option_width(const struct option_entry *entries)
{
	char text[128];
	int width = 0;

	for (const struct option_entry *e = entries; e && !option_is_end(e); e++) {
		const int n = option_describe(e, text, sizeof(text));

		width = n > width ? n : width;
	}
	return width;
}

static void option_print_entry(FILE *to, int width, const struct option_entry *entry)
{
	char text[128];

	option_describe(entry, text, sizeof(text));
	fprintf(to, "  %-*s  %s\n", width, text, entry->help);
}

void options_print_entries(const struct options *options, FILE *to)
{
	const struct option_entry *groups[] = { options->own.entries, options->shared.entries };
	int width = option_width(groups[0]), other = option_width(groups[1]);
	char text[128];

	width = other > width ? other : width;
	other = option_describe(&OPTION_VERSION_ENTRY, text, sizeof(text));
	width = other > width ? other : width;
	for (size_t g = 0; g < 2; g++)
		for (const struct option_entry *e = groups[g]; e && !option_is_end(e); e++)
			option_print_entry(to, width, e);
	option_print_entry(to, width, &OPTION_HELP_ENTRY);
	if (options->version)
		option_print_entry(to, width, &OPTION_VERSION_ENTRY);
}

static void option_print_help(const struct options *options)
{
	options_print_usage(options, stdout);
	if (options->about)
		printf("\n%s\n", options->about);
	fputc('\n', stdout);
	options_print_entries(options, stdout);
	if (options->after)
		printf("\n%s\n", options->after);
}

int options_end(const struct options *options, int rc, const struct error *err)
{
	if (rc == OPTIONS_HELP) {
		option_print_help(options);
		return 0;
	}
	if (rc == OPTIONS_VERSION) {
		printf("%s %s\n", options->program, options->version);
		return 0;
	}
	fprintf(stderr, "%s: %s\n", options->program, err->text);
	options_print_usage(options, stderr);
	return OPTION_EXIT_USAGE;
}
