/* select_portable - what stands in place of select.c in a runtime built with RT_KERNELS=portable:
 * no variant is there, and the processor is not asked. */
#include "runtime/kernels/kernels.h"

const rt_kernels *rt_kernels_best(void)
{
    return rt_kernels_c();
}
