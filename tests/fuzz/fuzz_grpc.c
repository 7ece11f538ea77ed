// SPDX-License-Identifier: BSD-3-Clause
// What a client of gRPC sends. The first byte chooses: a ModelInferRequest, by itself; a call of any method,
// whose bytes come in pieces; the texts of headers. A request that is taken means what protobuf-c reads of it,
// and its answer is a message of protobuf's; each call ends once, and leaves nothing behind.
#include "base/utf8.h"
#include "config/settings.h"
#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/infer_answer.h"
#include "ctl/server/grpc/methods.h"
#include "ctl/server/grpc/watch.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/stream.h"
#include "ctl/server/scoring/tensor_rows.h"
#include "ctl/server/server_state.h"
#include "dataplane/state.h"

#include "inference.pb-c.h"
#include "tests/fuzz/must.h"
#include "tests/fuzz/text_model.h"
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// --- A request -----------------------------------------------------------------------------------

static void must_be(const char *text, struct proto_text ours)
{
	must(memcmp(text, ours.size ? ours.at : "", ours.size) == 0 && text[ours.size] == '\0');
}

// Of a request that is taken, before its names get zeros behind them.
static void must_mean_the_same(const Inference__ModelInferRequest *theirs,
	const struct infer_message_head *head, const struct infer_message *infer)
{
	const struct tensor_request *request = &infer->request;

	must_be(theirs->model_name, head->model);
	must_be(theirs->model_version, head->version);
	must_be(theirs->id, head->id);
	must(theirs->n_inputs == request->n_inputs && theirs->n_outputs == request->n_wanted);
	for (uint32_t i = 0; i < request->n_inputs; i++) {
		const Inference__ModelInferRequest__InferInputTensor *tensor = theirs->inputs[i];
		const struct tensor_input *input = &request->inputs[i];

		must(strcmp(tensor->name, input->name) == 0);
		must(strcmp(tensor->datatype, tensor_type_name(input->type)) == 0);
		must(tensor->n_shape == input->n_dims);
		for (uint32_t d = 0; d < input->n_dims; d++)
			must((uint64_t)tensor->shape[d] == input->shape[d]);
		if (theirs->n_raw_input_contents > 0) {
			must(theirs->raw_input_contents[i].len == input->raw_bytes);
			must(input->raw_bytes == 0 ||
				memcmp(theirs->raw_input_contents[i].data, input->raw,
					input->raw_bytes) == 0);
		} else if (tensor->contents && input->type == TENSOR_FP32) {
			must(tensor->contents->n_fp32_contents * sizeof(float) == input->raw_bytes);
			must(input->raw_bytes == 0 ||
				memcmp(tensor->contents->fp32_contents, input->raw,
					input->raw_bytes) == 0);
		}
	}
}

static void must_answer(const struct infer_message *infer, const struct model_info *info,
	const float *scores, uint32_t n)
{
	Inference__ModelInferResponse *theirs;
	struct tensor_outputs outputs;
	struct bytes answer = { 0 };
	struct error err;

	must(tensor_outputs(&infer->request, info, scores, n, &outputs, &err) == 0);
	must(infer_answer_write(&outputs, infer, "lab", 7, &answer, &err) == 0);
	theirs = inference__model_infer_response__unpack(NULL, answer.size - FRAMES_PREFIX_BYTES,
		(const uint8_t *)answer.at + FRAMES_PREFIX_BYTES);
	must(theirs && theirs->n_outputs == outputs.n);
	must(strcmp(theirs->model_name, "lab") == 0 && strcmp(theirs->model_version, "7") == 0);
	must(theirs->n_raw_output_contents == (infer->typed ? 0 : outputs.n));
	// Clients refuse an answer with a text that is no UTF-8.
	for (const char *c = theirs->id; *c;) {
		const size_t bytes = utf8_character(c, strlen(c));

		must(bytes > 0);
		c += bytes;
	}
	inference__model_infer_response__free_unpacked(theirs, NULL);
	tensor_outputs_fini(&outputs);
	bytes_fini(&answer);
}

// A score for each output of the rows, from their own values.
static float *score(const struct model_info *info, const float *rows, uint32_t n)
{
	float *scores = malloc((size_t)n * info->n_outputs * sizeof(float) + 1);

	for (size_t i = 0; i < (size_t)n * info->n_outputs; i++)
		scores[i] = rows[i / info->n_outputs * info->n_features + i % info->n_outputs];
	return scores;
}

static void infer(const struct model_info *info, const uint8_t *data, size_t size)
{
	Inference__ModelInferRequest *theirs;
	const struct proto_text message = { malloc(size + 1), size };
	struct error err = { .text = "" };
	struct infer_message_head head;
	struct infer_message taken = { 0 };
	float *rows = NULL, *scores;
	uint32_t n;
	int rc;

	memcpy(message.at, data, size);
	message.at[size] = '\0';
	rc = infer_message_head(message, &head, &err);
	must(memcmp(message.at, data, size) == 0);
	if (rc == 0) {
		rc = infer_message_parse(message, &taken, &err);
		if (rc == 0)
			rc = tensor_outputs_check(&taken.request, info, &err);
		if (rc == 0)
			rc = tensor_rows(&taken.request, info, &rows, &n, &err);
	}
	must(rc == 0 || err.text[0]);
	if (rc == 0) {
		theirs = inference__model_infer_request__unpack(NULL, size, data);
		must(theirs != NULL);
		must_mean_the_same(theirs, &head, &taken);
		inference__model_infer_request__free_unpacked(theirs, NULL);
		scores = score(info, rows, n);
		must_answer(&taken, info, scores, n);
		free(scores);
	}
	free(rows);
	infer_message_fini(&taken);
	free(message.at);
}

// --- A call --------------------------------------------------------------------------------------

static struct {
	bool has_ended;
	size_t waiting;
} transport;

static void on_send(void *stream, struct evbuffer *message)
{
	const size_t bytes = evbuffer_get_length(message);
	char prefix[FRAMES_PREFIX_BYTES], wanted[FRAMES_PREFIX_BYTES];

	must(stream == &transport && !transport.has_ended);
	must(evbuffer_remove(message, prefix, sizeof(prefix)) == FRAMES_PREFIX_BYTES);
	frames_prefix(wanted, bytes - FRAMES_PREFIX_BYTES);
	must(memcmp(prefix, wanted, sizeof(wanted)) == 0);
	evbuffer_free(message);
}

static void on_end(void *stream, enum grpc_status status, const char *message)
{
	must(stream == &transport && !transport.has_ended && status <= GRPC_UNAUTHENTICATED);
	must(status == GRPC_OK || message[0]);
	for (const char *c = message; *c; c++)
		must(*c >= ' ' && *c <= '~');
	transport.has_ended = true;
}

static size_t on_waiting(void *stream)
{
	return transport.waiting;
}

// An appliance with nothing in service.
static struct server *server_of_nothing(void)
{
	static const struct gate_limits LIMITS = {
		.connections = 4, .address_connections = 4, .bodies_bytes = 1 << 20
	};
	static struct config config = { .control.message_bytes = 1 << 20 };
	static struct server server;
	static struct dataplane dp;
	struct error err;

	if (server.base)
		return &server;
	must(registry_create(1, 1 << 20, 1500, NULL, &dp.registry, &err) == 0);
	server.base = event_base_new();
	server.config = &config;
	server.dataplane = &dp;
	must(gate_create(server.base, &LIMITS, NULL, NULL, NULL, &server.gate, &err) == 0);
	must(models_get(&server.models, "lab") != NULL);
	return &server;
}

enum { CALL_TIMEOUT = 1, CALL_NOT_READ = 2, CALL_BROKEN_OFF = 4, CALL_STRANGER = 8 };

// The method, the size of the pieces, CALL_, the appliance's phase; a timeout and a zero; the stream.
static void call(const uint8_t *data, size_t size)
{
	static const char *const PATHS[] = { "/inference.GRPCInferenceService/ModelInfer",
		"/inference.GRPCInferenceService/ServerLive",
		"/inference.GRPCInferenceService/ServerReady",
		"/inference.GRPCInferenceService/ModelReady",
		"/inference.GRPCInferenceService/ServerMetadata",
		"/inference.GRPCInferenceService/ModelMetadata",
		"/inference.GRPCInferenceService/ModelConfig",
		"/inference.GRPCInferenceService/ModelStatistics",
		"/inference.GRPCInferenceService/RepositoryIndex",
		"/inference.GRPCInferenceService/RepositoryModelLoad",
		"/inference.GRPCInferenceService/RepositoryModelUnload",
		"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
		"/inference.GRPCInferenceService/Nothing" };
	static const struct call_transport TRANSPORT = { on_send, on_end, on_waiting };
	const char *path = PATHS[data[0] % (sizeof(PATHS) / sizeof(PATHS[0]))];
	const struct call_method *method = methods_find(path);
	const size_t step = data[1] ? data[1] : 4096;
	const unsigned how = data[2];
	// A change goes on to the disk, but while draining none is taken.
	const enum server_phase phase = (enum server_phase)(data[3] % 4);
	const struct call_peer peer = {
		.who = { .role = how & CALL_STRANGER ? ROLE_NONE : ROLE_OPERATOR, .uid = 7 },
		.serves = ROUTE_INFER | (phase >= SERVER_LEAVING ? ROUTE_MANAGE : 0),
		.text = "somebody"
	};
	struct server *server = server_of_nothing();
	struct bound bound = { .max = 1 << 20 };
	struct call_head head = { .path = path, .method = method, .share = { .bound = &bound } };
	char timeout[16] = "";
	struct call *one;

	data += 4;
	size -= 4;
	for (size_t i = 0; how & CALL_TIMEOUT && i < sizeof(timeout) - 1 && size > 0; i++) {
		size--;
		if ((timeout[i] = (char)*data++) == '\0')
			break;
	}
	head.timeout = how & CALL_TIMEOUT ? timeout : NULL;
	server->phase = phase;
	transport.has_ended = false;
	transport.waiting = how & CALL_NOT_READ ? (size_t)64 << 20 : 0;
	one = call_open(server, &TRANSPORT, &transport, &peer, &head);
	must(one && (method || transport.has_ended));
	for (size_t at = 0; at < size; at += step) {
		// The exact bytes, so that nothing behind them is read unseen.
		const size_t n = size - at < step ? size - at : step;
		char *piece = memcpy(malloc(n), data + at, n);

		call_take(one, piece, n);
		free(piece);
		watch_tick(server);
	}
	if (!(how & CALL_BROKEN_OFF)) {
		call_take_end(one);
		must(transport.has_ended || method->is_long);
		server->phase = SERVER_DRAINING;
		watch_tick(server);
	}
	call_close(one);
	must(bound.held == 0 && !server->watchers && !server->operations.first);
	event_base_loop(server->base, EVLOOP_NONBLOCK);
}

// --- Headers -------------------------------------------------------------------------------------

static void texts(const uint8_t *data, size_t size)
{
	char message[GRPC_MESSAGE_BYTES], *text = malloc(size + 1);
	uint64_t us;

	memcpy(text, data, size);
	text[size] = '\0';
	must(!grpc_timeout_parse(text, &us) ||
		(strlen(text) <= 9 && us <= 99999999ull * 3600000000ull));
	stream_type_fits(text);
	grpc_message_encode(text, message);
	for (const char *c = message; *c; c++)
		must(*c >= ' ' && *c <= '~');
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct model_info info =
		text_model(size > 0 ? data[0] >> 7 : 0, size > 0 && data[0] >> 6 & 1);

	if (size < 5)
		return 0;
	switch (data[0] % 4) {
	case 0:
	case 1:
		infer(&info, data + 1, size - 1);
		break;
	case 2:
		call(data + 1, size - 1);
		break;
	default:
		texts(data + 1, size - 1);
	}
	return 0;
}
