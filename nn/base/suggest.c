#include "nn/base/suggest.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 };

static int length(const char *s)
{
    size_t n = strlen(s);
    return n < LONGEST ? (int)n : LONGEST;
}

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' ? '-' : c;
}

static int least(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

int nn_edit_distance(const char *a, const char *b)
{
    int d[LONGEST + 1][LONGEST + 1];
    int n = length(a), m = length(b);
    for (int i = 0; i <= n; i++)
        d[i][0] = i;
    for (int j = 0; j <= m; j++)
        d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            char x = folded(a[i - 1]), y = folded(b[j - 1]);
            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && folded(a[i - 2]) == y &&
                d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[n][m];
}

void nn_suggest_offer(nn_suggestion *s, const char *name)
{
    int given = length(s->given);
    int limit = given < 3 ? 1 : given / 3;
    int distance = nn_edit_distance(s->given, name);
    if (given >= 2 && distance > 1 && strncmp(s->given, name, (size_t)given) == 0)
        distance = 1;
    if (distance > limit || (s->best != NULL && distance >= s->distance))
        return;
    s->best = name;
    s->distance = distance;
}

const char *nn_suggest(const char *given, const char *const *names, int n)
{
    nn_suggestion s = { .given = given };
    for (int i = 0; i < n; i++)
        nn_suggest_offer(&s, names[i]);
    return s.best;
}

nn_status nn_fail_unknown(const char *what, const char *given, const char *const *names, int n)
{
    const char *near = nn_suggest(given, names, n);
    if (near != NULL)
        return nn_fail(NN_EINVAL, "%s\"%.60s\" is unknown; did you mean %s?", what, given, near);
    char list[256] = "";
    for (int i = 0; i < n; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    return nn_fail(NN_EINVAL, "%s\"%.60s\" is unknown; there are %s", what, given, list);
}
