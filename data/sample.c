/* sample - a few Fashion-MNIST pictures that are part of the program: nothing to install, nothing
 * to find.  data/sample/README.md says where they come from. */
#include "data/idx.h"

/* The linker cannot fail to find these: the assembler reads each file when this one is compiled. */
#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".global ds_sample_" #symbol "\n"                                                      \
            ".global ds_sample_" #symbol "_end\n"                                                  \
            ".balign 16\n"                                                                         \
            "ds_sample_" #symbol ":\n"                                                             \
            ".incbin \"data/sample/" path "\"\n"                                                   \
            "ds_sample_" #symbol "_end:\n"                                                         \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const uint8_t ds_sample_##symbol[], ds_sample_##symbol##_end[]

EMBED(train_images, "train-images-idx3-ubyte.gz");
EMBED(train_labels, "train-labels-idx1-ubyte.gz");
EMBED(test_images, "t10k-images-idx3-ubyte.gz");
EMBED(test_labels, "t10k-labels-idx1-ubyte.gz");

static ds_idx_source source(const char *name, const uint8_t *begin, const uint8_t *end)
{
    return (ds_idx_source){ name, begin, (size_t)((uintptr_t)end - (uintptr_t)begin) };
}

static nn_status open_sample(ds_set *set, const char *argument)
{
    if (argument != NULL)
        return nn_fail(NN_EINVAL, "data \"sample\": takes nothing after its name, not \"%s\"",
                       argument);
    set->classes = DS_FASHION_CLASSES;
    set->class_name = ds__fashion_names;
    NN_TRY(ds__idx_part(
        set, DS_TRAIN,
        source("sample training pictures", ds_sample_train_images, ds_sample_train_images_end),
        source("sample training labels", ds_sample_train_labels, ds_sample_train_labels_end),
        DS_FASHION_CLASSES));
    return ds__idx_part(
        set, DS_TEST,
        source("sample test pictures", ds_sample_test_images, ds_sample_test_images_end),
        source("sample test labels", ds_sample_test_labels, ds_sample_test_labels_end),
        DS_FASHION_CLASSES);
}

const ds_kind ds_kind_sample = {
    .name = "sample",
    .form = "sample",
    .about = "2,500 + 500 pictures of Fashion-MNIST inside the program",
    .open = open_sample,
};
