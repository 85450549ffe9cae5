/* text - the sentence that says what was wrong, made without stdio. */
#ifndef OCTET_RUNTIME_TEXT_H
#define OCTET_RUNTIME_TEXT_H

#include <stdarg.h>

#include "runtime/rt.h"

#if defined(__GNUC__)
#define RT_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))
#else
#define RT_PRINTF(fmt_index, args_index)
#endif

/* Writes at most n - 1 bytes and a 0.  Understands %s %d %u %zu %lld %llu %x and %%, and nothing
 * else of printf's language; ASCII control characters of a %s become '?'.  Returns the bytes
 * written. */
size_t rt_format(char *out, size_t n, const char *fmt, ...) RT_PRINTF(3, 4);
size_t rt_format_args(char *out, size_t n, const char *fmt, va_list args);

#endif
