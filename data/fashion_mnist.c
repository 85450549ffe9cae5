/* fashion-mnist - Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
 * machine learning algorithms", 2017 (arXiv 1708.07747): 60,000 and 10,000 pictures, 28x28,
 * grey. */
#include <unistd.h>

#include "data/idx.h"

#define DEBIAN_FOLDER "/usr/share/datasets/fashion-mnist"

const char *const ds__fashion_names[DS_FASHION_CLASSES] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot",
};

static nn_status open_fashion(ds_set *set, const char *folder)
{
    if (folder != NULL)
        NN_TRY(ds__need_argument(&ds_kind_fashion_mnist, folder)); /* "fashion-mnist:" */
    if (folder == NULL && access(DEBIAN_FOLDER, F_OK) != 0)
        return nn_fail(NN_EIO,
                       "%s: is not there; install Debian's dataset-fashion-mnist, give a folder "
                       "(fashion-mnist:DIR), or use the small set \"sample\"",
                       DEBIAN_FOLDER);
    set->classes = DS_FASHION_CLASSES;
    set->class_name = ds__fashion_names;
    return ds__idx_folder(set, folder != NULL ? folder : DEBIAN_FOLDER, DS_FASHION_CLASSES);
}

const ds_kind ds_kind_fashion_mnist = {
    .name = "fashion-mnist",
    .form = "fashion-mnist[:DIR]",
    .about = "Fashion-MNIST's four files; without DIR, Debian's dataset-fashion-mnist",
    .open = open_fashion,
};
