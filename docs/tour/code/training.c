/* training - what the pages on training work out. */
#include <math.h>
#include <stdio.h>

#include "docs/tour/code/passes.h"
#include "docs/tour/code/tour.h"
#include "quant/ranges.h"

nn_status tour_fakequant(void)
{
    enum { N = 7 };
    static const nn_real x[N] = { -1.3f, -1, -0.12f, 0.09f, 0.33f, 2, 2.7f };
    nn_real y[N], dx[N];
    nn_grid grid = nn_grid_signed(4, false);
    nn_affine a = nn_affine_from_range(-1, 2, grid);
    NN_TRY(tour_fake_quantize(y, dx, x, N, a, grid));
    printf("scale %g, zero point %d, from %g to %g\n", (double)a.scale, a.zero_point,
           (double)nn_affine_value(grid.qmin, a), (double)nn_affine_value(grid.qmax, a));
    printf("     x      y   dy  dx\n");
    for (int i = 0; i < N; i++)
        printf("%6.2f  %5.2f    1   %g\n", (double)x[i], (double)y[i], (double)dx[i]);
    return NN_OK;
}

nn_status tour_average(void)
{
    static const float largest[] = { 2, 4, 1, 3 };
    const nn_range_rule *rules[] = { &quant_range_ema, &quant_range_minmax, &quant_range_last };
    nn_real value[3][7] = { { 0 } };
    printf("batch's largest    ema  minmax  last\n");
    for (int i = 0; i < 4; i++) {
        printf("%15g", (double)largest[i]);
        for (int r = 0; r < 3; r++) {
            nn_real *v = value[r];
            nn_range_state s = { .channels = 1,
                                 .min = &v[0],
                                 .max = &v[1],
                                 .scale = &v[2],
                                 .zero_point = &v[3],
                                 .memory = &v[4] };
            rules[r]->observe(&s, &(float){ 0 }, &largest[i]);
            printf(r == 0 ? "  %.4f" : r == 1 ? "%7g" : "%6g", (double)v[1]);
        }
        printf("\n");
    }
    return NN_OK;
}

nn_status tour_fold(void)
{
    tour_folded f;
    NN_TRY(tour_fold_once(&f, 3));
    printf("weight %.4f, bias %.4f\n", f.weight, f.bias);
    printf("x = 3: with batch norm %.4f, folded %.4f\n", f.with_batch_norm, f.without);
    return NN_OK;
}

/* With a range of 1.1 a folded weight of 1 has the code 127 / 1.1 = 115. */
nn_status tour_jitter(void)
{
    enum { STEPS = 8 };
    tour_folds f[STEPS];
    const nn_grid grid = nn_grid_signed(8, true);
    const nn_affine a = nn_affine_symmetric(-1.1f, 1.1f, grid);
    NN_TRY(tour_fold_batches(f, STEPS));
    printf("step   by the batch      by the average\n");
    for (int i = 0; i < STEPS; i++)
        printf("%4d   %.4f code %3d   %.4f code %3d\n", i, f[i].by_batch / 2,
               nn_affine_code((float)f[i].by_batch / 2, a, grid), f[i].by_average / 2,
               nn_affine_code((float)f[i].by_average / 2, a, grid));
    return NN_OK;
}

nn_status tour_concat(void)
{
    return tour_print_concat();
}
