// SPDX-License-Identifier: BSD-3-Clause
// MaxPool of bytes, of either layout.
#include "infer/plan/steps/layout.h"
#include "infer/plan/steps/pool.h"

#include <inttypes.h>
#include <string.h>

struct bytes_step {
	struct pool_room room;
	size_t images, lines, unit; // lines of places of an image; bytes from place to place
	size_t taps;
	const uint32_t *at; // [taps] bytes from a window's begin
	uint8_t turn;       // makes order of signed bytes that of unsigned ones
};

typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1), may_alias));

// y[i] = max(y[i], x[i]) of `count` bytes.
static void take_larger(uint8_t *restrict y, const uint8_t *restrict x, size_t count, uint8_t turn)
{
	size_t i = 0;

	for (; i + 16 <= count; i += 16) {
		const bytes16 a = *(const bytes16 *)(y + i), b = *(const bytes16 *)(x + i);
		const bytes16 larger = (bytes16)((a ^ turn) > (b ^ turn));

		*(bytes16 *)(y + i) = (a & larger) | (b & ~larger);
	}
	for (; i < count; i++)
		y[i] = (y[i] ^ turn) > (x[i] ^ turn) ? y[i] : x[i];
}

// One line of places, whose first window begins at x.
static void pool_line(const struct bytes_step *p, const uint8_t *x, uint8_t *y)
{
	const struct window *w = &p->room.window;
	const size_t step = window_step(w, 2) * p->unit, places = (size_t)w->out[2];

	for (size_t i = 0; i < places; i++, x += step, y += p->unit) {
		memcpy(y, x, p->unit);
		for (size_t t = 1; t < p->taps; t++)
			take_larger(y, x + p->at[t], p->unit, p->turn);
	}
}

// One image, or one channel of it, as its windows lie in it.
static void pool_image(const struct bytes_step *p, const uint8_t *x, uint8_t *y)
{
	const struct window *w = &p->room.window;

	for (size_t l = 0; l < p->lines; l++, y += (size_t)w->out[2] * p->unit) {
		const size_t outer = l / (size_t)w->out[1], inner = l % (size_t)w->out[1];
		const size_t line =
			outer * window_step(w, 0) * (size_t)w->in[1] + inner * window_step(w, 1);

		pool_line(p, x + line * (size_t)w->in[2] * p->unit, y);
	}
}

static void run_pool_bytes(const struct step *step, const struct pass *pass)
{
	const struct bytes_step *p = step->params;
	const struct padding *padding = &p->room.padding;
	const size_t image = (size_t)padding->in[0] * padding->in[1] * padding->in[2] * p->unit;
	const uint8_t *x = buffer_at(pass, &step->x);
	uint8_t *y = buffer_at(pass, &step->y), *room = buffer_at(pass, &step->scratch);

	if (p->room.padded)
		memset(room, p->turn, padding_values(padding)); // the least byte
	for (size_t i = 0; i < pass->n * p->images; i++, x += image) {
		if (p->room.padded)
			padding_copy(padding, x, room);
		pool_image(p, p->room.padded ? room : x, y);
		y += (size_t)window_product(p->room.window.out) * p->unit;
	}
}

int build_pool_bytes(struct builder *builder, const struct pool_room *room)
{
	const struct window *window = &room->window;
	const struct tensor *x = builder_input(builder, 0);
	const bool last = layout_input_last(builder);
	struct step *step = builder->step;
	struct bytes_step p = { .room = *room,
		.images = (size_t)(last ? x->dims[0] : x->dims[0] * x->dims[1]),
		.lines = (size_t)(window->out[0] * window->out[1]),
		.unit = last ? (size_t)x->dims[1] : 1,
		.taps = (size_t)window_product(window->kernel),
		.turn = x->dtype == DTYPE_I8 ? 0x80 : 0 };

	p.at = pool_taps(builder, window, (uint32_t)p.unit);
	if (!p.at)
		return -ENOMEM;
	if (last) // what reads it takes it so, or pool_takes() had not said yes
		layout_output_last(builder);
	step->run = run_pool_bytes;
	step_set_kernel(step, "q8_max_pool__vector");
	return builder_finish(builder, &p, sizeof(p));
}
