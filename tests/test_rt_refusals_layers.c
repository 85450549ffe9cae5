/* runtime: wrong models, as in test_rt_refusals.c: operators that move numbers about, and layers
 * with weights. */
#include "tests/rt_text.h"
#include "tests/testing.h"

#define BAD RT_EFORMAT
#define NOT RT_ENOTSUP

static void joining(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "fused activation",
          NOT,
          { "CONCATENATION", "activation=1", { "f32 2", "f32 2" }, { "f32 4" } } },
        { "axis 1 of rank 1", BAD, { "CONCATENATION", "axis=1", { "f32 2" }, { "f32 2" } } },
        { "axis -2 of rank 1", BAD, { "CONCATENATION", "axis=-2", { "f32 2" }, { "f32 2" } } },
        { "input 1 \"t1\": dimension 1 is 3, of the output 2",
          BAD,
          { "CONCATENATION", "axis=0", { "f32 1x2", "f32 1x3" }, { "f32 2x2" } } },
        { "inputs sum to 4 along axis 0, the output has 5",
          BAD,
          { "CONCATENATION", "axis=0", { "f32 2", "f32 2" }, { "f32 5" } } },
        { "int8 input 1 \"t1\" is not quantized as the output",
          NOT,
          { "CONCATENATION", "axis=0", { "i8 2 *1", "i8 2 *1 @1" }, { "i8 4 *1" } } },
        { "input 0 or the output has no scale",
          BAD,
          { "CONCATENATION", "axis=0", { "u8 2", "u8 2" }, { "u8 4 *1" } } },
        { "input \"t0\" has 2 scales, not 1",
          BAD,
          { "CONCATENATION", "axis=0", { "u8 2 *1,1", "u8 2 *1" }, { "u8 4 *1" } } },
        { "paddings -1 and 0 of dimension 0",
          BAD,
          { "PAD", "", { "f32 2", "i32 1x2 = -1 0" }, { "f32 2" } } },
        { "paddings 0 and 2147483647 of dimension 0",
          BAD,
          { "PAD", "", { "f32 2", "i32 1x2 = 0 2147483647" }, { "f32 2" } } },
        { "paddings 0 and 2147483648 of dimension 0",
          BAD,
          { "PAD", "", { "f32 2", "i64 1x2 = 0 2147483648" }, { "f32 2" } } },
        { "paddings \"t1\" has shape [2], computed is [1,2]",
          BAD,
          { "PAD", "", { "f32 2", "i32 2 = 1 1" }, { "f32 4" } } },
        { "a scalar", NOT, { "PAD", "", { "f32 .", "i32 0x2 =" }, { "f32 ." } } },
        { "constant_values has 2 elements",
          BAD,
          { "PADV2", "", { "f32 2", "i32 1x2 = 1 0", "f32 2 = 1" }, { "f32 3" } } },
        { "constant_values is not quantized as the output",
          BAD,
          { "PADV2", "", { "i8 2 *1", "i32 1x2 = 1 0", "i8 . *2 = 1" }, { "i8 3 *1" } } },
        { "constant_values \"t2\" has type INT8",
          NOT,
          { "PADV2", "", { "f32 2", "i32 1x2 = 1 0", "i8 . *2 = 1" }, { "f32 3" } } },
    };
    rt_text_refused_all(cases);
}

static void shapes(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "6 elements become 4", BAD, { "RESHAPE", "", { "f32 6" }, { "f32 4" } } },
        { "new shape has 2 in dimension 0, the output 3",
          BAD,
          { "RESHAPE", "", { "f32 6", "i32 2 = 2 3" }, { "f32 3x2" } } },
        { "new shape has 1 dimensions, the output 2",
          BAD,
          { "RESHAPE", "", { "f32 6", "i32 1 = 6" }, { "f32 3x2" } } },
        { "new shape has 3 in dimension 1, the output 2",
          BAD,
          { "RESHAPE", "dims=-1,3", { "f32 6" }, { "f32 3x2" } } },
        { "dimension 0 of rank 2 is not 1",
          BAD,
          { "SQUEEZE", "dims=0", { "f32 2x1" }, { "f32 1" } } },
        { "dimension 2 of rank 2 is not 1",
          BAD,
          { "SQUEEZE", "dims=2", { "f32 2x1" }, { "f32 2" } } },
        { "dimension -1 of rank 2 is not 1",
          BAD,
          { "SQUEEZE", "dims=-3", { "f32 2x1" }, { "f32 2" } } },
        { "9 squeeze_dims; at most 8",
          NOT,
          { "SQUEEZE", "dims=0,0,0,0,0,0,0,0,1", { "f32 1x2" }, { "f32 2" } } },
        { "permutation of 1 dimensions, input of 2",
          BAD,
          { "TRANSPOSE", "", { "f32 2x1", "i32 1 = 0" }, { "f32 1x2" } } },
        { "permutation has 0 in place 1",
          BAD,
          { "TRANSPOSE", "", { "f32 2x1", "i32 2 = 0 0" }, { "f32 1x2" } } },
        { "permutation has 2 in place 0",
          BAD,
          { "TRANSPOSE", "", { "f32 2x1", "i32 2 = 2 0" }, { "f32 1x2" } } },
        { "permutation \"t1\" has type INT64",
          NOT,
          { "TRANSPOSE", "", { "f32 2x1", "i64 2 = 1 0" }, { "f32 1x2" } } },
        { "axis has 2 values",
          BAD,
          { "SPLIT", "num_splits=1", { "i32 2 = 0 0", "f32 2" }, { "f32 2" } } },
        { "3 parts along axis 0 of rank 1, 2 outputs",
          BAD,
          { "SPLIT", "num_splits=3", { "i32 . = 0", "f32 6" }, { "f32 2", "f32 2" } } },
        { "2 parts along axis 0 of rank 1",
          BAD,
          { "SPLIT", "num_splits=2", { "i32 . = 0", "f32 5" }, { "f32 2", "f32 2" } } },
        { "1 parts along axis 1 of rank 1",
          BAD,
          { "SPLIT", "num_splits=1", { "i32 . = 1", "f32 5" }, { "f32 5" } } },
        { "output \"t3\" has shape [3]",
          BAD,
          { "SPLIT", "num_splits=2", { "i32 . = 0", "f32 4" }, { "f32 2", "f32 3" } } },
    };
    rt_text_refused_all(cases);
}

#define SLICE(options, shape, begin, end, strides, out)                                            \
    {                                                                                              \
        "STRIDED_SLICE", options, { "f32 " shape, begin, end, strides },                           \
        {                                                                                          \
            "f32 " out                                                                             \
        }                                                                                          \
    }

static void slices(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "1 begin and 2 end; at most 31 of each", BAD,
          SLICE("", "2", "i32 1 = 0", "i32 2 = 1", "i32 1 = 1", "1") },
        { "32 begin and 32 begin; at most 31", BAD,
          SLICE("", "2", "i32 32 = 0", "i32 32 = 1", "i32 32 = 1", "1") },
        { "a new axis behind more indices than the input's rank, 1", BAD,
          SLICE("new_axis_mask=4", "2", "i32 3 = 0", "i32 3 = 1", "i32 3 = 1", "1") },
        { "dimension 0: begin 0, end 1, stride 0", BAD,
          SLICE("", "2", "i32 1 = 0", "i32 1 = 1", "i32 1 = 0", "1") },
        { "dimension 0: begin 4294967296, end 1, stride 1", BAD,
          SLICE("", "2", "i64 1 = 4294967296", "i64 1 = 1", "i64 1 = 1", "1") },
        { "dimension 0: begin 0, end -4294967296, stride 1", BAD,
          SLICE("", "2", "i64 1 = 0", "i64 1 = -4294967296", "i64 1 = 1", "1") },
        { "dimension 0: begin 0, end 1, stride -2147483648", BAD,
          SLICE("", "2", "i32 1 = 0", "i32 1 = 1", "i32 1 = -2147483648", "1") },
        { "dimension 0: the slice is empty", NOT,
          SLICE("", "2", "i32 1 = 1", "i32 1 = 1", "i32 1 = 1", "1") },
        { "dimension 0: the slice is empty", NOT,
          SLICE("shrink_axis_mask=1", "2", "i32 1 = 2", "i32 1 = 3", "i32 1 = 1", ".") },
        { "9 dimensions with the new axes", NOT,
          SLICE("new_axis_mask=1", "1x1x1x1x1x1x1x1", "i32 1 = 0", "i32 1 = 1", "i32 1 = 1", "1") },
        { "ellipsis_mask 3: more than one", BAD,
          SLICE("ellipsis_mask=3", "1x2", "i32 2 = 0", "i32 2 = 1", "i32 2 = 1", "1") },
        { "strides \"t3\" is not a constant", NOT,
          SLICE("", "2", "i32 1 = 0", "i32 1 = 1", "i32 1", "1") },
        { "output \"t4\" has shape [2], computed is [1]", BAD,
          SLICE("", "2", "i32 1 = 0", "i32 1 = 1", "i32 1 = 1", "2") },
    };
    rt_text_refused_all(cases);
}

/* ---- windows and weights --------------------------------------------------------------------- */

#define SLIDE "stride_h=1 stride_w=1 "
#define POOL  "filter_h=1 filter_w=1 " SLIDE

static void windows(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "input \"t0\" has rank 3, not 4",
          BAD,
          { "MAX_POOL_2D", POOL, { "f32 1x2x2" }, { "f32 1x2x2" } } },
        { "height: input 2, window 0, stride 1, dilation 1",
          BAD,
          { "MAX_POOL_2D", "filter_w=1 " SLIDE, { "f32 1x2x2x1" }, { "f32 1x2x2x1" } } },
        { "width: input 2, window 1, stride 0, dilation 1",
          BAD,
          { "MAX_POOL_2D",
            "filter_h=1 filter_w=1 stride_h=1",
            { "f32 1x2x2x1" },
            { "f32 1x2x2x1" } } },
        { "padding is 2, neither SAME nor VALID",
          BAD,
          { "MAX_POOL_2D", POOL "padding=2", { "f32 1x2x2x1" }, { "f32 1x2x2x1" } } },
        { "height: a window of extent 3 does not fit into 2",
          BAD,
          { "MAX_POOL_2D",
            "padding=1 filter_h=3 filter_w=1 " SLIDE,
            { "f32 1x2x2x1" },
            { "f32 1x2x2x1" } } },
        { "height: a window of extent 2147483647, stride 1 over 2",
          NOT,
          { "MAX_POOL_2D",
            "filter_h=2147483647 filter_w=1 " SLIDE,
            { "f32 1x2x2x1" },
            { "f32 1x2x2x1" } } },
        { "type INT16", NOT, { "MAX_POOL_2D", POOL, { "i16 1x2x2x1" }, { "i16 1x2x2x1" } } },
        { "output \"t1\" has type INT8, not FLOAT32",
          NOT,
          { "MAX_POOL_2D", POOL, { "f32 1x2x2x1" }, { "i8 1x2x2x1 *1" } } },
        { "output \"t1\" has 0 scales, not 1",
          BAD,
          { "MAX_POOL_2D", POOL "activation=1", { "i8 1x2x2x1 *1" }, { "i8 1x2x2x1" } } },
        { "fused activation 7",
          NOT,
          { "AVERAGE_POOL_2D", POOL "activation=7", { "u8 1x2x2x1 *1" }, { "u8 1x2x2x1 *1" } } },
        { "fused activation 7",
          NOT,
          { "AVERAGE_POOL_2D", POOL "activation=7", { "f32 1x2x2x1" }, { "f32 1x2x2x1" } } },
        { "output \"t2\" has not the shape that `size` says",
          BAD,
          { "RESIZE_BILINEAR", "", { "f32 1x2x2x1", "i32 2 = 3 3" }, { "f32 1x3x2x1" } } },
        { "output \"t2\" has not the shape that `size` says",
          BAD,
          { "RESIZE_BILINEAR", "", { "f32 1x2x2x1", "i32 1 = 3" }, { "f32 1x3x3x1" } } },
        { "output \"t2\" has not the shape that `size` says",
          BAD,
          { "RESIZE_NEAREST_NEIGHBOR", "", { "f32 1x2x2x1", "i32 2 = 3 3" }, { "f32 1x3x3x2" } } },
        { "type INT16",
          NOT,
          { "RESIZE_BILINEAR", "", { "i16 1x2x2x1", "i32 2 = 3 3" }, { "i16 1x3x3x1" } } },
        { "sizes 1 to 1048577",
          NOT,
          { "RESIZE_BILINEAR",
            "",
            { "i8 1x1x1x1", "i32 2 = 1 1048577" },
            { "i8 1x1x1048577x1" } } },
        { "both align_corners and half_pixel_centers",
          BAD,
          { "RESIZE_BILINEAR",
            "align_corners=1 half_pixel_centers=1",
            { "f32 1x2x2x1", "i32 2 = 3 3" },
            { "f32 1x3x3x1" } } },
    };
    rt_text_refused_all(cases);
}

/* Images as large as a file can say. */
static void images(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "the arena needs 429",
          RT_ELIMIT,
          { "CONV_2D",
            SLIDE,
            { "i8 1x1x2147483640x1 *1", "i8 1x1x1x1 *1 = 1" },
            { "i8 1x1x2147483640x1 *1" } } },
        { "the arena needs 429",
          RT_ELIMIT,
          { "CONV_2D",
            SLIDE,
            { "i8 1x2147483640x1x1 *1", "i8 1x3x1x1 *1 = 1" },
            { "i8 1x2147483640x1x1 *1" } } },
        { "an average of 8424600 codes; at most 8421504",
          NOT,
          { "AVERAGE_POOL_2D",
            "padding=1 filter_h=2850 filter_w=2956 " SLIDE,
            { "u8 1x2850x2956x1 *1" },
            { "u8 1x1x1x1 *1" } } },
    };
    rt_text_refused_all(cases);
}

static void convolutions(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "weights \"t1\" has rank 2, not 4",
          BAD,
          { "CONV_2D", SLIDE, { "f32 1x1x1x1", "f32 1x1 = 1" }, { "f32 1x1x1x1" } } },
        { "3 input channels, weights for 2, 1 outputs",
          BAD,
          { "CONV_2D", SLIDE, { "f32 1x1x1x3", "f32 1x1x1x2 = 1" }, { "f32 1x1x1x1" } } },
        { "4 input channels, weights for 2, 3 outputs",
          BAD,
          { "CONV_2D", SLIDE, { "f32 1x1x1x4", "f32 3x1x1x2 = 1" }, { "f32 1x1x1x3" } } },
        { "1 input channels, weights for 2, 1 outputs",
          BAD,
          { "CONV_2D", SLIDE, { "f32 1x1x1x1", "f32 1x1x1x2 = 1" }, { "f32 1x1x1x1" } } },
        { "float input and INT4 weights \"t1\" of 2 scales",
          NOT,
          { "CONV_2D", SLIDE, { "f32 1x1x1x1", "i4 2x1x1x1 *1,1 = 1 1" }, { "f32 1x1x1x2" } } },
        { "weights \"t1\" have zero point 1",
          BAD,
          { "CONV_2D", SLIDE, { "i8 1x1x1x1 *1", "i8 1x1x1x1 *1 @1 = 1" }, { "i8 1x1x1x1 *1" } } },
        { "types INT8 (input), UINT8 (weights), INT8 (output)",
          NOT,
          { "CONV_2D", SLIDE, { "i8 1x1x1x1 *1", "u8 1x1x1x1 *1 = 1" }, { "i8 1x1x1x1 *1" } } },
        { "types INT16 (input)",
          NOT,
          { "CONV_2D", SLIDE, { "i16 1x1x1x1 *1", "i8 1x1x1x1 *1 = 1" }, { "i16 1x1x1x1 *1" } } },
        { "types UINT8 (input), UINT8 (weights), INT8 (output)",
          NOT,
          { "CONV_2D", SLIDE, { "u8 1x1x1x1 *1", "u8 1x1x1x1 *1 = 1" }, { "i8 1x1x1x1 *1" } } },
        { "weights \"t1\" are not a constant",
          NOT,
          { "CONV_2D", SLIDE, { "i8 1x1x1x1 *1", "i8 1x1x1x1 *1" }, { "i8 1x1x1x1 *1" } } },
        { "weights \"t1\": 2 scales along dimension 3, for 2 channels",
          BAD,
          { "CONV_2D",
            SLIDE,
            { "i8 1x1x1x2 *1", "i8 2x1x1x2 *1,1 /3 = 1" },
            { "i8 1x1x1x2 *1" } } },
        { "weights \"t1\": 0 scales",
          BAD,
          { "CONV_2D", SLIDE, { "i8 1x1x1x1 *1", "i8 1x1x1x1 = 1" }, { "i8 1x1x1x1 *1" } } },
        { "weights \"t1\": 2 scales along dimension 0",
          BAD,
          { "CONV_2D", SLIDE, { "u8 1x1x1x1 *1", "u8 2x1x1x1 *1,1 = 1" }, { "u8 1x1x1x2 *1" } } },
        { "channel's multiplier: the ratio of the scales is 2^30 or more",
          NOT,
          { "CONV_2D", SLIDE, { "i8 1x1x1x1 *1e9", "i8 1x1x1x1 *1e9 = 1" }, { "i8 1x1x1x1 *1" } } },
        { "fused activation 8",
          NOT,
          { "CONV_2D",
            SLIDE "activation=8",
            { "i8 1x1x1x1 *1", "i8 1x1x1x1 *1 = 1" },
            { "i8 1x1x1x1 *1" } } },
        { "fused activation 8",
          NOT,
          { "CONV_2D",
            SLIDE "activation=8",
            { "f32 1x1x1x1", "f32 1x1x1x1 = 1" },
            { "f32 1x1x1x1" } } },
    };
    rt_text_refused_all(cases);
}

static void depthwise_convolutions(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "2 input channels, weights [1,..,3]",
          BAD,
          { "DEPTHWISE_CONV_2D", SLIDE, { "f32 1x1x1x2", "f32 1x1x1x3 = 1" }, { "f32 1x1x1x3" } } },
        { "1 input channels, weights [2,..,1]",
          BAD,
          { "DEPTHWISE_CONV_2D", SLIDE, { "f32 1x1x1x1", "f32 2x1x1x1 = 1" }, { "f32 1x1x1x1" } } },
        { "channel's multiplier",
          NOT,
          { "DEPTHWISE_CONV_2D",
            SLIDE,
            { "i8 1x1x1x1 *1e9", "i8 1x1x1x1 *1e9 = 1" },
            { "i8 1x1x1x1 *1" } } },
        { "fused activation 8",
          NOT,
          { "DEPTHWISE_CONV_2D",
            SLIDE "activation=8",
            { "f32 1x1x1x1", "f32 1x1x1x1 = 1" },
            { "f32 1x1x1x1" } } },
    };
    rt_text_refused_all(cases);
}

#define DENSE(options, x, w, bias, y)                                                              \
    {                                                                                              \
        "FULLY_CONNECTED", options, { x, w, bias },                                                \
        {                                                                                          \
            y                                                                                      \
        }                                                                                          \
    }

static void dense(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "3 inputs for weights [1,2]", BAD, DENSE("", "f32 1x3", "f32 1x2 = 1", "-", "f32 1x1") },
        { "keep_num_dims: input \"t0\" does not end in 4", BAD,
          DENSE("keep_num_dims=1", "f32 2x2", "f32 1x4 = 1", "-", "f32 2x1") },
        { "fused activation 4", NOT,
          DENSE("activation=4", "f32 1x2", "f32 1x2 = 1", "-", "f32 1x1") },
        { "shuffled weights", NOT,
          DENSE("weights_format=1", "f32 1x2", "f32 1x2 = 1", "-", "f32 1x1") },
        { "INT4 weights with zero point 1", BAD,
          DENSE("", "i8 1x2 *1", "i4 1x2 *1 @1 = 1 1", "-", "i8 1x1 *1") },
        { "unit's multiplier: the ratio of the scales", NOT,
          DENSE("", "i8 1x2 *1e9", "i8 1x2 *1e9 = 1", "-", "i8 1x1 *1") },
        { "bias \"t2\" has type FLOAT32, not INT32", NOT,
          DENSE("", "i8 1x2 *1", "i8 1x2 *1 = 1", "f32 1 = 1", "i8 1x1 *1") },
        { "bias \"t2\": a constant of 2 elements for 1 channels", BAD,
          DENSE("", "i8 1x2 *1", "i8 1x2 *1 = 1", "i32 2 = 1", "i8 1x1 *1") },
        { "bias \"t2\": an activation of 1 elements for 1 channels", BAD,
          DENSE("", "i8 1x2 *1", "i8 1x2 *1 = 1", "i32 1", "i8 1x1 *1") },
        { "bias \"t2\" has zero point 3", BAD,
          DENSE("", "i8 1x2 *1", "i8 1x2 *1 = 1", "i32 1 *1 @3 = 1", "i8 1x1 *1") },
        { "bias \"t2\": 2 elements for 1 channels", BAD,
          DENSE("", "f32 1x2", "f32 1x2 = 1", "f32 2 = 1", "f32 1x1") },
        { "bias \"t2\" has type INT32", NOT,
          DENSE("", "f32 1x2", "f32 1x2 = 1", "i32 1 = 1", "f32 1x1") },
        { "weights \"t1\" have zero point 2", BAD,
          DENSE("", "f32 1x2", "i8 1x2 *1 @2 = 1", "-", "f32 1x1") },
        { "weights \"t1\": a constant with 0 scales for 1 channels", NOT,
          DENSE("", "f32 1x2", "i8 1x2 = 1", "-", "f32 1x1") },
        { "weights \"t1\": an activation with 1 scales", NOT,
          DENSE("", "f32 1x2", "i8 1x2 *1", "-", "f32 1x1") },
        { "weights \"t1\" has type INT32, not FLOAT32", NOT,
          DENSE("", "f32 1x2", "i32 1x2 = 1", "-", "f32 1x1") },
        { "weights \"t1\" or their bias are not a constant", NOT,
          DENSE("", "f32 1x2", "f32 1x2", "-", "f32 1x1") },
        { "weights \"t1\" or their bias are not a constant", NOT,
          DENSE("", "f32 1x2", "f32 1x2 = 1", "f32 1", "f32 1x1") },
        { "output \"t2\" has shape [1,2], computed is [1,1]", BAD,
          DENSE("", "f32 1x2", "f32 1x2 = 1", "-", "f32 1x2") },
        { "output \"t2\" has type INT8, not FLOAT32", NOT,
          DENSE("", "f32 1x2", "f32 1x2 = 1", "-", "i8 1x1 *1") },
    };
    rt_text_refused_all(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joining),
        cmocka_unit_test(shapes),
        cmocka_unit_test(slices),
        cmocka_unit_test(windows),
        cmocka_unit_test(images),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(depthwise_convolutions),
        cmocka_unit_test(dense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
