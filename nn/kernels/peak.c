#include "nn/kernels/peak.h"

#include "runtime/cpu.h"

volatile double nn_peak_sink;

nn_peak_table nn_peak_loops(void)
{
    const unsigned cpu = rt_cpu_flags();
    nn_peak_table t;
    nn_peak_c(&t);
    if (cpu & RT_CPU_AVX2)
        nn_peak_avx2(&t);
    if (cpu & RT_CPU_AVX512)
        nn_peak_avx512(&t);
    if (cpu & RT_CPU_AVX512VNNI)
        nn_peak_avx512vnni(&t);
    return t;
}
