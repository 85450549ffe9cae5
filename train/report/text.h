/* text - HTML and SVG as they are written: a growing text, and the one way in for what strangers
 * said.
 *
 * Class names, paths and recipes come from files: they go through report_escape, numbers and our
 * own words through report_put and report_printf.  Errors stick: after memory was out nothing is
 * added, and report_text_check says so once, at the end. */
#ifndef OCTET_TRAIN_REPORT_TEXT_H
#define OCTET_TRAIN_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/status.h"

typedef struct report_text { /* { 0 } is an empty one */
    char *data;              /* NULL while it is empty; with a 0 behind */
    size_t size, room;
    bool failed;
} report_text;

void report_text_free(report_text *t);

/* NN_OK, or NN_ENOMEM if something is missing. */
nn_status report_text_check(const report_text *t);

void report_put(report_text *t, const char *text);
void report_printf(report_text *t, const char *fmt, ...) NN_PRINTF(2, 3);

/* Text as it may stand between tags and in quoted attributes, of HTML and of XML: < > & " ' as
 * entities; what is not UTF-8, and characters that XML forbids, as U+FFFD.  NULL is "". */
void report_escape(report_text *t, const char *text);

/* The same, at most `most` characters of it; what is cut off stands as an ellipsis, at the end or,
 * of paths, at the beginning. */
void report_escape_cut(report_text *t, const char *text, int most);
void report_escape_tail(report_text *t, const char *text, int most);

/* A word of a command line: in single quotes, if a shell would take it for something else. */
void report_shell_word(report_text *t, const char *word);

/* How many characters it has. */
int report_length(const char *text);

/* "%.*g", or a dash for what is no number. */
void report_number(report_text *t, double x, int digits);

/* RFC 4648, for data URIs. */
void report_base64(report_text *t, const uint8_t *bytes, size_t size);

#endif
