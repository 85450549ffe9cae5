#include "runtime/kernels/conv_f32.h"

enum { ROWS = 4, PANEL = RT_CONV_F32_PANEL, TILE_BYTES = 65536, TILE_MOST = 64 };

void rt_conv_f32_plan(rt_conv_f32 *p)
{
    size_t fit = TILE_BYTES / ((size_t)p->k * sizeof(float));
    p->tile = fit > TILE_MOST ? TILE_MOST : fit < ROWS ? ROWS : (int32_t)(fit / ROWS * ROWS);
}

int rt_conv_f32_tiles(const rt_conv_f32 *p)
{
    return (int)((rt_window_pixels(&p->win) + (size_t)p->tile - 1) / (size_t)p->tile);
}

size_t rt_conv_f32_scratch(const rt_conv_f32 *p)
{
    return (size_t)p->tile * (size_t)p->k * sizeof(float);
}

/* Panels of one group. */
static int32_t panels(const rt_conv_f32 *p)
{
    return (p->win.out_c / p->groups + PANEL - 1) / PANEL;
}

size_t rt_conv_f32_packed(const rt_conv_f32 *p)
{
    return (size_t)p->groups * (size_t)panels(p) * (size_t)p->k * PANEL;
}

size_t rt_conv_f32_place(const rt_conv_f32 *p, int32_t o, int32_t i)
{
    int32_t each = p->win.out_c / p->groups, in_group = o % each;
    size_t panel = (size_t)(o / each) * (size_t)panels(p) + (size_t)(in_group / PANEL);
    return (panel * (size_t)p->k + (size_t)i) * PANEL + (size_t)(in_group % PANEL);
}

/* Four patches by one panel. */
static void multiply(float sum[ROWS][PANEL], const float *const a[ROWS], const float *w, int32_t k)
{
    float s[ROWS][PANEL] = { { 0 } };
    for (int32_t i = 0; i < k; i++, w += PANEL)
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < PANEL; c++)
                s[r][c] += a[r][i] * w[c];
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < PANEL; c++)
            sum[r][c] = s[r][c];
}

/* Rows first ... first + rows - 1 of group g; `a` holds their patches. */
static void run_rows(const rt_conv_f32 *p, const float *a, float *out, size_t first, int rows,
                     int g)
{
    int32_t each = p->win.out_c / p->groups;
    const float *from[ROWS];
    for (int r = 0; r < ROWS; r++)
        from[r] = a + (size_t)(r < rows ? r : 0) * (size_t)p->k;
    for (int32_t panel = 0; panel < panels(p); panel++) {
        float sum[ROWS][PANEL];
        int32_t channel = g * each + panel * PANEL;
        int32_t count = each - panel * PANEL < PANEL ? each - panel * PANEL : PANEL;
        multiply(sum, from, p->weights + rt_conv_f32_place(p, channel, 0), p->k);
        for (int r = 0; r < rows; r++)
            for (int32_t c = 0; c < count; c++) {
                float v = sum[r][c] + p->bias[channel + c];
                v = v < p->lo ? p->lo : v > p->hi ? p->hi : v;
                out[(first + (size_t)r) * (size_t)p->win.out_c + (size_t)(channel + c)] = v;
            }
    }
}

void rt_conv_f32_run(const rt_conv_f32 *p, const float *in, float *out, int t, float *scratch)
{
    size_t first = (size_t)t * (size_t)p->tile, left = rt_window_pixels(&p->win) - first;
    int rows = left < (size_t)p->tile ? (int)left : p->tile;
    for (int g = 0; g < p->groups; g++) {
        for (int r = 0; r < rows; r++)
            rt_window_gather(&p->win, p->groups, sizeof(float), 0,
                             (uint8_t *)(scratch + (size_t)r * (size_t)p->k), (const uint8_t *)in,
                             first + (size_t)r, g);
        for (int r = 0; r < rows; r += ROWS)
            run_rows(p, scratch + (size_t)r * (size_t)p->k, out, first + (size_t)r,
                     rows - r < ROWS ? rows - r : ROWS, g);
    }
}
