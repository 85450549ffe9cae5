/* runtime: functions of numbers, in every type that they take, on values that a person can follow,
 * through each table of kernels; what moves numbers and layers: test_rt_layers.c.
 *
 * Scales are powers of two where the result is computed by hand, so that nothing is rounded but
 * where that is the point.  What stands in quotes of the reference ("3 to 7") is from the notes on
 * its kernels: https://github.com/google-ai-edge/LiteRT, tflite/kernels/internal/reference. */
#include "tests/rt_text.h"
#include "tests/testing.h"

/* ---- element by element ---------------------------------------------------------------------- */

static void binary_float(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "ADD", "", { "f32 2x2 : 1 2 3 4", "f32 2 : 10 20" }, { "f32 2x2 : 11 22 13 24" } },
        { "ADD",
          "activation=1",
          { "f32 2x2 : 1 -2 3 -4", "f32 2x1 : 1 2" },
          { "f32 2x2 : 2 0 5 0" } },
        { "ADD", "", { "f32 . : 1", "f32 . = 2.5" }, { "f32 . : 3.5" } },
        { "ADD", "", { "f32 300 : 1", "f32 1 = 2" }, { "f32 300 : 3" } },
        { "SUB", "", { "f32 . : 1", "f32 3 : 1 2 3" }, { "f32 3 : 0 -1 -2" } },
        { "SUB", "", { "f32 2x130 : 7", "f32 2x1 : 5 5" }, { "f32 2x130 : 2" } },
        { "MUL",
          "activation=3",
          { "f32 2x1x2 : 1 2 3 4", "f32 1x3x1 : 0 1 2" },
          { "f32 2x3x2 : 0 0 1 2 2 4 0 0 3 4 6 6" } },
        { "MUL", "activation=2", { "f32 3 : -3 0.5 2", "f32 3 : 1 1 1" }, { "f32 3 : -1 0.5 1" } },
    };
    rt_text_check_all(cases);
}

/* Sums and products keep their lower half; a fused activation clamps. */
static void binary_whole(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "ADD",
          "",
          { "i32 3 : 2147483647 -5 7", "i32 3 : 1 2 3" },
          { "i32 3 : -2147483648 -3 10" } },
        { "SUB", "", { "i32 2 : 1 -2147483648", "i32 . = 2" }, { "i32 2 : -1 2147483646" } },
        { "MUL", "", { "i32 2 : 65536 -3", "i32 2 : 65537 4" }, { "i32 2 : 65536 -12" } },
        { "MUL", "activation=3", { "i32 3 : -1 2 3", "i32 . = 3" }, { "i32 3 : 0 6 6" } },
        { "ADD", "activation=2", { "i64 3 : -9 0 9", "i64 3 : 0 0 0" }, { "i64 3 : -1 0 1" } },
        { "MUL", "", { "i64 2 : 10000000000 -1", "i64 2 : 3 3" }, { "i64 2 : 30000000000 -3" } },
        { "ADD", /* more than the 32 of an operand that stands still */
          "",
          { "i64 1 = 1", "i64 34 : 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 "
                         "25 26 27 28 29 30 31 32 33 34" },
          { "i64 34 : 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 "
            "30 31 32 33 34 35" } },
        { "SUB",
          "",
          { "i64 34 : 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 "
            "29 30 31 32 33 34",
            "i64 1 = 1" },
          { "i64 34 : 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 "
            "29 30 31 32 33" } },
        { "SUB", "activation=1", { "i64 2 : 1 5", "i64 2x1 : 3 1" }, { "i64 2x2 : 0 2 0 4" } },
    };
    rt_text_check_all(cases);
}

/* MUL: (3-1)(5-2) 0.5 0.25 / 0.125 = 6, less 10.  SUB and ADD of scale 1/2. */
static void binary_codes(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "MUL",
          "",
          { "i8 3 *0.5 @1 : 3 1 -9", "i8 3 *0.25 @2 : 5 9 12" },
          { "i8 3 *0.125 @-10 : -4 -10 -110" } },
        { "MUL",
          "activation=1",
          { "u8 2x2 *0.5 @128 : 130 126 129 128", "u8 1 *0.5 @128 = 131" },
          { "u8 2x2 *0.25 @100 : 106 100 103 100" } },
        { "SUB",
          "",
          { "i8 4 *0.5 : 100 100 -100 7", "i8 4 *0.5 : 50 -50 50 7" },
          { "i8 4 *0.5 : 50 127 -128 0" } },
        { "SUB",
          "",
          { "u8 2x2 *0.5 @128 : 138 118 128 255", "u8 2 *0.5 @128 = 126 130" },
          { "u8 2x2 *0.5 @100 : 112 88 102 225" } },
        { "ADD",
          "activation=3",
          { "i8 2x2 *0.5 : 1 2 13 -9", "i8 1x1 *0.5 : 1" },
          { "i8 2x2 *0.5 : 2 3 12 0" } },
        { "ADD",
          "activation=2",
          { "u8 4 *0.5 @8 : 0 8 9 255", "u8 4 *0.5 @8 : 8 8 8 8" },
          { "u8 4 *0.5 @8 : 6 8 9 10" } },
        { "ADD",
          "activation=4",
          { "i8 2 *0.5 : 100 -9", "i8 2 *0.5 : 20 -9" },
          { "i8 2 *0.5 : 120 -18" } },
    };
    rt_text_check_all(cases);
}

static void extrema(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "MINIMUM", "", { "i8 2x2 : 1 -2 3 4", "i8 2 : 0 2" }, { "i8 2x2 : 0 -2 0 2" } },
        { "MAXIMUM", "", { "i8 2x2 : 1 -2 3 4", "i8 2 : 0 2" }, { "i8 2x2 : 1 2 3 4" } },
        { "MINIMUM", "", { "u8 3 : 1 200 3", "u8 . = 100" }, { "u8 3 : 1 100 3" } },
        { "MAXIMUM", "", { "u8 3 : 1 200 3", "u8 . = 100" }, { "u8 3 : 100 200 100" } },
        { "MINIMUM", "", { "i16 2 : -300 300", "i16 . = 0" }, { "i16 2 : -300 0" } },
        { "MAXIMUM", "", { "i16 2 : -300 300", "i16 . = 0" }, { "i16 2 : 0 300" } },
        { "MINIMUM", "", { "i32 2 : -70000 70000", "i32 . = 0" }, { "i32 2 : -70000 0" } },
        { "MAXIMUM", "", { "i32 2 : -70000 70000", "i32 . = 0" }, { "i32 2 : 0 70000" } },
        { "MINIMUM",
          "",
          { "i64 2 : -5000000000 5000000000", "i64 . = 0" },
          { "i64 2 : -5000000000 0" } },
        { "MAXIMUM",
          "",
          { "i64 2 : -5000000000 5000000000", "i64 . = 0" },
          { "i64 2 : 0 5000000000" } },
        { "MINIMUM",
          "",
          { "f32 2 : -0.5 0.5", "f32 2x1 = 0 0.25" },
          { "f32 2x2 : -0.5 0 -0.5 0.25" } },
        { "MAXIMUM",
          "",
          { "f32 2 : -0.5 0.5", "f32 2x1 = 0 0.25" },
          { "f32 2x2 : 0 0.5 0.25 0.5" } },
    };
    rt_text_check_all(cases);
}

/* Functions of one number.  The codes of HARD_SWISH are an example of the reference's. */
static void unary(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "RELU", "", { "f32 3 : -1 0 7" }, { "f32 3 : 0 0 7" } },
        { "ADD", /* -1 lies more than 2^62 steps below 0 */
          "activation=2",
          { "i8 2 *1e-30 : -50 50", "i8 2 *1e-30 : 0" },
          { "i8 2 *1e-30 : -50 50" } },
        { "TANH", "", { "i8 3 *1 : -1 0 1" }, { "i8 3 *1e-30 : -128 0 127" } },
        { "TANH", "", { "i8 2 *1 : -1 1" }, { "i8 2 *1e-40 : -128 127" } },
        { "RELU", "", { "f32 2 : -inf inf" }, { "f32 2 : 0 inf" } },
        { "RELU6", "", { "f32 3 : -1 3 7" }, { "f32 3 : 0 3 6" } },
        { "RELU_N1_TO_1", "", { "f32 3 : -2 0.5 7" }, { "f32 3 : -1 0.5 1" } },
        { "RELU6", "", { "i8 3 *0.5 : -4 6 20" }, { "i8 3 *0.5 : 0 6 12" } },
        { "RELU6", "", { "u8 3 *0.5 @100 : 90 106 120" }, { "u8 3 *0.25 @10 : 10 22 34" } },
        { "RELU_N1_TO_1", "", { "i8 4 *0.25 @1 : -50 0 3 50" }, { "i8 4 *0.25 @1 : -3 0 3 5" } },
        { "LEAKY_RELU", "alpha=0.25", { "f32 3 : -4 0 4" }, { "f32 3 : -1 0 4" } },
        { "LEAKY_RELU", "alpha=0.5", { "i8 3 *1 : -4 0 4" }, { "i8 3 *1 : -2 0 4" } },
        { "LEAKY_RELU", "alpha=-0.5", { "u8 3 *1 @9 : 5 9 13" }, { "u8 3 *1 @9 : 11 9 13" } },
        { "LOGISTIC", "", { "f32 3 : 0 1.09861229 -1.09861229" }, { "f32 3 : 0.5 0.75 0.25" } },
        { "LOGISTIC", "", { "u8 3 *0.5 @128 : 0 128 255" }, { "u8 3 *0.00390625 @0 : 0 128 255" } },
        { "TANH", "", { "f32 3 : 0 0.54930614 -0.54930614" }, { "f32 3 : 0 0.5 -0.5" } },
        { "TANH", "", { "i8 3 *0.5 : -128 0 127" }, { "i8 3 *0.0078125 : -128 0 127" } },
        { "TANH", "", { "u8 3 *0.5 @128 : 0 128 255" }, { "u8 3 *0.0078125 @128 : 0 128 255" } },
        { "HARD_SWISH", "", { "f32 5 : -4 0 1.5 3 4" }, { "f32 5 : 0 0 1.125 3 4" } },
        { "HARD_SWISH",
          "",
          { "i8 8 *0.05 @3 : -60 -30 0 3 30 63 100 127" },
          { "i8 8 *0.04 @-118 : -118 -127 -120 -118 -94 -43 3 37" } },
        { "HARD_SWISH", "", { "u8 3 *0.05 @131 : 68 131 255" }, { "u8 3 *0.04 @10 : 10 10 165" } },
        { "SOFTMAX",
          "beta=1",
          { "f32 2x2 : 0 0 1.09861229 0" },
          { "f32 2x2 : 0.5 0.5 0.75 0.25" } },
        { "SOFTMAX", "beta=2", { "f32 2 : 0 0.549306144" }, { "f32 2 : 0.25 0.75" } },
    };
    rt_text_check_all(cases);
}

/* Exponentials that leave the range of double; multipliers beyond the largest, at 1 less 2^-46 and
 * below the least shift. */
static void unary_far_out(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "LOGISTIC", "", { "f32 6 : 700 -700 740 -740 800 -800" }, { "f32 6 : 1 0 1 0 1 0" } },
        { "SOFTMAX", "beta=1", { "f32 3 : 0 -740 -800" }, { "f32 3 : 1 0 0" } },
        { "SOFTMAX", "beta=1", { "i8 2 *100 : 1 0" }, { "i8 2 *0.00390625 @-128 : 127 -128" } },
        { "SOFTMAX",
          "beta=0.99999988079071",
          { "i8 2 *1.00000011920929 : 1 0" },
          { "i8 2 *0.00390625 @-128 : 59 -59" } },
        { "HARD_SWISH", "", { "i8 2 *0.001 : 127 -128" }, { "i8 2 *100 : 1 -1" } },
    };
    rt_text_check_all(cases);
}

/* ---- numbers and codes ----------------------------------------------------------------------- */

static void quantize(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "QUANTIZE",
          "",
          { "f32 6 : 0.05 -0.05 0.15 0.25 1e30 -1e30" },
          { "u8 6 *0.1 @5 : 6 4 7 8 255 0" } },
        { "QUANTIZE",
          "",
          { "f32 4 : 0.5 -0.75 20000 -20000" },
          { "i16 4 *0.5 : 1 -2 32767 -32768" } },
        { "QUANTIZE", "", { "f32 2x2 : 1 1 -2 -2" }, { "i8 2x2 *0.5,0.25 @0,3 /1 : 2 7 -4 -5" } },
        { "QUANTIZE", "", { "i8 3 *0.5 @-128 : -128 0 127" }, { "u8 3 *0.5 @0 : 0 128 255" } },
        { "QUANTIZE", "", { "u8 3 *0.5 @128 : 0 128 255" }, { "i8 3 *1 : -64 0 64" } },
        { "QUANTIZE", "", { "i8 3 *0.5 @1 : -128 1 127" }, { "i16 3 *0.25 : -258 0 252" } },
        { "QUANTIZE", "", { "i16 4 *0.25 : 8 -8 32767 -32768" }, { "i8 4 *1 @1 : 3 -1 127 -128" } },
        { "QUANTIZE", "", { "i16 2 *0.5 : 300 -300" }, { "i32 2 *0.25 : 600 -600" } },
        { "QUANTIZE", "", { "i32 2 *0.25 @4 : 8 -4" }, { "i8 2 *0.5 : 2 -4" } },
        { "QUANTIZE", "", { "i32 2 *0.5 : 8 2000000" }, { "i16 2 *0.5 @1 : 9 32767" } },
    };
    rt_text_check_all(cases);
}

/* Half-precision bits: 1, -2, the least subnormal, the largest subnormal, infinity, -0. */
static void dequantize(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "DEQUANTIZE", "", { "i8 3 *0.5 @-1 : -128 -1 127" }, { "f32 3 : -63.5 0 64" } },
        { "DEQUANTIZE", "", { "u8 3 *0.5 @1 : 0 1 255" }, { "f32 3 : -0.5 0 127" } },
        { "DEQUANTIZE", "", { "i16 2 *0.5 : -32768 3" }, { "f32 2 : -16384 1.5" } },
        { "DEQUANTIZE",
          "",
          { "i8 2x2 *0.5,0.25 @0,2 /1 : 2 -4 6 -2" },
          { "f32 2x2 : 1 -1.5 3 -1" } },
        { "DEQUANTIZE",
          "",
          { "f16 6 : 0x3c00 0xc000 1 0x3ff 0x7c00 0x8000" },
          { "f32 6 : 1 -2 5.96046448e-08 6.09755516e-05 inf -0" } },
        { "DEQUANTIZE", "", { "f16 2 = 0x3c00 0xc000" }, { "f32 2 : 1 -2" } },
    };
    rt_text_check_all(cases);
}

/* A constant becomes the weights of what follows, or a number like any other. */
static void dequantized_constants(void **state)
{
    (void)state;
    static const rt_text halves = {
        "DEQUANTIZE", "", { "f16 2x2 = 0x3c00 0xc000 0x3800 0" }, { "f32 2x2" }
    };
    static const rt_text codes = {
        "DEQUANTIZE", "", { "i8 2x2 *0.5,0.25 @0,2 /0 = 2 -4 6 -2" }, { "f32 2x2" }
    };
    const rt_text dense = {
        "FULLY_CONNECTED", "", { "f32 1x2 : 1 3", "<" }, { "f32 1x2 : -5 0.5" }
    };
    const rt_text scaled = {
        "FULLY_CONNECTED", "", { "f32 1x2 : 1 3", "<" }, { "f32 1x2 : -5 -2" }
    };
    const rt_text sum = { "ADD", "", { "<", "f32 2x2 : 1 1 1 1" }, { "f32 2x2 : 2 -1 1.5 1" } };
    rt_text_check_after(&halves, &dense);
    rt_text_check_after(&codes, &scaled);
    rt_text_check_after(&halves, &sum);
}

/* ---- along axes ------------------------------------------------------------------------------ */

/* The first of equals; a number is greater than none. */
static void arg_max(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "ARG_MAX",
          "output_type=4",
          { "f32 2x3 : 1 3 3 -1 -2 -3", "i32 . = 1" },
          { "i64 2 : 1 0" } },
        { "ARG_MAX",
          "output_type=2",
          { "f32 2x3 : nan 1 2 nan nan nan", "i32 1 = -1" },
          { "i32 2 : 2 0" } },
        { "ARG_MAX",
          "output_type=2",
          { "i32 2x3 : 1 2 -9 -1 70000 -8", "i64 . = 0" },
          { "i32 3 : 0 1 1" } },
        { "ARG_MAX", "output_type=2", { "i8 1x4 : -128 5 127 3", "i32 . = 1" }, { "i32 1 : 2" } },
        { "ARG_MAX",
          "output_type=4",
          { "u8 2x2x2 : 1 200 3 4 250 6 7 8", "i32 . = 1" },
          { "i64 2x2 : 1 0 0 1" } },
        { "ARG_MAX", "output_type=2", { "bool 4 : 0 0 1 1", "i32 . = 0" }, { "i32 . : 2" } },
    };
    rt_text_check_all(cases);
}

static void mean(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "MEAN",
          "",
          { "i8 3x2x2x1 *0.5 : 1 1 0 0 -1 -1 0 0 4 3 2 1", "i32 2 = 1 2" },
          { "i8 3x1 *0.5 : 1 -1 3" } },
        { "MEAN", "", { "i8 2x3 *1 : 1 2 3 -4 -5 -6", "i32 1 = 1" }, { "i8 2 *1 : 2 -5" } },
        { "MEAN",
          "keep_dims=1",
          { "u8 2x3 *1 @10 : 10 13 16 10 10 10", "i32 1 = -1" },
          { "u8 2x1 *1 @10 : 13 10" } },
        { "MEAN", "", { "i8 2x2x2 *1 : 1 3 5 7 1 3 5 7", "i32 2 = 0 2" }, { "i8 2 *1 : 2 6" } },
        { "MEAN", "", { "u8 1x2x1x3 *1 : 1 2 3 3 4 5", "i32 2 = 1 2" }, { "u8 1x3 *1 : 2 3 4" } },
        { "MEAN", "", { "f32 2x2x2 : 1 3 5 7 1 3 5 8", "i32 2 = 0 2" }, { "f32 2 : 2 6.25" } },
        { "MEAN", "", { "f32 2x2 : 1 2 3 5", "i32 1 = 0" }, { "f32 2 : 2 3.5" } },
        { "MEAN", "keep_dims=1", { "f32 2x2 : 1 2 3 5", "i32 2 = 0 1" }, { "f32 1x1 : 2.75" } },
        { "MEAN", "", { "i32 2x2 : -3 -4 3 4", "i32 1 = 1" }, { "i32 2 : -3 3" } },
        { "MEAN",
          "",
          { "i64 2x2 : -3 40000000000 -4 0", "i32 1 = 0" },
          { "i64 2 : -3 20000000000" } },
    };
    rt_text_check_all(cases);
}

static void pools(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "AVERAGE_POOL_2D",
          "padding=1 filter_h=2 filter_w=2 stride_h=2 stride_w=2",
          { "i8 6x2x2x1 *1 : 4 3 2 1 -4 -3 -2 -1 -3 -3 -2 -1 -4 -3 -3 -1 -1 -1 0 0 1 1 0 0" },
          { "i8 6x1x1x1 *1 : 3 -3 -2 -3 -1 1" } },
        { "AVERAGE_POOL_2D",
          "filter_h=2 filter_w=2 stride_h=2 stride_w=2",
          { "u8 1x3x3x1 *1 : 1 2 3 4 5 6 7 8 9" },
          { "u8 1x2x2x1 *1 : 3 5 8 9" } },
        { "AVERAGE_POOL_2D",
          "filter_h=2 filter_w=2 stride_h=2 stride_w=2",
          { "f32 1x3x3x1 : 1 2 3 4 5 6 7 8 9" },
          { "f32 1x2x2x1 : 3 4.5 7.5 9" } },
        { "AVERAGE_POOL_2D",
          "filter_h=1 filter_w=2 stride_h=1 stride_w=1 padding=1 activation=1",
          { "f32 1x1x3x2 : 1 -2 3 -4 5 6" },
          { "f32 1x1x2x2 : 2 0 4 1" } },
        { "MAX_POOL_2D",
          "filter_h=2 filter_w=2 stride_h=2 stride_w=2 activation=3",
          { "i8 1x3x3x1 *1 : 1 2 3 4 5 6 7 8 9" },
          { "i8 1x2x2x1 *1 : 5 6 6 6" } },
        { "MAX_POOL_2D",
          "filter_h=2 filter_w=2 stride_h=2 stride_w=2",
          { "f32 1x3x3x1 : 1 2 3 4 5 6 7 8 -9" },
          { "f32 1x2x2x1 : 5 6 8 -9" } },
        { "MAX_POOL_2D",
          "filter_h=3 filter_w=3 stride_h=1 stride_w=1 padding=0",
          { "u8 1x2x2x2 *1 : 1 8 2 7 3 6 4 5" },
          { "u8 1x2x2x2 *1 : 4 8 4 8 4 8 4 8" } },
    };
    rt_text_check_all(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_float),
        cmocka_unit_test(binary_whole),
        cmocka_unit_test(binary_codes),
        cmocka_unit_test(extrema),
        cmocka_unit_test(unary),
        cmocka_unit_test(unary_far_out),
        cmocka_unit_test(quantize),
        cmocka_unit_test(dequantize),
        cmocka_unit_test(dequantized_constants),
        cmocka_unit_test(arg_max),
        cmocka_unit_test(mean),
        cmocka_unit_test(pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
