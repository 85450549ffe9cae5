#include "train/report/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/file.h"

enum { LARGEST = 1 << 26, MOST_CELLS = 1 << 22 };

/* Fields of a line that ends at `end`; at most `most` go into `field`, which gets a copy of each.
 * Returns how many there are, -1 if memory is out. */
static int split(const char **field, int most, nn_arena *a, const char *line, const char *end)
{
    int n = 0;
    if (end > line && end[-1] == '\r')
        end--;
    for (const char *at = line;; at++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        if (n < most) {
            char *copy = nn_arena_alloc(a, (size_t)(stop - at) + 1);
            if (copy == NULL)
                return -1;
            memcpy(copy, at, (size_t)(stop - at));
            field[n] = copy;
        }
        n++;
        if (comma == NULL)
            return n;
        at = stop;
    }
}

static int count_lines(const char *text, size_t size)
{
    int lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

static nn_status parse(report_csv *out, nn_arena *a, const char *path, const nn_bytes *file)
{
    const char *name[REPORT_CSV_COLUMNS], *at = (const char *)file->data;
    const int lines = count_lines(at, file->size);
    const char *end = lines > 0 ? memchr(at, '\n', file->size) : NULL;
    const int columns = end != NULL ? split(name, REPORT_CSV_COLUMNS, a, at, end) : 0;
    if (columns < 0)
        return NN_ENOMEM;
    if (columns == 0 || columns > REPORT_CSV_COLUMNS)
        return nn_fail(NN_EFORMAT, "%s: has a heading of %d columns; a table of octet has 1 to %d",
                       path, columns, (int)REPORT_CSV_COLUMNS);
    const size_t width = (size_t)columns;
    if (lines > MOST_CELLS / columns)
        return nn_fail(NN_EFORMAT,
                       "%s: has %d lines of %d columns; a report reads %d cells at most", path,
                       lines, columns, (int)MOST_CELLS);
    out->name = nn_arena_alloc(a, width * sizeof *out->name);
    out->cell = nn_arena_alloc(a, (size_t)lines * width * sizeof *out->cell);
    if (out->name == NULL || out->cell == NULL)
        return NN_ENOMEM;
    memcpy(out->name, name, width * sizeof *name);
    out->columns = columns;
    for (int i = 1; i < lines; i++) {
        at = end + 1;
        end = memchr(at, '\n', file->size - (size_t)(at - (const char *)file->data));
        if (end == at)
            continue;
        if (split(out->cell + (size_t)out->rows * width, columns, a, at, end) < 0)
            return NN_ENOMEM;
        out->rows++;
    }
    return NN_OK;
}

nn_status report_csv_read(report_csv *out, nn_arena *a, const char *path)
{
    nn_bytes file;
    *out = (report_csv){ 0 };
    NN_TRY(nn_file_read(&file, path, LARGEST));
    nn_status st = parse(out, a, path, &file);
    nn_bytes_free(&file);
    return st;
}

int report_csv_column(const report_csv *c, const char *name)
{
    for (int i = 0; i < c->columns; i++)
        if (strcmp(c->name[i], name) == 0)
            return i;
    return -1;
}

const char *report_csv_text(const report_csv *c, int row, int column)
{
    const char *text =
        column >= 0 ? c->cell[(size_t)row * (size_t)c->columns + (size_t)column] : NULL;
    return text != NULL ? text : "";
}

double report_csv_number(const report_csv *c, int row, int column)
{
    const char *text = report_csv_text(c, row, column);
    char *end;
    const double x = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(x) ? x : NAN;
}
