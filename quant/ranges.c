#include "quant/ranges.h"

#include <string.h>

#include "nn/base/suggest.h"

static const nn_range_rule *const rules[] = {
#define QUANT_RANGE(name) &quant_range_##name,
#include "quant/ranges.def"
#undef QUANT_RANGE
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

const nn_range_rule *quant_range_at(int i)
{
    return i >= 0 && i < N_RULES ? rules[i] : NULL;
}

const nn_range_rule *quant_range_by_name(const char *name)
{
    const char *names[N_RULES];
    for (int i = 0; i < N_RULES; i++) {
        if (strcmp(rules[i]->name, name) == 0)
            return rules[i];
        names[i] = rules[i]->name;
    }
    const char *near = nn_suggest(name, names, N_RULES);
    nn_fail(NN_EINVAL, "range %s: is unknown%s%s", name, near != NULL ? "; did you mean " : "",
            near != NULL ? near : "");
    return NULL;
}
