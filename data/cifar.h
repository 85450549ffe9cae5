/* cifar - the binary batches of CIFAR-10 and CIFAR-100 (internal to data/). */
#ifndef OCTET_DATA_CIFAR_H
#define OCTET_DATA_CIFAR_H

#include "data/kind.h"

enum { DS_CIFAR_BATCHES = 5 };

typedef struct ds_cifar_form {
    int label_bytes; /* the last one counts */
    int classes;
    const char *const *class_name;
    int n_train;
    const char *train[DS_CIFAR_BATCHES], *test; /* file names */
} ds_cifar_form;

const ds_cifar_form *ds_cifar_form_of(int classes); /* 10 or 100 */

/* Checks a file's bytes and counts its records.  Errors: NN_EFORMAT with the byte. */
nn_status ds_cifar_records(int *n, const uint8_t *bytes, size_t size, const char *name,
                           const ds_cifar_form *form);

#endif
