/* rt_text - models of one or two operators, written as text: for the runtime's tests, which need
 * values that a person can follow and mistakes that octet's own writer would refuse to write.
 *
 * A tensor is "TYPE SHAPE [*SCALES] [@ZERO POINTS] [/AXIS] [: VALUES]":
 *
 *   "i8 2x3 *0.5 @-1 : 1 2 3 4 5 6"   an activation; of an output, the values that are expected
 *   "i8 2x3 *0.5,0.25 @0,0 /0 = 7"    a constant; the last value is repeated
 *   "f32 . : 1.5"                     a scalar
 *   "i8 2 *0.5 @"                     a scale without a zero point (else they are 0)
 *   "i8 1x0 = 1 2"                    no elements, though the tensor's buffer has some
 *   "-"                               an input that is left out
 *   "<", ">"                          the output of the operator before, or behind
 *
 * Types: f32 f16 (values are bits) i64 i32 i16 i8 u8 i4 bool string. */
#ifndef OCTET_TESTS_RT_TEXT_H
#define OCTET_TESTS_RT_TEXT_H

#include "runtime/rt.h"

enum { RT_TEXT_IN = 5, RT_TEXT_OUT = 3 };

/* Options by their names in rt_option_at: "stride_h=2 padding=1".  Beside these: version=3 (of the
 * operator), table=8 (the number of the options' table), dims=1,-1 (the list in slot 0), result=0
 * (the model's output is that tensor, not the last operator's). */
typedef struct rt_text {
    const char *op, *options;
    const char *in[RT_TEXT_IN], *out[RT_TEXT_OUT]; /* up to the first NULL */
} rt_text;

/* Runs the model on each table of kernels that this processor has: the outputs must be the
 * values of the text, floats to a millionth of them. */
void rt_text_check(const rt_text *t);

#define rt_text_check_all(cases) rt_text_check_n(cases, sizeof(cases) / sizeof(cases)[0])
void rt_text_check_n(const rt_text *t, size_t n);

/* The same behind an operator that runs first, and whose output "<" stands for. */
void rt_text_check_after(const rt_text *first, const rt_text *t);

/* A model that must be refused with this status, by a message that contains `part`. */
typedef struct rt_text_refusal {
    const char *part;
    rt_status status;
    rt_text model;
} rt_text_refusal;

#define rt_text_refused_all(cases) rt_text_refused_n(cases, sizeof(cases) / sizeof(cases)[0])
void rt_text_refused_n(const rt_text_refusal *r, size_t n);

/* The same behind an operator that runs first. */
void rt_text_refused_after(const rt_text *first, const rt_text_refusal *r);

#endif
