// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/store_spare.h"

#include "ctl/server/store/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void store_spare_init(struct store *store)
{
	for (int i = 0; i < STORE_SPARES; i++)
		store->spare[i] = -1;
}

void store_spare_fill(struct store *store)
{
	for (int i = 0; i < STORE_SPARES; i++)
		if (store->spare[i] < 0)
			store->spare[i] = fcntl(store->models, F_DUPFD_CLOEXEC, 0);
}

bool store_spare_give(struct store *store, int rc)
{
	if (rc != -EMFILE && rc != -ENFILE)
		return false;
	for (int i = 0; i < STORE_SPARES; i++) {
		if (store->spare[i] < 0)
			continue;
		close(store->spare[i]);
		store->spare[i] = -1;
		return true;
	}
	return false;
}

void store_spare_fini(struct store *store)
{
	for (int i = 0; i < STORE_SPARES; i++)
		if (store->spare[i] >= 0)
			close(store->spare[i]);
}
