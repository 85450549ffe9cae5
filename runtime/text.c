#include "runtime/text.h"

typedef struct writer {
    char *out;
    size_t used, room; /* room without the closing 0 */
} writer;

static void put(writer *w, char c)
{
    if (w->used < w->room)
        w->out[w->used++] = c;
}

/* Names come from files that nobody vouches for: no line ends in one, no terminal obeys one. */
static void put_string(writer *w, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        put(w, (unsigned char)*s < ' ' || *s == 0x7F ? '?' : *s);
}

static void put_number(writer *w, unsigned long long v, unsigned base)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    while (n > 0)
        put(w, digits[--n]);
}

static void put_signed(writer *w, long long v)
{
    if (v < 0)
        put(w, '-');
    put_number(w, v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v, 10);
}

size_t rt_format_args(char *out, size_t n, const char *fmt, va_list args)
{
    if (n == 0)
        return 0;
    writer w = { out, 0, n - 1 };
    for (; *fmt != '\0'; fmt++) {
        if (*fmt != '%') {
            put(&w, *fmt);
            continue;
        }
        fmt++;
        if (*fmt == 's')
            put_string(&w, va_arg(args, const char *));
        else if (*fmt == 'd')
            put_signed(&w, va_arg(args, int));
        else if (*fmt == 'u')
            put_number(&w, va_arg(args, unsigned), 10);
        else if (*fmt == 'x')
            put_number(&w, va_arg(args, unsigned), 16);
        else if (*fmt == 'z' && *++fmt == 'u')
            put_number(&w, va_arg(args, size_t), 10);
        else if (*fmt == 'l' && *++fmt == 'l' && *++fmt == 'd')
            put_signed(&w, va_arg(args, long long));
        else if (*fmt == 'u')
            put_number(&w, va_arg(args, unsigned long long), 10);
        else
            put(&w, '%');
    }
    out[w.used] = '\0';
    return w.used;
}

size_t rt_format(char *out, size_t n, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t used = rt_format_args(out, n, fmt, args);
    va_end(args);
    return used;
}
