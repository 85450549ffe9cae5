#include "train/cli/progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

#include "train/cli/log.h"

static const double live_every = 0.1, plain_every = 30; /* seconds */

enum { DURATION = 24, BARS = 3 * TRAIN_SPARK + 1 }; /* bytes of texts, with their end */

double train_clock(void)
{
    return omp_get_wtime();
}

/* "1:02:03" or "2:03"; returns text. */
static const char *duration(double seconds, char text[DURATION])
{
    long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, DURATION, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, DURATION, "%ld:%02ld", s / 60, s % 60);
    return text;
}

void train_progress_begin(train_progress *p, int64_t step, const char *device)
{
    double now = train_clock();
    *p = (train_progress){ .begun = now,
                           .shown = now,
                           .first_step = step,
                           .line_at = now,
                           .line_step = step,
                           .device = device };
}

/* Of the steps of this process; what was done before a resume took its time then. */
static double seconds_left(const train_progress *p, const train_moment *at, double now)
{
    double done = (double)(at->step - p->first_step);
    return done > 0 ? (now - p->begun) / done * (double)(at->total - at->step) : 0;
}

static double images_per_second(const train_progress *p, const train_moment *at, double now)
{
    double seconds = now - p->line_at;
    return seconds > 0 ? (double)(at->step - p->line_step) * at->batch / seconds : 0;
}

/* ---- the course of the loss ------------------------------------------------------------------ */

/* Two stretches become one. */
static void halve(train_spark *s)
{
    for (int i = 0; i < TRAIN_SPARK / 2; i++)
        s->mean[i] = (s->mean[2 * i] + s->mean[2 * i + 1]) / 2;
    s->n = TRAIN_SPARK / 2;
    s->each *= 2;
    s->in_last = s->each;
}

static void add(train_spark *s, double x)
{
    if (!isfinite(x))
        return;
    if (s->n == TRAIN_SPARK && s->in_last == s->each)
        halve(s);
    if (s->n == 0 || s->in_last == s->each) {
        s->each = s->n == 0 ? 1 : s->each;
        s->in_last = 0;
        s->mean[s->n++] = 0;
    }
    double *mean = &s->mean[s->n - 1];
    s->in_last++;
    *mean += (x - *mean) / (double)s->in_last;
}

/* Bars from the least to the greatest mean, in UTF-8; returns text. */
static const char *draw(const train_spark *s, char text[BARS])
{
    enum { LEVELS = 8 };
    double least = s->mean[0], most = s->mean[0];
    char *at = text;
    for (int i = 1; i < s->n; i++) {
        least = s->mean[i] < least ? s->mean[i] : least;
        most = s->mean[i] > most ? s->mean[i] : most;
    }
    for (int i = 0; i < s->n; i++) {
        double height = most > least ? (s->mean[i] - least) / (most - least) : 0;
        int level = (int)(height * (LEVELS - 1) + 0.5);
        *at++ = '\xe2'; /* U+2581 to U+2588: a block of one to eight eighths */
        *at++ = '\x96';
        *at++ = (char)(0x81 + level);
    }
    *at = '\0';
    return text;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Room for a line of `used` columns and the bars behind it, on a terminal that knows them? */
static bool has_room(int used)
{
    return train_log_is_utf8() && used + 2 + TRAIN_SPARK < train_log_columns();
}

void train_progress_step(train_progress *p, const train_moment *at)
{
    char left[DURATION], line[256], bars[BARS];
    double now = train_clock();
    bool live = train_log_is_live();
    add(&p->loss, at->loss);
    if (now - p->shown < (live ? live_every : plain_every) || at->step == p->line_step)
        return;
    p->shown = now;
    void (*show)(const char *fmt, ...) = live ? train_log_live : train_log;
    int used = snprintf(
        line, sizeof line,
        "epoch %lld/%lld  step %lld/%lld  %s  loss %.4f  acc %.2f %%  %.0f images/s  %s left",
        (long long)at->epoch, (long long)((at->total + at->batches - 1) / at->batches),
        (long long)at->step, (long long)at->total, train_stage_name(at->stage), at->loss,
        100 * at->top1, images_per_second(p, at, now), duration(seconds_left(p, at, now), left));
    bool drawn = live && has_room(used);
    show("%s%s%s", line, drawn ? "  " : "", drawn ? draw(&p->loss, bars) : "");
}

static void show_epoch(const train_progress *p, const train_line *l, double speed, double left)
{
    char val[96] = "", int8[48] = "", time[DURATION];
    const train_moment *at = &l->at;
    double steps = p->epoch_steps > 0 ? (double)p->epoch_steps : 1;
    if (l->has_val)
        snprintf(val, sizeof val, "  val %.2f %%%s", 100 * l->val.top1,
                 at->stage == TRAIN_QUANTIZED ? " fake-quant" : "");
    if (l->has_int8)
        snprintf(int8, sizeof int8, ", %.2f %% %s", 100 * l->int8.top1, p->device);
    train_log("epoch %lld/%lld  %s  lr %.4g  loss %.4f  acc %.2f %%%s%s%s  %.0f images/s  %s left",
              (long long)at->epoch, (long long)((at->total + at->batches - 1) / at->batches),
              train_stage_name(at->stage), at->lr, p->epoch_loss / steps,
              100 * p->epoch_top1 / steps, val, int8, l->is_best ? " (best)" : "", speed,
              duration(left, time));
}

double train_progress_line(train_progress *p, const train_line *line)
{
    double now = train_clock();
    double spent = line->has_val ? line->val.seconds : 0;
    spent += line->has_int8 ? line->int8.seconds : 0;
    p->line_at += spent; /* evaluation is no training time */
    double speed = images_per_second(p, &line->at, now);
    int64_t steps = line->at.step - p->line_step;
    p->epoch_steps += steps;
    p->epoch_loss += line->at.loss * (double)steps;
    p->epoch_top1 += line->at.top1 * (double)steps;
    p->line_at = now;
    p->line_step = line->at.step;
    if (line->at.step % line->at.batches == 0 || line->at.step == line->at.total) {
        show_epoch(p, line, speed, seconds_left(p, &line->at, now));
        p->shown = now;
        p->epoch_steps = 0;
        p->epoch_loss = p->epoch_top1 = 0;
    }
    return speed;
}
