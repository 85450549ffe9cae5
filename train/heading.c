#include "train/heading.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/suggest.h"

const char train_heading_log[] = "step,epoch,phase,lr,train_loss,train_top1,val_loss,val_top1,"
                                 "val_top5,int8_loss,int8_top1,images_per_s";
const char train_heading_rows[] = "seed,method,top1,delta,loss,bytes,seconds";
const char train_heading_scores[] = "network,n,top1,top5,loss";

enum { NAME = 64, MOST_COLUMNS = 16 };

/* Copies the field at `at`, cut to what a message needs; returns what ends it: ',' or a line's or
 * text's end. */
static const char *take(char name[NAME], const char *at)
{
    const size_t n = strcspn(at, ",\r\n");
    snprintf(name, NAME, "%.*s", n < NAME ? (int)n : NAME - 1, at);
    return at + n;
}

nn_status train_heading_knows(const char *heading, const char *name, const char *path)
{
    char names[MOST_COLUMNS][NAME];
    nn_suggestion near = { .given = name };
    const char *end = heading - 1;
    for (int i = 0; i < MOST_COLUMNS && (i == 0 || *end == ','); i++) {
        end = take(names[i], end + 1);
        if (strcmp(names[i], name) == 0)
            return NN_OK;
        nn_suggest_offer(&near, names[i]);
    }
    if (near.best != NULL)
        return nn_fail(NN_EFORMAT, "%s: line 1: column \"%.63s\" is unknown; did you mean %s?",
                       path, name, near.best);
    return nn_fail(NN_EFORMAT, "%s: line 1: column \"%.63s\" is unknown; the columns are %s", path,
                   name, heading);
}

/* Of a column that is not where it belongs. */
static nn_status misplaced(const char *heading, const char *found, const char *wanted,
                           const char *path)
{
    if (found[0] == '\0')
        return nn_fail(NN_EFORMAT, "%s: line 1: column %s is missing", path, wanted);
    NN_TRY(train_heading_knows(heading, found, path));
    return nn_fail(NN_EFORMAT, "%s: line 1: column %s stands where %s belongs", path, found,
                   wanted[0] != '\0' ? wanted : "the end");
}

nn_status train_heading_check(const char *text, const char *heading, const char *path)
{
    char found[NAME], wanted[NAME];
    const size_t n = strlen(heading);
    if (strncmp(text, heading, n) == 0 && text[n] == '\n')
        return NN_OK;
    for (const char *is = text, *should = heading; *is == ',' || *should == ',' || is == text;) {
        is = take(found, is + (*is == ','));
        should = take(wanted, should + (*should == ','));
        if (strcmp(found, wanted) != 0)
            return misplaced(heading, found, wanted, path);
    }
    return nn_fail(NN_EFORMAT, "%s: line 1: is not %s", path, heading);
}
