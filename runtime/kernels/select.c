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
        .unsigned_a = false,
        .gemm_bytes = rt_gemm_s8_bytes__avx2,
        .gemm_pack = rt_gemm_s8_pack__avx2,
        .gemm = rt_gemm_s8__avx2,
        .requant = rt_requant_s8__avx2,
        .dwconv = rt_dwconv_s8__avx2,
        .add = rt_add_s8__avx2,
    };
    return &table;
}

const rt_kernels *rt_kernels_avx512vnni(void)
{
    static const rt_kernels table = {
        .name = "avx512vnni",
        .unsigned_a = true,
        .gemm_bytes = rt_gemm_s8_bytes__avx512vnni,
        .gemm_pack = rt_gemm_s8_pack__avx512vnni,
        .gemm = rt_gemm_s8__avx512vnni,
        .requant = rt_requant_s8__avx2,
        .dwconv = rt_dwconv_s8__avx2,
        .add = rt_add_s8__avx2,
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
    if ((flags & RT_CPU_AVX2) != 0)
        return rt_kernels_avx2();
#endif
    return rt_kernels_c();
}
