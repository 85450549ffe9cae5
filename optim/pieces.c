#include "optim/pieces.h"

#include "nn/base/mem.h"

static int pieces_of(const nn_param *p)
{
    return (int)((p->count + OPT_PIECE - 1) / OPT_PIECE);
}

static void cut(opt_pieces *out, const nn_param *p)
{
    for (size_t at = 0; at < p->count; at += OPT_PIECE) {
        size_t rest = p->count - at;
        out->piece[out->n++] = (opt_piece){ .begin = p->offset + at,
                                            .count = rest < OPT_PIECE ? rest : OPT_PIECE,
                                            .param = p };
    }
}

nn_status opt_pieces_new(opt_pieces *out, const nn_params *ps, opt_wanted wanted, const void *ctx)
{
    int n = 0;
    for (int i = 0; i < nn_params_count(ps); i++)
        if (wanted(nn_params_at(ps, i), ctx))
            n += pieces_of(nn_params_at(ps, i));
    *out = (opt_pieces){ .piece = nn_mem_alloc((size_t)n * sizeof(opt_piece)) };
    if (out->piece == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %d pieces of the parameter vector", n);
    for (int i = 0; i < nn_params_count(ps); i++)
        if (wanted(nn_params_at(ps, i), ctx))
            cut(out, nn_params_at(ps, i));
    return NN_OK;
}

void opt_pieces_free(opt_pieces *p)
{
    nn_mem_free(p->piece);
    *p = (opt_pieces){ 0 };
}

bool opt_is_trained(const nn_param *p, const void *ctx)
{
    (void)ctx;
    return nn_param_is_trained(p);
}
