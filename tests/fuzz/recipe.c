/* Recipes: INI files with the options of octet train. */
#include "tests/fuzz/fuzz.h"
#include "train/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    train_args args;
    train_recipe recipe = { .data.data = NULL };
    quant_config quant;
    opt_config optimizer;
    ds_options options;
    if (train_args_parse(&args, train_recipe_groups, TRAIN_N_RECIPE_GROUPS, &recipe, 0, NULL) ==
            NN_OK &&
        train_args_recipe(&args, fuzz_file(data, size)) == NN_OK) {
        (void)!train_recipe_dataset(&options, &recipe.data, 1, 0);
        (void)!train_recipe_optimizer(&optimizer, &recipe.training);
        (void)!train_recipe_quant(&quant, &recipe.quant);
    }
    train_args_free(&args);
    return 0;
}
