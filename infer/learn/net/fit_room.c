// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit_room.h"

#include "base/align.h"

#include <stdlib.h>

static bool room_copies_input(const struct fit *fit, uint32_t layer)
{
	return (fit->net->layers[layer].weights && fit->options.hooks.enter) ||
		(layer > 0 && fit->net->layers[layer - 1].dropout > 0);
}

// The next `count` floats; `memory` NULL: only their number.
static float *room_take(float *memory, size_t *at, size_t count)
{
	float *taken = memory ? memory + *at : NULL;

	*at += align_up(count, 16);
	return taken;
}

// An affine only scales the gradient that it hands on, where it lies.
static void room_lay_out_delta(
	const struct fit *fit, uint32_t trained, uint32_t i, struct pass_room *room, size_t *at)
{
	const struct net *net = fit->net;

	if (i < fit->first_trained)
		return;
	if (i + 1 < net->n_layers && !net->layers[i + 1].weights)
		room->layers[i].delta = room->layers[i + 1].delta;
	else
		room->layers[i].delta =
			room_take(room->memory, at, (size_t)trained * net->layers[i].n_out);
}

static size_t room_lay_out(const struct fit *fit, uint32_t trained, uint32_t judged,
	uint32_t threads, struct pass_room *room)
{
	const struct net *net = fit->net;
	const size_t rows = trained > judged ? trained : judged;
	size_t at = 0;

	room->x = room_take(room->memory, &at, rows * net->n_in);
	for (uint32_t i = net->n_layers; i-- > 0;) {
		const struct net_layer *layer = &net->layers[i];
		const size_t in = rows * layer->n_in, out = rows * layer->n_out;
		struct pass_layer *l = &room->layers[i];

		l->y = room_take(room->memory, &at, out);
		l->z = loop_act_by_output(&layer->act) ? l->y : room_take(room->memory, &at, out);
		l->in = room_copies_input(fit, i) ? room_take(room->memory, &at, in) : NULL;
		l->mask = i > 0 && net->layers[i - 1].dropout > 0 ? room_take(room->memory, &at, in)
								  : NULL;
		room_lay_out_delta(fit, trained, i, room, &at);
	}
	room->scratch = room_take(room->memory, &at, threads * room->scratch_floats);
	return at;
}

int pass_room_init(const struct fit *fit, uint32_t trained, uint32_t judged, uint32_t threads,
	uint32_t at_once, struct pass_room *room, struct error *err)
{
	size_t floats;

	*room = (struct pass_room){ 0 };
	room->layers = calloc(fit->net->n_layers, sizeof(*room->layers));
	if (!room->layers)
		return error_set(
			err, -ENOMEM, "out of memory to train %u layers", fit->net->n_layers);
	for (uint32_t i = 0; i < fit->net->n_layers; i++) {
		const size_t scratch = net_layer_scratch(&fit->net->layers[i], at_once);

		if (scratch > room->scratch_floats)
			room->scratch_floats = align_up(scratch, 16);
	}
	floats = room_lay_out(fit, trained, judged, threads, room);
	room->memory = aligned_alloc(64, floats * sizeof(float));
	if (!room->memory) {
		pass_room_fini(room);
		return error_set(err, -ENOMEM, "out of memory to train %u rows at a time", trained);
	}
	room_lay_out(fit, trained, judged, threads, room);
	return 0;
}

void pass_room_fini(struct pass_room *room)
{
	free(room->memory);
	free(room->layers);
	*room = (struct pass_room){ 0 };
}

static float *room_rows(float *array, uint32_t first, uint32_t width)
{
	return array ? array + (size_t)first * width : NULL;
}

struct pass_layer pass_room_layer(const struct fit *fit, uint32_t i, uint32_t first)
{
	const struct net_layer *layer = &fit->net->layers[i];
	const struct pass_layer *all = &fit->room.layers[i];

	return (struct pass_layer){ .z = room_rows(all->z, first, layer->n_out),
		.y = room_rows(all->y, first, layer->n_out),
		.in = room_rows(all->in, first, layer->n_in),
		.mask = room_rows(all->mask, first, layer->n_in),
		.delta = room_rows(all->delta, first, layer->n_out) };
}

const float *pass_room_in(const struct fit *fit, uint32_t i, uint32_t first)
{
	const float *in = fit->room.layers[i].in;

	if (!in)
		in = i > 0 ? fit->room.layers[i - 1].y : fit->room.x;
	return in + (size_t)first * fit->net->layers[i].n_in;
}
