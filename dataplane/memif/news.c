// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/news.h"

#include "dataplane/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t memif_now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

void memif_news_init(struct memif_news *news)
{
	*news = (struct memif_news){ 0 };
	pthread_mutex_init(&news->lock, NULL);
}

void memif_news_fini(struct memif_news *news)
{
	pthread_mutex_destroy(&news->lock);
}

void memif_news_tell(
	struct memif_news *news, struct memif_news_meter *meter, const char *format, ...)
{
	char text[MEMIF_NEWS_BYTES];
	va_list list;
	int at;

	if (!limit_admits(&meter->lines, clock_monotonic_ns())) {
		meter->n_silent++;
		return;
	}
	va_start(list, format);
	at = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (meter->n_silent && at > 0 && at < (int)sizeof(text))
		snprintf(text + at, sizeof(text) - (size_t)at,
			" (and %u such things before, not written down)", meter->n_silent);
	meter->n_silent = 0;
	pthread_mutex_lock(&news->lock);
	if (news->n < MEMIF_NEWS_MAX)
		memcpy(news->text[(news->first + news->n++) % MEMIF_NEWS_MAX], text, sizeof(text));
	pthread_mutex_unlock(&news->lock);
}

bool memif_news_next(struct memif_news *news, char *text, size_t size)
{
	bool any;

	pthread_mutex_lock(&news->lock);
	any = news->n > 0;
	if (any) {
		snprintf(text, size, "%s", news->text[news->first]);
		news->first = (news->first + 1) % MEMIF_NEWS_MAX;
		news->n--;
	}
	pthread_mutex_unlock(&news->lock);
	return any;
}
