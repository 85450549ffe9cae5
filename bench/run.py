"""make bench-peers: octet beside PyTorch, LiteRT and ONNX Runtime on the same work.

Each program is a process of its own that stays alive and works when it is told to; they take
turns, A B A B ..., so that whatever else happens on the machine happens to all of them.  A turn is
a few repetitions, of which the first does not count; its time is their median.  The ratio is
octet's turn over the peer's turn beside it; its median over the rounds is reported, and the tenths
at both ends.  One thread means one core for the whole process (its affinity), helpers included.

Of a peer's variants (layouts, compilers, kinds of fake quantization, types) all are tried, those
within 20 % of the fastest play, and the best is the one that counts.

A variant that fails or is late is left out and a row that fails keeps its last result; a line says
so.  The results and the page are written after every row.
"""
import argparse
import datetime
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

import report
from rows import ROWS, TORCH_FLOAT, TORCH_QAT

HERE = os.path.dirname(os.path.abspath(__file__))
READY_SECONDS, TURN_SECONDS = 300, 120
CLOSE = 1.2  # variants up to this factor behind the best one stay in


class Late(Exception):
    pass


# What a program that ends, hangs or talks nonsense makes of its row.
FAILURES = (Late, OSError, ValueError, KeyError, SystemExit, subprocess.SubprocessError)


def limited(seconds, read):
    """What read() gives, or Late."""

    def ring(*_):
        raise Late(f"no answer within {seconds} s")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        return read()
    finally:
        signal.alarm(0)


class Player:
    """A process that takes turns."""

    all = []

    def __init__(self, name, command, threads, log):
        Player.all.append(self)
        cores = sorted(os.sched_getaffinity(0))[:threads]
        self.name, self.turns = name, []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            cwd=HERE, preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def answer(self, seconds):
        line = limited(seconds, self.process.stdout.readline)
        if not line:
            raise Late(f"ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.answer(TURN_SECONDS)

    def turn(self, n):
        """Median of n repetitions after one that does not count, in ms."""
        return statistics.median(self.ask(n + 1)["ms"][1:])

    def speed(self):
        """The least of some short turns, in ms: a single one can be slow by chance, and twice as
        slow if two threads happen to share a core of a virtual machine's host."""
        first = self.turn(2)
        if first > 20:
            return first
        return min(first, *(self.turn(round(20 / first) + 1) for _ in range(8)))

    def close(self):
        """Asks the process to end, and makes it; may be called again."""
        try:
            self.process.stdin.close()
            limited(10, self.process.wait)
        except (Late, OSError):
            self.process.kill()
            self.process.wait()

    @staticmethod
    def close_all():
        for player in Player.all:
            player.close()
        Player.all.clear()


class Bench:
    def __init__(self, options):
        self.o = options
        self.log = open(os.path.join(options.folder, "log.txt"), "a")
        self.octet_path = os.path.abspath(options.octet)

    # ---- the players -------------------------------------------------------------------------

    def octet_json(self, *arguments):
        line = [self.octet_path, "bench", *arguments, "--json"]
        return json.loads(subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout)

    @staticmethod
    def train_arguments(net, qat, conv="exact"):
        return ["train", "--model", net.model, "--input", net.input, "--classes", str(net.classes),
                "--width", str(net.width), "--batch", str(net.batch), "--conv", conv,
                *(["--qat"] if qat else [])]

    def octet_train(self, net, threads, qat, conv="exact"):
        arguments = self.train_arguments(net, qat, conv)
        return Player("octet float" if not qat else "octet", [
            self.octet_path, "bench", *arguments, "--threads", str(threads), "--turns"],
            threads, self.log)

    def octet_infer(self, path, threads):
        return Player("octet", [self.octet_path, "bench", "infer", path, "--threads", str(threads),
                                "--turns"], threads, self.log)

    def worker(self, name, script, threads, **settings):
        command = [sys.executable, os.path.join(HERE, script),
                   json.dumps({**settings, "threads": threads})]
        return Player(name, command, threads, self.log)

    def torch(self, net, threads, variant):
        return self.worker(f"PyTorch {variant}", "peer_torch.py", threads, model=net.model,
                           input=net.input, classes=net.classes, width=net.width, batch=net.batch,
                           variant=variant)

    # ---- taking turns ------------------------------------------------------------------------

    def start(self, make, check):
        """A player that is ready and how fast it is, or why there is none."""
        player = make()
        seconds = self.o.compile_seconds if "compile" in player.name else READY_SECONDS
        try:
            check(player.answer(seconds))
            return player, player.speed(), None
        except (Late, OSError, ValueError, KeyError) as failure:
            player.process.kill()
            player.process.wait()
            return None, None, f"{player.name}: {failure}, left out"

    def audition(self, makers, check):
        """Starts all variants one after the other; gives those that are near the fastest."""
        tried, notes = [], []
        for make in makers:
            player, speed, why = self.start(make, check)
            print(f"    {why or f'{player.name}: {speed:.3f} ms'}", file=sys.stderr)
            if player is None:
                notes.append(why)
            else:
                tried.append((speed, player))
        if not tried:
            raise SystemExit(f"no peer works: {notes}; see {self.log.name}")
        fastest = min(t[0] for t in tried)
        for speed, player in tried:
            if speed > CLOSE * fastest:
                notes.append(f"{player.name}: {speed / fastest:.2f} times the fastest, left out")
                player.close()
        return [p for s, p in tried if s <= CLOSE * fastest], notes

    def play(self, players):
        """Rounds of turns, each about as long for everybody, within the time for a row."""
        estimates = [p.turn(2) for p in players]
        turn_ms = 1e3 * self.o.turn
        reps = [max(2, min(5000, round(turn_ms / e))) for e in estimates]
        a_round = sum((n + 1) * e for n, e in zip(reps, estimates)) / 1e3
        rounds = max(5, min(41, round(self.o.seconds / a_round)))
        for _ in range(rounds):
            for player, n in zip(players, reps):
                player.turns.append(player.turn(n))

    @staticmethod
    def ratio(a, b):
        each = sorted(x / y for x, y in zip(a.turns, b.turns))
        tenths = statistics.quantiles(each, n=10, method="inclusive")
        return {"median": statistics.median(each), "p10": tenths[0], "p90": tenths[8]}

    def result(self, us, peers, notes):
        best = min(peers, key=lambda p: statistics.median(p.turns))
        return {
            "octet_ms": statistics.median(us.turns), "peer": best.name,
            "peer_ms": statistics.median(best.turns), "ratio": self.ratio(us, best),
            "rounds": len(us.turns), "notes": notes,
            "others": {p.name: statistics.median(p.turns) for p in peers if p is not best},
        }

    # ---- where octet's time goes -------------------------------------------------------------

    @staticmethod
    def profile(whole_ms, ops):
        """By kind of op: percent of the time, share of the peak (0: it has no products), GB/s."""
        kinds = {}
        for op in ops:
            ms = op["us"] / 1e3 if "us" in op else op["forward_ms"] + op["backward_ms"]
            sums = kinds.setdefault(op["op"], [0, 0, 0])
            for i, v in enumerate((ms, ms * op["share_of_peak"], op.get("mb", 0))):
                sums[i] += v
        return [{"op": op, "percent": 100 * ms / whole_ms, "share": share / ms, "gb_per_s": mb / ms}
                for op, (ms, share, mb) in sorted(kinds.items(), key=lambda k: -k[1][0])]

    def train_profile(self, net, threads, qat, conv):
        steps = "2" if self.o.quick else "8"
        o = self.octet_json(*self.train_arguments(net, qat, conv), "--steps", steps, "--threads",
                            str(threads))
        return {"share": o["gflops"] / o["fma_peak_gflops"],
                "ops": self.profile(o["step_ms_median"], o["ops"])}

    def infer_profile(self, path, threads):
        o = self.octet_json("infer", path, "--threads", str(threads))
        whole = sum(op["us"] for op in o["ops"]) / 1e3
        return {"share": o["gmacs"] / o["dot_peak_gmacs"], "ops": self.profile(whole, o["ops"])}

    # ---- the kinds of rows -------------------------------------------------------------------

    def train(self, row, threads):
        net, qat = row.net, row.kind == "qat"
        ours = self.octet_json(*self.train_arguments(net, False), "--steps", "1", "--warmup", "1")

        def check(about):
            if about["parameters"] != ours["parameters"]:
                raise SystemExit(f"{row.key}: octet has {ours['parameters']} parameters, "
                                 f"PyTorch {about['parameters']}: not the same network")

        variants = TORCH_QAT if qat else TORCH_FLOAT
        if self.o.no_compile:
            variants = [v for v in variants if "compile" not in v]
        makers = [lambda v=v: self.torch(net, threads, v) for v in variants]
        peers, notes = self.audition(makers, check)
        us, floats = self.octet_train(net, threads, qat, row.conv), []
        if qat:
            floats = [self.octet_train(net, threads, False)]
        self.play([us, *peers, *floats])
        out = self.result(us, peers, notes)
        if floats:
            out["own"] = self.ratio(us, floats[0])
            out["own_float_ms"] = statistics.median(floats[0].turns)
        Player.close_all()
        return {**out, "profile": self.train_profile(net, threads, qat, row.conv)}

    def tflite(self, row):
        """The file: octet's own network, or the one that is given for this row."""
        given = os.environ.get("MLPERF_RESNET8")
        if row.key == "int8-resnet8" and given:
            return os.path.abspath(given)
        net, path = row.net, os.path.join(self.o.folder, f"{row.key}.tflite")
        self.octet_json("infer", "--model", net.model, "--input", net.input, "--classes",
                        str(net.classes), "--width", str(net.width), "--runs", "1", "--out", path)
        return path

    def infer(self, row, threads):
        net, path = row.net, self.tflite(row)
        macs = self.octet_json("infer", path, "--runs", "1")["macs"]

        def check(about):
            if about.get("macs", macs) != macs:
                raise SystemExit(f"{row.key}: {macs} multiply-accumulates in {path}, "
                                 f"{about['macs']} in ONNX: not the same network")

        settings = dict(model=net.model, input=net.input, classes=net.classes, width=net.width,
                        folder=self.o.folder)
        makers = [lambda: self.worker("LiteRT", "peer_litert.py", threads, file=path)]
        makers += [lambda v=v: self.worker(f"ONNX Runtime {v}", "peer_onnx.py", threads, variant=v,
                                           **settings) for v in ("u8", "s8")]
        peers, notes = self.audition(makers, check)
        us = self.octet_infer(path, threads)
        self.play([us, *peers])
        Player.close_all()
        return {**self.result(us, peers, notes), "file": os.path.basename(path),
                "profile": self.infer_profile(path, threads)}

    def scaling(self, row, _):
        one, two = (self.octet_train(row.net, n, False) for n in (1, 2))
        self.play([one, two])
        return {"one_ms": statistics.median(one.turns), "two_ms": statistics.median(two.turns),
                "ratio": self.ratio(one, two), "rounds": len(one.turns)}

    def kernel(self, row, _):
        kind = "int8" if "int8" in row.key else "float"
        share = "share_of_peak" if kind == "int8" else "share_forward"
        runs = [self.octet_json("kernels", row.layer, "--threads", "1") for _ in range(7)]
        each = sorted(run[kind][0][share] for run in runs)
        peak = "dot_peak_gmacs" if kind == "int8" else "fma_peak_gflops"
        return {"share": {"median": statistics.median(each), "p10": each[0], "p90": each[-1]},
                "peak": statistics.median(run[peak] for run in runs), "rounds": len(runs)}

    def memory(self, row, threads):
        ours = self.octet_json(*self.train_arguments(row.net, False), "--steps", "5", "--threads",
                               str(threads))["peak_rss_mb"]
        theirs = {}
        for variant in ("nchw", "channels_last"):
            player = self.torch(row.net, threads, variant)
            player.answer(READY_SECONDS)
            player.turn(3)
            theirs[player.name] = player.ask("memory")["peak_rss_mb"]
            player.close()
        best = min(theirs, key=theirs.get)
        return {"octet_mb": ours, "peer": best, "peer_mb": theirs[best],
                "ratio": ours / theirs[best]}

    def begin(self, row, threads):
        """Seconds to the begin of the first step and to its end, by each process's own account."""
        ours, theirs = [], []
        for _ in range(3 if self.o.quick else 7):
            o = self.octet_json(*self.train_arguments(row.net, False), "--steps", "1", "--warmup",
                                "1", "--threads", str(threads))
            ours.append((o["start_to_step_ms"], o["start_to_step_ms"] + o["first_step_ms"]))
            player = self.torch(row.net, threads, "channels_last")
            p = player.answer(READY_SECONDS)
            theirs.append((p["start_to_step_ms"], p["start_to_stepped_ms"]))
            player.close()

        def middle(pairs, i):
            return statistics.median(pair[i] for pair in pairs) / 1e3

        return {"octet_s": middle(ours, 0), "octet_stepped_s": middle(ours, 1),
                "peer_s": middle(theirs, 0), "peer_stepped_s": middle(theirs, 1),
                "rounds": len(ours)}

    def run(self, row, threads):
        kinds = {"train": self.train, "qat": self.train, "infer": self.infer,
                 "scaling": self.scaling, "kernel": self.kernel, "memory": self.memory,
                 "start": self.begin}
        try:
            return kinds[row.kind](row, threads)
        finally:
            Player.close_all()


def wanted(options):
    for row in ROWS:
        for threads in (1, 2):
            once = row.kind in ("kernel", "scaling", "memory", "start")
            if (not options.only or re.search(options.only, row.key)) and \
                    (threads in options.threads or once) and not (once and threads != 2):
                yield row, threads


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--octet", required=True, help="the program")
    p.add_argument("--folder", required=True, help="for models, the log and results.json")
    p.add_argument("--report", help="where the table goes; default: only standard output")
    p.add_argument("--only", help="rows whose key this regular expression finds: " +
                   ", ".join(r.key for r in ROWS))
    p.add_argument("--threads", type=lambda s: [int(n) for n in s.split(",")], default=[1, 2])
    p.add_argument("--seconds", type=float, default=12, help="of turns for a row [12]")
    p.add_argument("--turn", type=float, default=0.25, help="seconds of a turn, about [0.25]")
    p.add_argument("--quick", action="store_true", help="few turns: to try it out")
    p.add_argument("--minutes", type=float, default=120, help="no row begins after them [120]")
    p.add_argument("--compile-seconds", type=int, default=90,
                   help="for torch.compile to be ready; left out if late [90]")
    p.add_argument("--no-compile", action="store_true", help="PyTorch without torch.compile")
    o = p.parse_args()
    if o.quick:
        o.seconds, o.turn = 2, 0.1
    o.folder = os.path.abspath(o.folder)
    os.makedirs(o.folder, exist_ok=True)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(o.folder, "inductor"))
    return o


def write(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)


def measure(bench, row, threads):
    """One row's result, or None and a line that says why."""
    print(f"{row.key}, {threads} thread{'s' if threads > 1 else ''}", file=sys.stderr)
    try:
        out = bench.run(row, threads)
    except FAILURES as failure:
        print(f"    skipped: {failure or type(failure).__name__}; see {bench.log.name}",
              file=sys.stderr)
        return None
    asked = report.arguments(sys.argv)
    out["date"] = datetime.date.today().isoformat()
    out["command"] = "make bench-peers" + (f" BENCH='{' '.join(asked)}'" if asked else "")
    print("    " + report.line(row, threads, out), file=sys.stderr)
    return out


def main():
    o = parse()
    bench, path = Bench(o), os.path.join(o.folder, "results.json")
    results = json.load(open(path)) if os.path.exists(path) else {}
    rows, end = list(wanted(o)), time.monotonic() + 60 * o.minutes
    if not rows:
        raise SystemExit(f"--only {o.only}: finds no row")
    skipped, text = [], ""
    for row, threads in rows:
        out = measure(bench, row, threads) if time.monotonic() < end else None
        if out is None:
            skipped.append(f"{row.key}/{threads}")
            continue
        results[f"{row.key}/{threads}"] = out
        results["machine"] = {**bench.octet_json("peak"), **report.machine()}
        text = report.table(ROWS, results)
        write(path, json.dumps(results, indent=1))
        if o.report:
            write(o.report, text)
    print(text)
    if skipped:
        raise SystemExit(f"skipped: {', '.join(skipped)}")


if __name__ == "__main__":
    main()
