#define _POSIX_C_SOURCE 200809L
#include "train/cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/base/mem.h"
#include "nn/base/utf8.h"

bool train_output_is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

nn_status train_output_check(const char *option, const char *path, const char *input)
{
    if (path != NULL && nn_file_is_same(path, input))
        return nn_fail(NN_EINVAL, "--%s %s: is the file that is read; choose another name", option,
                       path);
    return NN_OK;
}

/* Is standard output a terminal that may be sent codes? */
static bool is_coloured(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && (no == NULL || no[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

const char *train_output_style(train_style style)
{
    static const char *const codes[] = {
        [TRAIN_PLAIN] = "\033[0m", [TRAIN_BOLD] = "\033[1m", [TRAIN_RED] = "\033[31m"
    };
    return is_coloured() ? codes[style] : "";
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Twice the room for what has been read. */
static nn_status grow(nn_bytes *b, size_t *room)
{
    size_t larger = *room > 0 ? 2 * *room : (size_t)1 << 16;
    uint8_t *data = nn_mem_alloc(larger);
    if (data == NULL)
        return nn_fail(NN_ENOMEM, "standard input: out of memory after %zu bytes", b->size);
    if (b->size > 0)
        memcpy(data, b->data, b->size);
    nn_mem_free(b->data);
    b->data = data;
    *room = larger;
    return NN_OK;
}

static nn_status read_stdin(nn_bytes *out, size_t limit)
{
    size_t room = 0, got = 1;
    while (got > 0) {
        if (out->size == room)
            NN_TRY(grow(out, &room));
        got = fread(out->data + out->size, 1, room - out->size, stdin);
        out->size += got;
        if (limit != 0 && out->size > limit)
            return nn_fail(NN_EFORMAT, "standard input: has more than %zu bytes; see --max-memory",
                           limit);
    }
    if (ferror(stdin))
        return nn_fail(NN_EIO, "standard input: cannot be read: %s", strerror(errno));
    return NN_OK;
}

nn_status train_input_read(nn_bytes *out, const char *path, size_t limit)
{
    if (strcmp(path, "-") != 0)
        return nn_file_read(out, path, limit);
    *out = (nn_bytes){ 0 };
    nn_status st = read_stdin(out, limit);
    if (st != NN_OK)
        nn_bytes_free(out);
    return st;
}

nn_status train_output_write(const char *path, const void *data, size_t size)
{
    if (!train_output_is_stdout(path))
        return nn_file_write(path, data, size);
    if (fwrite(data, 1, size, stdout) != size)
        return nn_fail(NN_EIO, "standard output: cannot be written: %s", strerror(errno));
    return NN_OK;
}

/* ---- text ------------------------------------------------------------------------------------ */

nn_status train_output_json(cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: the result as JSON");
    nn_utf8_clean(text); /* paths may be any bytes, JSON may not */
    printf("%s\n", text);
    cJSON_free(text);
    return NN_OK;
}

const char *train_output_clean(nn_arena *a, const char *text)
{
    char *clean = nn_arena_strdup(a, text != NULL ? text : "");
    if (clean == NULL)
        return "";
    nn_utf8_clean(clean);
    return clean;
}
