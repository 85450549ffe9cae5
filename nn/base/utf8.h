/* utf8 - which bytes of a text from a file or folder are characters that may be shown. */
#ifndef OCTET_NN_BASE_UTF8_H
#define OCTET_NN_BASE_UTF8_H

/* Bytes of the character at s if it is UTF-8 (RFC 3629: none overlong, no surrogates) and
 * printable: no control character (below U+0020, U+007F to U+009F), and not one of those that end
 * in FFFE or FFFF, which are none.  Else 0, also at the end of the text. */
int nn_utf8_character(const char *s);

/* Makes every other byte of the text a '?'. */
void nn_utf8_clean(char *text);

#endif
