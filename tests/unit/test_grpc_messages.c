// SPDX-License-Identifier: BSD-3-Clause
// gRPC's bytes: messages cut anywhere, headers' texts, and ModelInferRequest as tritonclient, KServe and grpcurl
// write it. The messages are written by hand here, byte by byte as the clients' libraries do.
#include "ctl/server/grpc/frames.h"
#include "ctl/server/grpc/infer_answer.h"
#include "ctl/server/grpc/proto_write.h"
#include "ctl/server/grpc/services.h"
#include "ctl/server/grpc/status.h"
#include "ctl/server/http/stream.h"
#include "ctl/server/scoring/tensor_rows.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

static const char *const FEATURES[] = { "duration", "proto" };
static const char *const LABELS[] = { "benign", "attack" };
static const char *const OUTPUTS[] = { "p[benign]", "p[attack]" };
static const char *const PROTOS[] = { "tcp", "udp" };
static const uint32_t ORDER[] = { 0, 1 };
static const struct model_texts TEXTS = {
	.feature = 1, .n_texts = 2, .texts = PROTOS, .order = ORDER
};
static const struct model_info INFO = { .name = "lab",
	.n_features = 2,
	.n_outputs = 2,
	.feature_names = FEATURES,
	.output_names = OUTPUTS,
	.class_labels = LABELS,
	.n_class_labels = 2,
	.texts = &TEXTS,
	.n_texts = 1 };
static const float ROWS[] = { 1, 2, 3, 4 };

static struct error err;
static float *rows;
static uint32_t n_rows;

// --- Messages in a stream ------------------------------------------------------------------------

static void frames_are_whole_wherever_they_are_cut(void **state)
{
	static const char STREAM[] = "\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\1x";

	for (size_t cut = 0; cut < sizeof(STREAM) - 1; cut++) {
		const struct bound_share share = { 0 };
		struct frames frames;
		char got[16] = "";
		size_t n = 0;

		frames_init(&frames, 16, &share);
		for (size_t part = 0; part < 2; part++) {
			const char *at = part ? STREAM + cut : STREAM;
			size_t size = part ? sizeof(STREAM) - 1 - cut : cut;

			while (size > 0) {
				if (frames_take(&frames, &at, &size, &err) != 1)
					break;
				memcpy(got + n, frames.message, frames.size);
				n += frames.size;
				got[n++] = '|';
				frames_next(&frames);
			}
		}
		assert_string_equal(got, "abc||x|");
		assert_false(frames_is_amid(&frames));
		frames_fini(&frames);
	}
}

static int take(const char *stream, size_t size)
{
	const struct bound_share share = { 0 };
	struct frames frames;
	int rc;

	frames_init(&frames, 4 << 20, &share);
	rc = frames_take(&frames, &stream, &size, &err);
	frames_fini(&frames);
	return rc;
}

static void frames_refuse_by_the_prefix(void **state)
{
	assert_int_equal(take("\0\0\x40\0\0", 5), 0); // 4 MiB
	assert_int_equal(take("\0\0\x40\0\1", 5), -EMSGSIZE);
	assert_string_equal(err.text,
		"a message of 4194305 bytes; at most 4194304 are taken (control.message_bytes)");
	assert_int_equal(take("\1\0\0\0\1", 5), -ENOTSUP);
	assert_string_equal(
		err.text, "the message is compressed; it is taken only as it is (identity)");
	assert_int_equal(take("\2\0\0\0\1", 5), -EINVAL);
}

static void frames_hold_what_came_of_the_bound(void **state)
{
	struct bound bound = { .max = 1 << 20 };
	const struct bound_share share = { .bound = &bound };
	static const char HEAD[5] = { 0, 0, 8, 0, 0 };
	static char big[5 + (512 << 10)];
	const char *at = big;
	size_t size = 5 + (256 << 10);
	struct frames frames;

	memcpy(big, HEAD, sizeof(HEAD));
	frames_init(&frames, 4 << 20, &share);
	assert_int_equal(frames_take(&frames, &at, &size, &err), 0);
	assert_int_equal(bound.held, (256 << 10) - BOUND_FREE_BYTES);
	frames_fini(&frames);
	assert_int_equal(bound.held, 0);
	bound.held = bound.max;
	at = big;
	size = 5;
	frames_init(&frames, 4 << 20, &share);
	assert_int_equal(frames_take(&frames, &at, &size, &err), -EBUSY);
	frames_fini(&frames);
}

// --- Headers -------------------------------------------------------------------------------------

static void timeout_is_digits_and_a_unit(void **state)
{
	static const char *const NONE[] = { "", "5", "m", "123456789m", "-1S", "1.5S", "1 S", "1s",
		"1Sx", "+1S" };
	uint64_t us;

	assert_true(grpc_timeout_parse("2H", &us));
	assert_true(us == 7200000000u);
	assert_true(grpc_timeout_parse("3M", &us));
	assert_true(us == 180000000);
	assert_true(grpc_timeout_parse("99999999S", &us));
	assert_true(us == 99999999000000u);
	assert_true(grpc_timeout_parse("250m", &us));
	assert_true(us == 250000);
	assert_true(grpc_timeout_parse("7u", &us));
	assert_true(us == 7);
	assert_true(grpc_timeout_parse("1001n", &us));
	assert_true(us == 2);
	for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
		assert_false(grpc_timeout_parse(NONE[i], &us));
}

static void message_is_printable_ascii(void **state)
{
	char message[GRPC_MESSAGE_BYTES], longest[4096];

	grpc_message_encode("100 % \"of\"\n\xc3\xa4", message);
	assert_string_equal(message, "100 %25 \"of\"%0A%C3%A4");
	memset(longest, '\n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	grpc_message_encode(longest, message);
	assert_int_equal(strlen(message) % 3, 0);
}

static void content_type_is_protobuf(void **state)
{
	assert_true(stream_type_fits("application/grpc"));
	assert_true(stream_type_fits("application/grpc+proto"));
	assert_true(stream_type_fits("Application/gRPC;charset=utf-8"));
	assert_false(stream_type_fits("application/grpc+json"));
	assert_false(stream_type_fits("application/grpc-web"));
	assert_false(stream_type_fits("application/json"));
	assert_false(stream_type_fits(NULL));
}

// --- ModelInferRequest ---------------------------------------------------------------------------

static void add_message(struct bytes *to, uint32_t field, struct bytes *message)
{
	proto_write_head(to, field, message->size);
	bytes_add(to, message->at, message->size);
	bytes_fini(message);
}

static void add_text(struct bytes *to, uint32_t field, const char *text)
{
	proto_write_text(to, field, text, strlen(text));
}

// An entry of a map of InferParameter: kind 1 a bool, 2 an int64, 5 an uint64.
static void add_parameter(
	struct bytes *to, uint32_t field, const char *key, uint32_t kind, uint64_t value)
{
	struct bytes entry = { 0 }, choice = { 0 };

	proto_write_varint(&choice, kind << 3);
	proto_write_varint(&choice, value);
	add_text(&entry, 1, key);
	add_message(&entry, 2, &choice);
	add_message(to, field, &entry);
}

// An input; `contents` may be NULL.
static void add_input(struct bytes *to, const char *name, const char *type, uint64_t first,
	uint64_t second, struct bytes *contents)
{
	struct bytes input = { 0 };

	add_text(&input, 1, name);
	add_text(&input, 2, type);
	proto_write_head(&input, 3, proto_varint_bytes(first) + proto_varint_bytes(second));
	proto_write_varint(&input, first);
	proto_write_varint(&input, second);
	if (contents)
		add_message(&input, 5, contents);
	add_message(to, 5, &input);
}

// The rows of a message, or the refusal's sentence; the message is freed.
static struct infer_message infer;
static char *text;
static int ask(struct bytes *message)
{
	struct proto_text proto = { NULL, message->size };
	int rc;

	infer_message_fini(&infer);
	free(rows);
	free(text);
	rows = NULL;
	// The byte behind it is a zero, and none is beyond: ASan looks.
	text = malloc(message->size + 1);
	if (message->size > 0)
		memcpy(text, message->at, message->size);
	text[message->size] = '\0';
	proto.at = text;
	bytes_fini(message);
	err.text[0] = '\0';
	rc = infer_message_parse(proto, &infer, &err);
	if (rc == 0)
		rc = tensor_rows(&infer.request, &INFO, &rows, &n_rows, &err);
	return rc;
}

static void takes(struct bytes *message)
{
	assert_int_equal(ask(message), 0);
	assert_int_equal(n_rows, 2);
	assert_memory_equal(rows, ROWS, sizeof(ROWS));
}

static void refuses(struct bytes *message, const char *sentence)
{
	assert_int_equal(ask(message), -EINVAL);
	assert_string_equal(err.text, sentence);
}

static void infer_of_tritonclient_is_raw(void **state)
{
	struct bytes message = { 0 };

	add_text(&message, 1, "lab");
	add_text(&message, 3, "id 7");
	add_parameter(&message, 4, "priority", 5, 1);
	add_parameter(&message, 4, "timeout", 2, 250000);
	add_parameter(&message, 4, "sequence_start", 1, 1);
	add_input(&message, "rows", "FP32", 2, 2, NULL);
	proto_write_text(&message, 7, ROWS, sizeof(ROWS));
	takes(&message);
	assert_true(infer.request.urgent);
	assert_int_equal(infer.request.budget_us, 250000);
	assert_memory_equal(infer.request.id, "id 7", 4);
	assert_false(infer.typed);
}

static void infer_of_kserve_and_grpcurl_is_typed(void **state)
{
	struct bytes message = { 0 }, contents = { 0 };

	proto_write_text(&contents, 6, ROWS, sizeof(ROWS)); // packed
	add_input(&message, "rows", "FP32", 2, 2, &contents);
	add_parameter(&message, 4, "martlet_typed", 1, 1);
	takes(&message);
	assert_true(infer.typed);
	for (int i = 0; i < 4; i++) { // one by one
		bytes_add(&contents, "\x35", 1);
		bytes_add(&contents, &ROWS[i], 4);
	}
	add_input(&message, "rows", "FP32", 2, 2, &contents);
	takes(&message);
	proto_write_text(&contents, 6, ROWS, 8); // in two pieces
	proto_write_text(&contents, 6, ROWS + 2, 8);
	add_input(&message, "rows", "FP32", 2, 2, &contents);
	takes(&message);
}

static void infer_of_columns_and_texts(void **state)
{
	static const float DURATIONS[] = { 5, 6 };
	struct bytes message = { 0 }, contents = { 0 }, other = { 0 };

	proto_write_text(&contents, 6, DURATIONS, sizeof(DURATIONS));
	add_input(&message, "duration", "FP32", 2, 1, &contents);
	add_text(&other, 8, "udp");
	add_text(&other, 8, "tcp");
	add_input(&message, "proto", "BYTES", 2, 1, &other);
	assert_int_equal(ask(&message), 0);
	assert_true(rows[0] == 5 && rows[1] == 1 && rows[2] == 6 && rows[3] == 0);
}

static void infer_says_what_is_wrong(void **state)
{
	struct bytes message = { 0 }, contents = { 0 };

	proto_write_text(&contents, 6, ROWS, sizeof(ROWS));
	add_input(&message, "rows", "FP32", 2, 2, &contents);
	proto_write_text(&message, 7, ROWS, sizeof(ROWS));
	refuses(&message,
		"contents field must not be specified when using raw_input_contents for input "
		"'rows'");
	add_input(&message, "rows", "FP32", 2, 2, NULL);
	refuses(&message, "input 'rows' must have exactly one of contents and raw_input_contents");
	add_input(&message, "rows", "FP32", 2, 2, NULL);
	proto_write_text(&message, 7, ROWS, 12);
	refuses(&message,
		"unexpected size for input 'rows': 12 bytes, its shape and datatype say 16");
	add_input(&message, "rows", "FP32", 2, 2, NULL);
	proto_write_text(&message, 7, ROWS, 16);
	proto_write_text(&message, 7, ROWS, 16);
	refuses(&message, "expected 1 raw_input_contents, one for each input; there are 2");
	add_input(&message, "rows", "FP32", UINT64_MAX, 2, NULL);
	refuses(&message,
		"input 0 (from 0), 'rows': a request's shape says how much there is: -1 stands in "
		"a "
		"model's only");
	add_input(&message, "rows", "FP32", 1ull << 62, 8, NULL);
	refuses(&message,
		"input 'rows': the shape [4611686018427387904,8] is of more values than can be "
		"counted");
	proto_write_text(&contents, 6, ROWS, 12);
	add_input(&message, "rows", "FP32", 2, 2, &contents);
	refuses(&message, "input 'rows': 3 values where its shape [2,2] says 4");
	proto_write_text(&contents, 6, ROWS, 16);
	add_input(&message, "rows", "FP16", 2, 2, &contents);
	refuses(&message, "input 'rows': FP16 has no typed contents: use raw_input_contents");
	proto_write_text(&contents, 7, ROWS, 16);
	add_input(&message, "rows", "FP32", 2, 2, &contents);
	refuses(&message, "input 'rows': FP32 is sent as fp32_contents, not as fp64_contents");
	add_parameter(&message, 4, "timeout", 2, (uint64_t)-1);
	refuses(&message,
		"the parameter 'timeout' must be a whole number from 0, an int64_param or "
		"uint64_param");
	add_parameter(&message, 4, "priority", 1, 1);
	refuses(&message,
		"the parameter 'priority' must be a whole number from 0, an int64_param or "
		"uint64_param");
	add_text(&message, 1, "lab");
	refuses(&message,
		"there are no inputs: as in inputs { name: \"rows\" datatype: \"FP32\" shape: [1, "
		"...] } and raw_input_contents");
}

static void infer_refuses_what_is_no_protobuf(void **state)
{
	static const char *const NONE[] = { "\x2a\x7fxx", "\x0b", "\x0f", "\x08", "\x2a",
		"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\xff\xff\xff\xff\xff\x01", "\x02",
		"\x8a\x80\x80\x80\x80\x01x", "\x0a\x81\x80\x80\x80\x80\x01x" };

	for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++) {
		struct bytes message = { 0 };

		bytes_add_text(&message, NONE[i]);
		assert_int_equal(ask(&message), -EINVAL);
		assert_memory_equal(err.text, "the message is no ", 18);
	}
}

// An answer has the id in it, so that its client could not read it.
static void infer_refuses_texts_that_are_no_utf8(void **state)
{
	static const struct {
		uint32_t field;
		const char *text;
	} BAD[] = { { 1, "l\xff" }, { 2, "\xc3" }, { 3, "\xed\xa0\x80" } };
	struct infer_message_head head;
	struct bytes message = { 0 };

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		add_text(&message, BAD[i].field, BAD[i].text);
		assert_int_equal(infer_message_head((struct proto_text){ message.at, message.size },
					 &head, &err),
			-EINVAL);
		assert_string_equal(err.text,
			"the message is no ModelInferRequest of protobuf's: a text that is no "
			"UTF-8");
		bytes_fini(&message);
	}
	add_input(&message, "r\xc3", "FP32", 2, 2, NULL);
	refuses(&message,
		"input 0 (from 0), '': the message is no InferInputTensor of protobuf's: a "
		"text that is no UTF-8");
	add_parameter(&message, 4, "\x80", 1, 1);
	refuses(&message,
		"the message is no InferParameter of protobuf's: a text that is no UTF-8");
	add_text(&message, 3, "\xc3\xa4");
	add_input(&message, "rows", "FP32", 2, 2, NULL);
	proto_write_text(&message, 7, ROWS, sizeof(ROWS));
	takes(&message);
}

static void parameters_are_of_their_kinds(void **state)
{
	static const struct {
		const char *bytes;
		int rc;
	} VALUES[] = { { "\x08\1", 0 }, { "\x10\1", 0 }, { "\x1a\1x", 0 }, { "\x21zzzzzzzz", 0 },
		{ "\x28\1", 0 }, { "\x32\1x", 0 }, { "", 0 }, { "\x0a\1x", -EINVAL },
		{ "\x18\1", -EINVAL }, { "\x1a\1\xff", -EINVAL }, { "\x20\1", -EINVAL },
		{ "\x2dzzzz", -EINVAL } };

	for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
		struct bytes message = { 0 }, entry = { 0 };

		add_text(&entry, 1, "anything");
		add_text(&entry, 2, VALUES[i].bytes);
		add_message(&message, 4, &entry);
		add_input(&message, "rows", "FP32", 2, 2, NULL);
		proto_write_text(&message, 7, ROWS, sizeof(ROWS));
		assert_int_equal(ask(&message), VALUES[i].rc);
	}
}

static void name_with_a_zero_is_another(void **state)
{
	struct bytes message = { 0 }, input = { 0 };

	proto_write_text(&input, 1, "rows\0x", 6);
	add_text(&input, 2, "FP32");
	proto_write_text(&input, 3, "\2\2", 2);
	add_message(&message, 5, &input);
	proto_write_text(&message, 7, ROWS, sizeof(ROWS));
	assert_int_equal(ask(&message), -EINVAL);
	assert_memory_equal(err.text, "unexpected inference input 'rows'", 33);
}

static void services_are_named_by_paths(void **state)
{
	static const char *const ARE[] = { "/inference.GRPCInferenceService/ModelInfer",
		"/inference.GRPCInferenceService/", "/grpc.health.v1.Health/Nothing",
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" };
	static const char *const ARE_NOT[] = { "/", "", "//", "/inference.GRPCInferenceService",
		"/inference.GRPCInferenceServic/ModelInfer", "/v2/models/lab/infer",
		"inference.GRPCInferenceService/ModelInfer" };

	for (size_t i = 0; i < sizeof(ARE) / sizeof(ARE[0]); i++)
		assert_true(services_have_path(ARE[i]));
	for (size_t i = 0; i < sizeof(ARE_NOT) / sizeof(ARE_NOT[0]); i++)
		assert_false(services_have_path(ARE_NOT[i]));
	assert_true(services_have("grpc.health.v1.Health", 21));
	assert_false(services_have("grpc.health.v1.Health", 20));
	assert_false(services_have("", 0));
}

static void answer_is_raw_or_typed(void **state)
{
	static const float SCORES[] = { 0.25f, 0.75f };
	static const char RAW[] =
		"\0\0\0\0\x46\x0a\3lab\x12\1"
		"7"
		"\x2a\x12\x0a\6scores\x12\4FP32\x1a\2\1\2"
		"\x2a\x12\x0a\5label\x12\5BYTES\x1a\2\1\1"
		"\x32\x08\0\0\x80\x3e\0\0\x40\x3f\x32\x0a\6\0\0\0attack";
	struct infer_message asked = { .request = { .binary = true } };
	struct bytes answer = { 0 };
	struct tensor_outputs outputs;

	assert_int_equal(tensor_outputs(&asked.request, &INFO, SCORES, 1, &outputs, &err), 0);
	assert_int_equal(infer_answer_write(&outputs, &asked, "lab", 7, &answer, &err), 0);
	assert_int_equal(answer.size, sizeof(RAW) - 1);
	assert_memory_equal(answer.at, RAW, sizeof(RAW) - 1);
	bytes_fini(&answer);
	asked.typed = true;
	assert_int_equal(infer_answer_write(&outputs, &asked, "lab", 7, &answer, &err), 0);
	assert_non_null(
		memmem(answer.at, answer.size, "\x2a\x0a\x32\x08\0\0\x80\x3e\0\0\x40\x3f", 12));
	assert_non_null(memmem(answer.at, answer.size, "\x2a\x08\x42\6attack", 10));
	bytes_fini(&answer);
	tensor_outputs_fini(&outputs);
}

static int fini(void **state)
{
	infer_message_fini(&infer);
	free(rows);
	free(text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_whole_wherever_they_are_cut),
		cmocka_unit_test(frames_refuse_by_the_prefix),
		cmocka_unit_test(frames_hold_what_came_of_the_bound),
		cmocka_unit_test(timeout_is_digits_and_a_unit),
		cmocka_unit_test(message_is_printable_ascii),
		cmocka_unit_test(content_type_is_protobuf),
		cmocka_unit_test(infer_of_tritonclient_is_raw),
		cmocka_unit_test(infer_of_kserve_and_grpcurl_is_typed),
		cmocka_unit_test(infer_of_columns_and_texts),
		cmocka_unit_test(infer_says_what_is_wrong),
		cmocka_unit_test(infer_refuses_what_is_no_protobuf),
		cmocka_unit_test(infer_refuses_texts_that_are_no_utf8),
		cmocka_unit_test(parameters_are_of_their_kinds),
		cmocka_unit_test(name_with_a_zero_is_another),
		cmocka_unit_test(services_are_named_by_paths),
		cmocka_unit_test(answer_is_raw_or_typed),
	};

	return cmocka_run_group_tests(tests, NULL, fini);
}
