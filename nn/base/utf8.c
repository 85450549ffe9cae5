#include "nn/base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* How many bytes a first byte promises; 0: it is none. */
static int length_of(unsigned char first)
{
    return first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
}

int nn_utf8_character(const char *s)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* shorter forms exist below */
    const int n = length_of((unsigned char)s[0]);
    uint32_t code = (unsigned char)s[0] & (n == 1 ? 0x7FU : 0x7FU >> n);
    for (int i = 1; i < n; i++) {
        const unsigned char byte = (unsigned char)s[i];
        if (byte >> 6 != 2)
            return 0;
        code = code << 6 | (byte & 0x3F);
    }
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    const bool fine = n > 0 && code >= least[n] && code <= 0x10FFFF && (code & 0xFFFE) != 0xFFFE;
    return fine && !control && !surrogate ? n : 0;
}

void nn_utf8_clean(char *text)
{
    while (*text != '\0') {
        const int n = nn_utf8_character(text);
        if (n == 0)
            *text = '?';
        text += n > 0 ? n : 1;
    }
}
