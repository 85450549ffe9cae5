/* model - what is behind rt.h: the open model, its operators, and how one is prepared and run.
 *
 * A model is built twice by the same code: rt_measure counts the bytes and keeps nothing, rt_open
 * fills the caller's block.  So rt_keep and rt_alloc return NULL while measuring, and an operator's
 * prepare function writes only where it was given memory. */
#ifndef OCTET_RUNTIME_MODEL_H
#define OCTET_RUNTIME_MODEL_H

#include "runtime/flat.h"
#include "runtime/kernels/kernels.h"
#include "runtime/requant.h"
#include "runtime/schema.h"

typedef struct rt_call rt_call;
typedef struct rt_node rt_node;
typedef struct rt_build rt_build;

/* ---- operators ------------------------------------------------------------------------------- */

typedef enum rt_field_kind {
    RT_FIELD_INT,        /* int32 */
    RT_FIELD_BOOL,       /* uint8 */
    RT_FIELD_FLOAT,      /* binary32 */
    RT_FIELD_PADDING,    /* int8: enum tfl_padding */
    RT_FIELD_ACTIVATION, /* int8: enum tfl_activation */
    RT_FIELD_TYPE        /* int8: enum tfl_type */
} rt_field_kind;

/* A field of an operator's options table; lists of them end in a NULL name. */
typedef struct rt_field {
    const char *name;
    int slot;
    rt_field_kind kind;
    int otherwise; /* the value of an absent field */
} rt_field;

/* One row of the operator table. */
typedef struct rt_op {
    const char *name;
    int code;               /* enum tfl_op */
    int max_version;        /* a greater one may mean something else */
    int options;            /* enum tfl_options */
    const rt_field *fields; /* NULL: the options table has none */
    int in_min, in_max, out_min, out_max;
    unsigned consumed; /* bit i: input i, if constant, is read by prepare alone */
    rt_status (*prepare)(rt_build *b, rt_node *n);
} rt_op;

/* Every row, in the order of ops.def. */
extern const rt_op *const rt_ops[];
extern const int rt_n_ops;

/* One operator of the model. */
struct rt_node {
    rt_operator info;
    const rt_op *op;
    size_t at;          /* byte of its table in the file */
    rt_table options;   /* at 0: none */
    const void **fixed; /* per input: a constant's values as the kernel reads them, or NULL */
    const void *params; /* what prepare kept */
    void (*run)(const rt_call *c);
    uint64_t work;         /* steps other than macs, where they are more than elements written */
    unsigned consumed;     /* as op->consumed; prepare may clear bits */
    bool folded;           /* the output is a constant by now: there is nothing to run */
    unsigned in_place;     /* bit i: output 0 may take the place of input i */
    size_t scratch_bytes;  /* of one worker */
    size_t scratch_offset; /* in the arena */
};

/* What a run function gets. */
struct rt_call {
    const void *params;
    const void *in[RT_MAX_OP_TENSORS]; /* NULL: left out */
    void *out[RT_MAX_OP_TENSORS];
    uint8_t *scratch;     /* of worker 0 */
    size_t scratch_bytes; /* from one worker's to the next's */
    const rt_kernels *kernels;
    const rt_parallel *parallel; /* may be NULL */
};

/* Runs task(arg, 0 .. chunks - 1, worker), side by side if the caller of rt_run gave a way. */
void rt_for(const rt_call *c, int chunks, rt_task *task, void *arg);

struct rt_model {
    rt_tensor *tensors;
    rt_node *nodes;
    int32_t *inputs, *outputs;
    int n_tensors, n_nodes, n_inputs, n_outputs;
    const rt_kernels *kernels;
    rt_flat file; /* bytes and size; the error in it is not used once the model is open */
    rt_vector metadata, buffers;
    const char *description;
    rt_cost cost;
    uint64_t work; /* steps of one run: macs, and those of other operators */
};

/* ---- building -------------------------------------------------------------------------------- */

struct rt_build {
    rt_flat f;
    rt_options options;
    uint8_t *block; /* NULL: measuring */
    size_t used, room;
    rt_model *m;
    rt_vector codes, tensors, operators;
    /* The operator being prepared: its tensors (NULL: left out). */
    const rt_tensor *in[RT_MAX_OP_TENSORS], *out[RT_MAX_OP_TENSORS];
};

#define RT_TRY(expr)                                                                               \
    do {                                                                                           \
        rt_status rt_try_ = (expr);                                                                \
        if (rt_try_ != RT_OK)                                                                      \
            return rt_try_;                                                                        \
    } while (0)

/* `bytes` bytes of the block at a multiple of RT_ALIGN: NULL while measuring, and after a failure
 * (which rt_flat_status then tells). */
void *rt_alloc(rt_build *b, size_t bytes);
/* The same for `count` elements of `each` bytes, whose product may be too large for a size_t. */
void *rt_alloc_many(rt_build *b, uint64_t count, size_t each);
/* A copy of the bytes in the block, or NULL as above. */
const void *rt_keep(rt_build *b, const void *bytes, size_t size);

/* Whether a constant is the file's own (little-endian, of any alignment), not one that an operator
 * was folded into (this machine's). */
bool rt_in_file(const rt_build *b, const rt_tensor *t);

/* A constant's values as a kernel can read them: in the file, or a copy that is aligned and in this
 * machine's byte order. */
const void *rt_ready(rt_build *b, const rt_tensor *t);

/* The file's parts: checked, then described. */
rt_status rt_read_model(rt_build *b);
rt_status rt_read_tensor(rt_build *b, int i, rt_tensor *t);
rt_status rt_read_operator(rt_build *b, int i, rt_node *n, int32_t *in, int32_t *out);

/* Places every activation and every operator's scratch in the arena: offsets and costs are set.
 * `spans` has rt_plan_bytes(m) bytes. */
size_t rt_plan_bytes(const rt_model *m);
rt_status rt_plan(rt_build *b, void *spans, bool keep_all);

#endif
