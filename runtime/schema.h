/* schema - the numbers of the .tflite format: table slots, enumerations, operator codes, limits.
 *
 * The only copy in octet: the reader in runtime/ and the writer in export/ both take them from
 * here.  A .tflite file is a FlatBuffer with the identifier "TFL3"; a table's field is found by its
 * slot, that is by the 16-bit entry at byte 4 + 2 * slot of the table's vtable (0: the field is
 * absent and its default holds).  Behind every slot stand the field's type and, if it is not 0, its
 * default.  Numbers from TensorFlow Lite's public schema.fbs, version 3. */
#ifndef OCTET_RUNTIME_SCHEMA_H
#define OCTET_RUNTIME_SCHEMA_H

enum {
    TFL_MODEL_VERSION = 3,
    TFL_IDENTIFIER_AT = 4,      /* "TFL3", 4 bytes; at byte 0 stands the root table's offset */
    TFL_BUFFER_ALIGN = 16,      /* Buffer.data begins at a multiple of this */
    TFL_MAX_BYTES = 0x7FFFFFFF, /* a FlatBuffer is smaller than 2 GiB */
    TFL_MAX_RANK = 8,           /* dimensions of a tensor that octet accepts */
    TFL_OPTIONAL_TENSOR = -1,   /* index of an operator input that was left out */
    TFL_BUFFER_NONE = 0,        /* buffers[0] is empty: the tensor has no constant data */
    TFL_OP_PLACEHOLDER = 127,   /* deprecated_builtin_code of operators that have a greater code */
    TFL_OP_LAST_DEFINED = 209,  /* the highest builtin code there is */
};

#define TFL_IDENTIFIER    "TFL3"
#define TFL_SIGNATURE_KEY "serving_default"

/* ---- enumerations ---------------------------------------------------------------------------- */

enum tfl_type { /* Tensor.type, int8 */
                TFL_TYPE_FLOAT32 = 0,
                TFL_TYPE_FLOAT16 = 1,
                TFL_TYPE_INT32 = 2,
                TFL_TYPE_UINT8 = 3,
                TFL_TYPE_INT64 = 4,
                TFL_TYPE_STRING = 5,
                TFL_TYPE_BOOL = 6,
                TFL_TYPE_INT16 = 7,
                TFL_TYPE_INT8 = 9,
                TFL_TYPE_FLOAT64 = 10,
                TFL_TYPE_INT4 = 17, /* two a byte, the even element in the low nibble */
};

enum tfl_padding { TFL_PADDING_SAME = 0, TFL_PADDING_VALID = 1 }; /* int8 */

enum tfl_activation { /* fused_activation_function, int8 */
                      TFL_ACT_NONE = 0,
                      TFL_ACT_RELU = 1,
                      TFL_ACT_RELU_N1_TO_1 = 2,
                      TFL_ACT_RELU6 = 3,
                      TFL_ACT_TANH = 4,
                      TFL_ACT_SIGN_BIT = 5,
};

enum tfl_op { /* OperatorCode.builtin_code, int32 */
              TFL_OP_ADD = 0,
              TFL_OP_AVERAGE_POOL_2D = 1,
              TFL_OP_CONCATENATION = 2,
              TFL_OP_CONV_2D = 3,
              TFL_OP_DEPTHWISE_CONV_2D = 4,
              TFL_OP_DEQUANTIZE = 6,
              TFL_OP_FULLY_CONNECTED = 9,
              TFL_OP_LOGISTIC = 14,
              TFL_OP_MAX_POOL_2D = 17,
              TFL_OP_MUL = 18,
              TFL_OP_RELU = 19,
              TFL_OP_RELU_N1_TO_1 = 20,
              TFL_OP_RELU6 = 21,
              TFL_OP_RESHAPE = 22,
              TFL_OP_RESIZE_BILINEAR = 23,
              TFL_OP_SOFTMAX = 25,
              TFL_OP_TANH = 28,
              TFL_OP_CUSTOM = 32,
              TFL_OP_PAD = 34,
              TFL_OP_TRANSPOSE = 39,
              TFL_OP_MEAN = 40,
              TFL_OP_SUB = 41,
              TFL_OP_SQUEEZE = 43,
              TFL_OP_STRIDED_SLICE = 45,
              TFL_OP_SPLIT = 49,
              TFL_OP_MAXIMUM = 55,
              TFL_OP_ARG_MAX = 56,
              TFL_OP_MINIMUM = 57,
              TFL_OP_PADV2 = 60,
              TFL_OP_RESIZE_NEAREST_NEIGHBOR = 97,
              TFL_OP_LEAKY_RELU = 98,
              TFL_OP_QUANTIZE = 114,
              TFL_OP_HARD_SWISH = 117,
};

enum tfl_options { /* Operator.builtin_options_type, uint8: which table builtin_options is */
                   TFL_OPTIONS_NONE =
                       0, /* RELU, RELU6, RELU_N1_TO_1, LOGISTIC, TANH: no table at all */
                   TFL_OPTIONS_CONV_2D = 1,
                   TFL_OPTIONS_DEPTHWISE_CONV_2D = 2,
                   TFL_OPTIONS_POOL_2D = 5,
                   TFL_OPTIONS_FULLY_CONNECTED = 8,
                   TFL_OPTIONS_SOFTMAX = 9,
                   TFL_OPTIONS_CONCATENATION = 10,
                   TFL_OPTIONS_ADD = 11,
                   TFL_OPTIONS_RESIZE_BILINEAR = 15,
                   TFL_OPTIONS_RESHAPE = 17,
                   TFL_OPTIONS_MUL = 21,
                   TFL_OPTIONS_PAD = 22,
                   TFL_OPTIONS_TRANSPOSE = 26,
                   TFL_OPTIONS_REDUCER = 27,
                   TFL_OPTIONS_SUB = 28,
                   TFL_OPTIONS_SQUEEZE = 30,
                   TFL_OPTIONS_STRIDED_SLICE = 32,
                   TFL_OPTIONS_SPLIT = 35,
                   TFL_OPTIONS_DEQUANTIZE = 38,
                   TFL_OPTIONS_MAXIMUM_MINIMUM = 39,
                   TFL_OPTIONS_ARG_MAX = 40,
                   TFL_OPTIONS_PADV2 = 43,
                   TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR = 74,
                   TFL_OPTIONS_LEAKY_RELU = 75,
                   TFL_OPTIONS_QUANTIZE = 89,
                   TFL_OPTIONS_HARD_SWISH = 91,
                   TFL_OPTIONS_LAST_DEFINED = 126,
};

/* ---- the tables of a model: slots ------------------------------------------------------------ */

enum {                                    /* Model, the root table */
       TFL_SLOT_MODEL_VERSION = 0,        /* uint32: TFL_MODEL_VERSION */
       TFL_SLOT_MODEL_OPERATOR_CODES = 1, /* [OperatorCode] */
       TFL_SLOT_MODEL_SUBGRAPHS = 2,      /* [SubGraph] */
       TFL_SLOT_MODEL_DESCRIPTION = 3,    /* string */
       TFL_SLOT_MODEL_BUFFERS = 4,        /* [Buffer] */
       TFL_SLOT_MODEL_METADATA = 6,       /* [Metadata] */
       TFL_SLOT_MODEL_SIGNATURES = 7,     /* [SignatureDef] */
};

enum {                                         /* OperatorCode */
       TFL_SLOT_OPCODE_DEPRECATED_BUILTIN = 0, /* int8: min(code, TFL_OP_PLACEHOLDER) */
       TFL_SLOT_OPCODE_CUSTOM = 1,             /* string */
       TFL_SLOT_OPCODE_VERSION = 2,            /* int32 [1] */
       TFL_SLOT_OPCODE_BUILTIN = 3,            /* int32; readers take the larger of slots 0 and 3 */
};

enum {                                  /* SubGraph */
       TFL_SLOT_SUBGRAPH_TENSORS = 0,   /* [Tensor] */
       TFL_SLOT_SUBGRAPH_INPUTS = 1,    /* [int32] */
       TFL_SLOT_SUBGRAPH_OUTPUTS = 2,   /* [int32] */
       TFL_SLOT_SUBGRAPH_OPERATORS = 3, /* [Operator], in execution order */
       TFL_SLOT_SUBGRAPH_NAME = 4,      /* string */
};

enum {                                       /* Tensor */
       TFL_SLOT_TENSOR_SHAPE = 0,            /* [int32] */
       TFL_SLOT_TENSOR_TYPE = 1,             /* int8: enum tfl_type */
       TFL_SLOT_TENSOR_BUFFER = 2,           /* uint32: index into Model.buffers */
       TFL_SLOT_TENSOR_NAME = 3,             /* string */
       TFL_SLOT_TENSOR_QUANTIZATION = 4,     /* QuantizationParameters */
       TFL_SLOT_TENSOR_IS_VARIABLE = 5,      /* bool */
       TFL_SLOT_TENSOR_SPARSITY = 6,         /* SparsityParameters */
       TFL_SLOT_TENSOR_SHAPE_SIGNATURE = 7,  /* [int32], -1: unknown */
       TFL_SLOT_TENSOR_HAS_RANK = 8,         /* bool */
       TFL_SLOT_TENSOR_VARIANT_TENSORS = 9,  /* [VariantSubType] */
       TFL_SLOT_TENSOR_EXTERNAL_BUFFER = 10, /* uint32 */
};

enum {                                  /* QuantizationParameters */
       TFL_SLOT_QUANT_MIN = 0,          /* [float], informative */
       TFL_SLOT_QUANT_MAX = 1,          /* [float], informative */
       TFL_SLOT_QUANT_SCALE = 2,        /* [float], 1 or shape[dimension] of them */
       TFL_SLOT_QUANT_ZERO_POINT = 3,   /* [int64], as many */
       TFL_SLOT_QUANT_DETAILS_TYPE = 4, /* uint8: 0, anything else changes the meaning */
       TFL_SLOT_QUANT_DETAILS = 5,      /* union */
       TFL_SLOT_QUANT_DIMENSION = 6,    /* int32: the axis that the scales belong to */
};

enum {                           /* Buffer */
       TFL_SLOT_BUFFER_DATA = 0, /* [uint8], aligned to TFL_BUFFER_ALIGN */
       TFL_SLOT_BUFFER_OFFSET =
           1, /* uint64: data outside the FlatBuffer, from the file's start, if > 1 */
       TFL_SLOT_BUFFER_SIZE = 2, /* uint64 */
};

enum {                                        /* Operator */
       TFL_SLOT_OPERATOR_OPCODE_INDEX = 0,    /* uint32: index into Model.operator_codes */
       TFL_SLOT_OPERATOR_INPUTS = 1,          /* [int32] */
       TFL_SLOT_OPERATOR_OUTPUTS = 2,         /* [int32] */
       TFL_SLOT_OPERATOR_OPTIONS_TYPE = 3,    /* uint8: enum tfl_options */
       TFL_SLOT_OPERATOR_OPTIONS = 4,         /* union */
       TFL_SLOT_OPERATOR_CUSTOM_OPTIONS = 5,  /* [uint8] */
       TFL_SLOT_OPERATOR_INTERMEDIATES = 8,   /* [int32] */
       TFL_SLOT_OPERATOR_OPTIONS_2_TYPE = 11, /* uint8 */
};

enum {                               /* Metadata */
       TFL_SLOT_METADATA_NAME = 0,   /* string */
       TFL_SLOT_METADATA_BUFFER = 1, /* uint32: index into Model.buffers */
};

enum {                                  /* SignatureDef */
       TFL_SLOT_SIGNATURE_INPUTS = 0,   /* [TensorMap] */
       TFL_SLOT_SIGNATURE_OUTPUTS = 1,  /* [TensorMap] */
       TFL_SLOT_SIGNATURE_KEY = 2,      /* string: TFL_SIGNATURE_KEY */
       TFL_SLOT_SIGNATURE_SUBGRAPH = 4, /* uint32 */
};

enum {                                /* TensorMap */
       TFL_SLOT_TENSOR_MAP_NAME = 0,  /* string */
       TFL_SLOT_TENSOR_MAP_INDEX = 1, /* uint32: index into SubGraph.tensors */
};

/* ---- the operators' options: slots ----------------------------------------------------------- */
/* Width stands before height in every pair.  PAD, PADV2, QUANTIZE, DEQUANTIZE, HARD_SWISH,
 * TRANSPOSE, MINIMUM and MAXIMUM have tables without fields. */

enum {                               /* Conv2DOptions */
       TFL_SLOT_CONV_PADDING = 0,    /* int8: enum tfl_padding */
       TFL_SLOT_CONV_STRIDE_W = 1,   /* int32 */
       TFL_SLOT_CONV_STRIDE_H = 2,   /* int32 */
       TFL_SLOT_CONV_ACTIVATION = 3, /* int8: enum tfl_activation */
       TFL_SLOT_CONV_DILATION_W = 4, /* int32 [1] */
       TFL_SLOT_CONV_DILATION_H = 5, /* int32 [1] */
};

enum { /* DepthwiseConv2DOptions */
       TFL_SLOT_DWCONV_PADDING = 0,
       TFL_SLOT_DWCONV_STRIDE_W = 1,
       TFL_SLOT_DWCONV_STRIDE_H = 2,
       TFL_SLOT_DWCONV_MULTIPLIER = 3, /* int32: output channels per input channel */
       TFL_SLOT_DWCONV_ACTIVATION = 4,
       TFL_SLOT_DWCONV_DILATION_W = 5, /* int32 [1] */
       TFL_SLOT_DWCONV_DILATION_H = 6, /* int32 [1] */
};

enum { /* Pool2DOptions */
       TFL_SLOT_POOL_PADDING = 0,
       TFL_SLOT_POOL_STRIDE_W = 1,
       TFL_SLOT_POOL_STRIDE_H = 2,
       TFL_SLOT_POOL_FILTER_W = 3, /* int32 */
       TFL_SLOT_POOL_FILTER_H = 4, /* int32 */
       TFL_SLOT_POOL_ACTIVATION = 5,
};

enum { /* FullyConnectedOptions */
       TFL_SLOT_FC_ACTIVATION = 0,
       TFL_SLOT_FC_WEIGHTS_FORMAT = 1, /* int8: 0 (units, depth) only */
       TFL_SLOT_FC_KEEP_NUM_DIMS = 2,  /* bool */
       TFL_SLOT_FC_ASYMMETRIC = 3,     /* bool: hybrid kernels only */
};

enum { TFL_SLOT_SOFTMAX_BETA = 0 }; /* SoftmaxOptions: float [0]; a writer must write 1 */

enum {                                 /* ConcatenationOptions */
       TFL_SLOT_CONCAT_AXIS = 0,       /* int32, negative from the end */
       TFL_SLOT_CONCAT_ACTIVATION = 1, /* must be TFL_ACT_NONE */
};

enum { TFL_SLOT_ADD_ACTIVATION = 0, TFL_SLOT_ADD_POT_SCALE_INT16 = 1 }; /* SubOptions likewise */
enum { TFL_SLOT_MUL_ACTIVATION = 0 };
enum { TFL_SLOT_REDUCER_KEEP_DIMS = 0 };   /* bool */
enum { TFL_SLOT_RESHAPE_NEW_SHAPE = 0 };   /* [int32] */
enum { TFL_SLOT_SQUEEZE_DIMS = 0 };        /* [int32] */
enum { TFL_SLOT_SPLIT_NUM_SPLITS = 0 };    /* int32 */
enum { TFL_SLOT_ARG_MAX_OUTPUT_TYPE = 0 }; /* int8: enum tfl_type */
enum { TFL_SLOT_LEAKY_RELU_ALPHA = 0 };    /* float */

enum {                                            /* ResizeNearestNeighborOptions */
       TFL_SLOT_RESIZE_NEAREST_ALIGN_CORNERS = 0, /* bool */
       TFL_SLOT_RESIZE_NEAREST_HALF_PIXEL = 1,    /* bool */
};

enum {                                             /* ResizeBilinearOptions */
       TFL_SLOT_RESIZE_BILINEAR_ALIGN_CORNERS = 2, /* bool */
       TFL_SLOT_RESIZE_BILINEAR_HALF_PIXEL = 3,    /* bool */
};

enum { /* StridedSliceOptions: bit i of a mask is about index i, not dimension i */
       TFL_SLOT_STRIDED_SLICE_BEGIN_MASK = 0,    /* int32 */
       TFL_SLOT_STRIDED_SLICE_END_MASK = 1,      /* int32 */
       TFL_SLOT_STRIDED_SLICE_ELLIPSIS_MASK = 2, /* int32 */
       TFL_SLOT_STRIDED_SLICE_NEW_AXIS_MASK = 3, /* int32 */
       TFL_SLOT_STRIDED_SLICE_SHRINK_MASK = 4,   /* int32 */
       TFL_SLOT_STRIDED_SLICE_OFFSET = 5,        /* bool: end is relative to begin */
};

#endif
