// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow/capture.h"
#include "base/file.h"

#include <pcap/pcap.h>
#include <string.h>

static int capture_link(pcap_t *pcap, const char *name, enum packet_link *out, struct error *err)
{
	int type = pcap_datalink(pcap);
	const char *type_name = pcap_datalink_val_to_name(type);

	switch (type) {
	case DLT_EN10MB:
		*out = PACKET_LINK_ETHERNET;
		return 0;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		*out = PACKET_LINK_RAW_IP;
		return 0;
	case DLT_NULL:
	case DLT_LOOP:
		*out = PACKET_LINK_NULL;
		return 0;
	case DLT_LINUX_SLL:
		*out = PACKET_LINK_SLL;
		return 0;
	case DLT_LINUX_SLL2:
		*out = PACKET_LINK_SLL2;
		return 0;
	default:
		return error_set(err, -EINVAL,
			"%s: captured on link type %s (%d); Ethernet, raw IP, BSD loopback and "
			"Linux cooked captures are understood",
			name, type_name ? type_name : "unknown", type);
	}
}

int capture_open(const char *path, FILE **out, struct error *err)
{
	struct error why;

	if (strcmp(path, "-") == 0) {
		*out = stdin;
		return 0;
	}
	*out = file_open(path, &why);
	return *out ? 0
		    : error_set(err, why.code,
			      "%s; a capture file is wanted, or - for standard input", why.text);
}

// The file may hold any seconds and nanoseconds: they are brought within bounds, so that nothing
// overflows.
static uint64_t capture_time(const struct pcap_pkthdr *header)
{
	uint64_t seconds = header->ts.tv_sec < 0 ? 0 : (uint64_t)header->ts.tv_sec;
	uint64_t nanoseconds = header->ts.tv_usec < 0 ? 0 : (uint64_t)header->ts.tv_usec;

	if (seconds > UINT64_MAX / 2 / 1000000000u)
		seconds = UINT64_MAX / 2 / 1000000000u;
	return seconds * 1000000000u + nanoseconds % 1000000000u;
}

// Reading ended before the file did.
static int capture_refuse(
	pcap_t *pcap, const char *name, const struct capture_stats *stats, struct error *err)
{
	const char *reason = pcap_geterr(pcap);

	// libpcap's own words: one pcap_t has one link type.
	if (strstr(reason, "different from the type of the first interface"))
		return error_set(err, -EINVAL,
			"%s: its interfaces have different link types, which are read one at a "
			"time: split it, as by tshark -r FILE -Y 'frame.interface_id == 0' -w "
			"OUT, and read each part",
			name);
	return error_set(err, -EINVAL,
		"%s: cut or damaged at packet %llu (%s); copy or capture it again, or ask for "
		"what comes before it with --partial",
		name, (unsigned long long)stats->packets + 1, reason);
}

static int capture_each_packet(pcap_t *pcap, const char *name, enum packet_link link, bool partial,
	const struct capture_taker *taker, struct capture_stats *stats, struct error *err)
{
	struct capture_packet packet;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int got, rc;

	while ((got = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		enum packet_verdict verdict = packet_parse(link, bytes, header->caplen, header->len,
			capture_time(header), &packet.packet);

		stats->packets++;
		stats->verdicts[verdict]++;
		if (verdict != PACKET_OK)
			continue;
		packet.bytes = bytes;
		packet.captured = header->caplen;
		packet.number = stats->packets;
		rc = taker->take(taker->context, &packet, err);
		if (rc != 0)
			return rc;
	}
	stats->cut = got != PCAP_ERROR_BREAK;
	return stats->cut && !partial ? capture_refuse(pcap, name, stats, err) : 0;
}

int capture_each(FILE *file, const char *name, bool partial, const struct capture_taker *taker,
	struct capture_stats *stats, struct error *err)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	enum packet_link link = PACKET_LINK_ETHERNET;
	pcap_t *pcap;
	int rc;

	memset(stats, 0, sizeof(*stats));
	pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!pcap) {
		if (file != stdin)
			fclose(file);
		return error_set(err, -EINVAL,
			"%s: not a capture that can be read (%s); pcap or pcapng is wanted", name,
			reason);
	}
	rc = capture_link(pcap, name, &link, err);
	if (rc == 0)
		rc = capture_each_packet(pcap, name, link, partial, taker, stats, err);
	pcap_close(pcap);
	return rc;
}

struct capture_flows {
	struct order *order;
	struct flow_table *table;
};

static int capture_take_flow(void *context, const struct capture_packet *packet, struct error *err)
{
	struct capture_flows *flows = context;
	struct flow_packet first;

	if (order_put(flows->order, &packet->packet, &first))
		flow_table_add(flows->table, &first);
	return 0;
}

int capture_read(FILE *file, const char *name, const struct flow_table_options *options,
	bool partial, struct capture_stats *stats, struct error *err)
{
	struct capture_flows flows = { NULL, NULL };
	const struct capture_taker taker = { capture_take_flow, &flows };
	struct flow_packet first;
	int rc = flow_table_create(options, &flows.table, err);

	memset(stats, 0, sizeof(*stats));
	if (rc == 0)
		rc = order_create(CAPTURE_HELD_BACK, &flows.order, err);
	if (rc == 0)
		rc = capture_each(file, name, partial, &taker, stats, err);
	else if (file != stdin)
		fclose(file);
	if (rc == 0) {
		while (order_take(flows.order, &first))
			flow_table_add(flows.table, &first);
		flow_table_flush(flows.table);
	}
	if (flows.table)
		stats->table = *flow_table_stats(flows.table);
	if (flows.order)
		stats->order = *order_stats(flows.order);
	order_destroy(flows.order);
	flow_table_destroy(flows.table);
	return rc;
}
