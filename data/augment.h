/* augment - random changes to training pictures that do not change their class.
 *
 * A list such as "crop:4,flip,cutout:8" is applied in its order, on uint8 pixels.  What happens to
 * picture i in epoch e is a function of the stream it is given, so it does not depend on the order
 * in which pictures are made, or by how many threads.
 *
 *   crop:P    the picture is padded by P pixels of the mean colour on all sides and cut back to its
 *             size at a random place (He et al. 2015, arXiv 1512.03385, section 4.2: P = 4)
 *   flip      left and right are exchanged, every other time
 *   shift:K   moved by up to K pixels along each axis; the pixels at the edge are repeated
 *   cutout:S  a square of S x S pixels around a random pixel becomes the mean colour (DeVries and
 *             Taylor 2017, arXiv 1708.04552) */
#ifndef OCTET_DATA_AUGMENT_H
#define OCTET_DATA_AUGMENT_H

#include "data/image.h"
#include "nn/base/rng.h"
#include "nn/base/status.h"

typedef enum ds_change {
    DS_CHANGE_CROP,
    DS_CHANGE_FLIP,
    DS_CHANGE_SHIFT,
    DS_CHANGE_CUTOUT
} ds_change;

enum { DS_MAX_CHANGES = 8, DS_MAX_CHANNELS = 3 };

typedef struct ds_augment {
    int n; /* 0: nothing is changed */
    struct {
        ds_change change;
        int by; /* pixels; 0 for flip */
    } step[DS_MAX_CHANGES];
} ds_augment;

/* Reads a list; "" and "none" are the empty one.
 * Errors: NN_EINVAL (unknown name, with the nearest; number missing, not whole, or not wanted). */
nn_status ds_augment_parse(ds_augment *out, const char *list);

/* NN_EINVAL if a step moves pictures of this size out of sight. */
nn_status ds_augment_check(const ds_augment *a, int height, int width);

/* Changes a picture in place.
 *   fill    [channels] the mean colour
 *   copy    room for the picture's bytes
 *   random  the picture's stream */
void ds_augment_apply(const ds_augment *a, ds_image *im, const uint8_t *fill, uint8_t *copy,
                      nn_rng random);

#endif
