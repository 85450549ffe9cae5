"""The results as a page: bench/RESULTS.md."""
import importlib.metadata
import os
import platform
import re


def arguments(argv):
    """What the user added: not the paths that the Makefile gives."""
    out, skip = [], False
    for a in argv[1:]:
        if skip or a in ("--octet", "--folder", "--report"):
            skip = not skip
            continue
        out.append(a)
    return out


def machine():
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    packages = ("torch", "ai-edge-litert", "onnxruntime", "onnx", "numpy")
    return {"cpu": cpu.group(1) if cpu else platform.processor(), "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
            "versions": {p: importlib.metadata.version(p) for p in packages}}


def spread(r):
    return f"{r['median']:.2f} ({r['p10']:.2f} to {r['p90']:.2f})"


def verdict(ok):
    return "yes" if ok else "**no**"


def time(ms):
    return f"{1e3 * ms:.0f} us" if ms < 1 else f"{ms:.2f} ms" if ms < 100 else f"{ms:.0f} ms"


def cells(row, threads, r):
    """work, threads, octet, peer, ratio, wanted, reached"""
    if row.kind in ("train", "qat", "infer"):
        work = {"train": "float step", "qat": "QAT step", "infer": "int8 latency"}[row.kind]
        work += ", --conv fast" if row.conv == "fast" else ""
        wanted, reached = "apart", ""
        if row.limit is not None:
            wanted, reached = f"<= {row.limit:.2f}", verdict(r["ratio"]["median"] <= row.limit)
        peer = f"{time(r['peer_ms'])}, {r['peer']}"
        return [f"{row.net}: {work}", threads, time(r["octet_ms"]), peer, spread(r["ratio"]),
                wanted, reached]
    if row.kind == "scaling":
        return [f"{row.net}: 1 to 2 threads", "", time(r["two_ms"]), f"{time(r['one_ms'])}, octet",
                spread(r["ratio"]), f">= {row.limit:.2f}",
                verdict(r["ratio"]["median"] >= row.limit)]
    if row.kind == "kernel":
        what = "dot products, int8" if "int8" in row.key else "multiply-adds, float"
        unit = "GMAC/s" if "int8" in row.key else "GFLOP/s"
        return [f"{row.layer}: share of the peak of {what}", 1, "",
                f"peak {r['peak']:.0f} {unit}", spread(r["share"]), f">= {row.limit:.2f}",
                verdict(r["share"]["median"] >= row.limit)]
    if row.kind == "memory":
        return [f"{row.net}: most resident memory, float", threads, f"{r['octet_mb']:.0f} MB",
                f"{r['peer_mb']:.0f} MB, {r['peer']}", f"{r['ratio']:.2f}", f"<= {row.limit:.2f}",
                verdict(r["ratio"] <= row.limit)]
    return [f"{row.net}: from the start to the first step (to its end)", threads,
            f"{r['octet_s']:.2f} s ({r['octet_stepped_s']:.2f})",
            f"{r['peer_s']:.2f} s ({r['peer_stepped_s']:.2f}), PyTorch",
            f"{r['octet_s'] / r['peer_s']:.2f}", f"<= {row.limit:.2f} s",
            verdict(r["octet_s"] <= row.limit)]


def own_cells(row, threads, r):
    return [f"{row.net}: QAT step, against octet's float step", threads, time(r["octet_ms"]),
            f"{time(r['own_float_ms'])}, octet", spread(r["own"]), f"<= {row.own:.2f}",
            verdict(r["own"]["median"] <= row.own)]


def line(row, threads, r):
    lines = [cells(row, threads, r)] + ([own_cells(row, threads, r)] if "own" in r else [])
    return "\n    ".join("  ".join(str(c) for c in cs if c != "") for cs in lines)


HEAD = """# octet beside its peers

Written by `make bench-peers` ([how it measures](../docs/performance.md#beside-peers)).
Ratios are octet / peer, turn by turn: the median, and in brackets the tenths at both ends.

"""


def profile(row, threads, p):
    """One line: the ops that take most of the time, and how far they are from the limit."""
    parts = []
    for op in p["ops"]:
        if op["percent"] < 4:
            break
        how = (f", {100 * op['share']:.0f} % of the peak" if op["share"] > 0 else
               f", {op['gb_per_s']:.0f} GB/s" if op["gb_per_s"] > 0 else "")
        parts.append(f"{op['op']} {op['percent']:.0f} %{how}")
    return f"| {row.key} | {threads} | {100 * p['share']:.0f} % | {'; '.join(parts)} |"


def limits(m):
    return (f"{m['cpu']}, {m['cores']} cores, {m['system']}; " +
            ", ".join(f"{k} {v}" for k, v in m["versions"].items()) + ".\n\n" +
            "| limit of the machine, after the last row | 1 thread | " +
            f"{m['threads']} threads |\n|---|---|---|\n" +
            f"| float multiply-adds ({m['fma_isa']}) | {m['fma_gflops_1']:.0f} GFLOP/s | "
            f"{m['fma_gflops']:.0f} |\n" +
            f"| 8-bit dot products ({m['dot_isa']}) | {m['dot_gops_1']:.0f} GOP/s | "
            f"{m['dot_gops']:.0f} |\n" +
            f"| memory, read | {m['read_gb_per_s_1']:.0f} GB/s | {m['read_gb_per_s']:.0f} |\n" +
            f"| memory, copied | {m['copy_gb_per_s_1']:.0f} GB/s | {m['copy_gb_per_s']:.0f} |\n\n")


def table(rows, results):
    text = HEAD + limits(results["machine"])
    text += "| work | threads | octet | best peer | ratio | wanted | reached |\n"
    text += "|---|---|---|---|---|---|---|\n"
    notes, runs, profiles = [], {}, []
    for row in rows:
        for threads in (1, 2):
            r = results.get(f"{row.key}/{threads}")
            if r is None:
                continue
            runs.setdefault((r["date"], r["command"]), []).append(f"{row.key}/{threads}")
            for cs in [cells(row, threads, r)] + ([own_cells(row, threads, r)] if "own" in r
                                                  else []):
                text += "| " + " | ".join(str(c) for c in cs) + " |\n"
            if "profile" in r:
                profiles.append(profile(row, threads, r["profile"]))
            others = [f"{k}: {time(v)}" for k, v in r.get("others", {}).items()]
            if others or r.get("notes"):
                notes.append(f"- {row.key}, {threads}: " + "; ".join(others + r.get("notes", [])))
    if profiles:
        text += ("\nWhere octet's time goes: share of the peak over all; ops with their percentage "
                 "of the time, and of the peak, or the least bytes that they move in a second.\n\n"
                 "| row | threads | of the peak | ops |\n|---|---|---|---|\n" +
                 "\n".join(profiles) + "\n")
    text += "\nThe other forms of the peers:\n\n" + "\n".join(notes) + "\n" if notes else ""
    text += "\n" + "\n".join(f"{date}, `{command}`: {', '.join(keys)}"
                             for (date, command), keys in runs.items()) + "\n"
    return text
