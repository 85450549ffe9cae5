/* dense - fully connected layer.
 *
 *   x [N,I]   w [O,I]   bias [O], optional        y [N,O]
 *   y = x w' + bias,  dx = dy w,  dw = dy' x,  dbias = sum over rows of dy */
#include "nn/kernels/gemm.h"
#include "nn/ops/linear.h"

enum { X = NN_LINEAR_X, W = NN_LINEAR_W, BIAS = NN_LINEAR_BIAS };
enum { ROWS = 56, COLUMNS = 256 }; /* of a unit of work: whole tiles */

typedef struct sizes {
    int n, i, o;
} sizes;

static sizes sizes_of(const nn_node *n, int batch)
{
    const nn_shape x = n->in[X]->shape;
    return (sizes){ x.dim[0] == NN_BATCH ? batch : x.dim[0], x.dim[1], n->shape.dim[1] };
}

static nn_status infer(nn_node *n)
{
    const nn_shape x = n->in[X]->shape, w = n->in[W]->shape;
    char text[NN_SHAPE_TEXT];
    if (x.rank != 2)
        return NN_NODE_FAIL(n, "x is %s, must be [N,I]: flatten it first", nn_shape_text(x, text));
    if (w.rank != 2 || w.dim[0] == NN_BATCH || w.dim[1] != x.dim[1])
        return NN_NODE_FAIL(n, "weight is %s, must be [O,%d] for this input",
                            nn_shape_text(w, text), x.dim[1]);
    NN_TRY(nn_linear_infer_bias(n, w.dim[0]));
    n->shape = NN_SHAPE(x.dim[0], w.dim[0]);
    return NN_OK;
}

static size_t weight_bytes(sizes s)
{
    return (size_t)s.o * (size_t)s.i * sizeof(nn_real);
}

/* w packed, for forward its transpose, or the sums of the bias gradient. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    const sizes s = sizes_of(n, batch);
    const size_t packed = nn_align_up(weight_bytes(s)), bias = nn_linear_bias_scratch(s.o);
    return (nn_need){ .scratch = training && bias > packed ? bias : packed };
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- c [rows,columns] (= or +=) a [rows,k] b + bias ------------------------------------------ */

typedef struct product {
    int rows, columns, k;
    const nn_real *a, *packed, *bias;
    nn_real *c;
    bool add;
} product;

static void multiply_rows(const product *p, int first)
{
    const nn_real *a = p->a + (size_t)first * (size_t)p->k;
    nn_real *c = p->c + (size_t)first * (size_t)p->columns;
    const ptrdiff_t start = 0;
    ptrdiff_t work;
    nn_gemm_rows(&(nn_gemm){
        .lines = 1,
        .per_line = smaller(ROWS, p->rows - first),
        .n = p->columns,
        .runs = 1,
        .len = p->k,
        .a = &a,
        .a_pitch = p->k,
        .a_run = &start,
        .b = p->packed,
        .b_run = &work,
        .bias = p->bias,
        .add = p->add,
        .c = &c,
        .c_pitch = p->columns,
    });
}

/* b[k][j] = w[k * step + j * column], packed into p->packed's place. */
static void multiply(const product *p, nn_real *packed, const nn_real *w, ptrdiff_t step,
                     ptrdiff_t column)
{
    const ptrdiff_t start = 0;
    const nn_gemm_source b = { p->columns, 1, p->k, w, &start, step, column };
    const int panels = nn_gemm_panels(p->columns), units = (p->rows + ROWS - 1) / ROWS;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int i = 0; i < panels; i++)
            nn_gemm_pack(packed, &b, i, i + 1);
#pragma omp for schedule(static)
        for (int i = 0; i < units; i++)
            multiply_rows(p, i * ROWS);
    }
}

static void forward(const nn_call *c)
{
    const sizes s = sizes_of(c->node, c->batch);
    const nn_real *bias = c->node->n_in > BIAS ? c->x[BIAS] : NULL;
    multiply(&(product){ s.n, s.o, s.i, c->x[X], c->scratch, bias, c->y, false }, c->scratch,
             c->x[W], 1, s.i);
}

/* ---- weight gradient ------------------------------------------------------------------------- */

static void backward_w(const nn_call *c, sizes s)
{
    const int high = (s.o + ROWS - 1) / ROWS, wide = (s.i + COLUMNS - 1) / COLUMNS;
    const ptrdiff_t start = 0;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < high * wide; u++) {
        const int o = u / wide * ROWS, i = u % wide * COLUMNS;
        nn_gemm_columns(&(nn_gemm_outer){
            .m = smaller(ROWS, s.o - o),
            .n = smaller(COLUMNS, s.i - i),
            .runs = 1,
            .len = s.n,
            .a = c->dy + o,
            .b = c->x[X] + i,
            .a_run = &start,
            .b_run = &start,
            .a_step = s.o,
            .b_step = s.i,
            .add = c->add[W],
            .c_step = s.i,
            .c = c->dx[W] + (size_t)o * (size_t)s.i + i,
        });
    }
}

static void backward(const nn_call *c)
{
    const sizes s = sizes_of(c->node, c->batch);
    if (c->dx[X] != NULL)
        multiply(&(product){ s.n, s.i, s.o, c->dy, c->scratch, NULL, c->dx[X], c->add[X] },
                 c->scratch, c->x[W], s.i, 1);
    if (c->dx[W] != NULL)
        backward_w(c, s);
    nn_linear_bias_grad(c, (size_t)s.n, s.o);
}

const nn_op nn_op_dense = {
    .name = "dense",
    .n_in_min = 2,
    .n_in_max = 3,
    .keeps = NN_KEEP_X(NN_LINEAR_X) | NN_KEEP_X(NN_LINEAR_W),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
