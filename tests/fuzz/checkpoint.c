/* Checkpoints: safetensors files, the description in them, and the network that it describes. */
#include "nn/kernels/kernels.h"
#include "tests/fuzz/fuzz.h"
#include "train/safetensors.h"
#include "train/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const train_limits limits = { .macs = 1000000, .bytes = 1 << 22 };
    train_tensors *tensors = NULL;
    train_network *network = NULL;
    nn_kernels_init();
    if (train_tensors_parse(&tensors, data, size) == NN_OK)
        (void)!train_network_load(&network, fuzz_file(data, size), NULL, &limits);
    train_network_free(network);
    train_tensors_free(tensors);
    return 0;
}
