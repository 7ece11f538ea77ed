// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/disk_plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool disk_plain_make(struct disk *disk, struct disk_call *call, int *result)
{
	long rc = -1;

	switch (call->kind) {
	case DISK_MAKE_FOLDER:
		rc = mkdirat(call->folder, call->path, call->mode);
		break;
	case DISK_OPEN:
		rc = openat(call->folder, call->path, call->flags, call->mode);
		break;
	case DISK_WRITE:
		rc = pwrite(call->fd, call->data, call->size, (off_t)call->offset);
		break;
	case DISK_SYNC:
		rc = fsync(call->fd);
		break;
	case DISK_RENAME:
		rc = renameat(call->folder, call->path, call->folder, call->new_path);
		break;
	case DISK_REMOVE:
		rc = unlinkat(call->folder, call->path, call->flags);
		break;
	}
	*result = rc < 0 ? -errno : (int)rc;
	return true;
}

static void disk_plain_settle(struct disk *disk)
{
}

static void disk_plain_destroy(struct disk *disk)
{
}

struct disk *disk_plain(void)
{
	static struct disk plain = { disk_plain_make, disk_plain_settle, disk_plain_destroy };

	return &plain;
}
