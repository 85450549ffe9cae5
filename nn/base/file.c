#define _POSIX_C_SOURCE 200809L
#include "nn/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/mem.h"

static int open_new(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static long write_some(int fd, const void *data, size_t size)
{
    return (long)write(fd, data, size);
}

static int fsync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return r;
}

static const nn_file_calls system_calls = {
    .open_new = open_new,
    .write = write_some,
    .fsync = fsync,
    .close = close,
    .rename = rename,
    .link = link,
    .unlink = unlink,
    .fsync_folder = fsync_folder,
};

static const nn_file_calls *calls = &system_calls;

const nn_file_calls *nn_file_set_calls(const nn_file_calls *replacement)
{
    const nn_file_calls *former = calls;
    calls = replacement != NULL ? replacement : &system_calls;
    return former;
}

/* Reads up to `size` bytes; the number read, or -1. */
static long read_fully(int fd, uint8_t *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (long)done;
}

/* Opens a regular file and finds its size; -1 is an error. */
static int open_regular(const char *path, size_t *size)
{
    struct stat st = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not make it wait */
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *size = (size_t)st.st_size;
        return fd;
    }
    if (fd < 0)
        nn_fail(NN_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        nn_fail(NN_EIO, "%s: is a folder; name a file", path);
    else
        nn_fail(NN_EIO, "%s: is not a regular file", path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static nn_status read_open_file(nn_bytes *out, int fd, size_t size, const char *path, size_t limit)
{
    if (limit != 0 && size > limit)
        return nn_fail(NN_EFORMAT, "%s: has %zu bytes, more than the limit of %zu", path, size,
                       limit);
    uint8_t *data = nn_mem_alloc(size + 1); /* and a zero behind */
    if (data == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory: %zu bytes could not be had", path, size);
    long n = read_fully(fd, data, size);
    if (n < 0 || (size_t)n != size) {
        const char *why = n < 0 ? strerror(errno) : "it became shorter while it was read";
        nn_mem_free(data);
        return nn_fail(NN_EIO, "%s: cannot be read: %s", path, why);
    }
    *out = (nn_bytes){ .data = data, .size = size };
    return NN_OK;
}

nn_status nn_file_read(nn_bytes *out, const char *path, size_t limit)
{
    size_t size;
    *out = (nn_bytes){ 0 };
    int fd = open_regular(path, &size);
    if (fd < 0)
        return NN_EIO;
    nn_status st = read_open_file(out, fd, size, path, limit);
    close(fd);
    return st;
}

nn_status nn_file_head(void *out, size_t *size, const char *path)
{
    size_t whole;
    int fd = open_regular(path, &whole);
    if (fd < 0)
        return NN_EIO;
    long n = read_fully(fd, out, *size);
    int error = errno;
    close(fd);
    if (n < 0)
        return nn_fail(NN_EIO, "%s: cannot be read: %s", path, strerror(error));
    *size = (size_t)n;
    return NN_OK;
}

bool nn_file_is_same(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

void nn_bytes_free(nn_bytes *b)
{
    nn_mem_free(b->data);
    *b = (nn_bytes){ 0 };
}

static int write_fully(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        long n = calls->write(fd, data, size < (1u << 30) ? size : (1u << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_temporary(const char *temporary, const void *data, size_t size)
{
    int fd = calls->open_new(temporary);
    if (fd < 0)
        return -1;
    int bad = write_fully(fd, data, size) != 0 || calls->fsync(fd) != 0;
    int saved = errno;
    if (calls->close(fd) != 0 && !bad) {
        bad = 1;
        saved = errno;
    }
    errno = saved;
    return bad ? -1 : 0;
}

/* A device or a pipe, which must not be replaced by a file. */
static int is_stream(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static nn_status write_stream(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int bad = fd < 0 || write_fully(fd, data, size) != 0;
    int saved = errno;
    if (fd >= 0 && close(fd) != 0 && !bad) {
        bad = 1;
        saved = errno;
    }
    return bad ? nn_fail(NN_EIO, "%s: cannot be written: %s", path, strerror(saved)) : NN_OK;
}

static nn_status name_temporary(char out[PATH_MAX], const char *path)
{
    int n = snprintf(out, PATH_MAX, "%s.tmp%ld", path, (long)getpid());
    if (n < 0 || n >= PATH_MAX)
        return nn_fail(NN_EIO, "%s: cannot be written: the name is too long", path);
    return NN_OK;
}

static nn_status fail_write(const char *path, const char *temporary)
{
    int saved = errno;
    calls->unlink(temporary);
    return nn_fail(NN_EIO, "%s: cannot be written: %s", path, strerror(saved));
}

static nn_status fsync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", (int)(slash == path ? 1 : slash - path), path);
    if (calls->fsync_folder(folder) != 0 && errno != EINVAL) /* not every file system can */
        return nn_fail(NN_EIO, "%s: folder cannot be synchronized: %s", path, strerror(errno));
    return NN_OK;
}

nn_status nn_file_write(const char *path, const void *data, size_t size)
{
    char temporary[PATH_MAX];
    if (is_stream(path))
        return write_stream(path, data, size);
    NN_TRY(name_temporary(temporary, path));
    if (write_temporary(temporary, data, size) != 0 || calls->rename(temporary, path) != 0)
        return fail_write(path, temporary);
    return fsync_folder_of(path);
}

static nn_status copy_file(const char *path, const char *as)
{
    nn_bytes file;
    NN_TRY(nn_file_read(&file, path, 0));
    nn_status st = nn_file_write(as, file.data, file.size);
    nn_bytes_free(&file);
    return st;
}

nn_status nn_file_keep(const char *path, const char *as)
{
    char temporary[PATH_MAX];
    NN_TRY(name_temporary(temporary, as));
    calls->unlink(temporary); /* of a process with this number that was killed */
    if (calls->link(path, temporary) != 0)
        return errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK ? copy_file(path, as)
                                                                        : fail_write(as, temporary);
    /* Renaming one of two names of a file to the other does nothing, and leaves the temporary. */
    if (calls->rename(temporary, as) != 0)
        return fail_write(as, temporary);
    calls->unlink(temporary);
    return fsync_folder_of(as);
}
