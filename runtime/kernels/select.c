/* select - the fastest table that this processor runs; the only kernel file that asks the processor. */
#include "runtime/cpu.h"
#include "runtime/kernels/kernels.h"

const rt_kernels *rt_kernels_best(void)
{
    return rt_kernels_c();
}
