/* select - the fastest table that this processor runs; the only kernel file that asks the
 * processor. */
#include "runtime/cpu.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/portable.h"

#if defined(__x86_64__)
#include "runtime/kernels/x86.h"

const rt_kernels *rt_kernels_avx2(void)
{
    static const rt_kernels table = {
        .name = "avx2",
        .a_bytes = 2,
        .load = rt_load__avx2,
        .pack_bytes = rt_pack_bytes__avx2,
        .pack = rt_pack__avx2,
        .product = rt_product__avx2,
        .wino = rt_wino__avx2,
        .requant = rt_requant_s8__avx2,
        .dwconv = rt_dwconv_s8__avx2,
        .sum = rt_sum_s8__avx2,
        .max = rt_max_s8__avx2,
        .add = rt_add_s8__avx2,
    };
    return &table;
}

const rt_kernels *rt_kernels_avxvnni(void)
{
    static const rt_kernels table = {
        .name = "avxvnni",
        .unsigned_a = true,
        .a_bytes = 1,
        .load = rt_load__avxvnni,
        .pack_bytes = rt_pack_bytes__avxvnni,
        .pack = rt_pack__avxvnni,
        .product = rt_product__avxvnni,
        .requant = rt_requant_s8__avx2,
        .dwconv = rt_dwconv_s8__avx2,
        .sum = rt_sum_s8__avx2,
        .max = rt_max_s8__avx2,
        .add = rt_add_s8__avx2,
    };
    return &table;
}

const rt_kernels *rt_kernels_avx512vnni(void)
{
    static const rt_kernels table = {
        .name = "avx512vnni",
        .unsigned_a = true,
        .a_bytes = 1,
        .load = rt_load__avx512vnni,
        .pack_bytes = rt_pack_bytes__avx512vnni,
        .pack = rt_pack__avx512vnni,
        .product = rt_product__avx512vnni,
        .wino = rt_wino__avx512vnni,
        .requant = rt_requant_s8__avx2,
        .dw_bytes = rt_dw_bytes__avx512vnni,
        .dw_pack = rt_dw_pack__avx512vnni,
        .dw_scratch = rt_dw_scratch__avx512vnni,
        .dw_rows = rt_dw_rows__avx512vnni,
        .dwconv = rt_dwconv_s8__avx2,
        .sum = rt_sum_s8__avx2,
        .max = rt_max_s8__avx2,
        .add = rt_add_s8__avx512vnni,
    };
    return &table;
}
#elif defined(__aarch64__)
#include "runtime/kernels/arm.h"

const rt_kernels *rt_kernels_neon(void)
{
    static const rt_kernels table = {
        .name = "neon",
        .a_bytes = 2,
        .load = rt_load__neon,
        .pack_bytes = rt_pack_bytes__neon,
        .pack = rt_pack__neon,
        .product = rt_product__neon,
        .wino = rt_wino__neon,
        .requant = rt_requant_s8__neon,
        .dwconv = rt_dwconv_s8__neon,
        .sum = rt_sum_s8__c,
        .max = rt_max_s8__c,
        .add = rt_add_s8__neon,
    };
    return &table;
}

const rt_kernels *rt_kernels_neondot(void)
{
    static const rt_kernels table = {
        .name = "neondot",
        .a_bytes = 1,
        .load = rt_load__c,
        .pack_bytes = rt_pack_bytes__neondot,
        .pack = rt_pack__neondot,
        .product = rt_product__neondot,
        .requant = rt_requant_s8__neon,
        .dwconv = rt_dwconv_s8__neon,
        .sum = rt_sum_s8__c,
        .max = rt_max_s8__c,
        .add = rt_add_s8__neon,
    };
    return &table;
}
#endif

const rt_kernels *rt_kernels_best(void)
{
#if defined(__x86_64__)
    unsigned flags = rt_cpu_flags();
    if ((flags & RT_CPU_AVX512VNNI) != 0)
        return rt_kernels_avx512vnni();
    if ((flags & RT_CPU_AVXVNNI) != 0)
        return rt_kernels_avxvnni();
    if ((flags & RT_CPU_AVX2) != 0)
        return rt_kernels_avx2();
#elif defined(__aarch64__)
    unsigned flags = rt_cpu_flags();
    if ((flags & RT_CPU_NEONDOT) != 0)
        return rt_kernels_neondot();
    if ((flags & RT_CPU_NEON) != 0)
        return rt_kernels_neon();
#endif
    return rt_kernels_c();
}
