/* folder - pictures of one's own: DIR/train/CLASS/ANY, DIR/test/CLASS/ANY and, or
 * instead, DIR/val/CLASS/ANY.
 *
 * Opening lists the files once and decodes nothing; class names and files are in bytewise order, so
 * the same folder is the same set everywhere.  Every plain file in a class folder counts as a
 * picture (its content decides, not its name) unless its name begins with a dot.  Held in memory: a
 * name and a label for each picture. */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/kind.h"
#include "nn/base/mem.h"
#include "nn/base/utf8.h"

/* Names that grow; the characters live in an arena. */
typedef struct names {
    const char **name;
    int n, capacity;
} names;

/* One part of the set: where its files are. */
typedef struct source {
    const char *folder;         /* DIR/train */
    const char *const *classes; /* [classes]: folders inside */
    const char *const *file;    /* [n] */
} source;

static nn_status append(names *list, const char *name)
{
    if (list->n == list->capacity) {
        if (list->capacity > INT_MAX / 2)
            return nn_fail(NN_ENOTSUP, "more than %d files", list->n);
        int capacity = list->capacity != 0 ? 2 * list->capacity : 1024;
        const char **larger = nn_mem_alloc((size_t)capacity * sizeof *larger);
        if (larger == NULL)
            return nn_fail(NN_ENOMEM, "out of memory: the names of %d files could not be had",
                           capacity);
        if (list->n != 0)
            memcpy(larger, list->name, (size_t)list->n * sizeof *larger);
        nn_mem_free(list->name);
        list->name = larger;
        list->capacity = capacity;
    }
    list->name[list->n++] = name;
    return NN_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Folder entries are asked for their type only where the file system does not tell it. */
static bool has_type(const char *folder, const struct dirent *entry, bool want_folder)
{
    if (entry->d_type == (want_folder ? DT_DIR : DT_REG))
        return true;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
        return false;
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st) != 0)
        return !want_folder; /* a broken link is a picture that cannot be read */
    return want_folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode);
}

static nn_status list_open(names *list, nn_arena *arena, DIR *dir, const char *folder,
                           bool want_folders)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0)
            return nn_fail(NN_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
        if (entry == NULL)
            return NN_OK;
        if (entry->d_name[0] == '.' || !has_type(folder, entry, want_folders))
            continue;
        const char *name = nn_arena_strdup(arena, entry->d_name);
        if (name == NULL)
            return NN_ENOMEM;
        NN_TRY(append(list, name));
    }
}

/* Appends the sorted names of the files, or of the folders, in a folder. */
static nn_status list_folder(names *list, nn_arena *arena, const char *folder, bool want_folders)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return nn_fail(NN_EIO, "%s: cannot be opened: %s", folder, strerror(errno));
    int before = list->n;
    nn_status st = list_open(list, arena, dir, folder, want_folders);
    closedir(dir);
    if (st == NN_OK && list->n > before)
        qsort(list->name + before, (size_t)(list->n - before), sizeof *list->name, by_bytes);
    return st;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The label of a class, or -1.  Names are sorted. */
static int find_class(const ds_set *set, const char *name)
{
    const char *const *found =
        bsearch(&name, set->class_name, (size_t)set->classes, sizeof *set->class_name, by_bytes);
    return found != NULL ? (int)(found - set->class_name) : -1;
}

/* The first part defines the classes. */
static nn_status define_classes(ds_set *set, names *classes, const char *folder)
{
    NN_TRY(list_folder(classes, set->arena, folder, true));
    if (classes->n == 0)
        return nn_fail(NN_EFORMAT, "%s: has no class folders; put each picture into %s/CLASS/",
                       folder, folder);
    if (classes->n > DS_MAX_CLASSES)
        return nn_fail(NN_ENOTSUP, "%s: has %d class folders, more than %d", folder, classes->n,
                       DS_MAX_CLASSES);
    const char **kept = nn_arena_alloc(set->arena, (size_t)classes->n * sizeof *kept);
    if (kept == NULL)
        return NN_ENOMEM;
    memcpy(kept, classes->name, (size_t)classes->n * sizeof *kept);
    set->class_name = kept;
    set->classes = classes->n;
    return NN_OK;
}

/* Another part must not have classes that the first has not. */
static nn_status check_classes(const ds_set *set, names *classes, const char *folder)
{
    NN_TRY(list_folder(classes, set->arena, folder, true));
    for (int i = 0; i < classes->n; i++)
        if (find_class(set, classes->name[i]) < 0)
            return nn_fail(NN_EFORMAT, "%s/%s: is a class that the training pictures do not have",
                           folder, classes->name[i]);
    return NN_OK;
}

static nn_status list_class(names *files, nn_arena *arena, const char *folder, const char *name)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return nn_fail(NN_EIO, "%s/%s: the name is too long", folder, name);
    return list_folder(files, arena, path, false);
}

/* Lists the pictures of all classes; end[i] is their number up to class i. */
static nn_status list_pictures(names *files, int *end, nn_arena *arena, const char *folder,
                               const names *classes)
{
    for (int i = 0; i < classes->n; i++) {
        NN_TRY(list_class(files, arena, folder, classes->name[i]));
        end[i] = files->n;
    }
    return NN_OK;
}

static nn_status keep_part(ds_set *set, ds_split split, const char *folder, const names *files,
                           const int *end, const names *classes)
{
    source *s = nn_arena_alloc(set->arena, sizeof *s);
    const char **file = nn_arena_alloc(set->arena, (size_t)files->n * sizeof *file);
    uint16_t *label = ds__labels(set, files->n);
    if (s == NULL || file == NULL || label == NULL)
        return NN_ENOMEM;
    for (int k = 0, i = 0; k < classes->n; k++)
        for (int of_class = find_class(set, classes->name[k]); i < end[k]; i++) {
            file[i] = files->name[i];
            label[i] = (uint16_t)of_class;
        }
    *s = (source){ .folder = folder, .classes = set->class_name, .file = file };
    set->part[split] = (ds_part){ .n = files->n, .label = label, .source = s };
    return NN_OK;
}

static nn_status take_part(ds_set *set, ds_split split, const char *folder)
{
    names classes = { 0 }, files = { 0 };
    nn_status st = set->classes == 0 ? define_classes(set, &classes, folder)
                                     : check_classes(set, &classes, folder);
    int *end = st == NN_OK ? nn_mem_alloc((size_t)classes.n * sizeof *end) : NULL;
    if (st == NN_OK && end == NULL)
        st = nn_fail(NN_ENOMEM, "%s: out of memory", folder);
    if (st == NN_OK)
        st = list_pictures(&files, end, set->arena, folder, &classes);
    if (st == NN_OK)
        st = keep_part(set, split, folder, &files, end, &classes);
    nn_mem_free(end);
    nn_mem_free(classes.name);
    nn_mem_free(files.name);
    return st;
}

static nn_status load(const ds_set *set, int part, int item, ds_image *out)
{
    const ds_part *p = &set->part[part];
    const source *s = p->source;
    char path[PATH_MAX];
    *out = (ds_image){ 0 };
    int n = snprintf(path, sizeof path, "%s/%s/%s", s->folder, s->classes[p->label[item]],
                     s->file[item]);
    if (n < 0 || (size_t)n >= sizeof path)
        return nn_fail(NN_EIO, "%s/%s: the name is too long", s->folder, s->file[item]);
    return ds_image_load(out, path, set->opt.limits);
}

/* Class names go into files of many kinds, as lines, JSON and protobuf: from here on they are
 * UTF-8 without control characters, whatever the folders are called. */
static nn_status clean_class_names(ds_set *set)
{
    const char **clean = nn_arena_alloc(set->arena, (size_t)set->classes * sizeof *clean);
    for (int i = 0; clean != NULL && i < set->classes; i++) {
        char *name = nn_arena_strdup(set->arena, set->class_name[i]);
        if (name == NULL)
            return NN_ENOMEM;
        nn_utf8_clean(name);
        clean[i] = name;
    }
    set->class_name = clean;
    return clean != NULL ? NN_OK : NN_ENOMEM;
}

static nn_status open_folder(ds_set *set, const char *folder)
{
    static const ds_split order[] = { DS_TRAIN, DS_TEST,
                                      DS_VAL }; /* the first one names the classes */
    NN_TRY(ds__need_argument(&ds_kind_folder, folder));
    set->channels = 3;
    set->load = load;
    set->missing = "they belong into DIR/train/CLASS/ and DIR/test/CLASS/";
    for (int i = 0; i < DS_N_SPLITS; i++) {
        const char *path = nn_arena_printf(set->arena, "%s/%s", folder, ds_split_name(order[i]));
        if (path == NULL)
            return NN_ENOMEM;
        if (is_folder(path))
            NN_TRY(take_part(set, order[i], path));
    }
    if (set->classes == 0)
        return nn_fail(NN_EIO,
                       "%s: %s; pictures are expected as DIR/train/CLASS/picture.png and "
                       "DIR/test/CLASS/picture.png",
                       folder,
                       is_folder(folder) ? "has no train, test or val inside" : "is not a folder");
    if (set->part[DS_TEST].n == 0) { /* DIR/val instead of DIR/test */
        set->part[DS_TEST] = set->part[DS_VAL];
        set->part[DS_VAL] = (ds_part){ 0 };
    }
    return clean_class_names(set);
}

const ds_kind ds_kind_folder = {
    .name = "folder",
    .form = "folder:DIR",
    .about = "PNG and JPEG pictures as DIR/train/CLASS/* and DIR/test/CLASS/* (or DIR/val/CLASS/*)",
    .open = open_folder,
};
