/* load_file - the runtime's hosted corner: reading a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/flat.h"
#include "runtime/schema.h"

static rt_status read_all(FILE *file, void **bytes, size_t *size, size_t limit, rt_flat *f)
{
    size_t room = 0, used = 0, got;
    uint8_t *data = NULL;
    do {
        if (used == room) {
            room = room == 0 ? 1 << 16 : 2 * room;
            uint8_t *larger = realloc(data, room);
            if (larger == NULL) {
                free(data);
                return rt_flat_fail(f, RT_ENOMEM, 0, "no memory for %zu bytes", room);
            }
            data = larger;
        }
        got = fread(data + used, 1, room - used, file);
        used += got;
    } while (got > 0 && used <= limit);
    if (ferror(file) || used > limit) {
        free(data);
        return ferror(file) ? rt_flat_fail(f, RT_EIO, 0, "%s", strerror(errno))
                            : rt_flat_fail(f, RT_ELIMIT, 0, "more than %zu bytes", limit);
    }
    *bytes = data;
    *size = used;
    return RT_OK;
}

rt_status rt_file_read(void **bytes, size_t *size, const char *path, size_t limit, rt_error *error)
{
    rt_error own = { RT_OK, 0, "" };
    rt_flat f = { .error = error != NULL ? error : &own, .where = path, .index = -1 };
    memset(f.error, 0, sizeof *f.error);
    if (limit == 0 || limit > TFL_MAX_BYTES)
        limit = TFL_MAX_BYTES;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return rt_flat_fail(&f, RT_EIO, 0, "%s", strerror(errno));
    rt_status st = read_all(file, bytes, size, limit, &f);
    fclose(file);
    return st;
}
