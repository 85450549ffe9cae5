/* octet export - writes a checkpoint in another form. */
#include <stdio.h>

#include "train/cli/command.h"
#include "train/formats.h"
#include "train/cli/output.h"

typedef struct settings {
    train_common common;
    const char *format, *out;
} settings;

static const char *format_at(int i)
{
    const train_format *format = train_format_at(i);
    return format != NULL ? format->name : NULL;
}

static const train_arg args[] = {
    { .name = "format",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, format),
      .value = "tflite",
      .form = "NAME",
      .help = "the form",
      .name_at = format_at },
    { .name = "out",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, out),
      .form = "FILE",
      .help = "where it goes; - is standard output" },
};

static const train_rows rows = { "export", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 } };

static nn_status check(const train_format **format, const settings *s, const char *input)
{
    if (s->out == NULL)
        return nn_fail(NN_EINVAL, "--out: is missing; name the file to write");
    if (train_output_is_stdout(s->out) && s->common.json)
        return nn_fail(NN_EINVAL, "--out -: and --json both want standard output");
    NN_TRY(train_output_check("out", s->out, input));
    *format = train_format_by_name(s->format != NULL ? s->format : "");
    return *format != NULL ? NN_OK : nn_fail_context(NN_EINVAL, "--format");
}

static nn_status export(size_t *bytes, const train_network *n, const train_format *format,
                        const char *out)
{
    nn_bytes file = { 0 };
    NN_TRY(format->write(&file, n));
    nn_status st = train_output_write(out, file.data, file.size);
    *bytes = file.size;
    nn_bytes_free(&file);
    return st;
}

static nn_status print(const settings *s, size_t bytes)
{
    if (!s->common.json) {
        if (!train_output_is_stdout(s->out))
            printf("%s: %zu bytes\n", s->out, bytes);
        return NN_OK;
    }
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "file", s->out);
    cJSON_AddStringToObject(o, "format", s->format);
    cJSON_AddNumberToObject(o, "bytes", (double)bytes);
    return train_output_json(o);
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    const char *path = call->args->operand[0];
    const train_limits limits = { s->common.max_macs, s->common.max_memory };
    const train_format *format;
    train_network *n;
    size_t bytes = 0;
    NN_TRY(check(&format, s, path));
    NN_TRY(train_network_load(&n, path, NULL, &limits));
    nn_status st = export(&bytes, n, format, s->out);
    train_network_free(n);
    if (st != NN_OK)
        return st == NN_EIO ? st : nn_fail_context(st, "%s", path);
    return print(s, bytes);
}

const train_command train_command_export = {
    .name = "export",
    .operands = "CHECKPOINT",
    .about = "write a checkpoint in another form",
    .more = "formats\n"
#define TRAIN_FORMAT(write, name, about) "  " name ": " about "\n"
#include "train/formats.def"
#undef TRAIN_FORMAT
            "\n--json: {\"file\", \"format\", \"bytes\"}\n\n"
            "  octet export run/model.safetensors --format tflite --out model.tflite",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
