// SPDX-License-Identifier: BSD-3-Clause
#include "base/secret.h"

#include "base/align.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t secret_pages(size_t bytes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return align_up(bytes ? bytes : 1, page);
}

// The system call itself: AddressSanitizer makes nothing of mlock(), and tests ask what is locked.
static long secret_lock(void *block, size_t size)
{
	return syscall(SYS_mlock, block, size);
}

void *secret_alloc(size_t bytes, enum secrecy secrecy)
{
	const size_t size = bytes <= SIZE_MAX / 2 ? secret_pages(bytes) : 0;
	void *block = size
		? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
		: MAP_FAILED;

	if (block == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	// Before anything is written to it.
	if (madvise(block, size, MADV_DONTDUMP) != 0 ||
		(secret_lock(block, size) != 0 && secrecy == SECRECY_LOCKED)) {
		munmap(block, size);
		errno = EPERM;
		return NULL;
	}
	return block;
}

void secret_free(void *block, size_t bytes)
{
	if (!block)
		return;
	explicit_bzero(block, bytes);
	munmap(block, secret_pages(bytes));
}
