/* integer - a .tflite model opened on the bundled runtime, with memory of its own.
 *
 * The runtime takes two blocks from its caller and has errors of its own kind; here the blocks come
 * from nn/base/mem.h and the errors become nn_status with the runtime's text. */
#ifndef OCTET_EXPORT_INTEGER_H
#define OCTET_EXPORT_INTEGER_H

#include "nn/base/status.h"
#include "runtime/rt.h"

typedef struct ex_integer {
    rt_model *model;
    void *block;
} ex_integer;

/* Opens `size` bytes of a .tflite file, which are borrowed and must outlive the model.
 *
 *   options   NULL: the runtime's default with the fastest kernels
 *
 * Close with ex_integer_close, also after an error.
 * Errors: NN_EFORMAT, NN_ENOTSUP (an operator, or a limit of the options), NN_ENOMEM. */
nn_status ex_integer_open(ex_integer *out, const void *bytes, size_t size,
                          const rt_options *options);
void ex_integer_close(ex_integer *m); /* { 0 } is allowed */

/* Memory for one run at a time; free with nn_mem_free.  Errors: NN_ENOMEM. */
nn_status ex_integer_arena(void **out, const rt_model *m);

#endif
