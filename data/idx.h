/* idx - the reader behind every kind that comes as four IDX files (internal to data/).
 *
 * IDX (Y. LeCun, the MNIST page): two zero bytes, the element type (8: unsigned byte), the number
 * of dimensions, each dimension as a big-endian 32-bit number, then the elements, last dimension
 * fastest. */
#ifndef OCTET_DATA_IDX_H
#define OCTET_DATA_IDX_H

#include "data/kind.h"

typedef struct ds_idx {
    int rank;
    uint32_t dim[4];
    size_t bytes;  /* product of the dimensions */
    uint8_t *data; /* freed by nn_mem_free */
} ds_idx;

/* Parses a file's bytes, gzipped or not.  Rank 1 (labels), 3 (grey pictures [n, h, w]) and 4
 * ([n, h, w, 1 or 3]) are known.  Memory is taken only after the header has passed.
 * Errors: NN_EFORMAT and NN_ENOTSUP with the byte, NN_ENOMEM. */
nn_status ds_idx_parse(ds_idx *out, const uint8_t *bytes, size_t size, const char *name,
                       ds_limits limits);

/* One split's pictures and labels, by name (for messages) and bytes. */
typedef struct ds_idx_source {
    const char *name;
    const uint8_t *bytes;
    size_t size;
} ds_idx_source;

/* Fills part `split` of the set from two files' bytes and checks them against each other.
 *   classes   labels must be below it; 0: they may be anything, and the caller finds the largest */
nn_status ds__idx_part(ds_set *set, ds_split split, ds_idx_source pictures, ds_idx_source labels,
                       int classes);

/* Opens the four files in a folder, under their usual names, plain or .gz. */
nn_status ds__idx_folder(ds_set *set, const char *folder, int classes);

/* The ten classes of Fashion-MNIST. */
enum { DS_FASHION_CLASSES = 10 };
extern const char *const ds__fashion_names[DS_FASHION_CLASSES];

#endif
