#include "train/cli/source.h"

#include "train/cli/log.h"
#include "train/recipe.h"

#define AT(member) offsetof(train_source, member)
static const train_arg args[] = {
    { .name = "data",
      .kind = TRAIN_TEXT,
      .at = AT(data),
      .form = "DATA",
      .help = "labelled pictures",
      .name_at = train_data_kind_at },
    { .name = "val",
      .kind = TRAIN_TEXT,
      .at = AT(val),
      .form = "X",
      .help = "share of the training pictures held back; default: as in training, else 0.05" },
    { .name = "skip-bad",
      .kind = TRAIN_FLAG,
      .at = AT(skip_bad),
      .help = "go on without pictures that cannot be read" },
};
#undef AT

const train_rows train_source_rows = { "data", args, TRAIN_N(args) };

static nn_status make_options(ds_options *out, const train_source *s, const train_call *call,
                              const train_info *trained)
{
    const train_common *common = call->settings;
    train_data_options d = { .val = "0.05", .skip_bad = s->skip_bad };
    uint64_t seed = common->seed;
    if (trained != NULL) {
        d.val = trained->recipe.data.val;
        seed = train_args_given(call->args, "seed") ? seed : trained->seed;
    }
    if (s->val != NULL)
        d.val = s->val;
    return train_recipe_dataset(out, &d, seed, common->max_pixels);
}

nn_status train_source_check(const char *data)
{
    if (data == NULL)
        return nn_fail(NN_EINVAL, "--data: is missing; name pictures, such as --data sample; "
                                  "`octet help data` lists all kinds");
    return NN_OK;
}

nn_status train_source_open(ds_set **out, const train_source *s, const train_call *call,
                            const train_prep *prep, const train_info *trained, int classes)
{
    ds_options base;
    ds_set *set;
    NN_TRY(train_source_check(s->data));
    NN_TRY(make_options(&base, s, call, trained));
    const ds_options options = train_prep_dataset(prep, &base);
    NN_TRY(ds_open(&set, s->data, &options));
    if (ds_classes(set) != classes) {
        nn_status st = nn_fail(NN_ESHAPE, "--data %s: has %d classes, the network %d", s->data,
                               ds_classes(set), classes);
        ds_close(set);
        return st;
    }
    *out = set;
    return NN_OK;
}

void train_source_say_bad(const ds_set *set)
{
    int n = ds_n_bad(set);
    if (n > 0)
        train_log("note: left out %d picture%s that could not be read, the first: %s", n,
                  n == 1 ? "" : "s", ds_bad(set, 0));
}
