/* csv - the tables that runs leave: log.csv, compare.csv, test.csv.
 *
 * A heading, then a line for each row, fields between commas, no quotes.  Cells keep the text that
 * the file has, so that what is shown is what was written.  Files may be cut off, edited or
 * hostile: a last line without its end is left out, missing fields are empty, further ones are
 * dropped. */
#ifndef OCTET_TRAIN_REPORT_CSV_H
#define OCTET_TRAIN_REPORT_CSV_H

#include "nn/base/arena.h"

typedef struct report_csv {
    int columns, rows;
    const char **name; /* [columns] */
    const char **cell; /* [rows, columns] */
} report_csv;

/* Texts live in `a`.  Errors: NN_EIO; NN_EFORMAT (larger than 64 MiB or 4 M cells, no
 * heading, more than REPORT_CSV_COLUMNS columns); NN_ENOMEM. */
enum { REPORT_CSV_COLUMNS = 64 };
nn_status report_csv_read(report_csv *out, nn_arena *a, const char *path);

/* The column of that name, or -1. */
int report_csv_column(const report_csv *c, const char *name);

/* "" if `column` is -1. */
const char *report_csv_text(const report_csv *c, int row, int column);

/* NAN unless the whole cell is a finite number. */
double report_csv_number(const report_csv *c, int row, int column);

#endif
