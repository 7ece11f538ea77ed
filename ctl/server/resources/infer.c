// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/infer.h"

#include "ctl/server/http/http.h"
#include "ctl/server/resources/deployed.h"
#include "ctl/server/scoring/csv_rows.h"
#include "ctl/server/scoring/predict.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/scoring/tensor_answer.h"
#include "ctl/server/scoring/tensor_json.h"
#include "ctl/server/scoring/tensor_rows.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define JSON_LENGTH_HEADER "Inference-Header-Content-Length"

struct infer_call {
	struct scoring_job job;
	struct http_request *request;
	char *body; // [size]
	size_t size, json_bytes;
	unsigned json_depth;
	enum csv_header header; // of a CSV
	struct tensor_request tensors;
	struct bytes answer;
	size_t answer_json_bytes; // 0: the answer is of one kind
	const char *answer_type;
	char note[CSV_NOTE_BYTES];
};

// --- On a worker ---------------------------------------------------------------------------------

static struct infer_call *infer_call_of(struct scoring_job *job)
{
	return (struct infer_call *)((char *)job - offsetof(struct infer_call, job));
}

static int infer_decode(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);
	const struct model_info *info = model_info(job->held.model);
	int rc = tensor_json_parse(call->body, call->size, call->json_bytes, call->json_depth, info,
		&call->tensors, &job->err);

	if (rc == 0)
		rc = tensor_outputs_check(&call->tensors, info, &job->err);
	if (rc == 0)
		rc = tensor_rows(&call->tensors, info, &job->rows, &job->n_rows, &job->err);
	job->budget_us = call->tensors.budget_us;
	if (call->tensors.id) {
		job->id = dataplane_hash_id(call->tensors.id, call->tensors.id_bytes);
		job->has_id = true;
	}
	return rc;
}

static int infer_encode(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);
	struct tensor_outputs outputs;
	int rc = tensor_outputs(&call->tensors, model_info(job->held.model), job->scores,
		job->n_rows, &outputs, &job->err);

	if (rc == 0)
		rc = tensor_outputs_write(&outputs, &call->tensors, job->held.name,
			job->held.version, &call->answer, &call->answer_json_bytes, &job->err);
	call->answer_type =
		call->answer_json_bytes ? "application/octet-stream" : "application/json";
	tensor_outputs_fini(&outputs);
	return rc;
}

static int infer_decode_csv(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);

	return csv_rows_parse(call->body, call->size, call->header, model_info(job->held.model),
		&job->rows, &job->n_rows, call->note, &job->err);
}

static int infer_encode_csv(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);

	call->answer_type = "text/csv";
	return csv_rows_write(
		model_info(job->held.model), job->scores, job->n_rows, &call->answer, &job->err);
}

static int infer_decode_predict(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);

	return predict_parse(call->body, call->size, call->json_depth, model_info(job->held.model),
		&job->rows, &job->n_rows, &job->err);
}

static int infer_encode_predict(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);

	call->answer_type = "application/json";
	return predict_write(
		model_info(job->held.model), job->scores, job->n_rows, &call->answer, &job->err);
}

// --- The answer ----------------------------------------------------------------------------------

int infer_status(int code)
{
	switch (code) {
	case -EBUSY:
		return 429;
	case -ETIME:
		return 504;
	case -E2BIG:
		return 413;
	case -ECANCELED:
		return 503;
	case -ENOMEM:
	case -ERANGE:
		return 500;
	default:
		return 400;
	}
}

static void infer_free_answer(const void *data, size_t size, void *unused)
{
	free((void *)(uintptr_t)data);
}

static void infer_send(struct infer_call *call)
{
	struct evbuffer *body = evbuffer_new();
	char length[24];

	if (!body ||
		evbuffer_add_reference(
			body, call->answer.at, call->answer.size, infer_free_answer, NULL) != 0) {
		if (body)
			evbuffer_free(body);
		http_fail(call->request, 500, "no memory for the answer");
		return;
	}
	call->answer.at = NULL; // the buffer frees it
	if (call->answer_json_bytes) {
		snprintf(length, sizeof(length), "%zu", call->answer_json_bytes);
		http_add_header(call->request, JSON_LENGTH_HEADER, length);
	}
	if (call->note[0])
		http_add_header(call->request, "Martlet-Note", call->note);
	http_send(call->request, 200, call->answer_type, body);
}

static void infer_done(struct scoring_job *job)
{
	struct infer_call *call = infer_call_of(job);

	if (job->err.code == -EBUSY)
		http_add_header(call->request, "Retry-After", "1");
	if (job->err.code == 0)
		infer_send(call);
	else
		http_fail(call->request, infer_status(job->err.code), "%s", job->err.text);
	tensor_request_fini(&call->tensors);
	bytes_fini(&call->answer);
	free(call->body);
	free(call);
}

static const struct scoring_protocol INFER = { infer_decode, infer_encode, infer_done };
static const struct scoring_protocol CSV = { infer_decode_csv, infer_encode_csv, infer_done };
static const struct scoring_protocol PREDICT = { infer_decode_predict, infer_encode_predict,
	infer_done };

// --- The request ---------------------------------------------------------------------------------

static bool infer_header_is(const char *header, const char *word)
{
	const size_t n = strlen(word);

	return header && strncasecmp(header, word, n) == 0 && strchr("; \t", header[n]);
}

// RFC 4180 has "text/csv; header=present", or absent.
static enum csv_header infer_csv_header(const char *type)
{
	const char *parameters = strchr(type, ';');

	if (parameters && strcasestr(parameters, "header=absent"))
		return CSV_HEADER_ABSENT;
	return parameters && strcasestr(parameters, "header=present") ? CSV_HEADER_PRESENT
								      : CSV_HEADER_TOLD_BY_IT;
}

// How many bytes of the body are JSON. 0 or -EINVAL.
static int infer_json_bytes(struct infer_call *call, struct error *err)
{
	const char *header = http_header(call->request, JSON_LENGTH_HEADER);
	char *end;
	unsigned long long bytes;

	call->json_bytes = call->size;
	if (!header)
		return 0;
	errno = 0;
	bytes = strtoull(header, &end, 10);
	if (header[0] < '0' || header[0] > '9' || *end || errno != 0 || bytes > call->size)
		return error_set(err, -EINVAL,
			JSON_LENGTH_HEADER ": '%.40s' is no count of the body's %zu bytes", header,
			call->size);
	call->json_bytes = (size_t)bytes;
	return 0;
}

// What the header alone is refused for. False: the client was replied to.
static bool infer_takes(struct http_request *request)
{
	const char *encoding = http_header(request, "Content-Encoding");
	const size_t bytes = http_body_bytes(request);

	if (encoding && encoding[0] && strcasecmp(encoding, "identity") != 0) {
		http_fail(request, 415,
			"the body comes with Content-Encoding: %.40s; it is taken only as it is "
			"(identity)",
			encoding);
		return false;
	}
	if (bytes <= INFER_BODY_BYTES_MAX)
		return true;
	http_fail(request, 413, "a body of %zu bytes; at most %zu are scored at a time", bytes,
		INFER_BODY_BYTES_MAX);
	return false;
}

bool infer_accepts(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct deployment_hold held;

	if (!infer_takes(request) || !deployed_hold(server, request, params, &held))
		return false;
	dataplane_release(server->dataplane, &held);
	return true;
}

static void infer_start(struct server *server, struct http_request *request,
	const struct route_params *params, const struct scoring_protocol *protocol)
{
	const char *type = http_header(request, "Content-Type");
	struct infer_call *call;
	struct deployment_hold held;
	struct error err;

	if (!infer_takes(request) || !deployed_hold(server, request, params, &held))
		return;
	call = calloc(1, sizeof(*call));
	if (!call) {
		dataplane_release(server->dataplane, &held);
		http_fail(request, 500, "no memory for the request");
		return;
	}
	call->job.held = held;
	call->job.protocol = protocol;
	call->request = request;
	call->json_depth = server->config->control.json_depth;
	if (protocol == &CSV)
		call->header = infer_csv_header(type);
	call->body = http_take_body(request, &call->size);
	call->job.bytes = call->size;
	if (call->body && infer_json_bytes(call, &err) != 0)
		http_fail(request, 400, "%s", err.text);
	else if (call->body) {
		call->job.urgent =
			protocol == &INFER && tensor_json_is_urgent(call->body, call->json_bytes);
		scoring_submit(server->scoring, &call->job);
		return;
	}
	dataplane_release(server->dataplane, &held);
	free(call->body);
	free(call);
}

void infer_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const bool is_csv = infer_header_is(http_header(request, "Content-Type"), "text/csv") &&
		!http_header(request, JSON_LENGTH_HEADER);

	infer_start(server, request, params, is_csv ? &CSV : &INFER);
}

void predict_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	infer_start(server, request, params, &PREDICT);
}
