/* runtime: models that are well-formed files and wrong: each is refused with a status, and by a
 * message that names what is wrong and the numbers.  Here: tensors, operators of any kind,
 * functions of numbers; the others are in test_rt_refusals_layers.c. */
#include "tests/rt_text.h"
#include "tests/testing.h"

#define BAD RT_EFORMAT
#define NOT RT_ENOTSUP

/* ---- tensors and operators of any kind ------------------------------------------------------- */

static void tensors(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "shape has 9 dimensions; at most 8",
          NOT,
          { "RELU", "", { "f32 1x1x1x1x1x1x1x1x1" }, { "f32 1" } } },
        { "shape: dimension 0 is -2", BAD, { "RELU", "", { "f32 -2" }, { "f32 2" } } },
        { "shape: dimension 1 is 65536, and the product must be below 2^31",
          BAD,
          { "RELU", "", { "f32 65536x65536" }, { "f32 2" } } },
        { "1 scales and 0 zero points", BAD, { "RELU", "", { "i8 2 *1 @" }, { "i8 2 *1" } } },
        { "2 scales along dimension 0 of rank 1",
          BAD,
          { "RELU", "", { "i8 3 *1,1" }, { "i8 3 *1" } } },
        { "2 scales along dimension 1 of rank 1",
          BAD,
          { "RELU", "", { "i8 2 *1,1 /1" }, { "i8 2 *1" } } },
        { "scale 0", BAD, { "RELU", "", { "i8 2 *-1" }, { "i8 2 *1" } } },
        { "scale 0", BAD, { "RELU", "", { "i8 2 *inf" }, { "i8 2 *1" } } },
        { "scale 0", BAD, { "RELU", "", { "u8 2 *0" }, { "i8 2 *1" } } },
        { "zero point 0 is 256, outside type UINT8",
          BAD,
          { "RELU", "", { "u8 2 *1 @256" }, { "u8 2 *1" } } },
        { "zero point 0 is -9, outside type INT4",
          BAD,
          { "FULLY_CONNECTED", "", { "i8 1x2 *1", "i4 1x2 *1 @-9 = 1 1" }, { "i8 1x1 *1" } } },
        { "zero point 0 is 32768, outside type INT16",
          BAD,
          { "QUANTIZE", "", { "i16 2 *1 @32768" }, { "i8 2 *1" } } },
        { "zero point 0 is 4294967296, outside type INT32",
          BAD,
          { "QUANTIZE", "", { "i32 2 *1 @4294967296" }, { "i8 2 *1" } } },
        { "input 0 \"t0\" has type STRING", NOT, { "RELU", "", { "string 2" }, { "f32 2" } } },
        { "is an activation without elements", NOT, { "RELU", "", { "f32 0" }, { "f32 0" } } },
        { "input 0 \"t0\" is a constant without elements",
          NOT,
          { "MEAN", "", { "i8 0x3 *1 = 1 2 3", "i32 1 = 0" }, { "i8 3 *1" } } },
        { "input 0 \"t0\" is a constant without elements",
          NOT,
          { "DEPTHWISE_CONV_2D",
            "stride_h=1 stride_w=1",
            { "i8 1x1x1x0 *1 = 1", "i8 1x1x1x2 *1 = 1" },
            { "i8 1x1x1x2 *1" } } },
        { "input 0 \"t0\" is a constant without elements",
          NOT,
          { "RESIZE_NEAREST_NEIGHBOR",
            "",
            { "i8 1x0x1x1 *1 = 1", "i32 2 = 2 2" },
            { "i8 1x2x2x1 *1" } } },
        { "is an activation of type INT4", NOT, { "RELU", "", { "i4 2 *1" }, { "i8 2 *1" } } },
        { "output 0 \"t1\" is a constant", BAD, { "RELU", "", { "f32 2" }, { "f32 2 = 1" } } },
    };
    rt_text_refused_all(cases);
}

static void operators(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "ADD version 99; octet knows 1 to 5",
          NOT,
          { "ADD", "version=99", { "f32 2", "f32 2" }, { "f32 2" } } },
        { "ADD version 0", NOT, { "ADD", "version=0", { "f32 2", "f32 2" }, { "f32 2" } } },
        { "builtin_options_type is 8; ADD has 11",
          BAD,
          { "ADD", "table=8", { "f32 2", "f32 2" }, { "f32 2" } } },
        { "ADD has 1 inputs and 1 outputs; it takes 2 to 2 and 1 to 1",
          BAD,
          { "ADD", "", { "f32 2" }, { "f32 2" } } },
        { "RELU has 1 inputs and 2 outputs",
          BAD,
          { "RELU", "", { "f32 2" }, { "f32 2", "f32 2" } } },
        { "input 1 is left out", BAD, { "ADD", "", { "f32 2", "-" }, { "f32 2" } } },
        { "input is left out", BAD, { "RELU", "", { "-" }, { "i8 2 *1" } } },
        { "input is left out", BAD, { "SQUEEZE", "", { "-" }, { "i8 2 *1" } } },
        { "axes is left out", BAD, { "MEAN", "", { "f32 2", "-" }, { "f32 2" } } },
        { "weights is left out", BAD, { "CONV_2D", "", { "f32 1x1x1x1", "-" }, { "f32 2" } } },
    };
    rt_text_refused_all(cases);
}

static void elementwise(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "input 1 \"t1\" has type INT8, not FLOAT32",
          NOT,
          { "ADD", "", { "f32 2", "i8 2 *1" }, { "f32 2" } } },
        { "input 0 \"t0\" has 0 scales, not 1",
          BAD,
          { "ADD", "", { "i8 2", "i8 2 *1" }, { "i8 2 *1" } } },
        { "output: the ratio of the scales is not in (0, 1)",
          NOT,
          { "ADD", "", { "i8 2 *1", "i8 2 *1" }, { "i8 2 *1e-7" } } },
        { "output: the ratio of the scales is 2^30 or more",
          NOT,
          { "ADD", "", { "i8 2 *1", "i8 2 *1" }, { "i8 2 *1e-30" } } },
        { "fused activation 9",
          NOT,
          { "ADD", "activation=9", { "i8 2 *1", "i8 2 *1" }, { "i8 2 *1" } } },
        { "fused activation 6", NOT, { "MUL", "activation=6", { "f32 2", "f32 2" }, { "f32 2" } } },
        { "fused activation -1",
          NOT,
          { "SUB", "activation=-1", { "i32 2", "i32 2" }, { "i32 2" } } },
        { "type BOOL", NOT, { "ADD", "", { "bool 2", "bool 2" }, { "bool 2" } } },
        { "type BOOL", NOT, { "MINIMUM", "", { "bool 2", "bool 2" }, { "bool 2" } } },
        { "shapes of \"t0\" and \"t1\" do not fit each other",
          BAD,
          { "MUL", "", { "f32 2", "f32 3" }, { "f32 3" } } },
        { "output \"t2\" has shape [2], computed is [2,2]",
          BAD,
          { "MUL", "", { "f32 2", "f32 2x1" }, { "f32 2" } } },
        { "output: the ratio of the scales is 2^30 or more",
          NOT,
          { "MUL", "", { "i8 2 *1e9", "i8 2 *1e9" }, { "i8 2 *1" } } },
        { "types INT8 to UINT8", NOT, { "RELU", "", { "i8 2 *1" }, { "u8 2 *1" } } },
        { "output \"t1\" has type INT8", NOT, { "TANH", "", { "f32 2" }, { "i8 2 *1" } } },
        { "output \"t1\" has shape [3], computed is [2]",
          BAD,
          { "RELU6", "", { "f32 2" }, { "f32 3" } } },
        { "output: the ratio of the scales is 2^30 or more",
          NOT,
          { "RELU", "", { "i8 2 *1e30" }, { "i8 2 *1" } } },
        { "alpha: the ratio of the scales is 2^30 or more",
          NOT,
          { "LEAKY_RELU", "alpha=1e30", { "i8 2 *1" }, { "i8 2 *1" } } },
        { "output \"t1\" must have scale 1/256",
          NOT,
          { "LOGISTIC", "", { "i8 2 *1" }, { "i8 2 *1" } } },
        { "output \"t1\" has 0 scales", BAD, { "TANH", "", { "i8 2 *1" }, { "i8 2" } } },
        { "the input's scale is 128 times the output's or more",
          NOT,
          { "HARD_SWISH", "", { "i8 2 *128" }, { "i8 2 *1" } } },
        { "relu: the ratio of the scales is 2^30 or more",
          NOT,
          { "HARD_SWISH", "", { "i8 2 *1e8" }, { "i8 2 *1e8" } } },
        { "types INT16 to UINT8", NOT, { "QUANTIZE", "", { "i16 2 *1" }, { "u8 2 *1" } } },
        { "types BOOL to INT8", NOT, { "QUANTIZE", "", { "bool 2" }, { "i8 2 *1" } } },
        { "types INT8 to INT32", NOT, { "QUANTIZE", "", { "i8 2 *1" }, { "i32 2 *1" } } },
        { "tensor of codes \"t1\" has 0 scales", BAD, { "QUANTIZE", "", { "f32 2" }, { "i8 2" } } },
        { "types INT64 to FLOAT32", NOT, { "DEQUANTIZE", "", { "i64 2" }, { "f32 2" } } },
        { "types INT8 to INT8", NOT, { "DEQUANTIZE", "", { "i8 2 *1" }, { "i8 2 *1" } } },
    };
    rt_text_refused_all(cases);
}

static void along_axes(void **state)
{
    (void)state;
    static const rt_text_refusal cases[] = {
        { "axis 2 of rank 2", BAD, { "ARG_MAX", "", { "f32 2x2", "i32 . = 2" }, { "i32 2" } } },
        { "axis -1 of rank 2", BAD, { "ARG_MAX", "", { "f32 2x2", "i32 . = -3" }, { "i32 2" } } },
        { "axis 8 of rank 2", BAD, { "ARG_MAX", "", { "f32 2x2", "i32 2 = 0 1" }, { "i32 2" } } },
        { "types INT16 to INT32", NOT, { "ARG_MAX", "", { "i16 2x2", "i32 . = 1" }, { "i32 2" } } },
        { "types INT8 to INT8", NOT, { "ARG_MAX", "", { "i8 2x2", "i32 . = 1" }, { "i8 2" } } },
        { "axis \"t1\" has type FLOAT32, not INT32",
          NOT,
          { "ARG_MAX", "", { "f32 2x2", "f32 . = 1" }, { "i32 2" } } },
        { "axis \"t1\" is not a constant",
          NOT,
          { "ARG_MAX", "", { "f32 2x2", "i32 ." }, { "i32 2" } } },
        { "axis 2 of rank 2", BAD, { "MEAN", "", { "f32 2x2", "i32 1 = 2" }, { "f32 2" } } },
        { "axis -3 of rank 2", BAD, { "MEAN", "", { "f32 2x2", "i32 1 = -3" }, { "f32 2" } } },
        { "type INT16, rank 2", NOT, { "MEAN", "", { "i16 2x2", "i32 1 = 1" }, { "i16 2" } } },
        { "type FLOAT32, rank 0", NOT, { "MEAN", "", { "f32 .", "i32 0 =" }, { "f32 ." } } },
        { "computed is [2,1]",
          BAD,
          { "MEAN", "keep_dims=1", { "f32 2x2", "i32 1 = 1" }, { "f32 2" } } },
        { "output: the ratio of the scales",
          NOT,
          { "MEAN", "", { "i8 2x2 *1e30", "i32 1 = 1" }, { "i8 2 *1" } } },
        { "type INT16, rank 2", NOT, { "SOFTMAX", "beta=1", { "i16 2x2" }, { "i16 2x2" } } },
        { "must have scale 1/256 and zero point -128",
          NOT,
          { "SOFTMAX", "beta=1", { "i8 2 *1" }, { "i8 2 *0.00390625 @0" } } },
        { "must have scale 1/256 and zero point 0",
          NOT,
          { "SOFTMAX", "beta=1", { "u8 2 *1" }, { "u8 2 *0.5" } } },
        { "rows of 4097 values; at most 4096",
          NOT,
          { "SOFTMAX", "beta=1", { "i8 4097 *1" }, { "i8 4097 *0.00390625 @-128" } } },
        { "beta times scale is below 2^-26",
          NOT,
          { "SOFTMAX", "beta=1e-9", { "i8 2 *1" }, { "i8 2 *0.00390625 @-128" } } },
    };
    rt_text_refused_all(cases);
}

/* What DEQUANTIZE makes of a constant is one from there on: nobody may have read or written it. */
static void folded_constants(void **state)
{
    (void)state;
    static const char half[] = "f16 2 = 0x3c00 0x3c00";
    static const rt_text reader = { "ADD", "", { "f32 2", ">" }, { "f32 2" } };
    static const rt_text writer = { "RELU", "", { "f32 2" }, { "f32 2" } };
    const rt_text_refusal read = {
        "operator 0 (ADD) reads tensor 3 \"t3\" before anything wrote it",
        BAD,
        { "DEQUANTIZE", "result=0", { half }, { "f32 2" } },
    };
    const rt_text_refusal written = {
        "operator 0 (RELU) writes tensor 1 \"t1\", which already has a value",
        BAD,
        { "DEQUANTIZE", "result=0", { half }, { "<" } },
    };
    rt_text_refused_after(&reader, &read);
    rt_text_refused_after(&writer, &written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors),          cmocka_unit_test(operators),
        cmocka_unit_test(elementwise),      cmocka_unit_test(along_axes),
        cmocka_unit_test(folded_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
