"""LiteRT on a .tflite file, with its default delegate (XNNPACK).  argv[1]: {"file", "threads"}."""
import json
import sys

import worker

import numpy as np
from ai_edge_litert.interpreter import Interpreter

o = json.loads(sys.argv[1])
interpreter = Interpreter(model_path=o["file"], num_threads=o["threads"])
interpreter.allocate_tensors()
tensor = interpreter.get_input_details()[0]
noise = np.random.default_rng(1).integers(0, 64, tensor["shape"])
interpreter.set_tensor(tensor["index"], noise.astype(tensor["dtype"]))
run = interpreter._interpreter.Invoke  # what invoke() calls, without its checks
for _ in range(20):
    run()
worker.serve(run)
