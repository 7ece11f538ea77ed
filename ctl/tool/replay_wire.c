// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/replay_wire.h"

#include "base/trust/datagram.h"
#include "ctl/tool/replay_pending.h"
#include "dataplane/flow/capture.h"
#include "dataplane/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct replay_reader {
	struct replay *replay;
	const struct model *models[REPLAY_SIDES]; // [REPLAY_LIVE] NULL: what was answered
	const struct model_info *info;            // of the other, whose shape both have
	const struct replay_wire_options *options;
	struct replay_wire_counts *counts;
	struct replay_pending *pending; // NULL: replies are not looked at
	// The piece that is being gathered.
	struct replay_place places[REPLAY_PIECE];
	float *rows[REPLAY_SIDES]; // [REPLAY_PIECE][n_features]
	float *answered;           // [REPLAY_PIECE][n_outputs]
	uint32_t n;
	uint64_t first;
};

// A datagram of the wire.
struct replay_datagram {
	const struct capture_packet *packet;
	struct wire_header header;
	const uint8_t *payload; // [bytes captured]
	uint32_t bytes, wire_bytes;
};

static void replay_flush(struct replay_reader *reader)
{
	const struct replay_piece piece = {
		.n = reader->n,
		.first = reader->first,
		.rows = { reader->rows[REPLAY_LIVE], reader->rows[REPLAY_OTHER] },
		.answered = reader->pending ? reader->answered : NULL,
		.places = reader->places,
	};

	if (reader->n > 0)
		replay_add(reader->replay, &piece);
	reader->first += reader->n;
	reader->n = 0;
}

// Whether the model takes the row, which was unpacked.
static bool replay_takes(const struct model *model, const float *row)
{
	const struct model_info *info = model_info(model);

	for (uint32_t f = 0; !info->accepts_missing && f < info->n_features; f++)
		if (!isfinite(row[f]))
			return false;
	return true;
}

// Adds one row of a request. False: neither version takes it.
static bool replay_add_row(struct replay_reader *reader, const struct wire_header *header,
	const uint8_t *values, const float *scores, uint64_t packet)
{
	const uint32_t columns = reader->info->n_features;
	uint32_t takers = 0, sides = 0;

	// i8 and u8 stand for what each version's image says.
	for (int s = 0; s < REPLAY_SIDES; s++) {
		float *row = reader->rows[s] + (size_t)reader->n * columns;

		if (!reader->models[s])
			continue;
		model_unpack_rows(reader->models[s], row, values, 1, header->dtype);
		sides++;
		takers += replay_takes(reader->models[s], row);
	}
	if (scores) { // it was answered, and so taken
		memcpy(reader->answered + (size_t)reader->n * reader->info->n_outputs, scores,
			reader->info->n_outputs * sizeof(float));
		sides++;
		takers++;
	}
	if (takers < sides) {
		reader->counts->one_sided += takers > 0;
		return takers > 0;
	}
	reader->places[reader->n] = (struct replay_place){ packet, header->request_id };
	if (++reader->n == REPLAY_PIECE)
		replay_flush(reader);
	return true;
}

static void replay_add_request(struct replay_reader *reader, const struct wire_header *header,
	const uint8_t *values, const uint8_t *scores, uint64_t packet)
{
	const size_t row_bytes = reader->info->n_features * row_dtype_bytes(header->dtype);
	const uint32_t n_outputs = reader->info->n_outputs;
	bool taken = false;

	for (uint32_t r = 0; r < header->rows; r++) {
		float answered[MODEL_OUTPUTS_MAX];

		if (scores)
			memcpy(answered, scores + (size_t)r * n_outputs * sizeof(float),
				n_outputs * sizeof(float));
		taken = replay_add_row(reader, header, values + r * row_bytes,
				scores ? answered : NULL, packet) ||
			taken;
	}
	reader->counts->requests += taken;
	reader->counts->not_finite += !taken;
}

// --- Requests and replies ------------------------------------------------------------------------

static struct replay_pending_key replay_key(const struct replay_datagram *datagram, bool is_reply)
{
	const struct flow_packet *packet = &datagram->packet->packet;

	return (struct replay_pending_key){
		.client = is_reply ? packet->destination : packet->source,
		.server = is_reply ? packet->source : packet->destination,
		.request_id = datagram->header.request_id,
		.model = datagram->header.model,
		.ip_version = packet->ip_version,
	};
}

// Counts and drops what an appliance would not score, in its order: docs/wire.md.
static bool replay_request_is_good(
	struct replay_reader *reader, const struct replay_datagram *datagram)
{
	const struct wire_header *header = &datagram->header;
	const size_t value = row_dtype_bytes(header->dtype);
	struct replay_wire_counts *counts = reader->counts;

	if (header->version != WIRE_VERSION || !wire_reserved_is_zero(header) ||
		!wire_request_is_whole(header, value, datagram->wire_bytes))
		counts->bad++;
	else if (counts->id && header->model != counts->id)
		counts->other_model++;
	else if (header->columns != reader->info->n_features)
		counts->bad_shape++;
	else if (WIRE_HEADER_BYTES +
			(uint64_t)header->rows * reader->info->n_outputs * sizeof(float) >
		datagram->wire_bytes)
		counts->too_large++;
	else if (!wire_request_is_whole(header, value, datagram->bytes))
		counts->cut_short++;
	else
		return true;
	return false;
}

static int replay_take_request(
	struct replay_reader *reader, const struct replay_datagram *datagram, struct error *err)
{
	const struct wire_header *header = &datagram->header;
	const struct replay_pending_key key = replay_key(datagram, false);

	if (!replay_request_is_good(reader, datagram))
		return 0;
	reader->counts->id = header->model;
	if (!reader->pending) {
		replay_add_request(reader, header, datagram->payload + WIRE_HEADER_BYTES, NULL,
			datagram->packet->number);
		return 0;
	}
	if (!replay_pending_put(reader->pending, &key, datagram->packet->number, datagram->payload,
		    WIRE_HEADER_BYTES +
			    (size_t)header->rows * header->columns *
				    row_dtype_bytes(header->dtype)))
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

static void replay_note_version(struct replay_wire_counts *counts, uint16_t version)
{
	const uint32_t most = sizeof(counts->answered_by) / sizeof(counts->answered_by[0]);

	for (uint32_t i = 0; i < counts->n_answered_by && i < most; i++)
		if (counts->answered_by[i] == version)
			return;
	if (counts->n_answered_by < most)
		counts->answered_by[counts->n_answered_by] = version;
	if (counts->n_answered_by <= most)
		counts->n_answered_by++;
}

static void replay_take_reply(struct replay_reader *reader, const struct replay_datagram *datagram)
{
	const struct wire_header *reply = &datagram->header;
	const struct replay_pending_key key = replay_key(datagram, true);
	const uint64_t scores = (uint64_t)reply->rows * reply->columns * sizeof(float);
	struct replay_wire_counts *counts = reader->counts;
	struct wire_header request;
	uint64_t packet;
	size_t size;
	uint8_t *bytes;

	counts->replies++;
	if (!reader->pending)
		return;
	bytes = replay_pending_take(reader->pending, &key, &packet, &size);
	if (!bytes)
		return;
	memcpy(&request, bytes, sizeof(request));
	if (reply->version != WIRE_VERSION) {
		counts->odd_answers++;
	} else if (reply->status != WIRE_STATUS_OK) {
		counts->not_answered++;
	} else if (reply->rows != request.rows || reply->columns != reader->info->n_outputs ||
		WIRE_HEADER_BYTES + scores > datagram->bytes) {
		counts->odd_answers++;
	} else if (reader->options->version && reply->model_version == reader->options->version) {
		counts->by_itself++;
	} else {
		replay_note_version(counts, reply->model_version);
		replay_add_request(reader, &request, bytes + WIRE_HEADER_BYTES,
			datagram->payload + WIRE_HEADER_BYTES, packet);
	}
	free(bytes);
}

// Of an authenticated datagram the trailer is no part of the values, and for the secret nobody is asked: who has
// the capture has what was asked and answered in it. One that is too short for a trailer is no request, and so bad.
static void replay_take_off_trailer(struct replay_datagram *datagram)
{
	if (!(datagram->header.flags & WIRE_FLAG_AUTHENTICATED))
		return;
	datagram->wire_bytes = datagram->wire_bytes < WIRE_HEADER_BYTES + DATAGRAM_TRAILER_BYTES
		? 0
		: datagram->wire_bytes - DATAGRAM_TRAILER_BYTES;
	if (datagram->bytes > datagram->wire_bytes)
		datagram->bytes = datagram->wire_bytes;
}

static int replay_take_packet(void *context, const struct capture_packet *packet, struct error *err)
{
	struct replay_reader *reader = context;
	const uint32_t at = packet->packet.transport_at + 8;
	struct replay_datagram datagram = { .packet = packet };

	// packet_parse() has seen that the UDP header is there. Fragments are not requests: docs/wire.md.
	if (packet->packet.protocol != PACKET_PROTOCOL_UDP || packet->packet.is_fragment ||
		packet->captured < at + 2 || packet->packet.payload_bytes < WIRE_HEADER_BYTES ||
		packet->bytes[at] != WIRE_MAGIC_0 || packet->bytes[at + 1] != WIRE_MAGIC_1) {
		reader->counts->not_wire++;
		return 0;
	}
	datagram.payload = packet->bytes + at;
	datagram.wire_bytes = packet->packet.payload_bytes;
	datagram.bytes = packet->captured - at < datagram.wire_bytes ? packet->captured - at
								     : datagram.wire_bytes;
	if (datagram.bytes < WIRE_HEADER_BYTES) {
		reader->counts->cut_short++;
		return 0;
	}
	memcpy(&datagram.header, datagram.payload, sizeof(datagram.header));
	replay_take_off_trailer(&datagram);
	switch (datagram.header.type) {
	case WIRE_TYPE_RESULT:
		replay_take_reply(reader, &datagram);
		return 0;
	case WIRE_TYPE_PING:
	case WIRE_TYPE_PONG:
		reader->counts->pings++;
		return 0;
	default:
		return replay_take_request(reader, &datagram, err);
	}
}

// --- All of it -----------------------------------------------------------------------------------

static int replay_reader_init(struct replay_reader *reader, struct error *err)
{
	const struct model_info *info = reader->info;
	int rc = 0;

	for (int s = 0; s < REPLAY_SIDES; s++)
		reader->rows[s] = malloc((size_t)REPLAY_PIECE * info->n_features * sizeof(float));
	reader->answered = malloc((size_t)REPLAY_PIECE * info->n_outputs * sizeof(float));
	if (!reader->rows[REPLAY_LIVE] || !reader->rows[REPLAY_OTHER] || !reader->answered)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0 && reader->options->answered)
		rc = replay_pending_create(reader->options->pending, &reader->pending, err);
	return rc;
}

int replay_wire(struct replay *replay, const struct model *live, const struct model *other,
	const struct replay_wire_options *options, FILE *file, const char *name,
	struct replay_wire_counts *counts, struct error *err)
{
	struct replay_reader *reader = calloc(1, sizeof(*reader));
	struct capture_stats stats = { 0 };
	const struct capture_taker taker = { replay_take_packet, reader };
	int rc;

	*counts = (struct replay_wire_counts){ .id = options->id };
	if (!reader) {
		if (file != stdin)
			fclose(file);
		return error_set(err, -ENOMEM, "out of memory");
	}
	reader->replay = replay;
	reader->models[REPLAY_LIVE] = live;
	reader->models[REPLAY_OTHER] = other;
	reader->info = model_info(other);
	reader->options = options;
	reader->counts = counts;
	rc = replay_reader_init(reader, err);
	if (rc == 0)
		rc = capture_each(file, name, options->partial, &taker, &stats, err);
	else if (file != stdin)
		fclose(file);
	if (rc == 0)
		replay_flush(reader);
	counts->packets = stats.packets;
	counts->not_wire += stats.packets - stats.verdicts[PACKET_OK];
	counts->cut = stats.cut;
	if (reader->pending)
		counts->unanswered = replay_pending_left(reader->pending) +
			replay_pending_forgotten(reader->pending);
	replay_pending_destroy(reader->pending);
	for (int s = 0; s < REPLAY_SIDES; s++)
		free(reader->rows[s]);
	free(reader->answered);
	free(reader);
	return rc;
}
