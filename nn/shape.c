#include "nn/shape.h"

#include <stdint.h>
#include <stdio.h>

bool nn_shape_equal(nn_shape a, nn_shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

size_t nn_shape_count(nn_shape s)
{
    size_t n = 1;
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] != NN_BATCH)
            n *= (size_t)s.dim[i];
    return n;
}

size_t nn_shape_count_batch(nn_shape s, int n)
{
    bool batched = s.rank > 0 && s.dim[0] == NN_BATCH;
    return nn_shape_count(s) * (batched ? (size_t)n : 1);
}

bool nn_shape_is_valid(nn_shape s)
{
    if (s.rank < 0 || s.rank > NN_MAX_RANK)
        return false;
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] == NN_BATCH && i == 0)
            continue;
        if (s.dim[i] <= 0)
            return false;
        n *= s.dim[i];
        if (n > INT32_MAX)
            return false;
    }
    return true;
}

int nn_shape_channels(nn_shape s)
{
    return s.rank > 0 ? s.dim[s.rank - 1] : 1;
}

const char *nn_shape_text(nn_shape s, char *text)
{
    int n = snprintf(text, NN_SHAPE_TEXT, "[");
    for (int i = 0; i < s.rank && n < NN_SHAPE_TEXT; i++) {
        const char *comma = i > 0 ? "," : "";
        if (s.dim[i] == NN_BATCH)
            n += snprintf(text + n, (size_t)(NN_SHAPE_TEXT - n), "%sN", comma);
        else
            n += snprintf(text + n, (size_t)(NN_SHAPE_TEXT - n), "%s%d", comma, s.dim[i]);
    }
    if (n < NN_SHAPE_TEXT)
        snprintf(text + n, (size_t)(NN_SHAPE_TEXT - n), "]");
    return text;
}
