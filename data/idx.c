#include "data/idx.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/stream.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"

enum { UNSIGNED_BYTE = 8, MAX_RANK = 4 };

/* ---- one file -------------------------------------------------------------------------------- */

/* Reads n bytes of the header or says where the file ends. */
static nn_status read_header(ds_stream *s, uint8_t *to, size_t n)
{
    size_t got;
    NN_TRY(ds_stream_read(s, to, n, &got));
    if (got < n)
        return nn_fail(NN_EFORMAT, "%s: ends inside the header, at byte %zu of its content",
                       s->name, s->at);
    return NN_OK;
}

static nn_status check_magic(const uint8_t m[4], const char *name)
{
    if (m[0] != 0 || m[1] != 0)
        return nn_fail(NN_EFORMAT,
                       "%s: is not an IDX file: it begins with %02x %02x %02x %02x, not 00 00 08",
                       name, m[0], m[1], m[2], m[3]);
    if (m[2] != UNSIGNED_BYTE)
        return nn_fail(NN_ENOTSUP,
                       "%s: holds elements of IDX type 0x%02x at byte 2; only 0x08 "
                       "(unsigned byte) can be read",
                       name, m[2]);
    if (m[3] != 1 && m[3] != 3 && m[3] != 4)
        return nn_fail(NN_ENOTSUP,
                       "%s: has %d dimensions at byte 3; labels have 1, pictures 3 or 4", name,
                       m[3]);
    return NN_OK;
}

static nn_status read_dimensions(ds_idx *x, ds_stream *s, ds_limits limits)
{
    uint8_t b[4 * MAX_RANK];
    NN_TRY(read_header(s, b, 4 * (size_t)x->rank));
    for (int i = 0; i < x->rank; i++)
        x->dim[i] = (uint32_t)b[4 * i] << 24 | (uint32_t)b[4 * i + 1] << 16 |
                    (uint32_t)b[4 * i + 2] << 8 | b[4 * i + 3];
    if (x->dim[0] == 0 || x->dim[0] > INT32_MAX)
        return nn_fail(NN_EFORMAT, "%s: claims %lu items at byte 4", s->name,
                       (unsigned long)x->dim[0]);
    uint64_t item = 1;
    if (x->rank > 1) {
        NN_TRY(ds_check_size(s->name, x->dim[1], x->dim[2], limits));
        item = (uint64_t)x->dim[1] * x->dim[2];
    }
    if (x->rank == 4) {
        if (x->dim[3] != 1 && x->dim[3] != 3)
            return nn_fail(NN_ENOTSUP, "%s: has %lu channels at byte 16; 1 and 3 can be read",
                           s->name, (unsigned long)x->dim[3]);
        item *= x->dim[3];
    }
    if (x->dim[0] > limits.max_file_bytes / item)
        return nn_fail(
            NN_EFORMAT, "%s: claims %lu items of %llu bytes, more than the limit of %zu bytes",
            s->name, (unsigned long)x->dim[0], (unsigned long long)item, limits.max_file_bytes);
    x->bytes = (size_t)(x->dim[0] * item);
    return NN_OK;
}

static nn_status read_elements(ds_idx *x, ds_stream *s)
{
    size_t head = s->at, got = 0;
    if (x->bytes > ds_stream_most(s))
        return nn_fail(NN_EFORMAT,
                       "%s: its header claims %zu bytes of elements, its %zu bytes cannot "
                       "hold them: the file is cut",
                       s->name, x->bytes, s->size);
    x->data = nn_mem_alloc(x->bytes + 1);
    if (x->data == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory: %zu bytes could not be had", s->name,
                       x->bytes);
    NN_TRY(ds_stream_read(s, x->data, x->bytes + 1, &got));
    if (got < x->bytes)
        return nn_fail(NN_EFORMAT, "%s: ends at byte %zu of its content; the header claims %zu",
                       s->name, s->at, head + x->bytes);
    if (got > x->bytes)
        return nn_fail(NN_EFORMAT,
                       "%s: goes on after byte %zu of its content, where its header says it "
                       "ends",
                       s->name, head + x->bytes);
    return NN_OK;
}

static nn_status parse(ds_idx *x, ds_stream *s, ds_limits limits)
{
    uint8_t magic[4];
    NN_TRY(read_header(s, magic, sizeof magic));
    NN_TRY(check_magic(magic, s->name));
    x->rank = magic[3];
    NN_TRY(read_dimensions(x, s, limits));
    return read_elements(x, s);
}

nn_status ds_idx_parse(ds_idx *out, const uint8_t *bytes, size_t size, const char *name,
                       ds_limits limits)
{
    *out = (ds_idx){ 0 };
    if (size == 0)
        return nn_fail(NN_EFORMAT, "%s: is empty", name);
    ds_stream s;
    NN_TRY(ds_stream_open(&s, bytes, size, name));
    nn_status st = parse(out, &s, ds_limits_of(limits));
    ds_stream_close(&s);
    if (st != NN_OK) {
        nn_mem_free(out->data);
        *out = (ds_idx){ 0 };
    }
    return st;
}

/* ---- two files: pictures and labels ---------------------------------------------------------- */

static nn_status take_pictures(ds_set *set, ds_split split, ds_idx_source from)
{
    ds_idx x;
    NN_TRY(ds_idx_parse(&x, from.bytes, from.size, from.name, set->opt.limits));
    set->part[split].block = x.data;
    set->part[split].pixels = x.data;
    set->part[split].n = (int)x.dim[0];
    if (x.rank == 1)
        return nn_fail(NN_EFORMAT,
                       "%s: holds labels (1 dimension at byte 3) where pictures are "
                       "expected; are the files swapped?",
                       from.name);
    int height = (int)x.dim[1], width = (int)x.dim[2], channels = x.rank == 4 ? (int)x.dim[3] : 1;
    if (set->height != 0 &&
        (height != set->height || width != set->width || channels != set->channels))
        return nn_fail(NN_EFORMAT, "%s: holds pictures of %dx%dx%d, the training files %dx%dx%d",
                       from.name, height, width, channels, set->height, set->width, set->channels);
    set->height = height;
    set->width = width;
    set->channels = channels;
    return NN_OK;
}

static nn_status copy_labels(ds_set *set, ds_split split, const ds_idx *x, ds_idx_source from,
                             const char *pictures, int classes)
{
    ds_part *part = &set->part[split];
    if (x->rank != 1)
        return nn_fail(NN_EFORMAT,
                       "%s: holds pictures (%d dimensions at byte 3) where labels are "
                       "expected; are the files swapped?",
                       from.name, x->rank);
    if ((int)x->dim[0] != part->n)
        return nn_fail(NN_EFORMAT, "%s: holds %lu labels, %s %d pictures", from.name,
                       (unsigned long)x->dim[0], pictures, part->n);
    uint16_t *label = ds__labels(set, part->n);
    if (label == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < part->n; i++) {
        if (classes != 0 && x->data[i] >= classes)
            return nn_fail(NN_EFORMAT,
                           "%s: label %d at byte %d of its content; there are %d classes",
                           from.name, x->data[i], 8 + i, classes);
        label[i] = x->data[i];
    }
    part->label = label;
    return NN_OK;
}

nn_status ds__idx_part(ds_set *set, ds_split split, ds_idx_source pictures, ds_idx_source labels,
                       int classes)
{
    ds_idx x;
    NN_TRY(take_pictures(set, split, pictures));
    NN_TRY(ds_idx_parse(&x, labels.bytes, labels.size, labels.name, set->opt.limits));
    nn_status st = copy_labels(set, split, &x, labels, pictures.name, classes);
    nn_mem_free(x.data);
    return st;
}

/* ---- four files ------------------------------------------------------------------------------ */

/* The usual name comes first: it is the one in the message when none is there. */
static nn_status find_file(ds_set *set, const char **out, const char *folder, const char *split,
                           const char *what, int rank)
{
    for (int i = 0; i < 4; i++) {
        const char *sep = i < 2 ? "-" : ".", *end = i % 2 == 0 ? ".gz" : "";
        char *path = nn_arena_printf(set->arena, "%s/%s-%s%sidx%d-ubyte%s", folder, split, what,
                                     sep, rank, end);
        if (path == NULL)
            return NN_ENOMEM;
        *out = path;
        if (access(path, F_OK) == 0)
            return NN_OK;
    }
    return nn_fail(NN_EIO, "%s: has no %s-%s-idx%d-ubyte, plain or .gz; four such files are needed",
                   folder, split, what, rank);
}

static nn_status open_part(ds_set *set, ds_split split, const char *pictures, const char *labels,
                           int classes)
{
    nn_bytes p, l = { 0 };
    NN_TRY(nn_file_read(&p, pictures, set->opt.limits.max_file_bytes));
    nn_status st = nn_file_read(&l, labels, set->opt.limits.max_file_bytes);
    if (st == NN_OK)
        st = ds__idx_part(set, split, (ds_idx_source){ pictures, p.data, p.size },
                          (ds_idx_source){ labels, l.data, l.size }, classes);
    nn_bytes_free(&p);
    nn_bytes_free(&l);
    return st;
}

static int largest_label(const ds_part *part)
{
    int most = 0;
    for (int i = 0; i < part->n; i++)
        most = part->label[i] > most ? part->label[i] : most;
    return most;
}

nn_status ds__idx_folder(ds_set *set, const char *folder, int classes)
{
    static const char *const splits[2] = { "train", "t10k" };
    const char *path[2][2];
    for (int s = 0; s < 2; s++) {
        NN_TRY(find_file(set, &path[s][0], folder, splits[s], "images", 3));
        NN_TRY(find_file(set, &path[s][1], folder, splits[s], "labels", 1));
    }
    NN_TRY(open_part(set, DS_TRAIN, path[0][0], path[0][1], classes));
    if (classes == 0) {
        classes = largest_label(&set->part[DS_TRAIN]) + 1;
        NN_TRY(ds__number_classes(set, classes));
    }
    return open_part(set, DS_TEST, path[1][0], path[1][1], classes);
}

static nn_status open_idx(ds_set *set, const char *folder)
{
    NN_TRY(ds__need_argument(&ds_kind_idx, folder));
    return ds__idx_folder(set, folder, 0);
}

const ds_kind ds_kind_idx = {
    .name = "idx",
    .form = "idx:DIR",
    .about = "four IDX files as of MNIST, plain or .gz; classes are the training labels from 0 on",
    .open = open_idx,
};
