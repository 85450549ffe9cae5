"""octet's integer runtime, called through liboctet_rt.so: just enough of runtime/rt.h for comparisons."""

import ctypes
import os

import numpy as np


class Limits(ctypes.Structure):
    _fields_ = [("macs", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("tensors", ctypes.c_uint32)]


class Options(ctypes.Structure):
    _fields_ = [
        ("limits", Limits),
        ("workers", ctypes.c_int),
        ("keep_all", ctypes.c_bool),
        ("kernels", ctypes.c_void_p),
    ]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("offset", ctypes.c_size_t), ("text", ctypes.c_char * 248)]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("rank", ctypes.c_int),
        ("dim", ctypes.c_int32 * 8),
        ("count", ctypes.c_size_t),
        ("bytes", ctypes.c_size_t),
    ]


DTYPE = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8}


class Refused(Exception):
    """The runtime does not take the model; the text says why."""


def load(path=None):
    library = ctypes.CDLL(path or os.environ.get("OCTET_RT", "build/release/liboctet_rt.so"))
    library.rt_options_default.restype = Options
    library.rt_arena_bytes.restype = ctypes.c_size_t
    library.rt_kernels_best.restype = ctypes.c_void_p
    library.rt_data.restype = ctypes.c_void_p
    library.rt_tensor_at.restype = ctypes.POINTER(Tensor)
    for name in ("rt_arena_bytes", "rt_n_inputs", "rt_n_outputs", "rt_n_tensors", "rt_n_operators"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    for name in ("rt_input", "rt_output", "rt_tensor_at"):
        getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rt_data.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.rt_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return library


def block(size):
    """`size` bytes whose address is a multiple of 64, and the object that keeps them alive."""
    raw = np.zeros(size + 64, np.uint8)
    at = (raw.ctypes.data + 63) // 64 * 64
    return at, raw


class Model:
    def __init__(self, library, data, best=False, keep_all=False):
        self.library = library
        self.data = data
        options = library.rt_options_default()
        options.keep_all = keep_all
        options.kernels = library.rt_kernels_best() if best else None
        error, size = Error(), ctypes.c_size_t()
        arguments = (data, ctypes.c_size_t(len(data)), ctypes.byref(options))
        if library.rt_measure(ctypes.byref(size), *arguments, ctypes.byref(error)) != 0:
            raise Refused(error.text.decode())
        at, self.block = block(size.value)
        self.model = ctypes.c_void_p()
        if library.rt_open(ctypes.byref(self.model), *arguments, ctypes.c_void_p(at), size,
                           ctypes.byref(error)) != 0:
            raise Refused(error.text.decode())
        self.arena, self.memory = block(library.rt_arena_bytes(self.model))

    def tensor(self, t):
        """The values of a tensor in the arena: a view, not a copy; None for a constant."""
        info = self.library.rt_tensor_at(self.model, t).contents
        at = self.library.rt_data(self.model, self.arena, t)
        if not at:
            return None
        raw = np.ctypeslib.as_array(ctypes.cast(at, ctypes.POINTER(ctypes.c_uint8)), (info.bytes,))
        return raw.view(DTYPE[info.type]).reshape(tuple(info.dim[: info.rank]))

    def run(self, inputs):
        for i, values in enumerate(inputs):
            self.tensor(self.library.rt_input(self.model, i))[...] = values
        self.library.rt_run(self.model, self.arena, None)
        count = self.library.rt_n_outputs(self.model)
        return [self.tensor(self.library.rt_output(self.model, i)).copy() for i in range(count)]
