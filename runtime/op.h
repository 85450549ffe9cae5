/* op - what the operators' prepare functions share: options, checks, padding, activation ranges.
 *
 * A prepare function sees its tensors in b->in and b->out, checks everything that the run function
 * relies on, works out what does not depend on the data, and leaves it in n->params and n->run.
 * The messages of all checks begin with the operator's index and name. */
#ifndef OCTET_RUNTIME_OP_H
#define OCTET_RUNTIME_OP_H

#include "runtime/kernels/window.h"
#include "runtime/model.h"

/* Fails for the operator that is being prepared. */
#define RT_REFUSE(b, n, status, ...) rt_flat_fail(&(b)->f, (status), (n)->at, __VA_ARGS__)

/* The value of an option; a failure is sticky (rt_flat_status). */
double rt_field_value(rt_flat *f, const rt_node *n, const rt_field *field);
int32_t rt_opt(rt_build *b, const rt_node *n, int slot);
float rt_opt_float(rt_build *b, const rt_node *n, int slot);

/* The kinds of elements that a kernel takes. */
static inline bool rt_is_8bit(const rt_tensor *t)
{
    return t->type == RT_INT8 || t->type == RT_UINT8;
}

/* The range of an 8-bit type. */
static inline int32_t rt_lowest(rt_type type)
{
    return type == RT_INT8 ? -128 : 0;
}
static inline int32_t rt_highest(rt_type type)
{
    return type == RT_INT8 ? 127 : 255;
}

/* Checks.  `what` names the tensor in the message. */
rt_status rt_check_present(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what);
rt_status rt_check_rank(rt_build *b, const rt_node *n, const rt_tensor *t, int rank,
                        const char *what);
rt_status rt_check_type(rt_build *b, const rt_node *n, const rt_tensor *t, rt_type type,
                        const char *what);
/* One scale: the tensor is quantized as a whole. */
rt_status rt_check_affine(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what);
/* At most one scale: what moves codes about needs none. */
rt_status rt_check_whole(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what);
/* The stored shape of the output is the one that was worked out. */
rt_status rt_check_shape(rt_build *b, const rt_node *n, const rt_tensor *t, int rank,
                         const int32_t *dim, const char *what);
rt_status rt_check_same_shape(rt_build *b, const rt_node *n, const rt_tensor *a,
                              const rt_tensor *out);
/* Equal scale (to the bit) and zero point. */
bool rt_same_affine(const rt_tensor *a, const rt_tensor *b);

/* An input that must be a constant vector of int32 (or int64): its count, and its i-th value. */
rt_status rt_check_constant(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what);
int64_t rt_constant_at(const rt_tensor *t, size_t i);

/* Where an operator's options have the geometry of its window; -1: no such option, 1 holds. */
typedef struct rt_window_slots {
    int padding, stride_h, stride_w, dilation_h, dilation_w;
} rt_window_slots;

/* Slides a window of k_h x k_w over input 0, which has rank 4, and checks the shape of output 0,
 * which has out_c channels. */
rt_status rt_slide_window(rt_build *b, const rt_node *n, const rt_window_slots *slots, int32_t k_h,
                          int32_t k_w, int32_t out_c, rt_window *w);

/* The codes to which a fused activation clamps.  TANH and SIGN_BIT clamp nothing: the reference
 * kernels take them and do not compute them. */
rt_status rt_activation_range(rt_build *b, const rt_node *n, int32_t activation,
                              const rt_tensor *out, int32_t *lo, int32_t *hi);

/* The same for float: the largest numbers where there is no bound. */
rt_status rt_activation_range_float(rt_build *b, const rt_node *n, int32_t activation, float *lo,
                                    float *hi);

/* (mult, shift) of d, refused if it is too large. */
rt_status rt_make_multiplier(rt_build *b, const rt_node *n, double d, rt_multiplier *m,
                             const char *what);

/* Work for rt_for over `count` elements: pieces of 4096. */
enum { RT_PIECE = 4096 };
static inline int rt_pieces(size_t count)
{
    return (int)((count + RT_PIECE - 1) / RT_PIECE);
}
/* Where the piece that begins at `begin` ends. */
static inline size_t rt_piece_end(size_t count, size_t begin)
{
    return count - begin < RT_PIECE ? count : begin + RT_PIECE;
}

/* Every byte of input 0 through a table of 256 into output 0: all functions of one 8-bit tensor.
 * The table is kept in the model. */
rt_status rt_use_table(rt_build *b, rt_node *n, const uint8_t table[256]);
/* Output 0 is a copy of input 0's bytes. */
rt_status rt_use_copy(rt_build *b, rt_node *n);

#endif
