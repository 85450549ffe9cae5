#define _DEFAULT_SOURCE
#include "train/cli/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_quiet;
static bool is_line_open; /* a live line stands without its newline */

void train_log_quiet(bool quiet)
{
    is_quiet = quiet;
}

bool train_log_is_live(void)
{
    return isatty(STDERR_FILENO) == 1;
}

int train_log_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool train_log_is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" }; /* the first one counts */
    const char *locale = NULL;
    for (int i = 0; i < 3 && (locale == NULL || locale[0] == '\0'); i++)
        locale = getenv(names[i]);
    return locale != NULL && (strstr(locale, "UTF-8") != NULL || strstr(locale, "utf8") != NULL);
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
