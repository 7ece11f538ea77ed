// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/score.h"

#include "dataplane/registry.h"
#include "infer/infer.h"

#include <rte_cycles.h>
#include <rte_memcpy.h>
#include <string.h>

// Requests gathered for one call of model_score(): their rows lie in scratch one after the other.
struct score_batch {
	const struct deployment *deployment;
	struct slot_stats *stats; // of it on this lcore
	uint8_t *scratch;
	struct lane *lane;
	uint32_t n_rows;
	uint16_t n;
	bool is_busy; // the burst was full: nothing is taken into the lane
	struct rte_mbuf *mbufs[BURST_MAX];
};

static inline float *score_batch_rows(const struct score_batch *batch)
{
	return (float *)batch->scratch;
}

static inline float *score_batch_outputs(const struct score_batch *batch)
{
	return (float *)(batch->scratch + batch->deployment->outputs_offset);
}

static inline uint8_t *score_payload(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, packet_of(m)->payload_offset);
}

static inline void score_decide(struct packet *p, enum wire_status status)
{
	p->kind = PACKET_RESULT;
	p->status = (uint8_t)status;
	p->done = true;
}

// Rows of [rows][columns] with a value that is NaN or infinite.
static uint32_t score_count_not_finite(const float *outputs, uint32_t rows, uint32_t columns)
{
	uint32_t count = 0;

	for (uint32_t row = 0; row < rows; row++, outputs += columns) {
		uint32_t largest = 0;

		for (uint32_t c = 0; c < columns; c++) {
			uint32_t bits;

			memcpy(&bits, &outputs[c], sizeof(bits));
			bits &= 0x7fffffff; // without the sign: what is not finite is the largest
			largest = bits > largest ? bits : largest;
		}
		count += largest >= 0x7f800000;
	}
	return count;
}

static void score_finish(
	struct rte_mbuf *m, const float *outputs, struct dataplane_counters *counters)
{
	struct packet *p = packet_of(m);
	const uint32_t not_finite = score_count_not_finite(outputs, p->rows, p->outputs);

	if (unlikely(not_finite > 0)) {
		p->stats->not_finite += not_finite;
		if (p->deployment->refuses_not_finite) {
			score_decide(p, WIRE_STATUS_NOT_FINITE);
			return;
		}
	}
	rte_memcpy(score_payload(m) + WIRE_HEADER_BYTES, outputs,
		(size_t)p->rows * p->outputs * sizeof(float));
	score_decide(p, WIRE_STATUS_OK);
	p->stats->requests++;
	p->stats->rows += p->rows;
	counters->rows_scored += p->rows;
}

static inline void score_model(const struct score_batch *batch, float *outputs, uint32_t n_rows)
{
	const struct deployment *deployment = batch->deployment;

	model_score(deployment->model, score_batch_rows(batch), outputs, n_rows,
		batch->scratch + deployment->model_offset, deployment->batch_rows);
}

// What was interrupted counts as four times as long as usual, and no more.
static __rte_noinline void score_model_timed(
	const struct score_batch *batch, float *outputs, uint32_t n_rows)
{
	const uint64_t begin = rte_rdtsc();
	const uint32_t usual = batch->stats->row_cycles;
	uint64_t took;

	score_model(batch, outputs, n_rows);
	took = (rte_rdtsc() - begin) / n_rows + 1;
	if (usual) {
		took = RTE_MIN(took, (uint64_t)usual * 4);
		took = ((uint64_t)usual * 7 + took) / 8;
	}
	batch->stats->row_cycles = (uint32_t)RTE_MIN(took, (uint64_t)UINT32_MAX);
}

static inline void score_rows(const struct score_batch *batch, float *outputs, uint32_t n_rows)
{
	if (unlikely(batch->stats->batches++ % SCORE_TIMED_EVERY == 0))
		score_model_timed(batch, outputs, n_rows);
	else
		score_model(batch, outputs, n_rows);
}

static void score_flush(struct score_batch *batch, struct dataplane_counters *counters)
{
	const float *outputs = score_batch_outputs(batch);

	if (!batch->n)
		return;
	score_rows(batch, score_batch_outputs(batch), batch->n_rows);
	for (uint16_t i = 0; i < batch->n; i++) {
		score_finish(batch->mbufs[i], outputs, counters);
		outputs += (size_t)packet_of(batch->mbufs[i])->rows * batch->deployment->n_outputs;
	}
	lane_offer(batch->lane, batch->deployment, score_batch_rows(batch),
		score_batch_outputs(batch), batch->n_rows, batch->is_busy);
	batch->n = 0;
	batch->n_rows = 0;
}

// Unpacks rows [first, first + n) of a request to `to`. False where one of them holds a value that
// the model does not accept.
static bool score_unpack(const struct deployment *deployment, struct rte_mbuf *m, uint32_t first,
	uint32_t n, float *to)
{
	const uint8_t *payload = score_payload(m);
	unsigned dtype = ((const struct wire_header *)payload)->dtype;
	size_t row_bytes = deployment->n_features * row_dtype_bytes(dtype);
	const uint8_t *from = payload + WIRE_HEADER_BYTES + first * row_bytes;

	return model_unpack_rows(deployment->model, to, from, n, dtype) ||
		deployment->accepts_missing;
}

// Scores a request of more rows than a batch holds. Its outputs stay in scratch until the last row
// is scored: in the mbuf they could overwrite rows that have not been read yet.
static void score_in_slices(
	const struct score_batch *batch, struct rte_mbuf *m, struct dataplane_counters *counters)
{
	const struct deployment *deployment = batch->deployment;
	struct packet *p = packet_of(m);
	float *outputs = score_batch_outputs(batch);
	uint32_t n = 0;

	for (uint32_t row = 0; row < p->rows; row += n) {
		n = RTE_MIN(deployment->batch_rows, p->rows - row);
		if (!score_unpack(deployment, m, row, n, score_batch_rows(batch))) {
			score_decide(p, WIRE_STATUS_NOT_FINITE);
			return;
		}
		score_rows(batch, outputs + (size_t)row * deployment->n_outputs, n);
	}
	score_finish(m, outputs, counters);
	// Those before the last slice are gone by now.
	lane_offer(batch->lane, deployment, score_batch_rows(batch),
		outputs + (size_t)(p->rows - n) * deployment->n_outputs, n, batch->is_busy);
}

static bool score_has_expired(const struct packet *p, uint32_t budget_us, const struct clock *clock)
{
	return budget_us && rte_rdtsc() - p->arrival_tsc > budget_us * clock->us_cycles;
}

static void score_add(struct score_batch *batch, struct rte_mbuf *m, const struct clock *clock,
	struct dataplane_counters *counters)
{
	const struct deployment *deployment = batch->deployment;
	const struct wire_header *header = (const struct wire_header *)score_payload(m);
	struct packet *p = packet_of(m);

	if (batch->n_rows + p->rows > deployment->batch_rows)
		score_flush(batch, counters);
	if (unlikely(score_has_expired(p, header->budget_us, clock))) {
		score_decide(p, WIRE_STATUS_EXPIRED);
		return;
	}
	if (unlikely(p->rows > deployment->batch_rows)) {
		score_in_slices(batch, m, counters);
		return;
	}
	if (!score_unpack(deployment, m, 0, p->rows,
		    score_batch_rows(batch) + (size_t)batch->n_rows * deployment->n_features)) {
		score_decide(p, WIRE_STATUS_NOT_FINITE);
		return;
	}
	batch->n_rows += p->rows;
	batch->mbufs[batch->n++] = m;
}

void score_burst(struct rte_mbuf **mbufs, uint16_t n, uint8_t *scratch, const struct clock *clock,
	struct dataplane_counters *counters, struct lane *lane)
{
	for (uint16_t first = 0; first < n; first++) {
		struct score_batch batch;

		if (packet_of(mbufs[first])->done)
			continue;
		batch.deployment = packet_of(mbufs[first])->deployment;
		batch.stats = packet_of(mbufs[first])->stats;
		batch.scratch = scratch;
		batch.lane = lane;
		batch.is_busy = n == BURST_MAX;
		batch.n_rows = 0;
		batch.n = 0;
		for (uint16_t i = first; i < n; i++) {
			struct packet *p = packet_of(mbufs[i]);

			if (!p->done && p->deployment == batch.deployment)
				score_add(&batch, mbufs[i], clock, counters);
		}
		score_flush(&batch, counters);
	}
}
