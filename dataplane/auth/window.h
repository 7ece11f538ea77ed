// SPDX-License-Identifier: BSD-3-Clause
// Which counters of a key have been seen: of the newest 1024 each by itself, and all below them are refused, as
// in RFC 6479. Lcores share it without a lock. The ring's words each hold, beside a bit for each of eight
// counters, the number of the round that these belong to; a word only moves on to a later round. So one compare
// and swap of one word both finds a counter unseen and marks it: of two lcores with the same datagram one
// succeeds, whatever others do to the window meanwhile; and a counter whose word has moved on is refused.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WINDOW_COUNTERS 1024 // RFC 6479's window
#define WINDOW_WORDS    256
#define WINDOW_BITS                                                                                \
	8 // counters of a word; its round takes the other 56 bits, of which 53 are in use
// A word's next round is further ahead than any counter of the window is from the newest one.
_Static_assert(
	WINDOW_WORDS *WINDOW_BITS - WINDOW_BITS >= WINDOW_COUNTERS, "the ring is long enough");

struct window { // zeroed: nothing has been seen
	_Atomic(uint64_t) newest;
	_Atomic(uint64_t) words[WINDOW_WORDS];
};

// Marks the counter as seen. False: it was, or may have been. Only for one whose tag is right; window_raise() follows,
// which may be once for several, of the largest: until then nothing that was seen is taken for unseen, but the window
// has not moved.
static inline bool window_mark(struct window *window, uint64_t counter)
{
	const uint64_t round = counter / (WINDOW_BITS * WINDOW_WORDS);
	const uint64_t bit = 1ull << counter % WINDOW_BITS;
	_Atomic(uint64_t) *word = &window->words[counter / WINDOW_BITS % WINDOW_WORDS];
	uint64_t newest = atomic_load_explicit(&window->newest, memory_order_relaxed);
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed), new;

	if (newest >= WINDOW_COUNTERS && counter <= newest - WINDOW_COUNTERS)
		return false;
	do {
		const uint64_t old_round = old >> WINDOW_BITS;

		if (old_round > round || (old_round == round && old & bit))
			return false;
		new = old_round == round ? old | bit : round << WINDOW_BITS | bit;
	} while (!atomic_compare_exchange_weak_explicit(
		word, &old, new, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static inline void window_raise(struct window *window, uint64_t counter)
{
	uint64_t newest = atomic_load_explicit(&window->newest, memory_order_relaxed);

	while (newest < counter &&
		!atomic_compare_exchange_weak_explicit(&window->newest, &newest, counter,
			memory_order_relaxed, memory_order_relaxed))
		;
}

// The newest counter that was accepted; false: none was. While lcores mark and raise, that of a moment ago.
static inline bool window_newest(struct window *window, uint64_t *newest)
{
	*newest = atomic_load_explicit(&window->newest, memory_order_relaxed);
	// 0 is also what it begins with: then counter 0 has its bit, in round 0, or not.
	return *newest > 0 ||
		(atomic_load_explicit(&window->words[0], memory_order_relaxed) &
			~(uint64_t)((1 << WINDOW_BITS) - 2)) == 1;
}

// Every counter up to this one counts as seen, as after a restart that knows no more of them.
static inline void window_close(struct window *window, uint64_t newest)
{
	for (uint64_t i = 0; i < WINDOW_COUNTERS && i <= newest; i++)
		window_mark(window, newest - i);
	window_raise(window, newest);
}
