/* cifar10, cifar100 - Krizhevsky, "Learning multiple layers of features from tiny images", 2009, in
 * the official binary batches: records of label bytes (CIFAR-100: coarse, then fine; the fine one
 * is used) and 3072 pixel bytes, the red plane, the green, the blue, each 32x32 from the top. */
#include <stdio.h>
#include <string.h>

#include "data/cifar.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };

static const char *const names10[] = { "airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck" };

static const char *const names100[] = {
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm",
};

static const ds_cifar_form cifar10 = {
    .label_bytes = 1,
    .classes = 10,
    .class_name = names10,
    .n_train = 5,
    .train = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin" },
    .test = "test_batch.bin",
};

static const ds_cifar_form cifar100 = {
    .label_bytes = 2,
    .classes = 100,
    .class_name = names100,
    .n_train = 1,
    .train = { "train.bin" },
    .test = "test.bin",
};

const ds_cifar_form *ds_cifar_form_of(int classes)
{
    return classes == 10 ? &cifar10 : &cifar100;
}

static void interleave(uint8_t *to, const uint8_t *planes)
{
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++)
            to[3 * i + c] = planes[c * PLANE + i];
}

nn_status ds_cifar_records(int *n, const uint8_t *bytes, size_t size, const char *name,
                           const ds_cifar_form *form)
{
    size_t record = (size_t)form->label_bytes + PIXELS;
    if (size == 0)
        return nn_fail(NN_EFORMAT, "%s: is empty", name);
    if (size % record != 0 || size / record > INT32_MAX)
        return nn_fail(NN_EFORMAT,
                       "%s: has %zu bytes, not a multiple of a record's %zu: it is cut at "
                       "byte %zu, or not a CIFAR-%d file",
                       name, size, record, size / record * record, form->classes);
    *n = (int)(size / record);
    for (size_t at = record - PIXELS - 1; at < size; at += record)
        if (bytes[at] >= form->classes)
            return nn_fail(NN_EFORMAT, "%s: label %d at byte %zu; there are %d classes", name,
                           bytes[at], at, form->classes);
    return NN_OK;
}

static void take_records(uint8_t *pixels, uint16_t *label, const uint8_t *bytes, int n,
                         const ds_cifar_form *form)
{
    for (int i = 0; i < n; i++, bytes += form->label_bytes + PIXELS) {
        label[i] = bytes[form->label_bytes - 1];
        interleave(pixels + (size_t)i * PIXELS, bytes + form->label_bytes);
    }
}

/* Reads n_files batches, in order, into one part. */
static nn_status fill_part(ds_set *set, ds_split split, const nn_bytes *file, const int *n,
                           int n_files, const ds_cifar_form *form)
{
    ds_part *part = &set->part[split];
    int64_t total = 0;
    for (int i = 0; i < n_files; i++)
        total += n[i];
    if (total > INT32_MAX)
        return nn_fail(NN_EFORMAT, "%s: holds too many pictures", set->spec);
    uint16_t *label = ds__labels(set, (int)total);
    uint8_t *pixels = nn_mem_alloc((size_t)total * PIXELS);
    part->block = pixels;
    if (pixels == NULL || label == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory: %lld pictures could not be had", set->spec,
                       (long long)total);
    for (int i = 0, at = 0; i < n_files; at += n[i++])
        take_records(pixels + (size_t)at * PIXELS, label + at, file[i].data, n[i], form);
    part->pixels = pixels;
    part->label = label;
    part->n = (int)total;
    return NN_OK;
}

static nn_status read_batch(ds_set *set, nn_bytes *file, int *n, const char *folder,
                            const char *name, const ds_cifar_form *form)
{
    const char *path = nn_arena_printf(set->arena, "%s/%s", folder, name);
    if (path == NULL)
        return NN_ENOMEM;
    NN_TRY(nn_file_read(file, path, set->opt.limits.max_file_bytes));
    return ds_cifar_records(n, file->data, file->size, path, form);
}

static nn_status open_split(ds_set *set, ds_split split, const char *folder,
                            const char *const *names, int n_names, const ds_cifar_form *form)
{
    nn_bytes file[DS_CIFAR_BATCHES] = { { 0 } };
    int n[DS_CIFAR_BATCHES] = { 0 };
    nn_status st = NN_OK;
    for (int i = 0; i < n_names && st == NN_OK; i++)
        st = read_batch(set, &file[i], &n[i], folder, names[i], form);
    if (st == NN_OK)
        st = fill_part(set, split, file, n, n_names, form);
    for (int i = 0; i < n_names; i++)
        nn_bytes_free(&file[i]);
    return st;
}

static nn_status open_folder(ds_set *set, const char *folder, const ds_cifar_form *form)
{
    set->height = set->width = SIDE;
    set->channels = 3;
    set->classes = form->classes;
    set->class_name = form->class_name;
    NN_TRY(open_split(set, DS_TRAIN, folder, form->train, form->n_train, form));
    return open_split(set, DS_TEST, folder, &form->test, 1, form);
}

static nn_status open_cifar10(ds_set *set, const char *folder)
{
    NN_TRY(ds__need_argument(&ds_kind_cifar10, folder));
    return open_folder(set, folder, &cifar10);
}

static nn_status open_cifar100(ds_set *set, const char *folder)
{
    NN_TRY(ds__need_argument(&ds_kind_cifar100, folder));
    return open_folder(set, folder, &cifar100);
}

const ds_kind ds_kind_cifar10 = {
    .name = "cifar10",
    .form = "cifar10:DIR",
    .about = "CIFAR-10's binary version: data_batch_1..5.bin and test_batch.bin",
    .open = open_cifar10,
};

const ds_kind ds_kind_cifar100 = {
    .name = "cifar100",
    .form = "cifar100:DIR",
    .about = "CIFAR-100's binary version, fine labels: train.bin and test.bin",
    .open = open_cifar100,
};
