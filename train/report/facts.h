/* facts - what a folder of results holds, as a report shows it: read, not judged.
 *
 * A folder is a run of `octet train`, an experiment of `octet compare` or `octet sweep`, or holds
 * several of these.  Everything may be missing or damaged: what could not be read becomes a note,
 * and the rest is shown. */
#ifndef OCTET_TRAIN_REPORT_FACTS_H
#define OCTET_TRAIN_REPORT_FACTS_H

#include "train/folder.h"
#include "train/report/csv.h"
#include "train/report/look.h"

enum { REPORT_MOST_RUNS = 16, REPORT_MOST_NOTES = 16, REPORT_MOST_FILES = 64 };

/* A training: a folder with log.csv, recipe.ini, test.csv, of which some may be missing. */
typedef struct report_run {
    const char *name;   /* of its folder; "" is the reported folder itself */
    const char *folder; /* its path */
    report_csv log, test;
    const char *recipe; /* its text; NULL: there is none */
} report_run;

typedef struct report_file {
    const char *name; /* from the reported folder */
    size_t bytes;
} report_file;

typedef struct report_facts {
    nn_arena *arena;
    const char *folder;
    report_run run[REPORT_MOST_RUNS];
    int n_runs;
    report_csv table;                    /* compare.csv or sweep.csv; no columns: there is none */
    const char *table_name;              /* which of them */
    const char *recipe;                  /* of the experiment; NULL: there is none */
    const char *command;                 /* that repeats it; NULL: not known */
    report_file file[REPORT_MOST_FILES]; /* models */
    int n_files;

    const char *checkpoint,
        *model; /* of the network that is looked at, from the folder; NULL: none */
    const train_network *network; /* NULL: it could not be loaded */
    train_network *own_network;   /* to be freed with the facts; NULL: the caller's */
    ds_set *own_set;
    bool has_look;
    report_look look;

    const char *note[REPORT_MOST_NOTES]; /* what is missing, and why */
    int n_notes;
} report_facts;

typedef struct report_options {
    int pictures;        /* to look at; 0: REPORT_PICTURES */
    const char *data;    /* instead of the recipe's --data; NULL: as it was */
    uint64_t max_pixels; /* 0: no limit */
    train_limits limits;
} report_options;

/* Reads what `folder` holds and looks at its network.  Free with report_facts_free, also after an
 * error.  Errors: NN_EIO (no such folder, or nothing in it is octet's), NN_ENOMEM. */
nn_status report_facts_read(report_facts *out, const char *folder, const report_options *o);
void report_facts_free(report_facts *f);

/* Of one network that the caller holds: no folder is read.
 *
 *   title     of the page: what was made, or from what
 *   command   that repeats it
 *   set       pictures as the network takes them
 *   file      its .tflite file, or NULL
 *
 * Errors: report_look_new's. */
nn_status report_facts_of(report_facts *out, const char *title, const char *command,
                          const train_network *n, const ds_set *set, const nn_bytes *file,
                          int pictures);

/* The command line that trains again what the recipe in `folder` says, or NULL if memory is out. */
const char *report_repeat(nn_arena *a, const char *command, const char *folder);

/* The value of a line "name = value" of a recipe, with that of lines "name+ = value" behind it, or
 * NULL. */
const char *report_recipe_value(nn_arena *a, const char *recipe, const char *name);

#endif
