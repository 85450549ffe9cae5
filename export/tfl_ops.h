/* tfl_ops - what the writer knows of each TFLite operator: one row each.
 *
 * Name, options table, the kinds of its inputs, and the versions: which one a combination of types
 * and options needs, and since which runtime there is one.  To export another operator, add its row
 * here and, if it has options, its case in export/tfl_check.c and in the writer
 * (export/tflite.c). */
#ifndef OCTET_EXPORT_TFL_OPS_H
#define OCTET_EXPORT_TFL_OPS_H

#include "export/tfl_model.h"

enum { TFL_MAX_VERSION = 10 };

/* How an integer output's scale and zero point hang on the inputs. */
typedef enum tfl_result {
    TFL_RESULT_FREE,  /* the kernel rescales */
    TFL_RESULT_EQUAL, /* the kernel copies codes: all data inputs and the output are alike */
    TFL_RESULT_UNIT,  /* scale 1/256, zero point the lowest code: [0, 1) */
    TFL_RESULT_TANH   /* scale 1/128, zero point the middle code: [-1, 1) */
} tfl_result;

typedef struct tfl_op_row {
    enum tfl_op code;
    const char *name;
    enum tfl_options options; /* the table that holds its options */
    /* One letter an input: x data, w weights, b bias, o bias or none, i int32 (axes, sizes,
     * shapes);
     * '*' behind a letter: any number >= 1 of them. */
    const char *inputs;
    tfl_result result;
    /* The versions that the types alone ask for: float32 (and integers), uint8, int8, int4 weights;
     * 0: not written. */
    int version_float, version_uint8, version_int8, version_int4;
    /* TensorFlow's release that brought version i + 1, as 1000 * major + 10 * minor + patch; 0: not
     * recorded there (runtime_version.cc). */
    int since[TFL_MAX_VERSION];
} tfl_op_row;

/* NULL for an operator that octet does not write. */
const tfl_op_row *tfl_op_find(enum tfl_op code);

/* "TRANSPOSE_CONV": the name of any operator of the format; NULL if the code is none. */
const char *tfl_schema_name(int code);

/* The kind of input i, as above. */
char tfl_op_input_kind(const tfl_op_row *row, int i);
/* Whether an operator may have n inputs. */
bool tfl_op_takes(const tfl_op_row *row, int n);
/* The first data input, whose type decides the operator's version. */
const tfl_tensor *tfl_op_data(const tfl_model *m, const tfl_operator *op);

/* The lowest version that has what the operator needs; a runtime refuses a version it does not
 * know, so a lower one is loaded by more runtimes.  The operator has been checked. */
int tfl_op_version(const tfl_model *m, const tfl_operator *op);

#endif
