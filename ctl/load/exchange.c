// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/exchange.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

// --- Sending ------------------------------------------------------------------------------------

static void exchange_flush(struct client *client, uint32_t queue)
{
	struct rte_mbuf **pending = client->pending[queue];
	const uint32_t n = client->n_pending[queue];
	const uint32_t sent =
		rte_eth_tx_burst(client->device.id, (uint16_t)queue, pending, (uint16_t)n);

	client->n_pending[queue] = n - sent;
	if (sent < n)
		memmove(pending, pending + sent, (n - sent) * sizeof(*pending));
}

static void exchange_make_request(
	struct client *client, uint32_t queue, struct rte_mbuf *m, struct request *request)
{
	const struct frame_template *template = &client->templates[queue];
	const struct payloads *payloads = &client->payloads;
	const uint32_t index = client->next_payload;

	request->payload = index;
	request->measured = client->measuring;
	client->next_payload = index + 1 < payloads->count ? index + 1 : 0;
	m->data_len = (uint16_t)frame_bytes(template);
	m->pkt_len = m->data_len;
	frame_write(template, rte_pktmbuf_mtod(m, uint8_t *), request->id,
		(uint16_t)payload_n_rows(payloads, index), payload_at(payloads, index),
		payloads->sums[index]);
	if (client->key)
		frame_seal(template, rte_pktmbuf_mtod(m, uint8_t *), client->key->secret,
			client_counter(client, request->id));
}

uint32_t exchange_send(struct client *client, uint32_t n, const uint64_t *due_cycles)
{
	const uint32_t queue = client->send_queue;
	struct rte_mbuf **pending = client->pending[queue];
	struct request *requests[CLIENT_BURST];
	uint64_t now;

	client->send_queue = queue + 1 < client->device.queues ? queue + 1 : 0;
	if (client->n_pending[queue]) {
		exchange_flush(client, queue);
		if (client->n_pending[queue])
			return 0;
	}
	if (n > client->table.capacity - client->table.outstanding)
		n = client->table.capacity - client->table.outstanding;
	if (!n || rte_pktmbuf_alloc_bulk(client->device.pool, pending, n))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		requests[i] = request_add(&client->table);
		exchange_make_request(client, queue, pending[i], requests[i]);
	}
	now = rte_rdtsc();
	for (uint32_t i = 0; i < n; i++) {
		requests[i]->sent_cycles = now;
		requests[i]->due_cycles = due_cycles ? due_cycles[i] : now;
		if (due_cycles)
			histogram_record(
				&client->send_delay_ns, client_ns(client, now - due_cycles[i]));
	}
	client->n_pending[queue] = n;
	client->counters.sent += n;
	exchange_flush(client, queue);
	client->counters.tx_full += client->n_pending[queue];
	return n;
}

// --- Receiving ----------------------------------------------------------------------------------

static void exchange_count_version(struct client_counters *counters, uint16_t version)
{
	for (uint32_t i = 0; i < counters->n_versions; i++) {
		if (counters->versions[i].version == version) {
			counters->versions[i].replies++;
			return;
		}
	}
	if (counters->n_versions < CLIENT_VERSIONS_MAX) {
		counters->versions[counters->n_versions].version = version;
		counters->versions[counters->n_versions++].replies = 1;
	}
}

static void exchange_count_reply(struct client *client, const struct frame_reply *reply)
{
	struct client_counters *counters = &client->counters;
	const struct wire_header *wire = reply->wire;

	counters->status[RTE_MIN(wire->status, (uint8_t)WIRE_STATUS_COUNT)]++;
	if (wire->type == WIRE_TYPE_RESULT && wire->status == WIRE_STATUS_OK) {
		counters->rows_scored += wire->rows;
		exchange_count_version(counters, wire->model_version);
	}
	if (!client->options->echo)
		histogram_record(&client->server_ns, wire->server_ns);
}

static void exchange_judge(
	struct client *client, const struct request *request, const struct frame_reply *reply)
{
	const struct verifier_request asked = { .reply_type = client->reply_type,
		.model = (uint16_t)client->options->model,
		.model_version = (uint16_t)client->options->model_version,
		.first_row = payload_first_row(&client->payloads, request->payload),
		.n_rows = payload_n_rows(&client->payloads, request->payload) };
	struct client_counters *counters = &client->counters;

	switch (verifier_check(&client->verifier, &asked, reply)) {
	case VERDICT_RIGHT:
		break;
	case VERDICT_WRONG_FIELDS:
		counters->wrong_fields++;
		break;
	case VERDICT_MISMATCH:
		counters->mismatches++;
		break;
	case VERDICT_UNEXPECTED_VERSION:
		counters->unexpected_version++;
		break;
	}
}

// Takes the trailer off a reply to an authenticated request; false where it is not the request's. A bare reflector
// sends back what it got.
static bool exchange_unseal(
	const struct client *client, const struct request *request, struct frame_reply *reply)
{
	if (!client->key)
		return true;
	if (!(reply->wire->flags & WIRE_FLAG_AUTHENTICATED) ||
		reply->wire->key_id != client->key->id ||
		reply->payload_bytes < DATAGRAM_TRAILER_BYTES ||
		!datagram_is_sealed(reply->wire, WIRE_HEADER_BYTES + reply->payload_bytes,
			client->key->secret, client_counter(client, request->id)))
		return false;
	reply->payload_bytes -= DATAGRAM_TRAILER_BYTES;
	return true;
}

static void exchange_take_reply(struct client *client, struct frame_reply *reply, uint64_t now)
{
	struct client_counters *counters = &client->counters;
	struct request request;

	switch (request_take(&client->table, reply->wire->request_id, &request)) {
	case REQUEST_FOUND:
		break;
	case REQUEST_LATE:
		counters->late++;
		return;
	case REQUEST_DUPLICATE:
		counters->duplicates++;
		return;
	case REQUEST_UNKNOWN:
		counters->unknown++;
		return;
	}
	if (request.measured != client->measuring)
		return;
	counters->answered++;
	histogram_record(&client->rtt_ns, client_ns(client, now - request.due_cycles));
	exchange_count_reply(client, reply);
	if (!exchange_unseal(client, &request, reply)) {
		counters->wrong_fields++;
		return;
	}
	exchange_judge(client, &request, reply);
}

static void exchange_take_packet(
	struct client *client, uint16_t queue, const struct rte_mbuf *m, uint64_t now)
{
	// For a frame that arrived in several buffers. Ethernet's header wants an even address.
	uint8_t whole[LOAD_FRAME_MAX] __rte_aligned(2);
	const uint32_t size = RTE_MIN(m->pkt_len, (uint32_t)sizeof(whole));
	const uint8_t *frame = rte_pktmbuf_read(m, 0, size, whole);
	struct frame_reply reply;

	switch (frame_read(&client->templates[queue], frame, size, &reply)) {
	case FRAME_REPLY:
		exchange_take_reply(client, &reply, now);
		break;
	case FRAME_OTHER:
		client->counters.other_packets++;
		client_take_neighbour(client, queue, frame, size);
		break;
	case FRAME_BAD_CHECKSUM:
		client->counters.bad_checksum++;
		break;
	case FRAME_MALFORMED:
		client->counters.malformed++;
		break;
	}
}

// It was the machine that kept us from polling, and not the appliance that was slow: whatever
// arrived meanwhile is found late, and so the report tells of it.
static void exchange_note_stall(struct client *client, uint64_t gap_cycles)
{
	struct client_counters *counters = &client->counters;

	counters->stalls++;
	counters->stalled_cycles += gap_cycles;
	counters->longest_stall_cycles = RTE_MAX(counters->longest_stall_cycles, gap_cycles);
}

// A link that went down does not come back by itself: the run is over.
static void exchange_look_at_link(struct client *client, uint64_t now)
{
	client->link_cycles = now + rte_get_tsc_hz() / 1000 * CLIENT_LINK_MS;
	if (device_has_link(&client->device))
		return;
	client->link_lost = true;
	client->stop = 1;
}

void exchange_receive(struct client *client)
{
	struct request request;
	uint64_t now = rte_rdtsc();

	if (now - client->polled_cycles >= client->stall_cycles)
		exchange_note_stall(client, now - client->polled_cycles);
	client->polled_cycles = now;
	for (uint16_t q = 0; q < client->device.rx_queues; q++) {
		struct rte_mbuf *burst[CLIENT_BURST];
		const uint16_t n = rte_eth_rx_burst(client->device.id, q, burst, CLIENT_BURST);

		now = rte_rdtsc();
		for (uint16_t i = 0; i < n; i++)
			exchange_take_packet(client, q % client->device.queues, burst[i], now);
		rte_pktmbuf_free_bulk(burst, n);
	}
	for (uint16_t q = 0; q < client->device.queues; q++)
		if (client->n_pending[q])
			exchange_flush(client, q);
	device_between_bursts(&client->device);
	if (unlikely(now >= client->link_cycles))
		exchange_look_at_link(client, now);
	while (request_expire(&client->table, now - client->timeout_cycles, &request))
		if (request.measured == client->measuring)
			client->counters.lost++;
}
