// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/doorbell.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int memif_doorbell_open(struct memif_doorbell *doorbell, struct error *err)
{
	*doorbell = (struct memif_doorbell){ .null = open("/dev/null", O_RDONLY | O_CLOEXEC) };
	if (doorbell->null >= 0 && syscall(SYS_io_setup, 1, &doorbell->context) == 0)
		return 0;
	error_set(err, -errno, "no asynchronous I/O to ring peers by: %s", strerror(errno));
	memif_doorbell_close(doorbell);
	return err->code;
}

void memif_doorbell_close(struct memif_doorbell *doorbell)
{
	if (doorbell->context)
		syscall(SYS_io_destroy, doorbell->context);
	if (doorbell->context || doorbell->null > 0)
		close(doorbell->null);
	*doorbell = (struct memif_doorbell){ .null = -1 };
}

bool memif_doorbell_ring(const struct memif_doorbell *doorbell, int eventfd)
{
	struct iocb nothing = { .aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)doorbell->null,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)eventfd };
	struct iocb *list = &nothing;
	struct io_event done;

	if (!doorbell->context || syscall(SYS_io_submit, doorbell->context, 1, &list) != 1)
		return false;
	// It is done already: a read of nothing from /dev/null ends at once.
	syscall(SYS_io_getevents, doorbell->context, 0, 1, &done, NULL);
	return true;
}
