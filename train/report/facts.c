#define _DEFAULT_SOURCE /* scandir */
#include "train/report/facts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/heading.h"
#include "train/report/text.h"

/* ---- files ----------------------------------------------------------------------------------- */

static const char *join(const report_facts *f, const char *folder, const char *name)
{
    return folder[0] != '\0' ? nn_arena_printf(f->arena, "%s/%s", folder, name)
                             : nn_arena_strdup(f->arena, name);
}

static bool exists(const report_facts *f, const char *folder, const char *name)
{
    const char *path = join(f, folder, name);
    return path != NULL && access(path, F_OK) == 0;
}

/* Notes that something is missing, and nn_message() as the reason. */
static void note_failure(report_facts *f, const char *what)
{
    const char *note = nn_arena_printf(f->arena, "%s: %s", what != NULL ? what : "", nn_message());
    if (note != NULL && f->n_notes < REPORT_MOST_NOTES)
        f->note[f->n_notes++] = note;
}

/* The first column, if any, of which nothing is shown because its name is none of the heading's. */
static nn_status check_columns(const report_csv *c, const char *heading, const char *path)
{
    for (int i = 0; i < c->columns; i++)
        NN_TRY(train_heading_knows(heading, c->name[i], path));
    return NN_OK;
}

/* A table that should have the columns of `heading`, or none and a note. */
static void read_table(report_facts *f, report_csv *out, const char *folder, const char *name,
                       const char *heading)
{
    const char *path = join(f, folder, name);
    *out = (report_csv){ 0 };
    if (path != NULL && (report_csv_read(out, f->arena, path) != NN_OK ||
                         check_columns(out, heading, path) != NN_OK))
        note_failure(f, name);
}

/* A small text, or NULL. */
static const char *read_text(report_facts *f, const char *folder, const char *name)
{
    enum { LARGEST = 1 << 20 };
    nn_bytes file;
    const char *path = join(f, folder, name);
    if (path == NULL || nn_file_read(&file, path, LARGEST) != NN_OK) {
        note_failure(f, name);
        return NULL;
    }
    const char *text = nn_arena_strdup(f->arena, (const char *)file.data);
    nn_bytes_free(&file);
    return text;
}

const char *report_recipe_value(nn_arena *a, const char *recipe, const char *name)
{
    const char *value = NULL;
    const size_t n = strlen(name);
    for (const char *line = recipe; line != NULL && *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        const size_t more = strncmp(line, name, n) == 0 && line[n] == '+'; /* goes on */
        const char *equals = line + n + more;
        if (strncmp(line, name, n) == 0 && strncmp(equals, " = ", 3) == 0 && length > n + more + 3)
            value = nn_arena_printf(a, "%s%.*s", more && value != NULL ? value : "",
                                    (int)(length - n - more - 3), equals + 3);
        line += length + (line[length] == '\n');
    }
    return value;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void add_run(report_facts *f, const char *name)
{
    const char *folder = name[0] != '\0' ? join(f, f->folder, name) : f->folder;
    report_run *r = &f->run[f->n_runs];
    if (folder == NULL || f->n_runs == REPORT_MOST_RUNS)
        return;
    *r = (report_run){ .name = name, .folder = folder };
    read_table(f, &r->log, folder, TRAIN_RESULT_LOG, train_heading_log);
    if (exists(f, folder, TRAIN_RESULT_SCORES)) {
        read_table(f, &r->test, folder, TRAIN_RESULT_SCORES, train_heading_scores);
    } else {
        nn_fail(NN_EIO, "is not there: the training is not over, was cut off, or had no test "
                        "pictures");
        note_failure(f, join(f, name, TRAIN_RESULT_SCORES));
    }
    if (exists(f, folder, TRAIN_RESULT_RECIPE))
        r->recipe = read_text(f, folder, TRAIN_RESULT_RECIPE);
    f->n_runs++;
}

static int is_no_dot(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Calls `visit` for what lies in folder/inside, by name. */
static void visit_all(report_facts *f, const char *inside,
                      void (*visit)(report_facts *f, const char *name))
{
    struct dirent **list = NULL;
    const char *path = inside[0] != '\0' ? join(f, f->folder, inside) : f->folder;
    const int n = path != NULL ? scandir(path, &list, is_no_dot, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *name = join(f, inside, list[i]->d_name);
        if (name != NULL)
            visit(f, name);
        free(list[i]);
    }
    free(list);
}

static void visit_run(report_facts *f, const char *name)
{
    const char *folder = join(f, f->folder, name);
    if (folder != NULL && exists(f, folder, TRAIN_RESULT_LOG))
        add_run(f, name);
}

/* The runs of the experiment's first seed, or those below the folder. */
static void find_runs(report_facts *f)
{
    const int seed = report_csv_column(&f->table, "seed");
    if (exists(f, f->folder, TRAIN_RESULT_LOG))
        add_run(f, "");
    else if (f->table.rows > 0 && seed >= 0 && !exists(f, f->folder, "float")) {
        const char *inside =
            nn_arena_printf(f->arena, "seed%.32s", report_csv_text(&f->table, 0, seed));
        if (inside != NULL && strchr(inside, '/') == NULL)
            visit_all(f, inside, visit_run);
    } else {
        visit_all(f, "", visit_run);
    }
}

const char *report_repeat(nn_arena *a, const char *command, const char *folder)
{
    report_text t = { 0 };
    const char *recipe = nn_arena_printf(a, "%s/" TRAIN_RESULT_RECIPE, folder), *text = NULL;
    if (recipe == NULL)
        return NULL;
    report_printf(&t, "octet %s ", command);
    report_shell_word(&t, recipe);
    report_put(&t, " --out NEW");
    if (!t.failed)
        text = nn_arena_strdup(a, t.data);
    report_text_free(&t);
    return text;
}

static void find_tables(report_facts *f)
{
    static const char *const names[] = { TRAIN_RESULT_COMPARISON, TRAIN_RESULT_SWEEP };
    static const char *const commands[] = { "compare", "sweep" };
    for (int i = 0; i < 2 && f->table_name == NULL; i++) {
        if (!exists(f, f->folder, names[i]))
            continue;
        read_table(f, &f->table, f->folder, names[i], train_heading_rows);
        f->table_name = names[i];
        if (exists(f, f->folder, TRAIN_RESULT_RECIPE)) {
            f->recipe = read_text(f, f->folder, TRAIN_RESULT_RECIPE);
            f->command = report_repeat(f->arena, commands[i], f->folder);
        }
    }
}

/* ---- models ---------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

static void visit_model(report_facts *f, const char *name)
{
    struct stat st;
    const char *path = join(f, f->folder, name);
    const bool is_model = ends_with(name, ".tflite") || ends_with(name, ".safetensors");
    if (!is_model || ends_with(name, TRAIN_RESULT_PREVIOUS) || path == NULL ||
        f->n_files == REPORT_MOST_FILES || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    f->file[f->n_files++] = (report_file){ name, (size_t)st.st_size };
}

static const report_file *find_file(const report_facts *f, const char *folder, const char *name)
{
    for (int i = 0; i < f->n_files; i++) {
        const char *wanted = join(f, folder, name);
        if (wanted != NULL && strcmp(f->file[i].name, wanted) == 0)
            return &f->file[i];
    }
    return NULL;
}

/* The network to look at: of the last run that became an integer file, else of the last one. */
static const report_run *choose(report_facts *f)
{
    const report_run *chosen = NULL;
    for (int i = 0; i < f->n_runs; i++) {
        const report_file *model = find_file(f, f->run[i].name, TRAIN_RESULT_TFLITE);
        const report_file *checkpoint = find_file(f, f->run[i].name, TRAIN_RESULT_MODEL);
        if (checkpoint == NULL || (model == NULL && f->model != NULL))
            continue;
        chosen = &f->run[i];
        f->checkpoint = checkpoint->name;
        f->model = model != NULL ? model->name : NULL;
    }
    return chosen;
}

static void find_models(report_facts *f)
{
    visit_all(f, "", visit_model);
    for (int i = 0; i < f->n_runs; i++)
        if (f->run[i].name[0] != '\0')
            visit_all(f, f->run[i].name, visit_model);
}

/* ---- looking --------------------------------------------------------------------------------- */

/* The pictures as the network takes them, with the share held back that its training held back. */
static nn_status open_set(report_facts *f, const report_run *run, const report_options *o)
{
    ds_options base;
    const train_info *info = &f->network->info;
    const train_data_options d = { .val = info->recipe.data.val, .skip_bad = true };
    const char *recipe = run->recipe != NULL ? run->recipe : f->recipe;
    const char *data = o->data != NULL ? o->data : report_recipe_value(f->arena, recipe, "data");
    if (data == NULL)
        return nn_fail(NN_EINVAL, "the recipe does not say which pictures; name them with --data");
    NN_TRY(train_recipe_dataset(&base, &d, info->seed, o->max_pixels));
    const ds_options options = train_prep_dataset(&info->prep, &base);
    return ds_open(&f->own_set, data, &options);
}

static nn_status look(report_facts *f, const report_run *run, const report_options *o)
{
    nn_bytes file = { 0 };
    const char *path = join(f, f->folder, f->checkpoint);
    const char *model = f->model != NULL ? join(f, f->folder, f->model) : NULL;
    if (path == NULL || (f->model != NULL && model == NULL))
        return NN_ENOMEM;
    NN_TRY(train_network_load(&f->own_network, path, NULL, &o->limits));
    f->network = f->own_network;
    NN_TRY(open_set(f, run, o));
    if (model != NULL)
        NN_TRY(nn_file_read(&file, model, 0));
    nn_status st = report_look_new(&f->look, f->network, f->own_set, model != NULL ? &file : NULL,
                                   o->pictures > 0 ? o->pictures : REPORT_PICTURES);
    nn_bytes_free(&file);
    f->has_look = st == NN_OK;
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static nn_status read_folder(report_facts *f, const report_options *o)
{
    struct stat st;
    if (stat(f->folder, &st) != 0)
        return nn_fail(NN_EIO, "%s: %s", f->folder, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return nn_fail(NN_EIO, "%s: is not a folder", f->folder);
    find_tables(f);
    find_runs(f);
    find_models(f);
    if (f->n_runs == 0 && f->table_name == NULL)
        return nn_fail(
            NN_EIO,
            "%s: has neither log.csv nor compare.csv nor folders with one; name a folder "
            "that octet train or octet compare left",
            f->folder);
    const report_run *run = choose(f);
    if (run == NULL) {
        nn_fail(NN_EIO, "there is no model.safetensors (the training is not over, or was cut off)");
        note_failure(f, "layers, mistakes and confusion");
    } else if (look(f, run, o) != NN_OK) {
        note_failure(f, "layers, mistakes and confusion");
    }
    return NN_OK;
}

nn_status report_facts_read(report_facts *out, const char *folder, const report_options *o)
{
    *out = (report_facts){ 0 };
    NN_TRY(nn_arena_new(&out->arena));
    out->folder = nn_arena_strdup(out->arena, folder);
    return out->folder != NULL ? read_folder(out, o) : NN_ENOMEM;
}

nn_status report_facts_of(report_facts *out, const char *title, const char *command,
                          const train_network *n, const ds_set *set, const nn_bytes *file,
                          int pictures)
{
    *out = (report_facts){ .network = n };
    NN_TRY(nn_arena_new(&out->arena));
    out->folder = nn_arena_strdup(out->arena, title);
    out->command = nn_arena_strdup(out->arena, command);
    if (out->folder == NULL || out->command == NULL)
        return NN_ENOMEM;
    NN_TRY(report_look_new(&out->look, n, set, file, pictures));
    out->has_look = true;
    return NN_OK;
}

void report_facts_free(report_facts *f)
{
    report_look_free(&f->look);
    ds_close(f->own_set);
    train_network_free(f->own_network);
    nn_arena_free(f->arena);
    *f = (report_facts){ 0 };
}
