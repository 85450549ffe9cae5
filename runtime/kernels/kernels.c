/* kernels - the table in portable C. */
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/portable.h"

const rt_kernels *rt_kernels_c(void)
{
    static const rt_kernels table = {
        .name = "c",
        .a_bytes = 1,
        .load = rt_load__c,
        .pack_bytes = rt_pack_bytes__c,
        .product = rt_product__c,
        .requant = rt_requant_s8__c,
        .dwconv = rt_dwconv_s8__c,
        .sum = rt_sum_s8__c,
        .max = rt_max_s8__c,
        .add = rt_add_s8__c,
    };
    return &table;
}

const char *rt_kernels_name(const rt_kernels *k)
{
    return k != NULL ? k->name : rt_kernels_c()->name;
}
