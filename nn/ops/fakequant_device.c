#include "nn/ops/fakequant_device.h"

#include "nn/ops/requantize.h"

enum { X, SCALE = 3, ZERO_POINT, MEMORY, X_SCALE, W_SCALE, A, B };
enum { A_SCALE = X_SCALE, B_SCALE = W_SCALE }; /* of two operands */
enum { OPERAND = W_SCALE };                    /* of a function, whose scale is A_SCALE */

/* ---- shapes ---------------------------------------------------------------------------------- */

static bool is_one(const nn_node *n, int input)
{
    return nn_shape_count(n->in[input]->shape) == 1;
}

static bool is_like_x(const nn_node *n, int input)
{
    return nn_shape_equal(n->in[input]->shape, n->shape);
}

/* b of a product may be one row for each item. */
static bool scales_channels(const nn_node *n)
{
    const nn_shape b = n->in[B]->shape;
    return n->attr.fakequant.behind == NN_OP_mul && n->shape.rank == 4 && b.rank == 4 &&
           b.dim[0] == n->shape.dim[0] && b.dim[1] == 1 && b.dim[2] == 1 &&
           b.dim[3] == n->shape.dim[3];
}

static nn_status check_operands(const nn_node *n)
{
    if (n->n_in != B + 1 || !is_one(n, A_SCALE) || !is_one(n, B_SCALE) || !is_like_x(n, A) ||
        !(is_like_x(n, B) || scales_channels(n)))
        return NN_NODE_FAIL(n, "%d inputs do not fit a sum or product of two tensors", n->n_in);
    return NN_OK;
}

static nn_status check_function(const nn_node *n)
{
    if (n->n_in != OPERAND + 1 || !is_one(n, A_SCALE) || !is_like_x(n, OPERAND))
        return NN_NODE_FAIL(n, "%d inputs do not fit a function of one tensor", n->n_in);
    return NN_OK;
}

nn_status nn_fakequant_check_device(const nn_node *n)
{
    if (n->n_in <= X_SCALE || n->attr.fakequant.learn != NULL)
        return NN_OK;
    if (n->n_in > A)
        return check_operands(n);
    if (nn_requantize_is_function(n->attr.fakequant.behind))
        return check_function(n);
    size_t channels = (size_t)nn_shape_channels(n->shape);
    size_t scales = n->n_in > W_SCALE ? nn_shape_count(n->in[W_SCALE]->shape) : 1;
    if (nn_shape_count(n->in[X_SCALE]->shape) != 1 || (scales != 1 && scales != channels) ||
        n->attr.fakequant.mean_of < 0 || n->attr.fakequant.axis >= 0)
        return NN_NODE_FAIL(n, "%zu weight scales do not fit %zu channels in one range", scales,
                            channels);
    return NN_OK;
}

/* ---- codes ----------------------------------------------------------------------------------- */

static nn_affine affine_of(const nn_call *c)
{
    return (nn_affine){ (float)c->x[SCALE][0], (int32_t)c->x[ZERO_POINT][0] };
}

/* The integer network's codes of a sum or product. */
static bool requantize_operands(const nn_call *c)
{
    const nn_fakequant_attr *a = &c->node->attr.fakequant;
    const nn_requantize_pair r = { .a_scale = (double)c->x[A_SCALE][0],
                                   .b_scale = (double)c->x[B_SCALE][0],
                                   .relu = a->relu,
                                   .relu6 = a->relu6,
                                   .out = affine_of(c),
                                   .grid = a->grid };
    const size_t n = nn_call_count(c), width = (size_t)nn_shape_channels(c->node->shape);
    if (!(r.a_scale > 0) || !(r.b_scale > 0))
        return false;
    if (a->behind == NN_OP_mul)
        nn_requantize_mul(&r, c->y, c->x[A], c->x[B], n / width, width, n / nn_call_count_in(c, B));
    else
        nn_requantize_add(&r, c->y, c->x[A], c->x[B], n);
    return true;
}

/* The integer network's codes of a function. */
static bool requantize_function(const nn_call *c)
{
    const nn_requantize_function f = { .id = c->node->attr.fakequant.behind,
                                       .x_scale = (double)c->x[A_SCALE][0],
                                       .out = affine_of(c),
                                       .grid = c->node->attr.fakequant.grid };
    const size_t n = nn_call_count(c), width = (size_t)nn_shape_channels(c->node->shape);
    if (!(f.x_scale > 0))
        return false;
    return f.id == NN_OP_softmax ? nn_requantize_softmax(&f, c->y, c->x[OPERAND], n / width, width)
                                 : nn_requantize_values(&f, c->y, c->x[OPERAND], n);
}

/* Of an accumulator. */
static bool requantize_layer(const nn_call *c)
{
    const nn_node *n = c->node;
    bool known = c->x[X_SCALE][0] > 0;
    size_t channels = (size_t)nn_shape_channels(n->shape);
    nn_requantize r = { .mean_of = n->attr.fakequant.mean_of,
                        .relu6 = n->attr.fakequant.relu6,
                        .is_uint8 = n->attr.fakequant.is_uint8,
                        .grid = n->attr.fakequant.grid };
    if (known && n->n_in > W_SCALE) {
        r.w_scale = c->x[W_SCALE];
        r.w_scales = nn_call_count_in(c, W_SCALE);
        known = r.w_scale[0] > 0;
    }
    if (!known)
        return false;
    r.x_scale = (double)c->x[X_SCALE][0];
    r.out = affine_of(c);
    nn_requantize_rows(&r, c->y, c->x[X], nn_call_count(c) / channels, channels, c->scratch);
    return true;
}

bool nn_fakequant_on_device(const nn_call *c)
{
    const nn_node *n = c->node;
    if (n->n_in <= X_SCALE || n->attr.fakequant.learn != NULL || c->saved != NULL)
        return false;
    if (n->n_in > B)
        return requantize_operands(c);
    return nn_requantize_is_function(n->attr.fakequant.behind) ? requantize_function(c)
                                                               : requantize_layer(c);
}
