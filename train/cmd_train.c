/* octet train - trains a network, in float or with fake quantization. */
#include "train/command.h"
#include "train/recipe.h"

typedef struct settings {
    train_common common;
    train_recipe recipe;
} settings;

static nn_status run(train_call *call)
{
    (void)call;
    return nn_fail(NN_ENOTSUP, "not written yet");
}

const train_command train_command_train = {
    .name = "train",
    .operands = "[RECIPE.ini]",
    .about = "train a network",
    .operands_max = 1,
    .recipe = true,
    .settings_bytes = sizeof(settings),
    .run = run,
};
