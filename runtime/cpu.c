#include "runtime/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

static unsigned limit = ~0u;

#if defined(__x86_64__)
static unsigned read_xcr0(void)
{
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

static unsigned detect(void)
{
    enum { FMA = 1 << 12, OSXSAVE = 1 << 27, AVX = 1 << 28 };        /* leaf 1 ecx */
    enum { AVX2 = 1 << 5, F = 1 << 16, DQ = 1 << 17, BW = 1 << 30 }; /* leaf 7 ebx */
    const unsigned VL = 1u << 31;
    enum { VNNI512 = 1 << 11 };                  /* leaf 7 ecx */
    enum { VNNI256 = 1 << 4 };                   /* leaf 7.1 eax */
    enum { YMM_STATE = 0x06, ZMM_STATE = 0xE6 }; /* XCR0 */
    unsigned a, b, c, d, flags = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE) || !(c & AVX) || !(c & FMA))
        return 0;
    unsigned state = read_xcr0();
    if ((state & YMM_STATE) != YMM_STATE || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    if (!(b & AVX2))
        return 0;
    flags |= RT_CPU_AVX2;
    if ((state & ZMM_STATE) == ZMM_STATE && (b & F) && (b & DQ) && (b & BW) && (b & VL)) {
        flags |= RT_CPU_AVX512;
        if (c & VNNI512)
            flags |= RT_CPU_AVX512VNNI;
    }
    unsigned leaves = a;
    if (leaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & VNNI256))
        flags |= RT_CPU_AVXVNNI;
    return flags;
}
#elif defined(__aarch64__)
static unsigned detect(void)
{
    unsigned flags = RT_CPU_NEON; /* part of the base architecture */
#if defined(__linux__)
    enum { ASIMDDP = 1 << 20 };
    if (getauxval(AT_HWCAP) & ASIMDDP)
        flags |= RT_CPU_NEONDOT;
#endif
    return flags;
}
#else
static unsigned detect(void)
{
    return 0;
}
#endif

unsigned rt_cpu_flags(void)
{
    return detect() & limit;
}

void rt_cpu_limit(unsigned mask)
{
    limit = mask;
}
