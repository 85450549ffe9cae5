#include "train/report/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/base/utf8.h"

void report_text_free(report_text *t)
{
    nn_mem_free(t->data);
    *t = (report_text){ 0 };
}

nn_status report_text_check(const report_text *t)
{
    return t->failed ? nn_fail(NN_ENOMEM, "out of memory: a report of more than %zu bytes", t->size)
                     : NN_OK;
}

/* Room for n more bytes and a 0; the place where they go, or NULL. */
static char *reserve(report_text *t, size_t n)
{
    if (!t->failed && t->room - t->size < n + 1) {
        const size_t room = 2 * t->room + n + 4096;
        char *larger = nn_mem_alloc(room);
        if (larger != NULL && t->size > 0)
            memcpy(larger, t->data, t->size);
        if (larger != NULL) {
            nn_mem_free(t->data);
            t->data = larger;
            t->room = room;
        }
        t->failed = larger == NULL;
    }
    return t->failed ? NULL : t->data + t->size;
}

static void append(report_text *t, const char *text, size_t n)
{
    char *to = reserve(t, n);
    if (to == NULL)
        return;
    memcpy(to, text, n);
    t->size += n;
    t->data[t->size] = '\0';
}

void report_put(report_text *t, const char *text)
{
    append(t, text, strlen(text));
}

void report_printf(report_text *t, const char *fmt, ...)
{
    va_list list, again;
    va_start(list, fmt);
    va_copy(again, list);
    const int n = vsnprintf(NULL, 0, fmt, list);
    va_end(list);
    char *to = n >= 0 ? reserve(t, (size_t)n) : NULL;
    if (to != NULL) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        t->size += (size_t)n;
    }
    va_end(again);
}

void report_number(report_text *t, double x, int digits)
{
    if (isfinite(x))
        report_printf(t, "%.*g", digits, x);
    else
        report_put(t, isinf(x) ? (x > 0 ? "\xe2\x88\x9e" : "-\xe2\x88\x9e") : "\xe2\x80\x93");
}

/* ---- what strangers said --------------------------------------------------------------------- */

static const char replacement[] = "\xef\xbf\xbd", ellipsis[] = "\xe2\x80\xa6";

/* Bytes of the character at s if it is UTF-8 and allowed in XML 1.0 (section 2.2), else 0. */
static int character(const char *s)
{
    return *s == '\t' || *s == '\n' ? 1 : nn_utf8_character(s);
}

static const char *entity(unsigned char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* One character of the text, escaped; returns how many bytes of it that were. */
static int escape(report_text *t, const char *text)
{
    const int n = character(text);
    const char *name = entity((unsigned char)*text);
    if (n == 0 || name != NULL)
        report_put(t, n == 0 ? replacement : name);
    else
        append(t, text, (size_t)n);
    return n > 0 ? n : 1;
}

void report_escape(report_text *t, const char *text)
{
    while (text != NULL && *text != '\0')
        text += escape(t, text);
}

static const char *next(const char *text)
{
    const int n = character(text);
    return text + (n > 0 ? n : 1);
}

int report_length(const char *text)
{
    int n = 0;
    for (; text != NULL && *text != '\0'; text = next(text))
        n++;
    return n;
}

void report_escape_cut(report_text *t, const char *text, int most)
{
    if (report_length(text) <= most) {
        report_escape(t, text);
        return;
    }
    for (int i = 0; i < most - 1; i++)
        text += escape(t, text);
    report_put(t, ellipsis);
}

void report_escape_tail(report_text *t, const char *text, int most)
{
    int left = report_length(text);
    if (left > most)
        report_put(t, ellipsis);
    for (const int kept = left > most ? most - 1 : left; left > kept; left--)
        text = next(text);
    report_escape(t, text);
}

void report_shell_word(report_text *t, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./:,=+-%@";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        report_put(t, word);
        return;
    }
    report_put(t, "'");
    for (; *word != '\0'; word++)
        report_printf(t, *word == '\'' ? "'\\''" : "%c", *word);
    report_put(t, "'");
}

void report_base64(report_text *t, const uint8_t *bytes, size_t size)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = reserve(t, (size + 2) / 3 * 4);
    for (size_t i = 0; to != NULL && i < size; i += 3) {
        const uint32_t b1 = i + 1 < size ? bytes[i + 1] : 0, b2 = i + 2 < size ? bytes[i + 2] : 0;
        const uint32_t code = (uint32_t)bytes[i] << 16 | b1 << 8 | b2;
        *to++ = digit[code >> 18];
        *to++ = digit[code >> 12 & 63];
        *to++ = i + 1 < size ? digit[code >> 6 & 63] : '=';
        *to++ = i + 2 < size ? digit[code & 63] : '=';
        t->size += 4;
        *to = '\0';
    }
}
