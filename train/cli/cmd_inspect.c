/* octet inspect - what is in a checkpoint or a .tflite file. */
#include "train/cli/inspect.h"
#include "train/cli/tflite_file.h"

typedef struct settings {
    train_common common;
    bool plan, dot;
} settings;

static const train_arg args[] = {
    { .name = "plan",
      .kind = TRAIN_FLAG,
      .at = offsetof(settings, plan),
      .help = "of a checkpoint: how each tensor is quantized, or why not" },
    { .name = "dot",
      .kind = TRAIN_FLAG,
      .at = offsetof(settings, dot),
      .help = "a drawing in the language of Graphviz: octet inspect FILE --dot | dot -Tsvg" },
};

static const train_rows rows = { "inspect", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 } };

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    const char *path = call->args->operand[0];
    const train_inspect_options o = { s->plan, s->dot, s->common.json };
    train_file_kind kind;
    if ((s->plan && s->dot) || (s->dot && s->common.json))
        return nn_fail(NN_EINVAL, "--dot: is a result of its own; leave out --plan and --json");
    NN_TRY(train_file_kind_of(&kind, path));
    if (kind == TRAIN_FILE_TFLITE) {
        const train_limits limits = train_tflite_limits(call);
        return train_inspect_tflite(path, &limits, &o);
    }
    const train_limits limits = { s->common.max_macs, s->common.max_memory };
    return train_inspect_checkpoint(path, &limits, &o);
}

const train_command train_command_inspect = {
    .name = "inspect",
    .operands = "FILE",
    .about = "what is in a checkpoint or a .tflite file",
    .more =
        "--json of a .tflite file: {\"file\", \"format\": \"tflite\", \"bytes\", \"description\",\n"
        "\"subgraphs\", \"operators\": [{\"index\", \"op\", \"version\", \"inputs\": [],\n"
        "\"outputs\": [], \"refused\", \"macs\", \"options\": {}}], \"tensors\": [{\"index\",\n"
        "\"name\", \"type\", \"shape\": [], \"bytes\", \"constant\", \"scale\": [],\n"
        "\"zero_point\": [], \"axis\"}], \"inputs\": [], \"outputs\": [], \"parameters\",\n"
        "\"parameter_bytes\", \"runs\", \"why\" or \"macs\", \"model_bytes\", \"arena_bytes\",\n"
        "\"arena_bound\", \"metadata\": [{\"name\", \"bytes\"}]}\n\n"
        "--json of a checkpoint: {\"file\", \"format\": \"checkpoint\", \"model\", \"step\",\n"
        "\"input\": [], \"mean\": [], \"std\": [], \"resize\", \"classes\": [], \"parameters\",\n"
        "\"macs\", \"quantized\", \"has_ranges\", \"tensors\": [{\"name\", \"shape\": []}],\n"
        "\"ranges\": [{\"name\", \"min\", \"max\", \"scale\": [], \"zero_point\": []}],\n"
        "\"plan\": [{\"name\", \"op\", \"how\", \"why\"}] with --plan}",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
