// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/client.h"

#include "base/csv.h"
#include "ctl/load/neighbour.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_FEATURES_MAX 16384

// The rows with the columns that --features names, as the model has them.
static int client_read_rows(
	const struct load_options *options, struct rows *rows, struct error *err)
{
	struct rows_options how = options->rows;
	char *list = options->features ? strdup(options->features) : NULL;
	char **names = options->features ? calloc(CLIENT_FEATURES_MAX, sizeof(*names)) : NULL;
	int n = 0, rc = 0;

	how.n_columns = options->columns;
	if (options->features && (!list || !names))
		rc = error_set(err, -ENOMEM, "out of memory");
	else if (options->features)
		n = csv_split_list(list, names, CLIENT_FEATURES_MAX);
	if (n < 0)
		rc = error_set(err, -EINVAL,
			"--features '%.60s': a list \"A,B,...\" of at most %d names is wanted",
			options->features, CLIENT_FEATURES_MAX);
	if (rc == 0 && n > 0) {
		how.n_columns = (uint32_t)n;
		how.names = (const char *const *)names;
	}
	if (rc == 0)
		rc = rows_read(options->rows_path, &how, rows, err);
	free(names);
	free(list);
	return rc;
}

static int client_make_payloads(struct client *client, struct error *err)
{
	const struct load_options *options = client->options;
	struct payload_shape shape = { .rows_per_request = options->rows_per_request,
		.dtype = options->dtype,
		.scale = (float)options->scale,
		.zero = (float)options->zero,
		.pad_bytes = options->pad_bytes };
	struct rows rows = { 0 };
	int rc = 0;

	if (options->rows_path) {
		rc = client_read_rows(options, &rows, err);
		for (uint32_t i = 0; i < rows.n_notes; i++)
			fprintf(stderr, "martlet-load: note: %s\n", rows.notes[i]);
		if (rc == 0 && (rows.n_rows == 0 || rows.n_rows > UINT32_MAX))
			rc = error_set(err, -EINVAL, "%s: no rows", options->rows_path);
	}
	if (rc != 0) {
		rows_fini(&rows);
		return rc;
	}
	shape.n_rows = (uint32_t)rows.n_rows;
	shape.columns = rows.n_columns;
	rc = payloads_init(&client->payloads, rows.values, &shape, err);
	rows_fini(&rows);
	return rc;
}

static int client_find_key(struct client *client, struct error *err)
{
	const struct load_options *options = client->options;

	if (!options->key)
		return 0;
	if (sodium_init() < 0)
		return error_set(err, -EIO, "libsodium finds no source of randomness");
	if (keys_read(options->key, &client->keys, err) != 0)
		return err->code;
	client->key = keys_choose(client->keys, options->key, options->key_id, err);
	client->first_counter = datagram_counter();
	return client->key ? 0 : err->code;
}

int client_init(struct client *client, const struct load_options *options, struct error *err)
{
	int rc;

	memset(client, 0, sizeof(*client));
	client->options = options;
	histogram_reset(&client->rtt_ns);
	histogram_reset(&client->server_ns);
	histogram_reset(&client->send_delay_ns);
	client->reply_type = options->ping ? WIRE_TYPE_PONG : WIRE_TYPE_RESULT;
	if (options->echo)
		client->reply_type = options->ping ? WIRE_TYPE_PING : WIRE_TYPE_SCORE;
	rc = client_find_key(client, err);
	if (rc == 0)
		rc = client_make_payloads(client, err);
	if (rc == 0)
		rc = verifier_init(&client->verifier, options, client->payloads.shape.n_rows, err);
	if (rc != 0)
		return rc;
	rc = request_table_init(
		&client->table, options->window ? options->window : options->in_flight);
	return rc != 0 ? error_set(err, rc, "no memory for the request table") : 0;
}

// Asks once more a little later where there is no buffer or the queue is full.
static void client_ask(struct client *client)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(client->device.pool);
	uint32_t bytes;

	if (!m)
		return;
	bytes = neighbour_ask(rte_pktmbuf_mtod(m, uint8_t *), client->device.mac,
		&client->options->from, &client->options->to);
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
	if (rte_eth_tx_burst(client->device.id, 0, &m, 1) != 1)
		rte_pktmbuf_free(m);
}

static void client_answer(
	struct client *client, uint16_t queue, const struct neighbour_message *question)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(client->device.pool);
	uint32_t bytes;

	if (!m)
		return;
	bytes = neighbour_answer(rte_pktmbuf_mtod(m, uint8_t *), client->device.mac,
		&client->options->from, question);
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
	if (rte_eth_tx_burst(client->device.id, queue, &m, 1) != 1)
		rte_pktmbuf_free(m);
}

bool client_take_neighbour(
	struct client *client, uint16_t queue, const uint8_t *frame, uint32_t size)
{
	const struct neighbour_message message =
		neighbour_read(frame, size, &client->options->from, &client->options->to);

	if (message.kind == NEIGHBOUR_ASKS)
		client_answer(client, queue, &message);
	if (message.kind != NEIGHBOUR_IS_AT)
		return false;
	memcpy(client->peer.peer_mac, message.mac, 6);
	return true;
}

static bool client_poll_for_mac(struct client *client)
{
	bool found = false;

	for (uint16_t q = 0; q < client->device.rx_queues; q++) {
		struct rte_mbuf *burst[CLIENT_BURST];
		const uint16_t n = rte_eth_rx_burst(client->device.id, q, burst, CLIENT_BURST);

		for (uint16_t i = 0; i < n; i++)
			found |= client_take_neighbour(client, q % client->device.queues,
				rte_pktmbuf_mtod(burst[i], uint8_t *), burst[i]->data_len);
		rte_pktmbuf_free_bulk(burst, n);
	}
	device_between_bursts(&client->device);
	return found;
}

static int client_resolve_peer(struct client *client, struct error *err)
{
	const struct load_options *options = client->options;
	const uint64_t hz = rte_get_tsc_hz();
	const uint64_t end = rte_rdtsc() + hz / 1000 * options->link_timeout_ms;
	uint64_t next = 0, now;

	// A memif client offers its peer no receive buffers before it has polled once.
	client_poll_for_mac(client);
	if (options->has_peer_mac || options->echo) {
		memcpy(client->peer.peer_mac, options->peer_mac, 6);
		if (!options->has_peer_mac) // any will do: a reflector does not look at it
			client->peer.peer_mac[0] = 2;
		return 0;
	}
	while ((now = rte_rdtsc()) < end && !client->stop) {
		if (now >= next) {
			client_ask(client);
			next = now + hz / 10;
		}
		if (client_poll_for_mac(client))
			return 0;
	}
	if (client->stop)
		return error_set(err, -EINTR, "stopped before the peer's MAC was known");
	return error_set(err, -ETIMEDOUT,
		"nobody answered for the --to address within %u ms (--peer-mac skips asking)",
		options->link_timeout_ms);
}

static void client_make_templates(struct client *client)
{
	const struct load_options *options = client->options;
	const struct payload_shape *shape = &client->payloads.shape;
	const struct wire_header wire = { .magic = { WIRE_MAGIC_0, WIRE_MAGIC_1 },
		.version = WIRE_VERSION,
		.type = options->ping ? WIRE_TYPE_PING : WIRE_TYPE_SCORE,
		.model = (uint16_t)options->model,
		.model_version = (uint16_t)options->model_version,
		.columns = (uint16_t)shape->columns,
		.dtype = (uint8_t)options->dtype,
		.flags = client->key ? WIRE_FLAG_AUTHENTICATED : 0,
		.key_id = client->key ? client->key->id : 0,
		.budget_us = options->budget_us };

	memcpy(client->peer.our_mac, client->device.mac, 6);
	client->peer.from = options->from;
	client->peer.to = options->to;
	client->peer.port = (uint16_t)options->port;
	for (uint32_t q = 0; q < options->queues; q++) {
		client->peer.source_port = (uint16_t)(options->source_port + q);
		frame_template_init(&client->templates[q], &client->peer, &wire,
			(uint16_t)client->payloads.stride);
	}
}

int client_connect(struct client *client, struct error *err)
{
	const uint32_t frame = FRAME_HEADERS_MAX + client->payloads.stride + DATAGRAM_TRAILER_BYTES;
	int rc = device_open(&client->device, client->options, frame, &client->stop, err);

	if (rc != 0)
		return rc;
	client->ns_per_cycle_q32 = (uint64_t)(1e9 * 0x1p32 / (double)rte_get_tsc_hz());
	client->stall_cycles = rte_get_tsc_hz() / 1000000 * CLIENT_STALL_US;
	client->timeout_cycles = rte_get_tsc_hz() / 1000 * client->options->timeout_ms;
	rc = client_resolve_peer(client, err);
	if (rc == 0)
		client_make_templates(client);
	return rc;
}

void client_fini(struct client *client)
{
	if (client->device.pool) {
		for (uint32_t q = 0; q < CLIENT_QUEUES_MAX; q++)
			rte_pktmbuf_free_bulk(client->pending[q], client->n_pending[q]);
		device_close(&client->device);
	}
	request_table_fini(&client->table);
	verifier_fini(&client->verifier);
	payloads_fini(&client->payloads);
	keys_free(client->keys);
}

void client_measure(struct client *client)
{
	memset(&client->counters, 0, sizeof(client->counters));
	histogram_reset(&client->rtt_ns);
	histogram_reset(&client->server_ns);
	histogram_reset(&client->send_delay_ns);
	client->next_payload = 0;
	client->measuring = true;
	client->begin_cycles = rte_rdtsc();
	client->polled_cycles = client->begin_cycles;
}
