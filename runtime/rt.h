/* rt - the integer runtime: a .tflite file in, results out.
 *
 * This header is the whole public interface.  The library includes nothing of the rest of octet,
 * prints nothing and allocates nothing; its core needs memcpy, memmove and memset only.  A model is
 * used in four steps:
 *
 *   rt_measure   checks the untrusted bytes and says how large the model block must be
 *   rt_open      builds the model (tables, packed weights, look-up tables) in the caller's block
 *   rt_run       computes, in an arena of rt_arena_bytes(model) bytes that holds the activations
 *   rt_data      where in the arena a tensor's values are: inputs before, outputs after a run
 *
 * A model is constant once it is open, so any number of threads may run it at the same time, each
 * with an arena of its own.  There is nothing to close: the caller frees its file bytes, block and
 * arenas, and the bytes must live as long as the model.
 *
 * Integer results are those of TensorFlow Lite's reference kernels (BUILTIN_REF of LiteRT 1.3 and
 * later), bit for bit, whatever the processor and the number of threads. */
#ifndef OCTET_RUNTIME_RT_H
#define OCTET_RUNTIME_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define RT_API __attribute__((visibility("default")))
#else
#define RT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

/* The values are those of octet's nn_status where a name occurs in both. */
typedef enum rt_status {
    RT_OK = 0,
    RT_EINVAL = -1,  /* an argument of the call cannot be */
    RT_ENOMEM = -3,  /* the block is too small or not aligned */
    RT_EIO = -4,     /* the file could not be read (rt_file_read only) */
    RT_EFORMAT = -5, /* the file is not what the format demands */
    RT_ENOTSUP = -6, /* a well-formed model that this runtime does not run */
    RT_ELIMIT = -8   /* a limit of rt_options is exceeded; the caller may raise it */
} rt_status;

/* What was wrong, in one line: which operator or tensor, which field, at which byte, which
 * numbers. */
typedef struct rt_error {
    rt_status status;
    size_t offset; /* byte of the file, where one is to blame; else 0 */
    char text[248];
} rt_error;

/* ---- what a model is made of ----------------------------------------------------------------- */

enum {
    RT_ALIGN = 16,         /* the caller's blocks begin at a multiple of this many bytes */
    RT_MAX_RANK = 8,       /* dimensions of a tensor */
    RT_MAX_OP_TENSORS = 64 /* inputs of one operator, and outputs */
};

/* Element types; the values are the file's. */
typedef enum rt_type {
    RT_FLOAT32 = 0,
    RT_FLOAT16 = 1, /* copied, cut and made float32 by DEQUANTIZE; not computed with */
    RT_INT32 = 2,
    RT_UINT8 = 3,
    RT_INT64 = 4,
    RT_BOOL = 6,
    RT_INT16 = 7,
    RT_INT8 = 9,
    RT_INT4 = 17 /* constants only; two a byte, the even element in the low half */
} rt_type;

#define RT_NOT_IN_ARENA SIZE_MAX

/* One tensor.  real = scale * (code - zero_point); activations are NHWC, row-major. */
typedef struct rt_tensor {
    const char *name; /* "" if the file gives none */
    rt_type type;
    int rank; /* 0: a scalar */
    int32_t dim[RT_MAX_RANK];
    size_t count;       /* elements */
    size_t bytes;       /* of the values */
    int n_scales;       /* 0: not quantized; 1: per tensor; dim[axis]: per channel */
    int axis;           /* the dimension that the scales belong to */
    float scale;        /* real per code, of the first channel; 0 if not quantized */
    int32_t zero_point; /* likewise */
    const void *data; /* a constant's values as the file holds them: little-endian, and aligned only
                           if the file is (or, in this machine's order, what DEQUANTIZE made of
                         one); NULL for an activation */
    size_t offset;    /* in the arena; RT_NOT_IN_ARENA for a constant */
    const uint8_t *scales, *zero_points; /* for rt_scale and rt_zero_point */
} rt_tensor;

/* One operator, in execution order. */
typedef struct rt_operator {
    const char *name; /* as in the schema: "CONV_2D" */
    int code;         /* the schema's builtin code */
    int version;
    int n_in, n_out;
    const int32_t *in, *out; /* tensor indices; -1 is an optional input that was left out */
    uint64_t macs;           /* multiply-accumulates; 0 for operators without weights */
} rt_operator;

/* One field of an operator's options: "stride_h" 2, "padding" 0 ("SAME"). */
typedef struct rt_option {
    const char *name;
    double value;
    const char *text; /* the name of the value if it is an enumeration, else NULL */
} rt_option;

typedef struct rt_model rt_model;

/* ---- opening --------------------------------------------------------------------------------- */

typedef struct rt_limits {
    uint64_t macs;    /* of one run; other operators count as the elements they read or write */
    uint64_t bytes;   /* of the model block, and of the arena */
    uint32_t tensors; /* also the limit on operators and on file buffers; at most 2^20 */
} rt_limits;

/* The integer kernels to use; see rt_kernels_best. */
typedef struct rt_kernels rt_kernels;

typedef struct rt_options {
    rt_limits limits;
    int workers; /* most tasks that run at the same time within one run (rt_parallel); >= 1 */
    /* Every tensor keeps a place of its own: all can be read after a run, and an operator can be
     * run alone on inputs that the caller wrote. */
    bool keep_all;
    const rt_kernels *kernels; /* NULL: portable C */
} rt_options;

/* 100 G multiply-accumulates, 1 GiB, 65536 tensors; one worker, no keep_all, portable kernels. */
RT_API rt_options rt_options_default(void);

/* Checks `size` bytes of a .tflite file and says how many bytes rt_open needs for the model.  The
 * bytes may have any alignment.  options: NULL for the default; `error` may be NULL.
 * Errors: RT_EFORMAT, RT_ENOTSUP (an operator, a type, a layout), RT_ELIMIT, RT_EINVAL. */
RT_API rt_status rt_measure(size_t *model_bytes, const void *bytes, size_t size,
                            const rt_options *options, rt_error *error);

/* Builds the model in `block`, which has at least rt_measure's number of bytes at a multiple of
 * RT_ALIGN.  Everything that can be wrong with a file is found by rt_measure or here: a run cannot
 * fail.
 *
 *   bytes     borrowed, at the address that was given to rt_measure (constants that lie there
 *             unaligned are copied); must not change as long as the model is used
 *   options   as they were given to rt_measure
 *
 * Errors: as rt_measure, and RT_ENOMEM. */
RT_API rt_status rt_open(rt_model **out, const void *bytes, size_t size, const rt_options *options,
                         void *block, size_t block_bytes, rt_error *error);

/* Bytes of an arena for this model.  It needs no preparation. */
RT_API size_t rt_arena_bytes(const rt_model *m);

/* ---- running --------------------------------------------------------------------------------- */

/* A way to run tasks side by side.  `run` calls task(arg, chunk, worker) once for each chunk in
 * [0, chunks), in any order, and returns when all are done.  Two calls that overlap in time have
 * different workers, and 0 <= worker < rt_options.workers.  The work is cut by the shapes of the
 * model, and smaller for more workers than one; codes do not depend on how. */
typedef void rt_task(void *arg, int chunk, int worker);
typedef struct rt_parallel {
    void *context;
    void (*run)(void *context, int chunks, rt_task *task, void *arg);
} rt_parallel;

/* Computes the outputs from the inputs in `arena` (rt_arena_bytes bytes at a multiple of RT_ALIGN).
 * The inputs are overwritten unless the model was opened with keep_all.  parallel: NULL runs in the
 * calling thread. */
RT_API void rt_run(const rt_model *m, void *arena, const rt_parallel *parallel);

/* Runs the operators first, first + 1, ... first + count - 1 alone.  Only with keep_all are the
 * tensors between them all in place; then any one operator can be fed through rt_data and run. */
RT_API void rt_run_some(const rt_model *m, void *arena, int first, int count,
                        const rt_parallel *parallel);

/* Where tensor t's values are in the arena, in this machine's byte order; NULL for a constant (see
 * rt_tensor.data).  Without keep_all only inputs (before a run) and outputs (after it) hold what
 * their name says. */
RT_API void *rt_data(const rt_model *m, void *arena, int t);

/* Codes from real numbers and back, n of them, with the tensor's (first) scale and zero point:
 * encode rounds x / scale half away from zero and clamps, as QUANTIZE does; float tensors are
 * copied.  Types: float32, int8, uint8, int16, int32; false for any other. */
RT_API bool rt_encode(const rt_tensor *t, void *codes, const float *x, size_t n);
RT_API bool rt_decode(const rt_tensor *t, float *x, const void *codes, size_t n);

/* ---- looking inside -------------------------------------------------------------------------- */

RT_API int rt_n_inputs(const rt_model *m);
RT_API int rt_n_outputs(const rt_model *m);
RT_API int rt_n_tensors(const rt_model *m);
RT_API int rt_n_operators(const rt_model *m);

/* The tensor index of the model's i-th input or output. */
RT_API int rt_input(const rt_model *m, int i);
RT_API int rt_output(const rt_model *m, int i);

/* Borrowed from the model; NULL if the index is out of range. */
RT_API const rt_tensor *rt_tensor_at(const rt_model *m, int t);
RT_API const rt_operator *rt_operator_at(const rt_model *m, int op);

/* Scale and zero point of channel c of a tensor with n_scales > c. */
RT_API float rt_scale(const rt_tensor *t, int c);
RT_API int32_t rt_zero_point(const rt_tensor *t, int c);

/* The highest version of a builtin operator that this runtime knows, 0 for an operator that it does
 * not run at all.  Its inputs may still be refused. */
RT_API int rt_known_version(int builtin_code);

/* The k-th option of an operator, for printing; false when there are no more. */
RT_API bool rt_option_at(const rt_model *m, int op, int k, rt_option *out);

/* The model's description, "" if it has none. */
RT_API const char *rt_description(const rt_model *m);

/* Metadata: the i-th entry's name (NULL when there are no more) and bytes, or the bytes of the
 * first entry of a name (NULL if there is none).  The bytes are the file's. */
RT_API const char *rt_metadata_at(const rt_model *m, int i, const void **bytes, size_t *size);
RT_API const void *rt_metadata(const rt_model *m, const char *name, size_t *size);

typedef struct rt_cost {
    uint64_t macs;            /* multiply-accumulates of one run */
    uint64_t parameters;      /* elements of constants that operators read */
    uint64_t parameter_bytes; /* their bytes in the file */
    size_t model_bytes;       /* used of the model block */
    size_t arena_bytes;       /* as rt_arena_bytes: tensors and scratch */
    size_t arena_bound; /* the largest sum of what must be alive at once: no plan can be below */
} rt_cost;

RT_API rt_cost rt_costs(const rt_model *m);

/* The schema's name of a type ("INT8") and its size in bytes (0 for INT4). */
RT_API const char *rt_type_name(rt_type type);
RT_API size_t rt_type_bytes(rt_type type);

/* ---- hosted: not in the freestanding core ---------------------------------------------------- */

/* The fastest kernels that this processor runs, within rt_cpu_limit (runtime/cpu.h).  All kernels
 * give the same bits. */
RT_API const rt_kernels *rt_kernels_best(void);

/* The kernels' name ("c", "avx2", "avx512vnni"), for reports. */
RT_API const char *rt_kernels_name(const rt_kernels *k);

/* Reads a whole file into memory from malloc (free with free()); more than `limit` bytes are
 * refused (0: no limit but the format's).  Errors: RT_EIO, RT_ENOMEM, RT_ELIMIT. */
RT_API rt_status rt_file_read(void **bytes, size_t *size, const char *path, size_t limit,
                              rt_error *error);

#ifdef __cplusplus
}
#endif

#endif
