/* pieces - the parameters that are trained, cut into short runs of their common vector.
 *
 * Optimizers, clipping and averaging walk over these: a piece lies within one parameter that is not
 * frozen, so a property of the parameter (does it decay?) is one of the piece, and frozen
 * parameters and the padding between parameters are never touched.  The cut depends on shapes
 * alone. */
#ifndef OCTET_OPTIM_PIECES_H
#define OCTET_OPTIM_PIECES_H

#include "nn/param.h"

enum { OPT_PIECE = 16384 }; /* elements at most: 64 kB of float for each vector of an update */

typedef struct opt_piece {
    size_t begin, count; /* elements of the vector; begin is a multiple of 16 */
    const nn_param *param;
} opt_piece;

typedef struct opt_pieces {
    opt_piece *piece;
    int n;
} opt_pieces;

/* Which parameters; ctx is the caller's. */
typedef bool (*opt_wanted)(const nn_param *p, const void *ctx);

/* The pieces of all wanted parameters of a collated set, in order of creation.
 * Errors: NN_ENOMEM.  Free with opt_pieces_free. */
nn_status opt_pieces_new(opt_pieces *out, const nn_params *ps, opt_wanted wanted, const void *ctx);
void opt_pieces_free(opt_pieces *p);

/* opt_wanted: trained and not frozen. */
bool opt_is_trained(const nn_param *p, const void *ctx);

#endif
