"""What the programs that octet is compared with have in common.

A worker is a process that prepares one piece of work, says so with a line of JSON, and then, like
`octet bench --turns`, reads a number from each line of standard input, repeats the work that often,
and answers with a line {"ms": [...]}.
"""
import json
import os
import sys
import time


def since_start():
    """Seconds since this process began, to 0.01 s: field 22 of /proc/self/stat (proc(5))."""
    ticks = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def peak_rss_mb():
    """The most memory that this process had resident."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def say(**answer):
    print(json.dumps(answer), flush=True)


def serve(step, **about):
    """Says that it is ready, then takes turns until the input ends."""
    say(ready=True, **about)
    for line in sys.stdin:
        if line.strip() == "memory":
            say(peak_rss_mb=peak_rss_mb())
            continue
        ms = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            step()
            ms.append(1e3 * (time.perf_counter() - begin))
        say(ms=ms)
