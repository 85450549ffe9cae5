/* tfl_check - what a .tflite model may be: tensors alone, operators with their tensors.
 *
 * A mistake of the lowering is found here, by name, rather than by a runtime somewhere else. Shapes
 * of results are not computed again: the runtime's reader does that when the file is opened. */
#ifndef OCTET_EXPORT_TFL_CHECK_H
#define OCTET_EXPORT_TFL_CHECK_H

#include "export/tfl_model.h"

/* "INT8"; "?" for a type that octet does not write. */
const char *tfl_type_name(enum tfl_type type);

/* Name, shape, bytes of the data, scales and zero points.
 * Errors: NN_EINVAL, NN_ENOTSUP (the type). */
nn_status tfl_check_tensor(const tfl_tensor *t);

/* An operator that would be the next of m: number of inputs and outputs, indices, types,
 * quantization of its tensors against each other, options.  Errors: NN_EINVAL, NN_ENOTSUP. */
nn_status tfl_check_operator(const tfl_model *m, const tfl_operator *op);

#endif
