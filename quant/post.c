#include "quant/post.h"

#include <string.h>

#include "nn/base/mem.h"

/* Ranges and codes; what biases are corrected towards is the network before its weights moved onto
 * the grid. */
static nn_status quantize(quant_post_report *out, const nn_graph *from, const quant_config *config,
                          const quant_post *p, nn_real *reference, const quant_pictures *pictures)
{
    NN_TRY(quant_calibrate(from, config, &p->calibration, pictures));
    if (p->adaround)
        NN_TRY(quant_adaround(&out->rounded, from, config, &p->rounding, pictures));
    if (p->correction == QUANT_BIAS_EMPIRICAL)
        return quant_correct_bias_by_pictures(&out->corrected, from, config, reference, pictures);
    if (p->correction == QUANT_BIAS_ANALYTICAL)
        return quant_correct_bias_by_moments(&out->corrected, from, config, reference);
    return NN_OK;
}

nn_status quant_post_run(quant_post_report *out, const nn_graph *from, const quant_config *config,
                         const quant_post *p, const quant_pictures *pictures)
{
    const nn_vector v = nn_params_trained(nn_graph_params(from));
    *out = (quant_post_report){ 0 };
    if (p->equalize)
        NN_TRY(quant_equalize(&out->equalized, from, config, pictures));
    if (p->absorb)
        NN_TRY(quant_absorb_bias(&out->absorbed, from));
    nn_real *reference = nn_mem_alloc((v.count + 1) * sizeof *reference);
    if (reference == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a copy of the parameters");
    memcpy(reference, v.value, v.count * sizeof *reference);
    nn_status st = quantize(out, from, config, p, reference, pictures);
    nn_mem_free(reference);
    return st;
}
