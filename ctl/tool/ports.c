// SPDX-License-Identifier: BSD-3-Clause
// martletctl ports.
#include "ctl/tool/api.h"
#include "ctl/tool/args.h"
#include "ctl/tool/format.h"
#include "ctl/tool/show.h"
#include "ctl/tool/table.h"

#include <string.h>

static const char *link_text(const json_t *port)
{
	const json_t *up = json_object_get(port, "link_up");

	return !up ? "-" : json_is_true(up) ? "up" : "down";
}

void show_ports(const json_t *ports)
{
	struct table table;
	json_t *port;
	size_t i;

	TABLE_INIT(&table, "PORT", "DRIVER", "LINK", ">UDP", ">MTU", ">RX PACKETS", ">TX PACKETS",
		">MISSED", ">ERRORS");
	json_array_foreach (ports, i, port) {
		table_add(&table, "%s", json_text(port, "name"));
		table_add(&table, "%s", json_text(port, "driver"));
		table_add(&table, "%s", link_text(port));
		table_add(&table, "%ju", (uintmax_t)json_count(port, "udp_port"));
		table_add(&table, "%ju", (uintmax_t)json_count(port, "mtu"));
		table_add(&table, "%s", format_count(json_count(port, "rx_packets")).s);
		table_add(&table, "%s", format_count(json_count(port, "tx_packets")).s);
		table_add(&table, "%s",
			format_count(json_count(port, "rx_missed") + json_count(port, "rx_nombuf"))
				.s);
		table_add(&table, "%s",
			format_count(json_count(port, "rx_errors") + json_count(port, "tx_errors"))
				.s);
	}
	table_print(&table, stdout, 0);
}

static void print_addresses(const json_t *addresses)
{
	json_t *address;
	size_t i;

	printf("  addresses ");
	json_array_foreach (addresses, i, address)
		printf(" %s", json_is_string(address) ? json_string_value(address) : "-");
	printf("\n");
}

static const char *by_whom(const json_t *port, const char *key)
{
	return json_is_true(json_object_get(port, key)) ? "by the device" : "in software";
}

static void print_port(const json_t *port)
{
	char device[1024];

	tool_copy_clean(device, sizeof(device), json_text(port, "device"));
	printf("%s: link %s, %s\n", json_text(port, "name"), link_text(port),
		format_rate_mbps(json_count(port, "link_mbps")).s);
	printf("  device      %s (driver %s)\n", device, json_text(port, "driver"));
	printf("  MAC         %s\n", json_text(port, "mac"));
	print_addresses(json_object_get(port, "addresses"));
	printf("  UDP port    %ju, MTU %ju bytes, queues %ju rx, %ju tx\n",
		(uintmax_t)json_count(port, "udp_port"), (uintmax_t)json_count(port, "mtu"),
		(uintmax_t)json_count(port, "rx_queues"), (uintmax_t)json_count(port, "tx_queues"));
	printf("  checksums   rx %s, tx %s\n", by_whom(port, "rx_checksum_offload"),
		by_whom(port, "tx_checksum_offload"));
	printf("  received    %s packets, %s; missed %s, no mbuf %s, errors %s\n",
		format_count(json_count(port, "rx_packets")).s,
		format_bytes(json_count(port, "rx_bytes")).s,
		format_count(json_count(port, "rx_missed")).s,
		format_count(json_count(port, "rx_nombuf")).s,
		format_count(json_count(port, "rx_errors")).s);
	printf("  sent        %s packets, %s; errors %s\n",
		format_count(json_count(port, "tx_packets")).s,
		format_bytes(json_count(port, "tx_bytes")).s,
		format_count(json_count(port, "tx_errors")).s);
}

int ports_command(int argc, char **argv)
{
	struct args args = { 0 };
	struct api_reply reply;
	json_t *port;
	size_t i;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!api_call("GET", "/v1/ports", NULL, &reply))
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		json_array_foreach (json_object_get(reply.json, "ports"), i, port)
			print_port(port);
	api_reply_fini(&reply);
	return TOOL_DONE;
}
