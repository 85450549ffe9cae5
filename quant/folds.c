#include "quant/folds.h"

static const quant_fold *const folds[] = {
#define QUANT_FOLD(name) &quant_fold_##name,
#include "quant/folds.def"
#undef QUANT_FOLD
};

const quant_fold *quant_fold_at(int i)
{
    const int n = sizeof folds / sizeof folds[0];
    return i >= 0 && i < n ? folds[i] : NULL;
}
