// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/clients.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdio.h>

static void clients_add(struct table *table, const json_t *client)
{
	const char *port = json_string_value(json_object_get(client, "port"));
	const char *vlan = json_string_value(json_object_get(client, "vlan"));
	const uint64_t rate = api_count(client, "rate");

	table_add(table, "%s", api_text(client, "client"));
	table_add(table, "%s", port ? port : "-");
	table_add(table, "%s", vlan ? vlan : "-");
	table_add(table, "%s", format_count(api_count(client, "requests_per_second")).s);
	table_add(table, "%s", rate ? format_count(rate).s : "-");
	table_add(table, "%s", format_count(api_count(client, "requests")).s);
	table_add(table, "%s", format_count(api_count(client, "rows")).s);
	table_add(table, "%s", format_count(api_count(client, "over_rate")).s);
	table_add(table, "%s", format_count(api_count(client, "over_share")).s);
}

static void clients_print(const json_t *answer)
{
	const json_t *others = json_object_get(answer, "others");
	struct table table;
	json_t *client;
	size_t i;

	if (!json_is_true(json_object_get(answer, "rates")) &&
		!json_is_true(json_object_get(answer, "shares"))) {
		printf("clients are neither limited nor counted: set clients.rate or "
		       "clients.share\n");
		return;
	}
	TABLE_INIT(&table, "CLIENT", "PORT", "VLAN", ">A SECOND", ">RATE", ">REQUESTS", ">ROWS",
		">OVER RATE", ">OVER SHARE");
	json_array_foreach (json_object_get(answer, "clients"), i, client)
		clients_add(&table, client);
	table_print(&table, stdout, 0);
	printf("%s clients counted; of others %s requests, %s of them refused\n",
		format_count(api_count(answer, "tracked")).s,
		format_count(api_count(others, "requests")).s,
		format_count(api_count(others, "refused")).s);
	if (api_count(answer, "busy_lcores"))
		printf("busy: on %s lcores clients are held to their shares\n",
			format_count(api_count(answer, "busy_lcores")).s);
}

static int clients_run(const struct command *command, char **argv)
{
	int exit;

	return command_parse(command, argv, NULL, &exit) ? api_show("/v1/clients", clients_print)
							 : exit;
}

const struct command clients_command = {
	.words = "clients",
	.summary = "who asks most on the data ports, and what of it was refused",
	.run = clients_run,
};
