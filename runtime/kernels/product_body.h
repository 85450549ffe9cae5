/* product_body - what the products of patches and weights have in common where accumulators pass
 * through memory on their way to codes: packing, and the loops over panels, rows and tiles of
 * pixels.  The file that includes it has defined
 *
 *   STEP      elements of k that one instruction takes together: 1, 2 or 4
 *   element   the left operand's type
 *   multiply  sums[x][c] = bias[c] + products, for up to PIXELS pixels and one panel
 *   to_codes  a row of accumulators to codes
 *
 * Weights are packed in panels of 16 channels: run by run, for each STEP of k, 16 times
 * w[c][k ... k + STEP - 1]; a run is filled up with zeros. */
#ifndef OCTET_RUNTIME_KERNELS_PRODUCT_BODY_H
#define OCTET_RUNTIME_KERNELS_PRODUCT_BODY_H

static size_t panel_bytes(int runs, int k)
{
    return (size_t)runs * (((size_t)k + STEP - 1) / STEP) * STEP * PANEL;
}

static size_t pack_bytes(int n, int runs, int k)
{
    return ((size_t)n + PANEL - 1) / PANEL * panel_bytes(runs, k);
}

static void pack(void *packed, const int8_t *w, int n, int runs, int k)
{
    int8_t *to = packed;
    size_t each = (size_t)runs * (size_t)k;
    for (int first = 0; first < n; first += PANEL)
        for (int r = 0; r < runs; r++)
            for (int i = 0; i < k; i += STEP)
                for (int c = first; c < first + PANEL; c++) {
                    const int8_t *from = w + (size_t)c * each + (size_t)r * (size_t)k;
                    for (int j = i; j < i + STEP; j++)
                        *to++ = c < n && j < k ? from[j] : 0;
                }
}

static void store(const rt_product *p, int32_t sums[PIXELS][PANEL], int y, int x, int pixels,
                  int first)
{
    int n = p->n - first < PANEL ? p->n - first : PANEL;
    rt_requant_rows q = *p->requant;
    for (int i = 0; i < pixels; i++) {
        size_t pixel = (size_t)y * (size_t)p->pixels + (size_t)(x + i);
        if (p->acc != NULL) {
            for (int c = 0; c < n; c++)
                p->acc[pixel * (size_t)p->n + (size_t)(first + c)] = sums[i][c];
            continue;
        }
        q.mult = p->requant->mult + first;
        q.shift = p->requant->shift + first;
        to_codes(p->out + (size_t)y * p->out_row + (size_t)(x + i) * p->out_step + first, sums[i],
                 n, &q);
    }
}

/* A row of pixels in tiles of almost equal size. */
static void run_row(const rt_product *p, const int8_t *w, const int32_t *bias, int first, int y)
{
    const element *a = (const element *)p->a + (size_t)y * p->a_row;
    int tiles = (p->pixels + PIXELS - 1) / PIXELS;
    for (int i = 0, x = 0; i < tiles; i++) {
        _Alignas(64) int32_t sums[PIXELS][PANEL];
        const int pixels = (p->pixels - x + tiles - i - 1) / (tiles - i);
        const element *from = a + (size_t)x * p->a_step;
        switch (pixels) {
        case 4:
            multiply(sums, p, from, w, bias, 4);
            break;
        case 3:
            multiply(sums, p, from, w, bias, 3);
            break;
        case 2:
            multiply(sums, p, from, w, bias, 2);
            break;
        default:
            multiply(sums, p, from, w, bias, 1);
            break;
        }
        store(p, sums, y, x, pixels, first);
        x += pixels;
    }
}

static void product(const rt_product *p)
{
    const size_t bytes = panel_bytes(p->runs, p->k);
    const int8_t *w = p->w;
    for (int first = 0; first < p->n; first += PANEL, w += bytes) {
        _Alignas(64) int32_t bias[PANEL] = { 0 };
        for (int c = 0; c < PANEL && first + c < p->n; c++)
            bias[c] = p->bias[first + c];
        for (int y = 0; y < p->rows; y++)
            run_row(p, w, bias, first, y);
    }
}

#endif
