// SPDX-License-Identifier: BSD-3-Clause
// The gates of recurrent layers against ONNX's equations in double, over random shapes, in buffers
// that end at a forbidden page.
#include "infer/graph/act.h"
#include "infer/kernels/recurrent/recurrent_gates.h"
#include "tests/kernels/harness.h"

#define ROWS_MAX 4
#define H_MAX    40

enum gates { GATES_RNN, GATES_LSTM, GATES_GRU, GATES_GRU_RESET, GATES_GRU_STATE };

static const uint32_t GATES_WIDE[] = { 1, 4, 3, 3, 3 }; // gates of a row

struct gates_case {
	enum gates kind;
	struct recurrent_gates gates;
	uint32_t m, wide;
	size_t from_x_ld, y_ld;
	struct guarded from_x, from_h, state, other, y;
};

// What one state becomes, with what else is written.
struct gates_wanted {
	double state, other, from_h;
};

static struct guarded floats(size_t count)
{
	struct guarded made = guarded_alloc(count * sizeof(float));

	random_fill(made.data, count, -1, 1);
	return made;
}

static double at(const struct guarded *floats, size_t i)
{
	return (double)((const float *)floats->data)[i];
}

static void gates_draw(struct gates_case *c, enum gates kind)
{
	static const enum activation KINDS[] = { ACTIVATION_SIGMOID, ACTIVATION_TANH,
		ACTIVATION_RELU, ACTIVATION_LEAKY_RELU, ACTIVATION_SOFTSIGN };
	uint32_t h;

	*c = (struct gates_case){ .kind = kind, .m = random_below(ROWS_MAX + 1) };
	h = c->gates.h = 1 + random_below(H_MAX);
	for (uint32_t i = 0; i < 3; i++)
		c->gates.f[i] =
			act_defaults(random_below(2) ? KINDS[random_below(5)] : KINDS[i != 0]);
	c->wide = GATES_WIDE[kind] * h;
	c->from_x_ld = c->wide + random_below(9);
	c->y_ld = h + random_below(9);
	c->from_x = floats(c->m ? (c->m - 1) * c->from_x_ld + c->wide : 0);
	c->from_h = floats((size_t)c->m * c->wide);
	c->state = floats((size_t)c->m * h);
	c->other = floats((size_t)c->m * h);
	c->y = floats(c->m ? (c->m - 1) * c->y_ld + h : 0);
}

static double sum_of(const struct gates_case *c, uint32_t row, uint32_t gate, uint32_t i)
{
	const size_t value = (size_t)gate * c->gates.h + i;

	return at(&c->from_x, row * c->from_x_ld + value) + at(&c->from_h, row * c->wide + value);
}

static struct gates_wanted gates_want(const struct gates_case *c, uint32_t row, uint32_t i)
{
	const struct act *f = c->gates.f;
	const uint32_t h = c->gates.h;
	const size_t own = (size_t)row * h + i;
	struct gates_wanted want = { at(&c->state, own), at(&c->other, own),
		at(&c->from_h, row * c->wide + i) };
	double z, r, last;

	switch (c->kind) {
	case GATES_RNN:
		want.state = activation_double(&f[0], sum_of(c, row, 0, i));
		break;
	case GATES_LSTM:
		want.other = activation_double(&f[0], sum_of(c, row, 2, i)) * want.other +
			activation_double(&f[0], sum_of(c, row, 0, i)) *
				activation_double(&f[1], sum_of(c, row, 3, i));
		want.state = activation_double(&f[0], sum_of(c, row, 1, i)) *
			activation_double(&f[2], want.other);
		break;
	case GATES_GRU:
		z = activation_double(&f[0], sum_of(c, row, 0, i));
		r = activation_double(&f[0], sum_of(c, row, 1, i));
		last = at(&c->from_x, row * c->from_x_ld + 2 * h + i) +
			r * at(&c->from_h, row * c->wide + 2 * h + i);
		want.state = (1 - z) * activation_double(&f[1], last) + z * want.state;
		break;
	case GATES_GRU_RESET:
		want.from_h = activation_double(&f[0], sum_of(c, row, 0, i));
		want.other = activation_double(&f[0], sum_of(c, row, 1, i)) * want.state;
		break;
	case GATES_GRU_STATE:
		z = want.from_h;
		want.state =
			(1 - z) * activation_double(&f[1], sum_of(c, row, 2, i)) + z * want.state;
		break;
	}
	return want;
}

static void gates_check(const char *name, recurrent_gates_fn *run, enum gates kind)
{
	struct gates_wanted want[ROWS_MAX * H_MAX];
	struct gates_case c;
	uint32_t h;
	bool has_y;

	gates_draw(&c, kind);
	h = c.gates.h;
	has_y = random_below(3) != 0;
	for (uint32_t i = 0; i < c.m * h; i++)
		want[i] = gates_want(&c, i / h, i % h);
	run(&c.gates, c.m,
		&(struct recurrent_rows){ c.from_x.data, c.from_x_ld, c.from_h.data, c.state.data,
			c.other.data, has_y ? c.y.data : NULL, c.y_ld });
	for (uint32_t i = 0; i < c.m * h; i++) {
		assert_near(at(&c.state, i), want[i].state, 2e-6, name, i);
		assert_near(at(&c.other, i), want[i].other, 2e-6, name, i);
		assert_near(at(&c.from_h, i / h * c.wide + i % h), want[i].from_h, 2e-6, name, i);
		if (has_y && kind != GATES_GRU_RESET)
			assert_near(at(&c.y, i / h * c.y_ld + i % h), want[i].state, 2e-6, name, i);
	}
	guarded_free(&c.from_x);
	guarded_free(&c.from_h);
	guarded_free(&c.state);
	guarded_free(&c.other);
	guarded_free(&c.y);
}

// One test a family: how its entries begin is the same.
#define GATES_TEST(family, kind)                                                                   \
	static void family##_agree(void **state)                                                   \
	{                                                                                          \
		const struct family##_kernel *kernel = *state;                                     \
                                                                                                   \
		skip_where_absent(state);                                                          \
		for (int i = 0; i < 200; i++)                                                      \
			gates_check(kernel->name, kernel->run, kind);                              \
	}
GATES_TEST(rnn_gates, GATES_RNN)
GATES_TEST(lstm_gates, GATES_LSTM)
GATES_TEST(gru_gates, GATES_GRU)
GATES_TEST(gru_reset, GATES_GRU_RESET)
GATES_TEST(gru_state, GATES_GRU_STATE)

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("rnn_gates", RNN_GATES, rnn_gates_agree);
	failures += KERNELS_RUN("lstm_gates", LSTM_GATES, lstm_gates_agree);
	failures += KERNELS_RUN("gru_gates", GRU_GATES, gru_gates_agree);
	failures += KERNELS_RUN("gru_reset", GRU_RESET, gru_reset_agree);
	return failures + KERNELS_RUN("gru_state", GRU_STATE, gru_state_agree);
}
