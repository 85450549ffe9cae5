#include "nn/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 512 };

static _Thread_local char message[MESSAGE_BYTES];

nn_status nn_fail(nn_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return code;
}

nn_status nn_fail_context(nn_status code, const char *fmt, ...)
{
    char inner[MESSAGE_BYTES];
    memcpy(inner, message, sizeof inner);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof message)
        snprintf(message + n, sizeof message - (size_t)n, ": %.*s", MESSAGE_BYTES - 3 - n, inner);
    return code;
}

const char *nn_message(void)
{
    return message;
}
