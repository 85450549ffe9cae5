/* durability: what a power failure leaves, at every moment of saving.
 *
 * kill -9 cannot show a missing fsync: the kernel lives on and writes everything. Here
 * nn_file_write and nn_file_keep work on a disk in memory that keeps apart what was asked for and
 * what is on the platter: a file's contents get there by fsync, names by fsync of the folder; what
 * was asked for later may have got there too, in order, up to any point. Every such disk is looked
 * at. */
#include <errno.h>
#include <stdbool.h>

#include "nn/base/file.h"
#include "tests/testing.h"

/* ---- the disk -------------------------------------------------------------------------------- */

enum { MOST_FILES = 64, MOST_NAMES = 16, MOST_CHANGES = 128, NAME = 64, CONTENTS = 64 };

typedef struct contents {
    char text[CONTENTS];
    size_t size;
} contents;

typedef struct inode {
    contents now, safe; /* as written, as of the last fsync */
} inode;

typedef struct folder {
    char name[MOST_NAMES][NAME];
    int file[MOST_NAMES]; /* index of the inode; -1: the slot is free */
} folder;

static struct disk {
    inode file[MOST_FILES];
    int files;
    folder now, version[MOST_CHANGES]; /* names; after each change of them */
    int versions, safe;                /* version[safe] is on the platter */
    bool forgets_fsync;
} disk;

static int find(const folder *f, const char *name)
{
    for (int i = 0; i < MOST_NAMES; i++)
        if (f->file[i] >= 0 && strcmp(f->name[i], name) == 0)
            return i;
    return -1;
}

static int set_name(const char *name, int file)
{
    int at = find(&disk.now, name);
    for (int i = 0; at < 0 && i < MOST_NAMES; i++)
        if (disk.now.file[i] < 0)
            at = i;
    assert_true(at >= 0);
    snprintf(disk.now.name[at], NAME, "%s", name);
    disk.now.file[at] = file;
    return at;
}

/* ---- the moments ----------------------------------------------------------------------------- */

static const char *const *allowed; /* the texts that "state" may have, ended by NULL */
static const char *must_have;      /* the only one once saving is done; NULL: still under way */
static int looked_at, bad;

static bool is_allowed(const contents *c)
{
    if (must_have != NULL)
        return strcmp(c->text, must_have) == 0;
    for (const char *const *a = allowed; *a != NULL; a++)
        if (strcmp(c->text, *a) == 0)
            return true;
    return false;
}

/* A power failure now, with the names up to any later change. */
static void look(void)
{
    for (int v = disk.safe; v < disk.versions; v++) {
        int at = find(&disk.version[v], "d/state");
        looked_at++;
        if (at < 0 || !is_allowed(&disk.file[disk.version[v].file[at]].safe))
            bad++;
    }
}

static void change(void)
{
    assert_true(disk.versions < MOST_CHANGES);
    disk.version[disk.versions++] = disk.now;
    look();
}

/* ---- the calls ------------------------------------------------------------------------------- */

static int disk_open(const char *path)
{
    int fd = disk.files++;
    assert_true(fd < MOST_FILES);
    disk.file[fd] = (inode){ .now.size = 0 };
    set_name(path, fd);
    change();
    return fd;
}

/* At most seven bytes at a time, so that there are moments between. */
static long disk_write(int fd, const void *data, size_t size)
{
    contents *c = &disk.file[fd].now;
    size = size < 7 ? size : 7;
    assert_true(c->size + size < CONTENTS);
    memcpy(c->text + c->size, data, size);
    c->size += size;
    look();
    return (long)size;
}

static int disk_fsync(int fd)
{
    if (!disk.forgets_fsync)
        disk.file[fd].safe = disk.file[fd].now;
    look();
    return 0;
}

static int disk_close(int fd)
{
    (void)fd;
    return 0;
}

static int disk_rename(const char *from, const char *to)
{
    int a = find(&disk.now, from), b = find(&disk.now, to);
    assert_true(a >= 0);
    if (b >= 0 && disk.now.file[a] == disk.now.file[b])
        return 0; /* as POSIX has it */
    set_name(to, disk.now.file[a]);
    disk.now.file[find(&disk.now, from)] = -1;
    change();
    return 0;
}

static int disk_link(const char *from, const char *to)
{
    int a = find(&disk.now, from);
    if (a < 0 || find(&disk.now, to) >= 0) {
        errno = a < 0 ? ENOENT : EEXIST;
        return -1;
    }
    set_name(to, disk.now.file[a]);
    change();
    return 0;
}

static int disk_unlink(const char *path)
{
    int at = find(&disk.now, path);
    if (at < 0) {
        errno = ENOENT;
        return -1;
    }
    disk.now.file[at] = -1;
    change();
    return 0;
}

static int disk_fsync_folder(const char *path)
{
    assert_string_equal(path, "d");
    disk.safe = disk.versions - 1;
    look();
    return 0;
}

static const nn_file_calls calls = { disk_open,   disk_write, disk_fsync,  disk_close,
                                     disk_rename, disk_link,  disk_unlink, disk_fsync_folder };

/* ---- saving ---------------------------------------------------------------------------------- */

static void format_disk(bool forgets_fsync)
{
    memset(&disk, 0, sizeof disk);
    for (int i = 0; i < MOST_NAMES; i++)
        disk.now.file[i] = -1;
    disk.version[0] = disk.now;
    disk.versions = 1;
    disk.forgets_fsync = forgets_fsync;
}

static const char *const texts[] = { "the state after step 100", "the state after step 200",
                                     "the state after step 300", NULL };

static void write_state(const char *text)
{
    assert_ok(nn_file_write("d/state", text, strlen(text)));
}

/* As a run does it: the last state gets the name of the previous one, the new one the name of the
 * last.
 */
static void save_states(void)
{
    allowed = texts;
    must_have = NULL;
    looked_at = bad = 0;
    const nn_file_calls *system = nn_file_set_calls(&calls);
    write_state(texts[0]);
    looked_at = bad = 0; /* before the first save there is no state */
    for (int i = 1; texts[i] != NULL; i++) {
        const char *const either[] = { texts[i - 1], texts[i], NULL };
        allowed = either;
        must_have = NULL;
        assert_ok(nn_file_keep("d/state", "d/previous"));
        write_state(texts[i]);
        must_have = texts[i];
        look();
    }
    nn_file_set_calls(system);
}

static void a_state_is_whole_at_every_moment(void **state)
{
    (void)state;
    format_disk(false);
    save_states();
    print_message("%d disks looked at\n", looked_at);
    assert_true(looked_at > 40);
    assert_int_equal(bad, 0);
    int previous = find(&disk.version[disk.safe], "d/previous");
    assert_true(previous >= 0);
    assert_string_equal(disk.file[disk.version[disk.safe].file[previous]].safe.text, texts[1]);
}

/* The test sees what it is there for. */
static void a_missing_fsync_is_seen(void **state)
{
    (void)state;
    format_disk(true);
    save_states();
    assert_true(bad > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_whole_at_every_moment),
        cmocka_unit_test(a_missing_fsync_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
