// SPDX-License-Identifier: BSD-3-Clause
#include "config/vlans.h"

#include "config/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VLAN_ID_MAX 4094 // 4095 is reserved, and 0 says that a tag is of no VLAN (IEEE 802.1Q, 9.6)

static bool vlan_parse_id(const char *text, const char **end, uint32_t *id)
{
	char *after;
	unsigned long number;

	if (!isdigit((unsigned char)*text))
		return false;
	number = strtoul(text, &after, 10);
	*end = after;
	*id = (uint32_t)number;
	return number >= 1 && number <= VLAN_ID_MAX;
}

// "none", "10" or "100.7".
static bool vlan_parse(const char *text, uint32_t *vlan)
{
	uint32_t outer = 0, inner;

	*vlan = 0;
	if (strcmp(text, "none") == 0)
		return true;
	if (!vlan_parse_id(text, &text, &inner))
		return false;
	if (*text == '.') {
		outer = inner;
		if (!vlan_parse_id(text + 1, &text, &inner))
			return false;
	}
	*vlan = CONFIG_VLAN(outer, inner);
	return *text == '\0';
}

static int vlan_read_one(const struct reader *reader, const config_setting_t *value,
	const char *where, const char *name, const char *help, uint32_t *vlan)
{
	const int type = config_setting_type(value);
	char text[32];

	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
		snprintf(text, sizeof(text), "%lld", config_setting_get_int64(value));
	else if (type == CONFIG_TYPE_STRING)
		snprintf(text, sizeof(text), "%s", config_setting_get_string(value));
	else
		return reader_refuse(
			reader, value, "%s.%s: must name VLANs: %s", where, name, help);
	if (vlan_parse(text, vlan))
		return 0;
	return reader_refuse(reader, value,
		"%s.%s: '%s' is no VLAN: 1 to %d are possible in each tag: %s", where, name, text,
		VLAN_ID_MAX, help);
}

int vlans_read(const struct reader *reader, const config_setting_t *value, const char *where,
	const char *name, const char *help, uint32_t *vlans, uint32_t *n_vlans)
{
	const bool several = config_setting_is_array(value) || config_setting_is_list(value);
	const int n = several ? config_setting_length(value) : 1;
	const char *text = several ? NULL : config_setting_get_string(value);

	*n_vlans = 0;
	if (text && strcmp(text, "any") == 0)
		return 0;
	if (n < 1 || n > CONFIG_VLANS_MAX)
		return reader_refuse(reader, value, "%s.%s: %d entries, 1 to %d are possible: %s",
			where, name, n, CONFIG_VLANS_MAX, help);
	for (int i = 0; i < n; i++) {
		const config_setting_t *element =
			several ? config_setting_get_elem(value, (unsigned)i) : value;
		int rc = vlan_read_one(reader, element, where, name, help, &vlans[i]);

		if (rc != 0)
			return rc;
		for (int j = 0; j < i; j++)
			if (vlans[j] == vlans[i])
				return reader_refuse(reader, element,
					"%s.%s: entry %d names the same VLAN as entry %d", where,
					name, i + 1, j + 1);
	}
	*n_vlans = (uint32_t)n;
	return 0;
}
