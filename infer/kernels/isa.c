// SPDX-License-Identifier: BSD-3-Clause
#include "infer/infer.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define XCR0_AVX    0x06u // xmm, ymm
#define XCR0_AVX512 0xe6u // and the masks, zmm0-15 high halves, zmm16-31
#define XCR0_TILES  0x60000u
#define TILE_DATA   18 // its number in XCR0

#ifndef ARCH_REQ_XCOMP_PERM
#define ARCH_REQ_XCOMP_PERM 0x1023 // Linux 5.16: Documentation/arch/x86/xstate.rst
#endif

// The registers that the Linux kernel saves on a context switch. Only where CPUID has its OSXSAVE
// bit.
static uint64_t isa_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

// A process must ask Linux for the use of tiles; that holds for all its threads.
static unsigned isa_detect_amx(uint32_t edx, uint64_t xcr0)
{
	const uint32_t tiles = 1u << 24;

	if (!(edx & tiles) || (xcr0 & XCR0_TILES) != XCR0_TILES ||
		syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) != 0)
		return 0;
	return (edx & 1u << 25 ? ISA_AMX_INT8 : 0u) | (edx & 1u << 22 ? ISA_AMX_BF16 : 0u);
}

static unsigned isa_detect_leaf7(uint32_t features, uint64_t xcr0)
{
	const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
	unsigned eax, ebx, ecx, edx, eax1 = 0, mask = 0;

	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		return 0;
	if (eax >= 1) {
		unsigned b, c, d;

		__get_cpuid_count(7, 1, &eax1, &b, &c, &d);
	}
	if (!(ebx & bit_AVX2) || !(ebx & bit_BMI2) || !(features & bit_FMA) ||
		!(features & bit_F16C))
		return 0;
	mask |= ISA_AVX2;
	if (eax1 & (1u << 4))
		mask |= ISA_AVXVNNI;
	if ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || (ebx & avx512) != avx512)
		return mask;
	mask |= ISA_AVX512;
	if (ecx & (1u << 1))
		mask |= ISA_VBMI;
	if (ecx & (1u << 11))
		mask |= ISA_VNNI;
	if (eax1 & (1u << 5))
		mask |= ISA_BF16;
	return mask | isa_detect_amx(edx, xcr0);
}

static unsigned isa_detect(void)
{
	unsigned eax, ebx, ecx, edx;
	uint64_t xcr0;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) || !(ecx & bit_AVX))
		return ISA_SCALAR;
	xcr0 = isa_xcr0();
	return (xcr0 & XCR0_AVX) == XCR0_AVX ? isa_detect_leaf7(ecx, xcr0) : ISA_SCALAR;
}
#elif defined(__aarch64__)
static unsigned isa_detect(void)
{
	return ISA_NEON; // part of the architecture
}
#else
static unsigned isa_detect(void)
{
	return ISA_SCALAR;
}
#endif

// CPUID traps to the hypervisor in a virtual machine: tens of microseconds, so only once.
unsigned isa_detected(void)
{
	static const unsigned KNOWN = 1u << 31;
	static _Atomic unsigned cached; // any thread, always the same value
	unsigned mask = atomic_load_explicit(&cached, memory_order_relaxed);

	if (!(mask & KNOWN)) {
		mask = isa_detect() | KNOWN;
		atomic_store_explicit(&cached, mask, memory_order_relaxed);
	}
	return mask & ~KNOWN;
}

// In ascending order; `mask` is that set and all below it.
static const struct {
	const char *name;
	unsigned mask;
	unsigned needs; // of a processor that is called by this name
} SETS[] = {
	{ "scalar", ISA_SCALAR, ISA_SCALAR },
#if defined(__aarch64__)
	{ "neon", ISA_NEON, ISA_NEON },
#else
	{ "avx2", ISA_AVX2 | ISA_AVXVNNI, ISA_AVX2 },
	{ "avx512", ISA_AVX2 | ISA_AVXVNNI | ISA_AVX512, ISA_AVX2 | ISA_AVX512 },
	{ "avx512vnni", ISA_AVX2 | ISA_AVXVNNI | ISA_AVX512 | ISA_VNNI | ISA_BF16 | ISA_VBMI,
		ISA_AVX2 | ISA_AVX512 | ISA_VNNI },
	{ "amx",
		ISA_AVX2 | ISA_AVXVNNI | ISA_AVX512 | ISA_VNNI | ISA_BF16 | ISA_VBMI |
			ISA_AMX_INT8 | ISA_AMX_BF16,
		ISA_AVX2 | ISA_AVX512 | ISA_AMX_INT8 },
#endif
};
#define N_SETS (sizeof(SETS) / sizeof(SETS[0]))

int isa_parse(const char *name, unsigned *mask, struct error *err)
{
	char known[80] = "";

	if (strcmp(name, "native") == 0) {
		*mask = isa_detected();
		return 0;
	}
	for (size_t i = 0; i < N_SETS; i++) {
		if (strcmp(name, SETS[i].name) == 0) {
			*mask = SETS[i].mask;
			return 0;
		}
		strcat(strcat(known, SETS[i].name), i + 1 < N_SETS ? ", " : " and native");
	}
	return error_set(
		err, -EINVAL, "unknown instruction set \"%.32s\"; known are %s", name, known);
}

const char *isa_name(unsigned mask)
{
	size_t i = N_SETS - 1;

	while (i > 0 && (SETS[i].needs & ~mask) != 0)
		i--;
	return SETS[i].name;
}
