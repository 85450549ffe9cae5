#define _POSIX_C_SOURCE 200809L
#include "train/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool is_quiet;
static bool is_line_open; /* a live line stands without its newline */

void train_log_quiet(bool quiet)
{
    is_quiet = quiet;
}

bool train_log_is_quiet(void)
{
    return is_quiet;
}

bool train_log_is_live(void)
{
    return isatty(STDERR_FILENO) == 1;
}

static void clear_line(void)
{
    if (is_line_open)
        fputs("\r\033[K", stderr);
    is_line_open = false;
}

void train_log(const char *fmt, ...)
{
    if (is_quiet)
        return;
    clear_line();
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void train_log_live(const char *fmt, ...)
{
    if (is_quiet || !train_log_is_live())
        return;
    clear_line();
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fflush(stderr);
    is_line_open = true;
}
