/* ship - a network as the bytes of a .tflite or another file, with all that its user needs inside:
 * preprocessing and class names travel in the metadata (docs/tflite-files.md). */
#ifndef OCTET_TRAIN_SHIP_H
#define OCTET_TRAIN_SHIP_H

#include "export/lower.h"
#include "nn/base/file.h"
#include "train/session.h"

/* The file in one form; free with nn_bytes_free.  EX_FLOAT has the weights that are trained, with
 * batch norms folded, and nothing rounded, also of a network with ranges.
 * Errors: NN_ENOTSUP (n->reason, or what lowering refuses), NN_EINVAL (a range is missing),
 * NN_ENOMEM. */
nn_status train_ship(nn_bytes *out, const train_network *n, ex_form form);

/* The same in another format: what writes the graph of that form.  Its errors are passed on. */
typedef nn_status train_ship_write(nn_bytes *out, const nn_graph *g, const ex_info *info);
nn_status train_ship_as(nn_bytes *out, const train_network *n, ex_form form,
                        train_ship_write *write);

/* The form that a network is shipped in: int8, or uint8 where its weights are affine. */
ex_form train_ship_form(const train_network *n);
/* What its integers are called: "int8", "uint8". */
const char *train_ship_type(const train_network *n);

#endif
