#include "train/progress.h"

#include <omp.h>
#include <stdio.h>

#include "train/log.h"

static const double live_every = 0.1, plain_every = 30; /* seconds */

double train_clock(void)
{
    return omp_get_wtime();
}

const char *train_duration(double seconds, char *text)
{
    long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, TRAIN_DURATION, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, TRAIN_DURATION, "%ld:%02ld", s / 60, s % 60);
    return text;
}

void train_progress_begin(train_progress *p, int64_t step)
{
    double now = train_clock();
    *p = (train_progress){
        .begun = now, .shown = now, .first_step = step, .line_at = now, .line_step = step
    };
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

void train_progress_step(train_progress *p, const train_moment *at)
{
    char left[TRAIN_DURATION];
    double now = train_clock();
    bool live = train_log_is_live();
    if (now - p->shown < (live ? live_every : plain_every) || at->step == p->line_step)
        return;
    p->shown = now;
    void (*show)(const char *fmt, ...) = live ? train_log_live : train_log;
    show("epoch %lld/%lld  step %lld/%lld  %s  loss %.4f  acc %.2f %%  %.0f images/s  %s left",
         (long long)at->epoch, (long long)((at->total + at->batches - 1) / at->batches),
         (long long)at->step, (long long)at->total, train_stage_name(at->stage), at->loss,
         100 * at->top1, images_per_second(p, at, now),
         train_duration(seconds_left(p, at, now), left));
}

static void show_epoch(const train_progress *p, const train_line *l, double speed, double left)
{
    char val[96] = "", int8[48] = "", time[TRAIN_DURATION];
    const train_moment *at = &l->at;
    double steps = p->epoch_steps > 0 ? (double)p->epoch_steps : 1;
    if (l->has_val)
        snprintf(val, sizeof val, "  val %.2f %%%s", 100 * l->val.top1,
                 at->stage == TRAIN_QUANTIZED ? " fake-quant" : "");
    if (l->has_int8)
        snprintf(int8, sizeof int8, ", %.2f %% int8", 100 * l->int8.top1);
    train_log("epoch %lld/%lld  %s  lr %.4g  loss %.4f  acc %.2f %%%s%s%s  %.0f images/s  %s left",
              (long long)at->epoch, (long long)((at->total + at->batches - 1) / at->batches),
              train_stage_name(at->stage), at->lr, p->epoch_loss / steps,
              100 * p->epoch_top1 / steps, val, int8, l->is_best ? " (best)" : "", speed,
              train_duration(left, time));
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
