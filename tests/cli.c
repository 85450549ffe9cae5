/* Running the program from a test and reading what it says; see cli.h. */
#define _XOPEN_SOURCE 700
#include "tests/cli.h"

#include <sys/wait.h>
#include <unistd.h>

/* ---- running it ------------------------------------------------------------------------------ */

char program[PATH], stdout_path[PATH], stderr_path[PATH];

/* Beside the folder of this test, or in $OUT. */
int find_program(void **state)
{
    (void)state;
    char self[PATH];
    const char *out = getenv("OUT");
    snprintf(stdout_path, sizeof stdout_path, "%s", test_path("stdout"));
    snprintf(stderr_path, sizeof stderr_path, "%s", test_path("stderr"));
    if (out != NULL) {
        snprintf(program, sizeof program, "%.900s/octet", out);
        return 0;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(self, '/') = '\0';
    snprintf(program, sizeof program, "%.900s/octet", self);
    return 0;
}

static outcome last;

nn_bytes read_text(const char *path)
{
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    char *copy = calloc(file.size + 1, 1);
    assert_non_null(copy);
    memcpy(copy, file.data, file.size);
    nn_bytes text = { (uint8_t *)copy, file.size };
    nn_bytes_free(&file);
    return text;
}

const outcome *octet_with(const char *before, const char *arguments)
{
    char command[COMMAND];
    int n = snprintf(command, sizeof command, "%s %s %s >%s 2>%s", before, program, arguments,
                     stdout_path, stderr_path);
    assert_true(n > 0 && n < (int)sizeof command);
    int status = system(command);
    assert_true(WIFEXITED(status));
    free(last.out.data);
    free(last.err.data);
    last = (outcome){ WEXITSTATUS(status), read_text(stdout_path), read_text(stderr_path) };
    return &last;
}

const outcome *octet(const char *fmt, ...)
{
    char arguments[COMMAND];
    va_list list;
    va_start(list, fmt);
    vsnprintf(arguments, sizeof arguments, fmt, list);
    va_end(list);
    const outcome *o = octet_with("", arguments);
    print_message("octet %s: %d\n", arguments, o->code);
    return o;
}

const char *text_of(nn_bytes b)
{
    return (const char *)b.data;
}

void check_done(const outcome *o)
{
    if (o->code != 0)
        fail_msg("exit code %d: %s", o->code, text_of(o->err));
}

void check_error(const outcome *o, int code, const char *part)
{
    const char *err = text_of(o->err), *end = strchr(err, '\n');
    if (o->code != code || strncmp(err, "octet ", 6) != 0 || end == NULL || end[1] != '\0' ||
        strstr(err, part) == NULL)
        fail_msg("exit code %d (wanted %d), wanted one line with \"%s\" on stderr: \"%s\"", o->code,
                 code, part, err);
    assert_int_equal(o->out.size, 0);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

cJSON *object_of(const outcome *o)
{
    check_done(o);
    const char *end = strchr(text_of(o->out), '\n');
    assert_true(end != NULL && end[1] == '\0');
    cJSON *json = cJSON_Parse(text_of(o->out));
    assert_true(cJSON_IsObject(json));
    return json;
}

void check_keys(const cJSON *object, const char *keys)
{
    char found[COMMAND] = "";
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        strncat(found, item->string, sizeof found - strlen(found) - 1);
        if (item->next != NULL)
            strncat(found, " ", sizeof found - strlen(found) - 1);
    }
    assert_string_equal(found, keys);
}

double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(object, key);
    if (!cJSON_IsNumber(item))
        fail_msg("\"%s\" is no number", key);
    return item->valuedouble;
}

const char *string(const cJSON *object, const char *key)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    if (s == NULL)
        fail_msg("\"%s\" is no string", key);
    return s;
}

const cJSON *item(const cJSON *object, const char *key, int i)
{
    const cJSON *found = cJSON_GetArrayItem(cJSON_GetObjectItem(object, key), i);
    if (found == NULL)
        fail_msg("\"%s\" has no item %d", key, i);
    return found;
}

/* ---- the models ------------------------------------------------------------------------------ */

int train_models(void **state)
{
    find_program(state);
    const outcome *o =
        octet("train --data sample --model lenet --out %s --steps 12 --batch 16 --qat "
              "--quant-delay 4 --quiet",
              test_path("q"));
    check_done(o);
    o = octet("train --data noise:8x8x3:4:200 --model mlp --out %s --steps 3 --batch 16 --quiet",
              test_path("f"));
    check_done(o);
    return 0;
}

int forget(void **state)
{
    (void)state;
    free(last.out.data);
    free(last.err.data);
    return 0;
}

const char *q(const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "q/%s", name);
    return test_path(path);
}

const char *f(const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "f/%s", name);
    return test_path(path);
}
