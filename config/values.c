// SPDX-License-Identifier: BSD-3-Clause
#include "config/values.h"

#include "base/name.h"
#include "config/addresses.h"
#include "config/cpus.h"
#include "config/settings.h"
#include "config/vlans.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *value_type_name(const config_setting_t *value)
{
	switch (config_setting_type(value)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "an array";
	case CONFIG_TYPE_LIST:
		return "a list";
	case CONFIG_TYPE_GROUP:
		return "a group";
	default:
		return "nothing";
	}
}

static int value_wrong_type(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, const char *wanted)
{
	return reader_refuse(reader, value, "%s.%s: must be %s, not %s: %s", where, key->name,
		wanted, value_type_name(value), key->help);
}

static bool value_is_whole(const config_setting_t *value)
{
	int type = config_setting_type(value);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static int value_read_number(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, uint64_t *out)
{
	long long number;

	if (!value_is_whole(value))
		return value_wrong_type(reader, value, key, where, "a whole number");
	number = config_setting_get_int64(value);
	if (number < 0 || (uint64_t)number < key->min || (uint64_t)number > key->max)
		return reader_refuse(reader, value,
			"%s.%s: %lld is out of range, %llu to %llu are possible: %s", where,
			key->name, number, (unsigned long long)key->min,
			(unsigned long long)key->max, key->help);
	*out = (uint64_t)number;
	return 0;
}

static int value_read_real(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, double *out)
{
	double number;

	if (value_is_whole(value))
		number = (double)config_setting_get_int64(value);
	else if (config_setting_type(value) == CONFIG_TYPE_FLOAT)
		number = config_setting_get_float(value);
	else
		return value_wrong_type(reader, value, key, where, "a number");
	if (!(number >= key->least && number <= key->most))
		return reader_refuse(reader, value,
			"%s.%s: %g is out of range, %g to %g are possible: %s", where, key->name,
			number, key->least, key->most, key->help);
	*out = number;
	return 0;
}

static int value_read_auto(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, uint32_t *out)
{
	const char *text = config_setting_get_string(value);

	if (strcmp(text, "auto") != 0)
		return reader_refuse(reader, value,
			"%s.%s: '%.64s' is neither a whole number nor \"auto\": %s", where,
			key->name, text, key->help);
	*out = 0;
	return 0;
}

static int value_read_cpu(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, uint32_t *out)
{
	char present[128];
	long long cpu;

	if (!value_is_whole(value))
		return value_wrong_type(reader, value, key, where, "the number of a CPU");
	cpu = config_setting_get_int64(value);
	cpus_describe(present, sizeof(present));
	if (!cpus_exists(cpu))
		return reader_refuse(reader, value,
			"%s.%s: CPU %lld does not exist; this machine has %s", where, key->name,
			cpu, present);
	if (!cpus_usable((uint32_t)cpu))
		return reader_refuse(reader, value,
			"%s.%s: this process may not run on CPU %lld; allow it (cpuset, taskset) "
			"or name another",
			where, key->name, cpu);
	*out = (uint32_t)cpu;
	return 0;
}

static int value_read_cpus(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, void *base)
{
	uint32_t *cpus = (uint32_t *)((char *)base + key->offset);
	uint32_t n = (uint32_t)config_setting_length(value);

	for (uint32_t i = 0; i < n; i++) {
		const config_setting_t *element = config_setting_get_elem(value, i);
		int rc = value_read_cpu(reader, element, key, where, &cpus[i]);

		if (rc != 0)
			return rc;
		for (uint32_t j = 0; j < i; j++)
			if (cpus[j] == cpus[i])
				return reader_refuse(reader, element,
					"%s.%s: CPU %u is named twice", where, key->name, cpus[i]);
	}
	return 0;
}

static int value_read_address(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, struct config_address *out)
{
	const char *text = config_setting_get_string(value);
	const char *slash, *trouble;
	char host[INET6_ADDRSTRLEN + 1];
	char *end;
	unsigned long prefix;

	if (!text)
		return value_wrong_type(reader, value, key, where, "an array of strings");
	slash = strchr(text, '/');
	if (!slash || (size_t)(slash - text) >= sizeof(host))
		goto refused;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &out->ipv4) != 1) {
		if (inet_pton(AF_INET6, host, &out->ipv6) != 1)
			goto refused;
		out->is_ipv6 = true;
	}
	prefix = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : 999;
	if (prefix > (out->is_ipv6 ? 128 : 32) || *end)
		goto refused;
	out->prefix_length = (uint8_t)prefix;
	trouble = addresses_trouble(out);
	if (trouble)
		return reader_refuse(reader, value,
			"%s.%s: '%.64s' is not an address of one host: %s", where, key->name, text,
			trouble);
	return 0;
refused:
	return reader_refuse(reader, value,
		"%s.%s: '%.64s' is not an address with a prefix length, as \"10.77.0.1/24\" or "
		"\"fd00:77::1/64\"",
		where, key->name, text);
}

static int value_read_addresses(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, void *base)
{
	struct config_address *addresses = (struct config_address *)((char *)base + key->offset);
	uint32_t n = (uint32_t)config_setting_length(value);

	for (uint32_t i = 0; i < n; i++) {
		int rc = value_read_address(
			reader, config_setting_get_elem(value, i), key, where, &addresses[i]);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int value_read_texts(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, void *base)
{
	char *texts = (char *)base + key->offset;
	uint32_t n = (uint32_t)config_setting_length(value);

	for (uint32_t i = 0; i < n; i++) {
		const config_setting_t *element = config_setting_get_elem(value, i);
		const char *text = config_setting_get_string(element);

		if (!text)
			return value_wrong_type(reader, element, key, where, "an array of strings");
		if (!*text || strlen(text) >= key->field_bytes)
			return reader_refuse(reader, element,
				"%s.%s: entry %u has %zu bytes, 1 to %zu are possible: %s", where,
				key->name, i + 1, strlen(text), key->field_bytes - 1, key->help);
		snprintf(texts + i * key->field_bytes, key->field_bytes, "%s", text);
	}
	return 0;
}

// What all arrays have in common: is the value an array, of a number of elements that is possible?
static int value_read_array(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, void *base)
{
	int n = config_setting_length(value);
	int rc;

	if (!config_setting_is_array(value) && !(config_setting_is_list(value) && n == 0))
		return value_wrong_type(reader, value, key, where, "an array in [ ]");
	if ((uint64_t)n < key->min || (uint64_t)n > key->max)
		return reader_refuse(reader, value,
			"%s.%s: %d entries, %llu to %llu are possible: %s", where, key->name, n,
			(unsigned long long)key->min, (unsigned long long)key->max, key->help);
	if (key->type == KEY_CPUS)
		rc = value_read_cpus(reader, value, key, where, base);
	else if (key->type == KEY_TEXTS)
		rc = value_read_texts(reader, value, key, where, base);
	else
		rc = value_read_addresses(reader, value, key, where, base);
	if (rc == 0)
		*(uint32_t *)((char *)base + key->count_offset) = (uint32_t)n;
	return rc;
}

static int value_read_string(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, char *out)
{
	const char *text = config_setting_get_string(value);
	size_t bytes = text ? strlen(text) : 0;

	if (!text)
		return value_wrong_type(reader, value, key, where, "a string");
	if (bytes < key->min || bytes > key->max)
		return reader_refuse(reader, value,
			"%s.%s: %zu bytes long, %llu to %llu are possible: %s", where, key->name,
			bytes, (unsigned long long)key->min, (unsigned long long)key->max,
			key->help);
	if (key->type == KEY_NAME && !name_is_valid(text))
		return reader_refuse(reader, value,
			"%s.%s: '%.64s' is no name: letters, digits, '_', '.' and '-', the first "
			"one a letter or digit",
			where, key->name, text);
	snprintf(out, key->field_bytes, "%s", text);
	return 0;
}

// "127.0.0.1:9797" or "[::1]:9797": numbers, since names would have to be looked up.
static bool value_parse_listen(const char *text, struct config_listen *out)
{
	const bool is_ipv6 = text[0] == '[';
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN];
	size_t bytes;
	long port;
	char *end;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtol(colon + 1, &end, 10);
	bytes = (size_t)(colon - text);
	if (is_ipv6) {
		if (bytes < 2 || colon[-1] != ']')
			return false;
		text++;
		bytes -= 2;
	}
	if (*end || port < 1 || port > 65535 || bytes >= sizeof(host))
		return false;
	memcpy(host, text, bytes);
	host[bytes] = '\0';
	out->is_ipv6 = is_ipv6;
	out->port = (uint16_t)port;
	return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, host, &out->ipv6) == 1;
}

static int value_read_listen(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, struct config_listen *out)
{
	const char *text = config_setting_get_string(value);

	if (!text)
		return value_wrong_type(reader, value, key, where, "a string");
	if (!value_parse_listen(text, out))
		return reader_refuse(reader, value, "%s.%s: '%.64s' is no address and port: %s",
			where, key->name, text, key->help);
	return 0;
}

// `text` is the value, or one of an array of them.
static int value_find_choice(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, const char *text, int *out)
{
	char known[128];
	size_t used = 0;

	known[0] = '\0';
	for (int i = 0; key->choices[i]; i++) {
		if (strcmp(text, key->choices[i]) == 0) {
			*out = i;
			return 0;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s\"%s\"",
			i ? ", " : "", key->choices[i]);
	}
	return reader_refuse(
		reader, value, "%s.%s: '%.64s' is none of %s", where, key->name, text, known);
}

static int value_read_choice(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, int *out)
{
	const char *text = config_setting_get_string(value);

	return text ? value_find_choice(reader, value, key, where, text, out)
		    : value_wrong_type(reader, value, key, where, "a string");
}

static int value_read_choices(const struct reader *reader, const config_setting_t *value,
	const struct key *key, const char *where, uint32_t *bits)
{
	const int n = config_setting_length(value);

	if (!config_setting_is_array(value) || n == 0 || !config_setting_get_string_elem(value, 0))
		return value_wrong_type(reader, value, key, where, "an array of strings in [ ]");
	*bits = 0;
	for (int i = 0, choice = 0; i < n; i++) {
		const char *text = config_setting_get_string_elem(value, i);
		int rc = value_find_choice(reader, value, key, where, text, &choice);

		if (rc != 0)
			return rc;
		*bits |= 1U << choice;
	}
	return 0;
}

int value_read(const struct reader *reader, const config_setting_t *value, const struct key *key,
	const char *where, void *base)
{
	void *field = (char *)base + key->offset;
	uint64_t number = 0;
	int choice = 0;
	int rc;

	switch (key->type) {
	case KEY_U16:
		rc = value_read_number(reader, value, key, where, &number);
		if (rc == 0)
			*(uint16_t *)field = (uint16_t)number;
		return rc;
	case KEY_U32:
		rc = value_read_number(reader, value, key, where, &number);
		if (rc == 0)
			*(uint32_t *)field = (uint32_t)number;
		return rc;
	case KEY_U32_AUTO:
		if (config_setting_type(value) == CONFIG_TYPE_STRING)
			return value_read_auto(reader, value, key, where, field);
		rc = value_read_number(reader, value, key, where, &number);
		if (rc == 0)
			*(uint32_t *)field = (uint32_t)number;
		return rc;
	case KEY_REAL:
		return value_read_real(reader, value, key, where, field);
	case KEY_BOOL:
		if (config_setting_type(value) != CONFIG_TYPE_BOOL)
			return value_wrong_type(reader, value, key, where, "true or false");
		*(bool *)field = config_setting_get_bool(value) != 0;
		return 0;
	case KEY_STRING:
	case KEY_NAME:
		return value_read_string(reader, value, key, where, field);
	case KEY_CHOICE:
		return value_read_choice(reader, value, key, where, field);
	case KEY_ISA:
		rc = value_read_choice(reader, value, key, where, &choice);
		if (rc == 0)
			snprintf(field, key->field_bytes, "%s", key->choices[choice]);
		return rc;
	case KEY_CHOICES:
		return value_read_choices(reader, value, key, where, field);
	case KEY_GROUP:
	case KEY_GROUPS:
		return 0;
	case KEY_LISTEN:
		return value_read_listen(reader, value, key, where, field);
	case KEY_CPU:
		return value_read_cpu(reader, value, key, where, field);
	case KEY_CPUS:
	case KEY_ADDRESSES:
	case KEY_TEXTS:
		return value_read_array(reader, value, key, where, base);
	case KEY_VLANS:
		return vlans_read(reader, value, where, key->name, key->help, field,
			(uint32_t *)((char *)base + key->count_offset));
	}
	return -EINVAL; // no key has another type
}
