#define _POSIX_C_SOURCE 200809L /* access */
#include "train/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/base/file.h"
#include "train/heading.h"

enum { LARGEST = 1 << 28 };

/* Bytes of the whole lines whose step is at most `step`. */
static size_t keep(const char *text, size_t size, int64_t step)
{
    size_t kept = strlen(train_heading_log) + 1;
    while (kept < size) {
        const char *end = memchr(text + kept, '\n', size - kept);
        if (end == NULL || strtoll(text + kept, NULL, 10) > step)
            break;
        kept = (size_t)(end - text) + 1;
    }
    return kept;
}

static nn_status cut(const char *path, int64_t step)
{
    nn_bytes old;
    NN_TRY(nn_file_read(&old, path, LARGEST));
    const char *text = (const char *)old.data;
    nn_status st = train_heading_check(text, train_heading_log, path);
    if (st == NN_OK)
        st = nn_file_write(path, text, keep(text, old.size, step));
    else
        st = nn_fail_context(st, "move the log away to go on without it");
    nn_bytes_free(&old);
    return st;
}

static nn_status begin(const char *path)
{
    char line[256];
    const int n = snprintf(line, sizeof line, "%s\n", train_heading_log);
    return nn_file_write(path, line, (size_t)n);
}

nn_status train_history_open(train_history *h, const char *path, int64_t step)
{
    NN_TRY(step > 0 && access(path, F_OK) == 0 ? cut(path, step) : begin(path));
    snprintf(h->path, sizeof h->path, "%s", path);
    h->file = fopen(path, "a");
    return h->file != NULL ? NN_OK : nn_fail(NN_EIO, "%s: %s", path, strerror(errno));
}

static void put_score(FILE *to, const train_score *s, bool top5)
{
    fprintf(to, "%.6f,%.6f,", s->loss, s->top1);
    if (top5)
        fprintf(to, "%.6f,", s->top5);
}

nn_status train_history_add(train_history *h, const train_line *l, double images_per_s)
{
    fprintf(h->file, "%lld,%lld,%s,%.8g,%.6f,%.6f,", (long long)l->at.step, (long long)l->at.epoch,
            train_stage_name(l->at.stage), l->at.lr, l->at.loss, l->at.top1);
    if (l->has_val)
        put_score(h->file, &l->val, true);
    else
        fputs(",,,", h->file);
    if (l->has_int8)
        put_score(h->file, &l->int8, false);
    else
        fputs(",,", h->file);
    fprintf(h->file, "%.1f\n", images_per_s);
    if (fflush(h->file) != 0 || ferror(h->file))
        return nn_fail(NN_EIO, "%s: %s", h->path, strerror(errno));
    return NN_OK;
}

void train_history_close(train_history *h)
{
    if (h->file != NULL)
        fclose(h->file);
    h->file = NULL;
}
