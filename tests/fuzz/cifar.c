/* The binary batches of CIFAR-10 and CIFAR-100. */
#include "data/cifar.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int n = 0;
    for (int classes = 10; classes <= 100; classes += 90)
        if (ds_cifar_records(&n, data, size, "fuzz", ds_cifar_form_of(classes)) == NN_OK && n < 0)
            __builtin_trap();
    return 0;
}
