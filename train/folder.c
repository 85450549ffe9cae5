#define _DEFAULT_SOURCE /* flock */
#include "train/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/file.h"

static const char lock_name[] = ".lock";

/* What a run leaves. */
static const char *const results[] = { TRAIN_RESULT_MODEL,  TRAIN_RESULT_PREVIOUS,
                                       TRAIN_RESULT_BEST,   TRAIN_RESULT_TFLITE,
                                       TRAIN_RESULT_RECIPE, TRAIN_RESULT_LOG,
                                       TRAIN_RESULT_SCORES, "report.html",
                                       TRAIN_RESULT_EVENTS, TRAIN_RESULT_TEST_EVENTS };

enum { N_RESULTS = sizeof results / sizeof results[0], ROOM_FOR_A_NAME = 64 };

static nn_status fail(const char *path)
{
    return nn_fail(NN_EIO, "%s: %s", path, strerror(errno));
}

const char *train_folder_file(const train_folder *f, const char *name, char *out)
{
    snprintf(out, TRAIN_PATH, "%.*s/%.*s", TRAIN_PATH - ROOM_FOR_A_NAME, f->path,
             ROOM_FOR_A_NAME - 2, name);
    return out;
}

bool train_folder_has(const train_folder *f, const char *name)
{
    char path[TRAIN_PATH];
    return access(train_folder_file(f, name, path), F_OK) == 0;
}

/* The first n bytes of the folder's path, in `out`. */
static const char *beginning(const train_folder *f, size_t n, char out[TRAIN_PATH])
{
    memcpy(out, f->path, n);
    out[n] = '\0';
    return out;
}

static nn_status make_folders(train_folder *f)
{
    char part[TRAIN_PATH];
    struct stat st;
    for (const char *slash = strchr(f->path + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t n = slash != NULL ? (size_t)(slash - f->path) : strlen(f->path);
        if (mkdir(beginning(f, n, part), 0777) == 0)
            f->made = f->made == 0 ? n : f->made;
        else if (errno != EEXIST)
            return fail(part);
        if (slash == NULL)
            break;
    }
    if (stat(f->path, &st) != 0)
        return fail(f->path);
    return S_ISDIR(st.st_mode) ? NN_OK : nn_fail(NN_EIO, "%s: is not a folder", f->path);
}

/* Is the file that was locked still the folder's?  A run that could not begin may have removed it
 * between opening and locking. */
static bool is_in_place(const train_folder *f, const char *path)
{
    struct stat held, there;
    return fstat(f->lock, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino &&
           held.st_dev == there.st_dev;
}

static nn_status hold(train_folder *f)
{
    char path[TRAIN_PATH];
    f->lock = open(train_folder_file(f, lock_name, path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (f->lock < 0)
        return fail(path);
    bool locked = flock(f->lock, LOCK_EX | LOCK_NB) == 0;
    if (locked && is_in_place(f, path))
        return NN_OK;
    nn_status st = locked || errno == EWOULDBLOCK
                       ? nn_fail(NN_EIO,
                                 "%s: another run holds this folder; wait for it or "
                                 "choose another --out",
                                 f->path)
                       : fail(path);
    close(f->lock);
    f->lock = -1;
    return st;
}

static nn_status check_empty(const train_folder *f)
{
    DIR *d = opendir(f->path);
    nn_status st = NN_OK;
    if (d == NULL)
        return fail(f->path);
    for (struct dirent *e = readdir(d); e != NULL && st == NN_OK; e = readdir(d))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, lock_name) != 0)
            st = nn_fail(NN_EIO,
                         "--out %s: is not empty; go on with --resume, start anew with "
                         "--overwrite, or choose another folder",
                         f->path);
    closedir(d);
    return st;
}

bool train_folder_would_clear(const train_folder *f, const char *path)
{
    char result[TRAIN_PATH];
    bool found = false;
    for (int i = 0; i < N_RESULTS && !found; i++)
        found = nn_file_is_same(path, train_folder_file(f, results[i], result));
    return found;
}

nn_status train_folder_clear(const train_folder *f)
{
    char path[TRAIN_PATH];
    for (int i = 0; i < N_RESULTS; i++)
        if (unlink(train_folder_file(f, results[i], path)) != 0 && errno != ENOENT)
            return fail(path);
    return NN_OK;
}

/* "model.safetensors.tmp4711": what a run that was killed while it wrote has left. */
static bool is_left_over(const char *name)
{
    for (int i = 0; i < N_RESULTS; i++) {
        size_t n = strlen(results[i]);
        if (strncmp(name, results[i], n) == 0 && strncmp(name + n, ".tmp", 4) == 0 &&
            name[n + 4 + strspn(name + n + 4, "0123456789")] == '\0')
            return true;
    }
    return false;
}

static void sweep(const train_folder *f)
{
    char path[TRAIN_PATH];
    DIR *d = opendir(f->path);
    if (d == NULL)
        return;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (is_left_over(e->d_name))
            unlink(train_folder_file(f, e->d_name, path));
    closedir(d);
}

nn_status train_folder_open(train_folder *f, const char *path, train_folder_use use)
{
    f->lock = -1;
    f->made = 0;
    if (path[0] == '\0' || strlen(path) >= TRAIN_PATH - ROOM_FOR_A_NAME)
        return nn_fail(NN_EINVAL, "--out: the path is empty or too long");
    strcpy(f->path, path);
    nn_status st = make_folders(f);
    if (st == NN_OK)
        st = hold(f);
    if (st == NN_OK)
        sweep(f);
    if (st == NN_OK && use == TRAIN_FOLDER_NEW)
        st = check_empty(f);
    if (st != NN_OK)
        train_folder_abandon(f);
    return st;
}

void train_folder_close(train_folder *f)
{
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}

void train_folder_abandon(train_folder *f)
{
    char path[TRAIN_PATH];
    if (f->made > 0 && f->lock >= 0) /* while it is held: nobody else's is removed */
        unlink(train_folder_file(f, lock_name, path));
    train_folder_close(f);
    for (size_t n = strlen(f->path); f->made > 0 && n >= f->made; n--)
        if ((f->path[n] == '/' || f->path[n] == '\0') && rmdir(beginning(f, n, path)) != 0 &&
            errno != ENOENT)
            break;
    f->made = 0;
}
