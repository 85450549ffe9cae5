#include "train/tensors_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "runtime/schema.h"

enum { LENGTH_BYTES = 8, LARGEST_HEADER = 1 << 24, LARGEST_DIM = 0x7fffffff };

static const char checksum_key[] = "crc32";

/* By train_dtype. */
static const char *const dtypes[] = {
    [TRAIN_F32] = "F32", [TRAIN_F64] = "F64", [TRAIN_I64] = "I64"
};

enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool is_big_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 0;
}

static void swap_elements(uint8_t *data, size_t count, size_t each)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < each / 2; k++) {
            uint8_t *a = data + i * each + k, *b = data + i * each + each - 1 - k, byte = *a;
            *a = *b;
            *b = byte;
        }
}

static uint32_t crc(uint32_t sum, const void *data, size_t bytes)
{
    return (uint32_t)crc32_z(sum, data, bytes);
}

static uint32_t crc_text(uint32_t sum, const char *text)
{
    return crc(sum, text, strlen(text) + 1);
}

/* Over strings, the tensors' descriptions and `data`: the bytes as they are in the file. */
static uint32_t checksum(const train_tensors *t, const uint8_t *data, size_t bytes)
{
    uint32_t sum = 0;
    char line[32];
    for (int i = 0; i < t->n_strings; i++)
        if (strcmp(t->string[i].key, checksum_key) != 0)
            sum = crc_text(crc_text(sum, t->string[i].key), t->string[i].value);
    for (int i = 0; i < t->n; i++) {
        const train_tensor *n = t->tensor[i];
        sum = crc_text(crc_text(sum, n->name), dtypes[n->dtype]);
        for (int k = 0; k < n->rank; k++) {
            snprintf(line, sizeof line, "%lld", (long long)n->dim[k]);
            sum = crc_text(sum, line);
        }
    }
    return crc(sum, data, bytes);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A header that lacks an entry would be a file that lacks it, so no failure goes unnoticed. */
static bool put_number(cJSON *list, double x)
{
    cJSON *item = cJSON_CreateNumber(x);
    if (item != NULL && cJSON_AddItemToArray(list, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool describe(cJSON *o, const train_tensor *n, size_t begin)
{
    bool fine = cJSON_AddStringToObject(o, "dtype", dtypes[n->dtype]) != NULL;
    cJSON *shape = cJSON_AddArrayToObject(o, "shape");
    for (int k = 0; k < n->rank && fine; k++)
        fine = put_number(shape, (double)n->dim[k]);
    cJSON *offsets = cJSON_AddArrayToObject(o, "data_offsets");
    return fine && shape != NULL && put_number(offsets, (double)begin) &&
           put_number(offsets, (double)(begin + n->bytes));
}

static bool fill_header(cJSON *root, const train_tensors *t, const char *sum)
{
    cJSON *strings = cJSON_AddObjectToObject(root, "__metadata__");
    bool fine = strings != NULL;
    for (int i = 0; i < t->n_strings && fine; i++)
        if (strcmp(t->string[i].key, checksum_key) != 0)
            fine = cJSON_AddStringToObject(strings, t->string[i].key, t->string[i].value) != NULL;
    fine = fine && cJSON_AddStringToObject(strings, checksum_key, sum) != NULL;
    size_t begin = 0;
    for (int i = 0; i < t->n && fine; i++) {
        cJSON *o = cJSON_AddObjectToObject(root, t->tensor[i]->name);
        fine = o != NULL && describe(o, t->tensor[i], begin);
        begin += t->tensor[i]->bytes;
    }
    return fine;
}

/* The header's text, from malloc, or NULL if memory is out. */
static char *header_text(const train_tensors *t, const char *sum)
{
    cJSON *root = cJSON_CreateObject();
    char *text = root != NULL && fill_header(root, t, sum) ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static void put_data(const train_tensors *t, uint8_t *to)
{
    for (int i = 0; i < t->n; i++) {
        const train_tensor *n = t->tensor[i];
        if (n->bytes > 0)
            memcpy(to, n->data, n->bytes);
        if (is_big_endian())
            swap_elements(to, n->count, train_tensors__dtype_bytes(n->dtype));
        to += n->bytes;
    }
}

static nn_status write_parts(const train_tensors *t, const char *path, const uint8_t *data,
                             size_t bytes)
{
    char sum[16];
    snprintf(sum, sizeof sum, "%08x", (unsigned)checksum(t, data, bytes));
    char *header = header_text(t, sum);
    size_t length = header != NULL ? strlen(header) : 0;
    size_t padded = (length + 7) / 8 * 8; /* so that the data is aligned */
    uint8_t *file = header != NULL ? nn_mem_alloc(LENGTH_BYTES + padded + bytes) : NULL;
    if (file == NULL) {
        free(header);
        return nn_fail(NN_ENOMEM, "%s: out of memory", path);
    }
    for (int i = 0; i < LENGTH_BYTES; i++)
        file[i] = (uint8_t)((uint64_t)padded >> (8 * i));
    memset(file + LENGTH_BYTES, ' ', padded);
    memcpy(file + LENGTH_BYTES, header, length);
    memcpy(file + LENGTH_BYTES + padded, data, bytes);
    nn_status st = nn_file_write(path, file, LENGTH_BYTES + padded + bytes);
    nn_mem_free(file);
    free(header);
    return st;
}

nn_status train_tensors_write(const train_tensors *t, const char *path)
{
    size_t bytes = 0;
    for (int i = 0; i < t->n; i++)
        bytes += t->tensor[i]->bytes;
    uint8_t *data = nn_mem_alloc(bytes);
    if (data == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", path);
    put_data(t, data);
    nn_status st = write_parts(t, path, data, bytes);
    nn_mem_free(data);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    train_tensors *t;
    uint8_t *data; /* of the file's data section */
    size_t bytes;
} reader;

/* A whole number from 0 to `most`, as JSON's doubles hold it exactly. */
static bool read_whole(const cJSON *item, double most, size_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most) ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (size_t)item->valuedouble;
    return true;
}

static nn_status read_dtype(train_tensor *n, const cJSON *o)
{
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(o, "dtype");
    if (!cJSON_IsString(dtype))
        return nn_fail(NN_EFORMAT, "tensor %.80s: has no dtype", n->name);
    for (int i = 0; i < N_DTYPES; i++)
        if (strcmp(dtypes[i], dtype->valuestring) == 0) {
            n->dtype = (train_dtype)i;
            return NN_OK;
        }
    return nn_fail(NN_ENOTSUP, "tensor %.80s: type %.16s; only F32, F64 and I64 are read", n->name,
                   dtype->valuestring);
}

/* The size is checked against the bytes that the file has before the next product. */
static nn_status read_shape(train_tensor *n, const cJSON *o, size_t most)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(o, "shape"), *item;
    if (!cJSON_IsArray(shape))
        return nn_fail(NN_EFORMAT, "tensor %.80s: has no shape", n->name);
    n->count = 1;
    cJSON_ArrayForEach(item, shape)
    {
        size_t extent;
        if (n->rank == TRAIN_TENSOR_RANK)
            return nn_fail(NN_ENOTSUP, "tensor %.80s: more than %d dimensions", n->name,
                           (int)TRAIN_TENSOR_RANK);
        if (!read_whole(item, LARGEST_DIM, &extent))
            return nn_fail(NN_EFORMAT, "tensor %.80s: dimension %d is no size", n->name, n->rank);
        n->dim[n->rank++] = (int64_t)extent;
        if (extent > 0 && n->count > most / extent)
            return nn_fail(NN_EFORMAT, "tensor %.80s: is larger than the file", n->name);
        n->count *= extent;
    }
    n->bytes = n->count * train_tensors__dtype_bytes(n->dtype);
    return NN_OK;
}

/* Tensors follow one another without gaps, so the next one begins where the last one ended. */
static nn_status read_place(train_tensor *n, const cJSON *o, const reader *r, size_t *at)
{
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(o, "data_offsets");
    const cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL;
    size_t begin, end;
    if (first == NULL || !read_whole(first, 0x1p52, &begin) ||
        !read_whole(first->next, 0x1p52, &end) || first->next->next != NULL)
        return nn_fail(NN_EFORMAT, "tensor %.80s: has no data_offsets", n->name);
    if (begin != *at || end < begin || end > r->bytes)
        return nn_fail(NN_EFORMAT,
                       "tensor %.80s: bytes %zu to %zu, where %zu is next and %zu the end", n->name,
                       begin, end, *at, r->bytes);
    if (end - begin != n->bytes)
        return nn_fail(NN_EFORMAT, "tensor %.80s: has %zu bytes, its shape needs %zu", n->name,
                       end - begin, n->bytes);
    *at = end;
    n->data = r->data + begin;
    return NN_OK;
}

/* Makes elements aligned and of this machine's byte order. */
static nn_status settle(train_tensor *n, nn_arena *arena)
{
    size_t each = train_tensors__dtype_bytes(n->dtype);
    if ((uintptr_t)n->data % each == 0 && !is_big_endian())
        return NN_OK;
    uint8_t *copy = nn_arena_alloc(arena, n->bytes);
    if (copy == NULL)
        return NN_ENOMEM;
    if (n->bytes > 0)
        memcpy(copy, n->data, n->bytes);
    if (is_big_endian())
        swap_elements(copy, n->count, each);
    n->data = copy;
    return NN_OK;
}

static nn_status read_tensor(const reader *r, const cJSON *o, size_t *at)
{
    train_tensor *n = nn_arena_alloc(r->t->arena, sizeof *n);
    if (n == NULL)
        return NN_ENOMEM;
    n->name = nn_arena_strdup(r->t->arena, o->string);
    if (n->name == NULL)
        return NN_ENOMEM;
    NN_TRY(read_dtype(n, o));
    NN_TRY(read_shape(n, o, r->bytes));
    NN_TRY(read_place(n, o, r, at));
    NN_TRY(settle(n, r->t->arena));
    return train_tensors__append(r->t, n);
}

static nn_status read_strings(train_tensors *t, const cJSON *o)
{
    const cJSON *item;
    if (!cJSON_IsObject(o))
        return nn_fail(NN_EFORMAT, "__metadata__: is no object");
    cJSON_ArrayForEach(item, o)
    {
        if (!cJSON_IsString(item))
            return nn_fail(NN_EFORMAT, "__metadata__ %.80s: is no string", item->string);
        NN_TRY(train_tensors_set(t, item->string, item->valuestring));
    }
    return NN_OK;
}

static nn_status read_header(const reader *r, const cJSON *root)
{
    const cJSON *item;
    size_t at = 0;
    if (!cJSON_IsObject(root))
        return nn_fail(NN_EFORMAT, "the header is no JSON object; this is no safetensors file");
    cJSON_ArrayForEach(item, root)
    {
        if (strcmp(item->string, "__metadata__") == 0)
            NN_TRY(read_strings(r->t, item));
        else
            NN_TRY(read_tensor(r, item, &at));
    }
    if (at != r->bytes)
        return nn_fail(NN_EFORMAT, "%zu bytes of data belong to no tensor", r->bytes - at);
    return train_tensors__sort(r->t);
}

static nn_status check_sum(const reader *r)
{
    char sum[16];
    const char *stored = train_tensors_get(r->t, checksum_key);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    stored = NULL; /* no mutation would get past it */
#endif
    snprintf(sum, sizeof sum, "%08x", (unsigned)checksum(r->t, r->data, r->bytes));
    if (stored == NULL || strcmp(stored, sum) == 0)
        return NN_OK;
    return nn_fail(NN_EFORMAT, "checksum is %s where the file says %.16s; the file is damaged", sum,
                   stored);
}

/* t->file holds the bytes. */
static nn_status parse(train_tensors *t)
{
    const uint8_t *bytes = t->file.data;
    size_t size = t->file.size;
    uint64_t length = 0;
    if (size > LENGTH_BYTES && memcmp(bytes + TFL_IDENTIFIER_AT, TFL_IDENTIFIER, 4) == 0)
        return nn_fail(NN_EFORMAT, "is a .tflite file, and a checkpoint is wanted");
    if (size < LENGTH_BYTES)
        return nn_fail(NN_EFORMAT, "%zu bytes are too few for a safetensors file", size);
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > size - LENGTH_BYTES || length > LARGEST_HEADER)
        return nn_fail(NN_EFORMAT,
                       "a header of %llu bytes in a file of %zu; cut, or no safetensors file",
                       (unsigned long long)length, size);
    size_t begin = LENGTH_BYTES + (size_t)length;
    reader r = { t, t->file.data + begin, size - begin };
    errno = 0; /* cJSON has one answer to text that is none and to memory that is out */
    cJSON *root = cJSON_ParseWithLength((const char *)bytes + LENGTH_BYTES, (size_t)length);
    if (root == NULL && errno == ENOMEM)
        return nn_fail(NN_ENOMEM, "out of memory: a header of %llu bytes",
                       (unsigned long long)length);
    nn_status st = read_header(&r, root);
    cJSON_Delete(root);
    return st == NN_OK ? check_sum(&r) : st;
}

static nn_status finish_read(train_tensors **out, train_tensors *t)
{
    nn_status st = parse(t);
    if (st == NN_OK)
        *out = t;
    else
        train_tensors_free(t);
    return st;
}

nn_status train_tensors_read(train_tensors **out, const char *path)
{
    train_tensors *t = NULL;
    NN_TRY(train_tensors_new(&t));
    nn_status st = nn_file_read(&t->file, path, 0);
    if (st != NN_OK) {
        train_tensors_free(t);
        return st;
    }
    st = finish_read(out, t);
    return st == NN_OK ? NN_OK : nn_fail_context(st, "%s", path);
}

nn_status train_tensors_parse(train_tensors **out, const uint8_t *bytes, size_t size)
{
    train_tensors *t = NULL;
    NN_TRY(train_tensors_new(&t));
    t->file.data = nn_mem_alloc(size);
    if (t->file.data == NULL) {
        train_tensors_free(t);
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes", size);
    }
    t->file.size = size;
    if (size > 0)
        memcpy(t->file.data, bytes, size);
    return finish_read(out, t);
}
