// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/infer_call.h"

#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/infer_answer.h"
#include "ctl/server/grpc/unary.h"
#include "ctl/server/resources/deployed.h"
#include "ctl/server/resources/infer.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/scoring/tensor_rows.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <stdlib.h>

struct infer_call {
	struct scoring_job job;
	struct http_request *request; // the call's, or nobody's any more
	struct proto_text message;    // ours
	struct bound_share share;     // holds it
	struct infer_message infer;
	struct bytes answer;
};

static struct infer_call *infer_call_of(struct scoring_job *job)
{
	return (struct infer_call *)((char *)job - offsetof(struct infer_call, job));
}

// --- On a worker ---------------------------------------------------------------------------------

static int infer_call_decode(struct scoring_job *job)
{
	struct infer_call *its = infer_call_of(job);
	const struct model_info *info = model_info(job->held.model);
	int rc = infer_message_parse(its->message, &its->infer, &job->err);

	if (rc == 0)
		rc = tensor_outputs_check(&its->infer.request, info, &job->err);
	if (rc == 0)
		rc = tensor_rows(&its->infer.request, info, &job->rows, &job->n_rows, &job->err);
	return rc;
}

static int infer_call_encode(struct scoring_job *job)
{
	struct infer_call *its = infer_call_of(job);
	struct tensor_outputs outputs;
	int rc = tensor_outputs(&its->infer.request, model_info(job->held.model), job->scores,
		job->n_rows, &outputs, &job->err);

	if (rc == 0)
		rc = infer_answer_write(&outputs, &its->infer, job->held.name, job->held.version,
			&its->answer, &job->err);
	tensor_outputs_fini(&outputs);
	return rc;
}

// --- On the control thread -----------------------------------------------------------------------

static void infer_call_free_answer(const void *data, size_t size, void *unused)
{
	free((void *)(uintptr_t)data);
}

static void infer_call_send(struct infer_call *its)
{
	struct evbuffer *body = evbuffer_new();

	if (!body ||
		evbuffer_add_reference(body, its->answer.at, its->answer.size,
			infer_call_free_answer, NULL) != 0) {
		if (body)
			evbuffer_free(body);
		http_fail(its->request, 500, "no memory for the answer");
		return;
	}
	its->answer.at = NULL; // the buffer frees it
	http_send(its->request, 200, "application/grpc", body);
}

static void infer_call_free(struct infer_call *its)
{
	infer_message_fini(&its->infer);
	bytes_fini(&its->answer);
	bound_share_set(&its->share, 0);
	free(its->message.at);
	free(its);
}

static void infer_call_done(struct scoring_job *job)
{
	struct infer_call *its = infer_call_of(job);

	if (job->err.code == 0)
		infer_call_send(its);
	else
		http_fail(its->request, infer_status(job->err.code), "%s", job->err.text);
	infer_call_free(its);
}

static const struct scoring_protocol INFER_CALL = { infer_call_decode, infer_call_encode,
	infer_call_done };

// The shorter one of what the request says and what the call has left; 0: none.
static uint32_t infer_call_budget(const struct call *call, uint32_t budget_us)
{
	const uint32_t left = tensor_budget(call_left_us(call));

	return left && (!budget_us || left < budget_us) ? left : budget_us;
}

void infer_call_message(struct call *call, struct proto_text message)
{
	struct server *server = call->server;
	struct infer_message_head head;
	struct route_params params;
	struct deployment_hold held;
	struct http_request *request;
	struct infer_call *its;
	struct error err;

	if (infer_message_head(message, &head, &err) != 0 ||
		unary_take_model(head.model, head.version, &params, &err) != 0) {
		call_end(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
		return;
	}
	request = call_request(call, unary_refuse, NULL);
	if (!request || !deployed_hold(server, request, &params, &held))
		return;
	its = calloc(1, sizeof(*its));
	if (!its) {
		dataplane_release(server->dataplane, &held);
		http_fail(request, 500, "no memory for the request");
		return;
	}
	its->job.held = held;
	its->job.protocol = &INFER_CALL;
	its->job.urgent = head.urgent;
	its->job.budget_us = infer_call_budget(call, head.budget_us);
	its->request = request;
	its->job.bytes = message.size;
	its->job.has_id = head.id.size > 0;
	if (its->job.has_id)
		its->job.id = dataplane_hash_id(head.id.at, head.id.size);
	its->message = call_take_message(call, &its->share);
	call->cancelled = &its->job.cancelled;
	scoring_submit(server->scoring, &its->job);
}
