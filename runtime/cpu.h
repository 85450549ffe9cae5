/* cpu - what this processor can do.
 *
 * Hosted (it asks the processor, and on ARM the operating system); the freestanding core never
 * includes it.  Kernel tables are filled from the answer once, before any thread starts. */
#ifndef OCTET_RUNTIME_CPU_H
#define OCTET_RUNTIME_CPU_H

enum rt_cpu_flag {
    RT_CPU_AVX2 = 1u << 0,       /* AVX2 and FMA */
    RT_CPU_AVX512 = 1u << 1,     /* AVX-512 F, BW, DQ, VL */
    RT_CPU_AVX512VNNI = 1u << 2, /* AVX-512 VNNI, and all of the above */
    RT_CPU_AVXVNNI = 1u << 3,    /* AVX-VNNI (256 bits), and AVX2 */
    RT_CPU_NEON = 1u << 4,       /* AArch64 Advanced SIMD */
    RT_CPU_NEONDOT = 1u << 5,    /* SDOT, UDOT */
};

/* The flags of this processor, as far as the operating system lets them be used; less those that
 * rt_cpu_limit took away. */
unsigned rt_cpu_flags(void);

/* From now on rt_cpu_flags() answers at most `mask` (0: plain C).  Call before the kernel tables
 * are filled; tests and `--isa` pretend with it to be on an older machine. */
void rt_cpu_limit(unsigned mask);

#endif
