/* onnx - a graph of quant/quant.h as an ONNX model.
 *
 * The graph of QUANT_NONE becomes a float model.  That of QUANT_DEPLOY becomes one in QDQ form: a
 * QuantizeLinear and a DequantizeLinear where a fakequant node is, and weights and biases as int8
 * and int32 codes behind a DequantizeLinear each.  Codes, scales and zero points are the graph's as
 * they stand (export/lower.h); weights of fewer bits lie in int8, and so do those of a uint8
 * network, whose codes are less by 128.
 *
 * Input and output are NHWC with any batch, as in octet; ONNX's operators want NCHW, so there is a
 * Transpose behind the input, and one wherever a picture is flattened.  Nodes and tensors are named
 * after the graph's nodes.  Opset 17, IR version 8, from the public specification (onnx.ai). */
#ifndef OCTET_EXPORT_ONNX_H
#define OCTET_EXPORT_ONNX_H

#include "export/lower.h"
#include "nn/base/file.h"

/* The bytes of `g`, whose parameters are collated and hold values and ranges; free with
 * nn_bytes_free.  Errors: NN_EINVAL for a tensor without a range (naming it), NN_ENOTSUP for a node
 * that has no form, NN_ENOMEM. */
nn_status ex_onnx(nn_bytes *out, const nn_graph *g, const ex_info *info);

#endif
