/* args_internal - rows and their places: what the command line (args.c) and recipes (args_recipe.c)
 * share; nothing else includes it. */
#ifndef OCTET_TRAIN_ARGS_INTERNAL_H
#define OCTET_TRAIN_ARGS_INTERNAL_H

#include "train/args.h"

/* What train_args.given says of a row. */
enum { TRAIN_BY_RECIPE = 1, TRAIN_BY_COMMAND_LINE = 2 };

/* A row with its place: the struct that it is about, and its number over all groups. */
typedef struct train_place {
    const train_arg *arg;
    size_t base;
    int number;
} train_place;

/* The row of that name, if there is one. */
bool train_args__find(const train_group *groups, int n, const char *name, train_place *out);

/* Is row i of group g out of reach, because an earlier group has one of the same name? */
bool train_args__is_hidden(const train_group *groups, int n, int g, int i);

/* The name of a row that is like this one, or NULL. */
const char *train_args__nearest(const train_args *a, const char *name);

/* The struct that rows at `base` are about. */
void *train_args__struct_at(const train_args *a, size_t base);

#endif
