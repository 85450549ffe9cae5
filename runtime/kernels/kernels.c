/* kernels - the table in portable C. */
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/portable.h"

const rt_kernels *rt_kernels_c(void)
{
    static const rt_kernels table = {
        .name = "c",
        .unsigned_a = false,
        .gemm = rt_gemm_s8__c,
        .requant = rt_requant_s8__c,
        .dwconv = rt_dwconv_s8__c,
        .add = rt_add_s8__c,
    };
    return &table;
}

const char *rt_kernels_name(const rt_kernels *k)
{
    return k != NULL ? k->name : rt_kernels_c()->name;
}
