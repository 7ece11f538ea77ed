// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/ports.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <string.h>

static const char *ports_link(const json_t *port)
{
	const json_t *up = json_object_get(port, "link_up");

	return !up ? "-" : json_is_true(up) ? "up" : "down";
}

// Writes what is wrong with a port, and since when, and what is with its clients; nothing where nothing is.
static void ports_print_trouble(const json_t *port)
{
	char text[512];

	if (api_count(port, "unfinished_checksums"))
		printf("%s: %s requests dropped, their UDP checksums left to offload: ethtool -K "
		       "IF tx off at the sender, or checksum = \"trust\"\n",
			api_text(port, "name"),
			format_count(api_count(port, "unfinished_checksums")).s);
	if (!json_object_get(port, "trouble"))
		return;
	tool_copy_clean(text, sizeof(text), api_text(port, "trouble"));
	printf("%s: %s (since %s)\n", api_text(port, "name"), text,
		api_text(port, "trouble_since"));
}

// A line for each address of ours that another host claims.
static void ports_print_conflicts(const json_t *port)
{
	json_t *conflict;
	size_t i;

	json_array_foreach (json_object_get(port, "conflicts"), i, conflict)
		printf("%s: %s is claimed by %s as well: %s packets, the last %s ago; %s defences "
		       "sent\n",
			api_text(port, "name"), api_text(conflict, "address"),
			api_text(conflict, "mac"), format_count(api_count(conflict, "packets")).s,
			format_duration(api_count(conflict, "seconds_ago")).s,
			format_count(api_count(conflict, "defences")).s);
}

void ports_print_table(const json_t *ports)
{
	struct table table;
	json_t *port;
	size_t i;

	TABLE_INIT(&table, "PORT", "DRIVER", "LINK", ">UDP", ">MTU", ">RX PACKETS", ">TX PACKETS",
		">MISSED", ">ERRORS");
	json_array_foreach (ports, i, port) {
		table_add(&table, "%s", api_text(port, "name"));
		table_add(&table, "%s", api_text(port, "driver"));
		table_add(&table, "%s", ports_link(port));
		table_add(&table, "%ju", (uintmax_t)api_count(port, "udp_port"));
		table_add(&table, "%ju", (uintmax_t)api_count(port, "mtu"));
		table_add(&table, "%s", format_count(api_count(port, "rx_packets")).s);
		table_add(&table, "%s", format_count(api_count(port, "tx_packets")).s);
		table_add(&table, "%s",
			format_count(api_count(port, "rx_missed") + api_count(port, "rx_nombuf"))
				.s);
		table_add(&table, "%s",
			format_count(api_count(port, "rx_errors") + api_count(port, "tx_errors"))
				.s);
	}
	table_print(&table, stdout, 0);
	json_array_foreach (ports, i, port) {
		ports_print_trouble(port);
		ports_print_conflicts(port);
	}
}

static void ports_print_addresses(const json_t *addresses)
{
	json_t *address;
	size_t i;

	printf("  addresses  ");
	json_array_foreach (addresses, i, address)
		printf(" %s", json_is_string(address) ? json_string_value(address) : "-");
	printf("\n");
}

static const char *ports_by_whom(const json_t *port, const char *key)
{
	return json_is_true(json_object_get(port, key)) ? "by the device" : "in software";
}

static void ports_print_one(const json_t *port)
{
	char device[1024];

	tool_copy_clean(device, sizeof(device), api_text(port, "device"));
	printf("%s: link %s, %s\n", api_text(port, "name"), ports_link(port),
		format_rate_mbps(api_count(port, "link_mbps")).s);
	ports_print_trouble(port);
	ports_print_conflicts(port);
	printf("  device      %s (driver %s)\n", device, api_text(port, "driver"));
	printf("  MAC         %s\n", api_text(port, "mac"));
	ports_print_addresses(json_object_get(port, "addresses"));
	printf("  UDP port    %ju, MTU %ju bytes, queues %ju rx, %ju tx\n",
		(uintmax_t)api_count(port, "udp_port"), (uintmax_t)api_count(port, "mtu"),
		(uintmax_t)api_count(port, "rx_queues"), (uintmax_t)api_count(port, "tx_queues"));
	printf("  checksums   rx %s, tx %s\n", ports_by_whom(port, "rx_checksum_offload"),
		ports_by_whom(port, "tx_checksum_offload"));
	printf("  received    %s packets, %s; missed %s, no mbuf %s, errors %s\n",
		format_count(api_count(port, "rx_packets")).s,
		format_bytes(api_count(port, "rx_bytes")).s,
		format_count(api_count(port, "rx_missed")).s,
		format_count(api_count(port, "rx_nombuf")).s,
		format_count(api_count(port, "rx_errors")).s);
	printf("  sent        %s packets, %s; errors %s\n",
		format_count(api_count(port, "tx_packets")).s,
		format_bytes(api_count(port, "tx_bytes")).s,
		format_count(api_count(port, "tx_errors")).s);
	if (strcmp(api_text(port, "driver"), "memif") == 0)
		printf("  peers       %s turned away\n",
			format_count(api_count(port, "peers_turned_away")).s);
}

static void ports_print(const json_t *answer)
{
	json_t *port;
	size_t i;

	json_array_foreach (json_object_get(answer, "ports"), i, port)
		ports_print_one(port);
}

static int ports_run(const struct command *command, char **argv)
{
	int exit;

	return command_parse(command, argv, NULL, &exit) ? api_show("/v1/ports", ports_print)
							 : exit;
}

const struct command ports_command = {
	.words = "ports",
	.summary = "ports: device, addresses, link, traffic",
	.run = ports_run,
};
