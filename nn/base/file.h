/* file - whole files in and out, behind a layer that tests can replace.
 *
 * Writing is atomic: a temporary file in the same folder, written, fsynced, renamed over the old
 * one, and the folder fsynced, where its file system can; if anything fails before the new file has
 * its name, the old one is as it was and the temporary one is gone. */
#ifndef OCTET_NN_BASE_FILE_H
#define OCTET_NN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/status.h"

typedef struct nn_bytes {
    uint8_t *data; /* NN_ALIGN-aligned; nn_file_read puts a zero byte behind the last one */
    size_t size;
} nn_bytes;

/* Reads the whole file; free with nn_bytes_free.  A file larger than `limit` bytes is refused
 * before memory is asked for (0: no limit).  Errors: NN_EIO (with the path and the system's
 * reason), NN_ENOMEM, NN_EFORMAT (too large). */
nn_status nn_file_read(nn_bytes *out, const char *path, size_t limit);

/* Reads the first *size bytes of a file, or all of a smaller one: *size becomes their number.
 * Errors: NN_EIO; like nn_file_read it never waits, and takes neither folders nor devices. */
nn_status nn_file_head(void *out, size_t *size, const char *path);
void nn_bytes_free(nn_bytes *b);

/* Do both names stand for one file that is there? */
bool nn_file_is_same(const char *path, const char *other);

/* Replaces `path` by `size` bytes, atomically; a device or a pipe is written to instead.
 * Errors: NN_EIO. */
nn_status nn_file_write(const char *path, const void *data, size_t size);

/* Gives the file at `path` the second name `as`, atomically, whatever had that name before: a
 * former version that outlives the next nn_file_write.  Where the file system has no hard links it
 * is copied.  Errors: NN_EIO, NN_ENOMEM. */
nn_status nn_file_keep(const char *path, const char *as);

/* The system calls that writing makes, each as its POSIX namesake: 0 or more for success, -1
 * and errno for failure.  Tests put a failing or recording set in its place. */
typedef struct nn_file_calls {
    int (*open_new)(const char *path);
    long (*write)(int fd, const void *data, size_t size);
    int (*fsync)(int fd);
    int (*close)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*link)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*fsync_folder)(const char *folder);
} nn_file_calls;

/* Sets the calls for all threads; NULL restores the system's.  Returns the former set. */
const nn_file_calls *nn_file_set_calls(const nn_file_calls *calls);

#endif
