// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/region.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define GUARDS_MAX 4096 // regions of all peers together

// What the handler of SIGBUS may look at. An entry is in use while its base is not 0; the thread
// that maps and unmaps writes it.
static struct {
	_Atomic(uintptr_t) base;
	_Atomic(uint64_t) bytes;
	memif_region_lost lost;
	void *context;
} guards[GUARDS_MAX];

static struct sigaction guard_before;

static bool region_replace(uintptr_t address)
{
	for (uint32_t i = 0; i < GUARDS_MAX; i++) {
		const uintptr_t base = atomic_load(&guards[i].base);
		const uint64_t bytes = atomic_load(&guards[i].bytes);

		// Read again, for another region may be taking the entry meanwhile.
		if (!base || address < base || address - base >= bytes ||
			atomic_load(&guards[i].base) != base)
			continue;
		if (syscall(SYS_mmap, base, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
			    0) != (long)base)
			return false;
		guards[i].lost(guards[i].context);
		return true;
	}
	return false;
}

static void region_on_sigbus(int number, siginfo_t *info, void *context)
{
	const int before = errno;

	// A signal that was sent, and not raised by an access, has no address, and does not come again
	// by itself as an access does: what was in our place gets it when we return.
	if (info->si_code <= 0 || !region_replace((uintptr_t)info->si_addr)) {
		sigaction(SIGBUS, &guard_before, NULL);
		if (info->si_code <= 0)
			raise(SIGBUS);
	}
	errno = before;
}

int memif_region_guard(struct error *err)
{
	struct sigaction action = { .sa_sigaction = region_on_sigbus, .sa_flags = SA_SIGINFO };
	struct sigaction now;

	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == region_on_sigbus)
		return 0;
	if (sigaction(SIGBUS, &action, &guard_before) != 0)
		return error_set(err, -errno, "no handler of SIGBUS: %s", strerror(errno));
	return 0;
}

static int region_check_file(struct memif_region *region, int fd, uint64_t bytes, struct error *err)
{
	struct statfs fs;
	struct stat st;
	uint64_t page_bytes;

	if (bytes == 0 || bytes > MEMIF_REGION_BYTES_MAX)
		return error_set(err, -EINVAL, "a region of %lu bytes; 1 to %llu are taken", bytes,
			MEMIF_REGION_BYTES_MAX);
	if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0)
		return error_set(err, -EINVAL, "a region's descriptor: %s", strerror(errno));
	region->is_huge = fs.f_type == HUGETLBFS_MAGIC;
	if (!S_ISREG(st.st_mode) || (fs.f_type != TMPFS_MAGIC && !region->is_huge))
		return error_set(err, -EINVAL, "a region that is not memory: share a memfd");
	// Before its size is read; a file that takes no seals is guarded by the handler alone.
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	if (fstat(fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size < bytes)
		return error_set(err, -EINVAL,
			"a region of %lu bytes is longer than its file of %ld", bytes,
			(long)st.st_size);
	page_bytes = region->is_huge ? (uint64_t)fs.f_bsize : (uint64_t)sysconf(_SC_PAGESIZE);
	region->bytes = bytes;
	region->mapped_bytes = (bytes + page_bytes - 1) / page_bytes * page_bytes;
	return 0;
}

static bool region_take_guard(struct memif_region *region, memif_region_lost lost, void *context)
{
	for (uint32_t i = 0; i < GUARDS_MAX; i++) {
		if (atomic_load(&guards[i].base))
			continue;
		region->guard = i;
		atomic_store(&guards[i].bytes, region->mapped_bytes);
		guards[i].lost = lost;
		guards[i].context = context;
		return true;
	}
	return false;
}

int memif_region_map(struct memif_region *region, int fd, uint64_t bytes, memif_region_lost lost,
	void *context, struct error *err)
{
	void *base;
	int rc = region_check_file(region, fd, bytes, err);

	if (rc != 0)
		return rc;
	if (!region_take_guard(region, lost, context))
		return error_set(
			err, -ENOMEM, "more than %d regions of all peers together", GUARDS_MAX);
	base = mmap(NULL, region->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return error_set(err, -EINVAL, "a region of %lu bytes cannot be mapped: %s", bytes,
			strerror(errno));
	region->base = base;
	atomic_store(&guards[region->guard].base, (uintptr_t)base);
	return 0;
}

void memif_region_unmap(struct memif_region *region)
{
	if (!region->base)
		return;
	atomic_store(&guards[region->guard].base, 0);
	// Not by munmap(), which waits for all lcores here (dataplane/unmap.h): that was done already.
	syscall(SYS_munmap, region->base, region->mapped_bytes);
	region->base = NULL;
}
