// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/admit.h"

#include "dataplane/auth/auth.h"
#include "infer/infer.h"

#include <stddef.h>

static inline const struct wire_header *admit_header(
	const struct rte_mbuf *m, const struct packet *p)
{
	return rte_pktmbuf_mtod_offset(m, const struct wire_header *, p->payload_offset);
}

static inline void admit_refuse(struct packet *p, enum wire_status status)
{
	p->kind = PACKET_RESULT;
	p->status = (uint8_t)status;
}

// What came without authentication while no model was in service has passed check.c: to it none is. The keys are looked
// up after the model's route: who sees a route sees what was demanded before it was there.
static inline enum wire_status admit_check_access(
	const struct packet *p, const struct auth *auth, uint64_t model)
{
	const struct auth_table *keys = auth ? auth_table(auth) : NULL; // NULL: tests

	if (unlikely(p->key))
		return auth_allows(keys, p->key, model) ? WIRE_STATUS_OK : WIRE_STATUS_FORBIDDEN;
	if (likely(!keys || !keys->demands))
		return WIRE_STATUS_OK;
	return auth_requires(keys, model) ? WIRE_STATUS_NO_MODEL : WIRE_STATUS_OK;
}

// The checks that depend on what is deployed right now. WIRE_STATUS_OK: it may be scored.
static enum wire_status admit_check_deployment(struct packet *p, const struct wire_header *header,
	const struct registry *registry, uint32_t lcore)
{
	const struct model_route *route = registry_route(registry, header->model);
	const struct deployment *deployment;
	enum wire_status status;
	uint64_t reply_bytes;

	if (unlikely(!route)) {
		p->stats = NULL;
		return registry_is_loading(registry, header->model) ? WIRE_STATUS_NOT_READY
								    : WIRE_STATUS_NO_MODEL;
	}
	// A route always has a live version: NOLINTNEXTLINE(clang-analyzer-*)
	status = admit_check_access(p, registry->auth, route->live->name_hash);
	if (unlikely(status != WIRE_STATUS_OK)) {
		p->stats = route->live->stats[lcore];
		return status;
	}
	deployment = route_choose(route, header);
	if (unlikely(!deployment)) {
		p->stats = route->live->stats[lcore];
		return WIRE_STATUS_NO_MODEL;
	}
	p->stats = deployment->stats[lcore];
	if (header->columns != deployment->n_features)
		return WIRE_STATUS_BAD_SHAPE;
	reply_bytes =
		WIRE_HEADER_BYTES + (uint64_t)header->rows * deployment->n_outputs * sizeof(float);
	if (reply_bytes > p->payload_bytes)
		return WIRE_STATUS_REPLY_TOO_LARGE;
	p->deployment = deployment;
	p->outputs = (uint16_t)deployment->n_outputs;
	p->version = deployment->version;
	return WIRE_STATUS_OK;
}

static enum wire_status admit_check_form(const struct packet *p, const struct wire_header *header)
{
	return wire_request_is_whole(header, row_dtype_bytes(header->dtype), p->payload_bytes)
		? WIRE_STATUS_OK
		: WIRE_STATUS_BAD_REQUEST;
}

void admit_packet(struct rte_mbuf *m, const struct registry *registry, uint32_t lcore,
	struct slot_stats *pings)
{
	struct packet *p = packet_of(m);
	const struct wire_header *header = admit_header(m, p);
	enum wire_status status;

	p->status = WIRE_STATUS_OK;
	p->stats = NULL;
	p->done = false;
	if (header->type == WIRE_TYPE_PING) {
		p->kind = PACKET_PONG;
		p->stats = pings;
		pings->requests++;
		return;
	}
	p->rows = header->rows;
	status = admit_check_form(p, header);
	if (status == WIRE_STATUS_OK &&
		unlikely(atomic_load_explicit(&registry->draining, memory_order_relaxed)))
		status = WIRE_STATUS_NOT_READY;
	if (status == WIRE_STATUS_OK)
		status = admit_check_deployment(p, header, registry, lcore);
	if (unlikely(status != WIRE_STATUS_OK))
		admit_refuse(p, status);
}

void admit_again(struct rte_mbuf *m, const struct registry *registry, uint32_t lcore)
{
	struct packet *p = packet_of(m);
	const enum wire_status status =
		admit_check_deployment(p, admit_header(m, p), registry, lcore);

	if (unlikely(status != WIRE_STATUS_OK))
		admit_refuse(p, status);
}

// Moves requests of high priority to the front; otherwise the order of arrival stays.
static void admit_order(struct rte_mbuf **mbufs, uint16_t n)
{
	struct rte_mbuf *rest[BURST_MAX];
	uint16_t n_high = 0, n_rest = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (packet_of(mbufs[i])->flags & WIRE_FLAG_PRIORITY)
			mbufs[n_high++] = mbufs[i];
		else
			rest[n_rest++] = mbufs[i];
	}
	memcpy(mbufs + n_high, rest, n_rest * sizeof(*rest));
}

// `pings` is NULL for requests that came through a ring, having been admitted once already.
static inline uint16_t admit_sort(struct rte_mbuf **mbufs, uint16_t n,
	const struct registry *registry, uint32_t lcore, struct slot_stats *pings,
	struct rte_mbuf **answers, uint16_t *n_answers)
{
	uint16_t n_scores = 0, n_rest = 0, n_high = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct packet *p = packet_of(mbufs[i]);

		if (pings)
			admit_packet(mbufs[i], registry, lcore, pings);
		else
			admit_again(mbufs[i], registry, lcore);
		if (p->kind == PACKET_SCORE) {
			n_high += (p->flags & WIRE_FLAG_PRIORITY) != 0;
			mbufs[n_scores++] = mbufs[i];
		} else {
			answers[n_rest++] = mbufs[i];
		}
	}
	*n_answers = n_rest;
	if (n_high && n_high < n_scores)
		admit_order(mbufs, n_scores);
	return n_scores;
}

uint16_t admit_burst(struct rte_mbuf **mbufs, uint16_t n, const struct registry *registry,
	uint32_t lcore, struct slot_stats *pings, struct rte_mbuf **answers, uint16_t *n_answers)
{
	return admit_sort(mbufs, n, registry, lcore, pings, answers, n_answers);
}

uint16_t admit_burst_again(struct rte_mbuf **mbufs, uint16_t n, const struct registry *registry,
	uint32_t lcore, struct rte_mbuf **answers, uint16_t *n_answers)
{
	return admit_sort(mbufs, n, registry, lcore, NULL, answers, n_answers);
}
