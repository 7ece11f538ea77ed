// SPDX-License-Identifier: BSD-3-Clause
// What the memif server has to say, for the log. Its thread tells, the control thread asks; whoever
// makes much happen gets a few lines at once and then one in a second.
#pragma once

#include "dataplane/limit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMIF_NEWS_MAX   64
#define MEMIF_NEWS_BYTES 320

struct memif_news {
	pthread_mutex_t lock;
	char text[MEMIF_NEWS_MAX][MEMIF_NEWS_BYTES];
	uint32_t first, n;
};

// Of one socket; MEMIF_NEWS_METER at first. The teller's own.
struct memif_news_meter {
	struct limit lines;
	uint32_t n_silent; // things that happened since the last line
};
#define MEMIF_NEWS_METER ((struct memif_news_meter){ .lines = LIMIT_LINES(8) })

void memif_news_init(struct memif_news *news);
void memif_news_fini(struct memif_news *news);

__attribute__((format(printf, 3, 4))) void memif_news_tell(
	struct memif_news *news, struct memif_news_meter *meter, const char *format, ...);
// The oldest that was told and not yet asked for. False where there is none.
bool memif_news_next(struct memif_news *news, char *text, size_t size);

uint64_t memif_now_ms(void); // as clock_monotonic_ns()
