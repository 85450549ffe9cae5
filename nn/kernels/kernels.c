#include "nn/kernels/kernels.h"

#include "nn/kernels/variants.h"
#include "runtime/cpu.h"

nn_kernel_table nn_kernel;

void nn_kernels_init(void)
{
    static unsigned filled_for = ~0u; /* no processor has all flags */
    const unsigned cpu = rt_cpu_flags();
    if (cpu == filled_for)
        return;
    filled_for = cpu;
    nn_kernels_gemm_c(&nn_kernel);
    nn_kernels_dwconv_c(&nn_kernel);
    nn_kernels_wino_c(&nn_kernel);
    nn_kernels_vec_c(&nn_kernel);
    if (cpu & RT_CPU_AVX2) {
        nn_kernels_gemm_avx2(&nn_kernel);
        nn_kernels_dwconv_avx2(&nn_kernel);
        nn_kernels_wino_avx2(&nn_kernel);
        nn_kernels_vec_avx2(&nn_kernel);
    }
    if (cpu & RT_CPU_AVX512) {
        nn_kernels_gemm_avx512(&nn_kernel);
        nn_kernels_dwconv_avx512(&nn_kernel);
        nn_kernels_wino_avx512(&nn_kernel);
        nn_kernels_vec_avx512(&nn_kernel);
    }
    if (cpu & RT_CPU_NEON) {
        nn_kernels_gemm_neon(&nn_kernel);
        nn_kernels_dwconv_neon(&nn_kernel);
        nn_kernels_wino_neon(&nn_kernel);
    }
}
