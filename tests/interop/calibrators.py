"""Ranges that octet's calibrators choose against those of onnxruntime's.

    calibrators.py ENGINE

onnxruntime's percentile cuts half the share from each side, of values of one sign too; there octet is
asked for the percentile that cuts as much above.  Its entropy calibrator with its own 128 bins has one
candidate, the whole range: that is checked, since octet refuses such a setting for it.  With enough bins it
is a search like octet's, over other details (smoothed counts; levels across both signs), so thresholds
must be near, not equal.
"""

import contextlib
import io
import sys

import numpy as np
from onnxruntime.quantization.calibrate import HistogramCollector

import engine

BATCHES, EACH = 8, 4000
# Of so many values none cuts a whole number of them: whether that one still counts is a matter of taste.
PERCENTILES = 99.03, 99.903, 99.99


def distributions(rng):
    size = BATCHES * EACH
    normal, laplace = rng.normal(size=size), rng.laplace(size=size)
    skewed = np.where(laplace > 0, 3 * laplace, laplace)
    outliers = np.where(rng.random(size) < 2e-4, 10 * normal, normal)
    return {"normal": normal, "laplace": laplace, "skewed": skewed, "outliers": outliers,
            "relu": np.maximum(laplace, 0)}


def onnxruntime(method, batches, bins, percentile=99.99, levels=128, symmetric=False):
    collector = HistogramCollector(method=method, symmetric=symmetric, num_bins=bins, num_quantized_bins=levels,
                                   percentile=percentile, scenario="same")
    with contextlib.redirect_stdout(io.StringIO()):
        for batch in batches:
            collector.collect({"x": [batch]})
        low, high = collector.compute_collection_result()["x"][:2]
        edges = collector.histogram_dict["x"][1]
    return float(low), float(high), float(edges[1] - edges[0])


def check_percentile(program, name, x, percentile):
    one_sided = x.min() >= 0
    low, high, width = onnxruntime("percentile", np.split(x, BATCHES), 2048, percentile)
    asked = 100 - (100 - percentile) / 2 if one_sided else percentile
    got = engine.compute(program, [engine.calibrate("percentile", x, asked)])[0]
    slack = 2 * width + float(got["width"][0])
    bad = abs(got["range"][1] - high) > slack or (not one_sided and abs(got["range"][0] - low) > slack)
    print(f"percentile {percentile} of {name}: {got['range'][0]:.4f} {got['range'][1]:.4f}, "
          f"onnxruntime {low:.4f} {high:.4f}{' DIFFERS' if bad else ''}")
    return bad


def check_entropy(program, name, x):
    low, high, _ = onnxruntime("entropy", [x], 4097, levels=255)
    got = engine.compute(program, [engine.calibrate("entropy", x)])[0]
    ratio = got["range"][1] / high
    bad = not 0.75 < ratio < 1.35
    print(f"entropy of {name}: {got['range'][0]:.4f} {got['range'][1]:.4f}, "
          f"onnxruntime {low:.4f} {high:.4f}{' DIFFERS' if bad else ''}")
    return bad


def check_degenerate(x):
    low, high, _ = onnxruntime("entropy", [x], 128)
    whole = max(-low, high) >= 0.99 * np.abs(x).max() or (low <= x.min() and high >= x.max())
    print(f"onnxruntime's entropy with its own 128 bins clips {'nothing' if whole else 'something: look again'}")
    return not whole


def main(program):
    bad = 0
    for name, x in distributions(np.random.default_rng(1)).items():
        x = x.astype(np.float32)
        for percentile in PERCENTILES:
            bad += check_percentile(program, name, x, percentile)
        if name != "relu":
            bad += check_entropy(program, name, x)
            bad += check_degenerate(x)
    print("calibrators: " + (f"{bad} differ" if bad else "as onnxruntime's"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
