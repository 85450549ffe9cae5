/* runtime: operators that move numbers about, and layers with weights, in every type that they
 * take, on values that a person can follow, through each table of kernels (others:
 * test_rt_values.c). */
#include "tests/rt_text.h"
#include "tests/testing.h"

/* ---- moving ---------------------------------------------------------------------------------- */

/* uint8 codes of another scale: 0.04 (q - 120) on the grid 0.05 (q - 100), the reference's
 * example. */
static void concatenation(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "CONCATENATION",
          "axis=-1",
          { "f32 2x1 : 1 2", "f32 2x2 : 3 4 5 6" },
          { "f32 2x3 : 1 3 4 2 5 6" } },
        { "CONCATENATION",
          "axis=0",
          { "i8 1x2 *0.5 : 1 2", "i8 1x2 *0.5 : 3 4" },
          { "i8 2x2 *0.5 : 1 2 3 4" } },
        { "CONCATENATION",
          "axis=0",
          { "u8 4 *0.04 @120 : 0 120 121 255", "u8 1 *0.05 @100 : 9" },
          { "u8 5 *0.05 @100 : 4 100 101 208 9" } },
        { "CONCATENATION",
          "axis=1",
          { "i64 1x1 : 5000000000", "i64 1x1 = -1" },
          { "i64 1x2 : 5000000000 -1" } },
        { "CONCATENATION",
          "axis=0",
          { "u8 1 *1e-30 : 255", "u8 1 *1e30 @255 : 0" },
          { "u8 2 *1 @7 : 7 0" } },
    };
    rt_text_check_all(cases);
}

static void paddings(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "PAD",
          "",
          { "i8 1x2 *0.5 @3 : 1 2", "i32 2x2 = 1 0 0 1" },
          { "i8 2x3 *0.5 @3 : 3 3 3 1 2 3" } },
        { "PAD",
          "",
          { "i16 2 *1 @-300 : 1 2", "i32 1x2 = 1 1" },
          { "i16 4 *1 @-300 : -300 1 2 -300" } },
        { "PAD", "", { "f32 2x1 : 1 2", "i64 2x2 = 0 0 1 0" }, { "f32 2x2 : 0 1 0 2" } },
        { "PAD", "", { "i64 1 : 9", "i32 1x2 = 1 0" }, { "i64 2 : 0 9" } },
        { "PADV2",
          "",
          { "f32 2 : 1 2", "i32 1x2 = 1 2", "f32 . = -5" },
          { "f32 5 : -5 1 2 -5 -5" } },
        { "PADV2",
          "",
          { "u8 2x1 *0.5 : 1 2", "i32 2x2 = 0 1 0 1", "u8 . *0.5 = 200" },
          { "u8 3x2 *0.5 : 1 200 2 200 200 200" } },
        { "PADV2", "", { "i32 1x1 : 7", "i32 2x2 = 0 0 1 1", "i32 . : 4" }, { "i32 1x3 : 4 7 4" } },
    };
    rt_text_check_all(cases);
}

static void shapes(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "RESHAPE", "", { "f32 2x3 : 1 2 3 4 5 6", "i32 2 = 3 -1" }, { "f32 3x2 : 1 2 3 4 5 6" } },
        { "RESHAPE", "dims=-1,2", { "i8 4 : 1 2 3 4" }, { "i8 2x2 : 1 2 3 4" } },
        { "RESHAPE", "", { "i8 4 : 1 2 3 4" }, { "i8 2x2 : 1 2 3 4" } },
        { "RESHAPE", "", { "i16 1x1 : -9", "i32 0 =" }, { "i16 . : -9" } },
        { "SQUEEZE", "", { "f32 1x2x1 : 1 2" }, { "f32 2 : 1 2" } },
        { "SQUEEZE", "dims=-1", { "u8 1x2x1 : 1 2" }, { "u8 1x2 : 1 2" } },
        { "TRANSPOSE",
          "",
          { "f32 2x3 : 1 2 3 4 5 6", "i32 2 = 1 0" },
          { "f32 3x2 : 1 4 2 5 3 6" } },
        { "TRANSPOSE", "", { "i8 1x2x2 : 1 2 3 4", "i32 3 = -1 0 1" }, { "i8 2x1x2 : 1 3 2 4" } },
        { "TRANSPOSE", "", { "i16 2x2 : 1 2 3 4", "i32 2 = 1 0" }, { "i16 2x2 : 1 3 2 4" } },
        { "TRANSPOSE", "", { "i64 2x2 : 1 2 3 4", "i32 2 = 1 0" }, { "i64 2x2 : 1 3 2 4" } },
        { "SPLIT",
          "num_splits=2",
          { "i32 . = -1", "f32 2x4 : 1 2 3 4 5 6 7 8" },
          { "f32 2x2 : 1 2 5 6", "f32 2x2 : 3 4 7 8" } },
        { "SPLIT",
          "num_splits=3",
          { "i32 1 = 0", "i8 3x2 : 1 2 3 4 5 6" },
          { "i8 1x2 : 1 2", "i8 1x2 : 3 4", "i8 1x2 : 5 6" } },
    };
    rt_text_check_all(cases);
}

/* In NumPy's words, of x = [[1 2 3] [4 5 6]]. */
static void slices(void **state)
{
    (void)state;
#define X                           "i8 2x3 : 1 2 3 4 5 6"
#define BOUNDS(begin, end, strides) "i32 2 = " begin, "i32 2 = " end, "i32 2 = " strides
    static const rt_text cases[] = {
        { "STRIDED_SLICE", "", { X, BOUNDS("0 2", "2 -4", "1 -1") }, { "i8 2x3 : 3 2 1 6 5 4" } },
        { "STRIDED_SLICE",
          "begin_mask=3 end_mask=3",
          { X, BOUNDS("1 0", "1 1", "-1 -2") },
          { "i8 2x2 : 6 4 3 1" } }, /* x[::-1, ::-2] */
        { "STRIDED_SLICE", "", { X, BOUNDS("-10 -10", "10 10", "1 2") }, { "i8 2x2 : 1 3 4 6" } },
        { "STRIDED_SLICE",
          "ellipsis_mask=1",
          { X, BOUNDS("0 1", "0 2", "1 1") },
          { "i8 2x1 : 2 5" } }, /* x[..., 1:2] */
        { "STRIDED_SLICE",
          "ellipsis_mask=1",
          { "f32 2x1x3 : 1 2 3 4 5 6", BOUNDS("0 1", "0 3", "1 1") },
          { "f32 2x1x2 : 2 3 5 6" } },
        { "STRIDED_SLICE",
          "new_axis_mask=1",
          { X, BOUNDS("0 1", "0 2", "1 1") },
          { "i8 1x1x3 : 4 5 6" } }, /* x[newaxis, 1:2] */
        { "STRIDED_SLICE",
          "",
          { X, "i32 3 = 1 0 0", "i32 3 = 2 3 0", "i32 3 = 1 1 0" },
          { "i8 1x3 : 4 5 6" } }, /* an index more than dimensions, and nonsense */
        { "STRIDED_SLICE",
          "shrink_axis_mask=1",
          { X, "i32 1 = -1", "i32 1 = 0", "i32 1 = 1" },
          { "i8 3 : 4 5 6" } }, /* x[-1] */
        { "STRIDED_SLICE",
          "offset=1",
          { X, BOUNDS("0 1", "2 2", "1 1") },
          { "i8 2x2 : 2 3 5 6" } }, /* x[0:0+2, 1:1+2] */
        { "STRIDED_SLICE",
          "",
          { "i64 4 : 1 2 3 4", "i64 1 = 3", "i64 1 = 0", "i64 1 = -2" },
          { "i64 2 : 4 2" } },
        { "STRIDED_SLICE",
          "",
          { "i16 4 : 1 2 3 4", "i32 1 = 1", "i32 1 = 3", "i32 1 = 1" },
          { "i16 2 : 2 3" } },
    };
    rt_text_check_all(cases);
}

/* "3 to 7" of the reference; bilinear positions 0, 0.5, 1, 1.5, moved by -0.25 with pixel
 * centers: 2.5 and 7.5 are the codes whose rounding the types disagree about. */
static void resizes(void **state)
{
    (void)state;
    static const char *const size7 = "i32 2 = 1 7", *const size4 = "i32 2 = 1 4";
    const rt_text cases[] = {
        { "RESIZE_NEAREST_NEIGHBOR",
          "",
          { "i8 1x1x3x1 : 0 1 2", size7 },
          { "i8 1x1x7x1 : 0 0 0 1 1 2 2" } },
        { "RESIZE_NEAREST_NEIGHBOR",
          "align_corners=1",
          { "f32 1x1x3x1 : 0 1 2", size7 },
          { "f32 1x1x7x1 : 0 0 1 1 1 2 2" } },
        { "RESIZE_NEAREST_NEIGHBOR",
          "half_pixel_centers=1",
          { "i16 1x1x3x1 : 0 1 2", size7 },
          { "i16 1x1x7x1 : 0 0 1 1 1 2 2" } },
        { "RESIZE_NEAREST_NEIGHBOR",
          "",
          { "u8 2x2x1x2 : 1 2 3 4 5 6 7 8", "i32 2 = 1 1" },
          { "u8 2x1x1x2 : 1 2 5 6" } },
        { "RESIZE_BILINEAR", "", { "f32 1x1x2x1 : 0 10", size4 }, { "f32 1x1x4x1 : 0 5 10 10" } },
        { "RESIZE_BILINEAR",
          "half_pixel_centers=1",
          { "f32 1x1x2x1 : 0 10", size4 },
          { "f32 1x1x4x1 : 0 2.5 7.5 10" } },
        { "RESIZE_BILINEAR",
          "align_corners=1",
          { "f32 1x2x1x1 : 0 10", "i32 2 = 3 1" },
          { "f32 1x3x1x1 : 0 5 10" } },
        { "RESIZE_BILINEAR",
          "half_pixel_centers=1",
          { "i8 1x1x2x2 : 0 0 10 -10", size4 },
          { "i8 1x1x4x2 : 0 0 3 -3 8 -8 10 -10" } },
        { "RESIZE_BILINEAR",
          "align_corners=1",
          { "i8 1x2x2x1 : 0 10 20 30", "i32 2 = 3 3" },
          { "i8 1x3x3x1 : 0 5 10 10 15 20 20 25 30" } },
        { "RESIZE_BILINEAR",
          "half_pixel_centers=1",
          { "u8 1x1x2x1 : 0 10", size4 },
          { "u8 1x1x4x1 : 0 3 8 10" } },
        { "RESIZE_BILINEAR",
          "",
          { "u8 2x2x1x1 : 0 10 20 40", "i32 2 = 4 1" },
          { "u8 2x4x1x1 : 0 5 10 10 20 30 40 40" } },
    };
    rt_text_check_all(cases);
}

/* ---- layers ---------------------------------------------------------------------------------- */

#define IMAGE(type, quant) type " 1x3x3x1 " quant ": 1 2 3 4 5 6 7 8 9"
#define ONES(type, quant)  type " 1x3x3x1 " quant "= 1 1 1 1 1 1 1 1 1"
#define SLIDE              "stride_h=1 stride_w=1 "

/* Sums of neighbours; what lies outside counts as zero.  A third of 16 is 6 where it is rounded
 * twice: 32/3 to 11, and half of that. */
static void convolutions(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "CONV_2D",
          SLIDE,
          { IMAGE("f32", ""), ONES("f32", "") },
          { "f32 1x3x3x1 : 12 21 16 27 45 33 24 39 28" } },
        { "CONV_2D",
          SLIDE "activation=3",
          { IMAGE("f32", ""), ONES("f32", ""), "f32 1 = -20" },
          { "f32 1x3x3x1 : 0 1 0 6 6 6 4 6 6" } },
        { "CONV_2D",
          SLIDE,
          { IMAGE("i8", "*1 "), ONES("i8", "*1 "), "i32 1 *1 = 3" },
          { "i8 1x3x3x1 *1 : 15 24 19 30 48 36 27 42 31" } },
        { "CONV_2D",
          SLIDE,
          { IMAGE("i8", "*1 "), ONES("i4", "*1 "), "-" },
          { "i8 1x3x3x1 *0.5 : 24 42 32 54 90 66 48 78 56" } },
        { "CONV_2D",
          SLIDE,
          { "i8 1x3x3x1 *1 @-5 : -4 -3 -2 -1 0 1 2 3 4", ONES("i8", "*0.5 ") },
          { "i8 1x3x3x1 *1.5 @-1 : 3 6 5 8 14 10 7 12 9" } },
        { "CONV_2D",
          SLIDE,
          { "u8 1x3x3x1 *1 @128 : 129 130 131 132 133 134 135 136 137",
            "u8 1x3x3x1 *1 @127 = 128" },
          { "u8 1x3x3x1 *1 @10 : 22 31 26 37 55 43 34 49 38" } },
        { "CONV_2D",
          SLIDE "padding=1 dilation_h=2 dilation_w=2",
          { IMAGE("f32", ""), "f32 1x2x2x1 = 1" },
          { "f32 1x1x1x1 : 20" } },
        { "CONV_2D",
          SLIDE "padding=1 dilation_h=2 dilation_w=2",
          { IMAGE("i8", "*1 "), "i8 1x2x2x1 *1 = 1" },
          { "i8 1x1x1x1 *1 : 20" } },
        { "CONV_2D", /* taps so far apart that their distance and the border leave 32 bits */
          SLIDE "dilation_w=1500000000",
          { "i8 1x1x1x1 *1 @2 : 3", "i8 1x1x2x1 *1 = 1", "i32 1 *1 = 7" },
          { "i8 1x1x1x1 *1 : 7" } },
        { "CONV_2D",
          "stride_h=2 stride_w=2 padding=1",
          { IMAGE("i8", "*1 "), "i8 1x1x1x1 *1 = 3" },
          { "i8 1x2x2x1 *1 : 3 9 21 27" } },
        { "CONV_2D",
          SLIDE,
          { "f32 1x1x1x4 : 1 2 3 4", "f32 2x1x1x2 = 1", "f32 2 = 0.5 0" },
          { "f32 1x1x1x2 : 3.5 7" } },
        { "CONV_2D",
          SLIDE,
          { "i8 1x1x1x4 *1 : 1 2 3 4", "i8 2x1x1x2 *1 = 1" },
          { "i8 1x1x1x2 *1 : 3 7" } },
        { "CONV_2D",
          SLIDE,
          { "i8 1x1x1x1 *1 : 3", "i8 2x1x1x1 *1,0.5 @0,0 /0 = 2 4" },
          { "i8 1x1x1x2 *1 : 6 6" } },
        { "CONV_2D", /* the product of the scales is 1 less 2^-46 */
          SLIDE,
          { "i8 1x1x1x1 *1.00000011920929 : 3", "i8 1x1x1x1 *0.99999988079071 = 2" },
          { "i8 1x1x1x1 *1 : 6" } },
    };
    rt_text_check_all(cases);
}

static void depthwise(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "DEPTHWISE_CONV_2D",
          SLIDE "depth_multiplier=2",
          { "f32 1x2x2x1 : 1 2 3 4", "f32 1x2x2x2 = 1 2 1 2 1 2 1 2" },
          { "f32 1x2x2x2 : 10 20 6 12 7 14 4 8" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE "padding=1 activation=1",
          { "f32 1x2x2x1 : 1 2 3 4", "f32 1x2x2x1 = 1 -1 1 -2", "f32 1 = 7" },
          { "f32 1x1x1x1 : 1" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE "depth_multiplier=2",
          { "i8 1x2x2x1 *1 : 1 2 3 4", "i8 1x2x2x2 *1 = 1 2 1 2 1 2 1 2", "i32 2 *1 = 0 1" },
          { "i8 1x2x2x2 *1 : 10 21 6 13 7 15 4 9" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE,
          { "i8 1x2x2x1 *1 @3 : 5 7 9 11", "i8 1x2x2x1 *1 = 1", "i32 1 *1 = 2" },
          { "i8 1x2x2x1 *2 : 11 7 8 5" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE,
          { "u8 1x2x2x1 *1 @128 : 130 132 134 136", "u8 1x2x2x1 *1 @128 = 129" },
          { "u8 1x2x2x1 *2 @5 : 15 11 12 9" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE,
          { "u8 1x2x2x1 *1 @128 : 130 132 134 136", "u8 1x2x2x1 *1 @1 = 2" },
          { "u8 1x2x2x1 *2 @5 : 15 11 12 9" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE "dilation_h=2 dilation_w=2",
          { IMAGE("i8", "*1 "), "i8 1x2x2x1 *1 = 1" }, /* the gaps are left out, the border is 0 */
          { "i8 1x3x3x1 *1 : 5 10 5 10 20 10 5 10 5" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE "padding=1",
          { "i8 1x1x1x2 *1 : 3 5", "i4 1x1x1x2 *1,0.5 @0,0 /3 = 2 -4" },
          { "i8 1x1x1x2 *0.5 : 12 -20" } },
        { "DEPTHWISE_CONV_2D", /* more taps than are gathered at a time */
          SLIDE "padding=1",
          { "i8 1x6x6x1 *1 : 1", "i8 1x6x6x2 *1 = 1 2 1", "i32 2 *1 = 5 6" },
          { "i8 1x1x1x2 *1 : 41 43" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE,
          { "i8 1x1x1x1 *1.00000011920929 : 3", "i8 1x1x1x1 *0.99999988079071 = 2" },
          { "i8 1x1x1x1 *1 : 6" } },
    };
    rt_text_check_all(cases);
}

static void dense(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "FULLY_CONNECTED",
          "activation=1",
          { "f32 2x2 : 1 2 3 4", "f32 2x2 = 1 1 1 -1", "f32 2 = 0 1" },
          { "f32 2x2 : 3 0 7 0" } },
        { "FULLY_CONNECTED",
          "keep_num_dims=1",
          { "f32 1x2x2 : 1 2 3 4", "f32 1x2 = 1 1" },
          { "f32 1x2x1 : 3 7" } },
        { "FULLY_CONNECTED",
          "",
          { "i8 1x2 *1 @1 : 3 4", "i8 2x2 *0.5 = 2 4 1 1", "i32 2 *0.5 = 0 1" },
          { "i8 1x2 *0.5 @-1 : 15 5" } },
        { "FULLY_CONNECTED",
          "",
          { "i8 2x2 *1 : 1 2 3 4", "i4 1x2 *1 = 7 -8", "-" },
          { "i8 2x1 *1 : -9 -11" } },
        { "FULLY_CONNECTED",
          "activation=3",
          { "u8 1x2 *1 @128 : 130 129", "u8 1x2 *1 @100 = 101 105" },
          { "u8 1x1 *0.5 @3 : 15" } },
    };
    rt_text_check_all(cases);
}

/* Float inputs rounded to 8 bits before integer weights.  [1 -2] on the symmetric grid of 2/127 is
 * [128/127 -2], on the asymmetric one of 3/255 itself; [1 4] on that of 4/255 is [256/255 4]. */
static void hybrids(void **state)
{
    (void)state;
    static const rt_text cases[] = {
        { "FULLY_CONNECTED",
          "",
          { "f32 2x2 : 1 -2 0 0", "i8 1x2 *0.5 = 2 4", "f32 1 = 0.25" },
          { "f32 2x1 : -2.74212598 0.25" } },
        { "FULLY_CONNECTED",
          "asymmetric_quantize_inputs=1",
          { "f32 3x2 : 1 -2 0 0 1 4", "i8 1x2 *0.5 = 2 4" },
          { "f32 3x1 : -3 0 9.00392157" } },
        { "FULLY_CONNECTED", "", { "f32 1x2 : 0 2", "i4 1x2 *1 = 7 -8" }, { "f32 1x1 : -16" } },
        { "CONV_2D",
          SLIDE,
          { "f32 1x1x1x2 : 1 -2", "i8 1x1x1x2 *0.5 = 2 4" },
          { "f32 1x1x1x1 : -2.99212598" } },
        { "CONV_2D",
          SLIDE,
          { "f32 1x1x1x2 : 1 -2", "i8 2x1x1x2 *0.5,1 /0 = 2 4 1 1" },
          { "f32 1x1x1x2 : -3 -1" } },
        { "DEPTHWISE_CONV_2D",
          SLIDE,
          { "f32 1x1x1x2 : 1 -2", "i8 1x1x1x2 *0.5,0.25 /3 = 2 4", "f32 2 = 0.5" },
          { "f32 1x1x1x2 : 1.5 -1.5" } },
    };
    rt_text_check_all(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concatenation), cmocka_unit_test(paddings), cmocka_unit_test(shapes),
        cmocka_unit_test(slices),        cmocka_unit_test(resizes),  cmocka_unit_test(convolutions),
        cmocka_unit_test(depthwise),     cmocka_unit_test(dense),    cmocka_unit_test(hybrids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
