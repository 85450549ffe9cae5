/* arg_value - one option's value from text, and back. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/suggest.h"
#include "train/args.h"

static void *slot(const train_arg *arg, void *base)
{
    return (char *)base + arg->at;
}

static const void *slot_of(const train_arg *arg, const void *base)
{
    return (const char *)base + arg->at;
}

/* ---- pieces of text -------------------------------------------------------------------------- */

/* A decimal number without sign, blank or anything after it but what *end is left at. */
static bool read_digits(const char *text, char **end, uint64_t *out)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(text, end, 10);
    return errno == 0;
}

static bool read_real(const char *text, char **end, double *out)
{
    if (text[0] == '\0' || strchr("+-.0123456789", text[0]) == NULL)
        return false;
    *out = strtod(text, end);
    return isfinite(*out) && strpbrk(text, "xX") == NULL;
}

static nn_status refuse(const train_arg *arg, const char *text, const char *want)
{
    return nn_fail(NN_EINVAL, "--%s: \"%.80s\" is not %s", arg->name, text, want);
}

static bool is_bounded(const train_arg *arg)
{
    return arg->min != 0 || arg->max != 0;
}

static nn_status check_bounds(const train_arg *arg, const char *text, double x)
{
    if (!is_bounded(arg) || (x >= arg->min && x <= arg->max))
        return NN_OK;
    if (isinf(arg->max))
        return nn_fail(NN_EINVAL, "--%s: %.80s is below %.15g", arg->name, text, arg->min);
    return nn_fail(NN_EINVAL, "--%s: %.80s is not from %.15g to %.15g", arg->name, text, arg->min,
                   arg->max);
}

/* ---- a value of each kind -------------------------------------------------------------------- */

static nn_status store_flag(const train_arg *arg, bool *out, const char *text)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (int i = 0; i < 8; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return NN_OK;
        }
    return refuse(arg, text, "true or false");
}

static nn_status store_int(const train_arg *arg, int *out, const char *text)
{
    bool negative = text[0] == '-';
    char *end;
    uint64_t n;
    if (!read_digits(text + negative, &end, &n) || *end != '\0')
        return refuse(arg, text, "a whole number");
    if (n > INT32_MAX)
        return refuse(arg, text, "between -2147483647 and 2147483647");
    int value = negative ? -(int)n : (int)n;
    NN_TRY(check_bounds(arg, text, value));
    *out = value;
    return NN_OK;
}

static nn_status store_count(const train_arg *arg, uint64_t *out, const char *text)
{
    static const char suffix[] = "kMGT";
    char *end;
    uint64_t n, unit = 1;
    if (!read_digits(text, &end, &n))
        return refuse(arg, text, "a whole number from 0");
    const char *found = *end != '\0' ? strchr(suffix, *end) : NULL;
    for (const char *s = suffix; found != NULL && s <= found; s++)
        unit *= 1000;
    if (*end != '\0' && (found == NULL || end[1] != '\0'))
        return refuse(arg, text, "a whole number, or one with k, M, G or T");
    if (n > UINT64_MAX / unit)
        return refuse(arg, text, "below 2^64");
    *out = n * unit;
    return NN_OK;
}

static nn_status store_real(const train_arg *arg, double *out, const char *text)
{
    char *end;
    double x;
    if (!read_real(text, &end, &x) || *end != '\0')
        return refuse(arg, text, "a number");
    NN_TRY(check_bounds(arg, text, x));
    *out = x;
    return NN_OK;
}

static nn_status store_choice(const train_arg *arg, int *out, const char *text)
{
    int n = 0;
    for (; arg->choices[n] != NULL; n++)
        if (strcmp(arg->choices[n], text) == 0) {
            *out = n;
            return NN_OK;
        }
    nn_fail_unknown("", text, arg->choices, n);
    return nn_fail_context(NN_EINVAL, "--%s", arg->name);
}

static nn_status store_span(const train_arg *arg, train_span *out, const char *text)
{
    static const char *const units[] = { "", "ep", "min" };
    bool minutes = (arg->flags & TRAIN_MINUTES_OK) != 0;
    char *end;
    uint64_t n;
    if (read_digits(text, &end, &n) && n <= INT64_MAX)
        for (int u = TRAIN_STEPS; u <= (minutes ? TRAIN_MINUTES : TRAIN_EPOCHS); u++)
            if (strcmp(end, units[u]) == 0) {
                *out = (train_span){ (int64_t)n, (train_unit)u };
                return NN_OK;
            }
    return refuse(arg, text,
                  minutes ? "a number of steps (500), epochs (2ep) or minutes (10min)"
                          : "a number of steps (2000) or epochs (2ep)");
}

/* "N" is "N,N". */
static nn_status store_spans(const train_arg *arg, train_spans *out, const char *text)
{
    char first[64];
    size_t n = strcspn(text, ",");
    train_spans both;
    if (n >= sizeof first)
        return refuse(arg, text, "a number of steps or epochs, or two: 2000,1ep");
    memcpy(first, text, n);
    first[n] = '\0';
    NN_TRY(store_span(arg, &both.first, first));
    both.second = both.first;
    if (text[n] == ',')
        NN_TRY(store_span(arg, &both.second, text + n + 1));
    *out = both;
    return NN_OK;
}

static nn_status store_extent(const train_arg *arg, train_extent *out, const char *text)
{
    char *end;
    uint64_t height = 0, width = 0;
    bool fine = read_digits(text, &end, &height) && *end == 'x' &&
                read_digits(end + 1, &end, &width) && *end == '\0';
    if (!fine || height > 65535 || width > 65535 || (height == 0) != (width == 0))
        return refuse(arg, text, "a size HEIGHTxWIDTH such as 32x32");
    *out = (train_extent){ (int)height, (int)width };
    return NN_OK;
}

static nn_status store_reals(const train_arg *arg, train_reals *out, const char *text)
{
    train_reals list = { 0 };
    const char *at = text;
    while (*at != '\0') {
        char *end = NULL;
        if (list.n == TRAIN_MAX_REALS || !read_real(at, &end, &list.v[list.n]))
            return refuse(arg, text, "a list of at most 4 numbers such as 0.5 or 1,2,3");
        NN_TRY(check_bounds(arg, text, list.v[list.n++]));
        if (*end == ',' && end[1] != '\0')
            end++;
        else if (*end != '\0')
            return refuse(arg, text, "a list of numbers such as 0.5 or 1,2,3");
        at = end;
    }
    *out = list;
    return NN_OK;
}

nn_status train_arg_store(const train_arg *arg, void *base, const char *text)
{
    void *to = slot(arg, base);
    switch (arg->kind) {
    case TRAIN_FLAG:
        return store_flag(arg, to, text);
    case TRAIN_INT:
        return store_int(arg, to, text);
    case TRAIN_COUNT:
        return store_count(arg, to, text);
    case TRAIN_REAL:
        return store_real(arg, to, text);
    case TRAIN_CHOICE:
        return store_choice(arg, to, text);
    case TRAIN_SPAN:
        return store_span(arg, to, text);
    case TRAIN_SPANS:
        return store_spans(arg, to, text);
    case TRAIN_EXTENT:
        return store_extent(arg, to, text);
    case TRAIN_REALS:
        return store_reals(arg, to, text);
    case TRAIN_TEXT:
        break;
    }
    *(const char **)to = text[0] != '\0' ? text : NULL;
    return NN_OK;
}

/* ---- back to text ---------------------------------------------------------------------------- */

/* The shortest of the decimal forms that reads back as the same double. */
static int write_real(char *text, size_t size, double x)
{
    int n = 0;
    for (int digits = 6; digits <= 17; digits++) {
        n = snprintf(text, size, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    return n;
}

static int write_span(char *text, train_span s)
{
    static const char *const units[] = { "", "ep", "min" };
    return snprintf(text, TRAIN_ARG_TEXT / 2, "%lld%s", (long long)s.n, units[s.unit]);
}

static void write_spans(char *text, const train_spans *s)
{
    int n = write_span(text, s->first);
    if (s->first.n == s->second.n && s->first.unit == s->second.unit)
        return;
    text[n++] = ',';
    write_span(text + n, s->second);
}

static void write_reals(char *text, const train_reals *list)
{
    int at = 0;
    text[0] = '\0';
    for (int i = 0; i < list->n; i++) {
        if (i > 0)
            text[at++] = ',';
        at += write_real(text + at, TRAIN_ARG_TEXT - (size_t)at, list->v[i]);
    }
}

const char *train_arg_text(const train_arg *arg, const void *base, char buffer[TRAIN_ARG_TEXT])
{
    const void *from = slot_of(arg, base);
    switch (arg->kind) {
    case TRAIN_FLAG:
        return *(const bool *)from ? "true" : "false";
    case TRAIN_CHOICE:
        return arg->choices[*(const int *)from];
    case TRAIN_TEXT: {
        const char *text = *(const char *const *)from;
        return text != NULL ? text : "";
    }
    case TRAIN_INT:
        snprintf(buffer, TRAIN_ARG_TEXT, "%d", *(const int *)from);
        break;
    case TRAIN_COUNT:
        snprintf(buffer, TRAIN_ARG_TEXT, "%llu", (unsigned long long)*(const uint64_t *)from);
        break;
    case TRAIN_REAL:
        write_real(buffer, TRAIN_ARG_TEXT, *(const double *)from);
        break;
    case TRAIN_SPAN:
        write_span(buffer, *(const train_span *)from);
        break;
    case TRAIN_SPANS:
        write_spans(buffer, from);
        break;
    case TRAIN_EXTENT: {
        const train_extent *e = from;
        snprintf(buffer, TRAIN_ARG_TEXT, "%dx%d", e->height, e->width);
        break;
    }
    case TRAIN_REALS:
        write_reals(buffer, from);
        break;
    }
    return buffer;
}
