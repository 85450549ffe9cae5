#!/usr/bin/env python3
"""report.html in a real browser: charts, values, no errors, light, dark, and on a phone.

    report_page.py OCTET FOLDER

Trains two small networks, lets headless Chromium lay their pages out, and asks it - not the text of
the page - what is there: how many charts have a size, whether the numbers in the tables and tooltips
are those of log.csv and compare.csv, whether bars are as long as their numbers say, whether anything
is wider than a phone, what colours a dark screen gets, and what the console said.
Needs nothing but Python and chromium.
"""
import csv
import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Runs beside the page, in a frame of the wanted width; its findings become the body.
PROBE = """<!DOCTYPE html><meta charset="utf-8"><iframe id="f" src="%(page)s"
style="width:%(width)dpx;height:800px;border:0"></iframe><script>
const frame = document.getElementById("f");
function cells(row) { return [...row.cells].map(c => c.textContent); }
frame.onload = () => {
  const d = frame.contentDocument, r = {};
  for (const t of d.querySelectorAll("details")) t.open = true;
  r.width = d.documentElement.scrollWidth;
  r.paper = getComputedStyle(d.body).backgroundColor;
  r.ink = getComputedStyle(d.body).color;
  r.images = [...d.images].map(i => i.complete && i.naturalWidth > 0);
  r.scripts = d.scripts.length;
  r.ids = [...d.querySelectorAll("[id]")].map(e => e.id);
  r.charts = [...d.querySelectorAll("div.chart")].map(c => {
    const svg = c.querySelector("svg"), box = svg.getBoundingClientRect();
    const table = c.parentElement.querySelector("#" + CSS.escape(c.id) + " ~ details table");
    return { id: c.id, width: box.width, height: box.height,
      letter: Math.min(...[...svg.querySelectorAll("text")].map(t => t.getBoundingClientRect().height)),
      titles: [...svg.querySelectorAll("title")].map(t => t.textContent),
      bars: [...svg.querySelectorAll("rect")].map(b => b.getBoundingClientRect().width),
      table: table ? [...table.rows].map(cells) : null };
  });
  document.body.textContent = JSON.stringify(r);
};
</script>"""

failures = []


def check(what, fine, detail=""):
    print(("ok     " if fine else "FAILED ") + what + ("" if fine else f": {detail}"))
    if not fine:
        failures.append(what)


def look(page, width=1200, dark=False):
    """What Chromium makes of the page, and what it had to say."""
    probe = page.parent / "probe.html"
    probe.write_text(PROBE % {"page": page.name, "width": width})
    flags = ["--force-dark-mode"] if dark else []
    run = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", *flags,
         probe.resolve().as_uri()], capture_output=True, text=True, timeout=300)
    probe.unlink()
    said = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    body = re.search(r"<body>(\{.*\})</body>", run.stdout, re.S)
    if body is None:
        sys.exit("chromium has not laid the page out:\n" + run.stdout[-500:] + run.stderr[-500:])
    return json.loads(html.unescape(body[1])), said


def rows_of(path):
    with open(path, newline="") as f:
        return list(csv.reader(f))


def column(rows, name):
    return [r[rows[0].index(name)] for r in rows[1:]]


def check_columns(chart, rows):
    """Every column of the table behind a chart is, text for text, that of the file."""
    table = chart["table"]
    wrong = [n for n in table[0] if column(table, n) != column(rows, n)]
    check(f"{chart['id']}: the table is that of the file", not wrong, wrong)


def check_curve(chart, rows, columns):
    """A tooltip for each number, and no other."""
    said = sorted(t.rsplit(": ", 1)[1] for t in chart["titles"])
    want = sorted(x for c in columns for x in column(rows, c) if x)
    check(f"{chart['id']}: a point for each of {len(want)} numbers", said == want, (said, want))


def check_page(page, charts):
    """What holds for every page; returns the charts by name."""
    seen, said = look(page)
    by_name = {c["id"]: c for c in seen["charts"]}
    check(f"{page}: nothing on the console", not said, said)
    check("no script", seen["scripts"] == 0, seen["scripts"])
    check("no name twice", len(set(seen["ids"])) == len(seen["ids"]), seen["ids"])
    check(f"charts {' '.join(charts)}", set(charts) <= set(by_name), sorted(by_name))
    check(f"all {len(by_name)} charts have a size, tooltips and a table",
          all(c["width"] > 200 and c["height"] > 60 and c["table"] and c["titles"]
              for c in seen["charts"]),
          [c["id"] for c in seen["charts"]
           if not (c["width"] > 200 and c["height"] > 60 and c["table"] and c["titles"])])
    check(f"{len(seen['images'])} pictures can be seen", all(seen["images"]), seen["images"])
    check("not larger than 2 MB", page.stat().st_size < 2e6, page.stat().st_size)
    phone, said = look(page, width=360)
    check("fits a phone of 360 pixels", phone["width"] <= 360, phone["width"])
    check("letters there have 8 pixels", min(c["letter"] for c in phone["charts"]) >= 8,
          min(c["letter"] for c in phone["charts"]))
    night, _ = look(page, dark=True)
    check("a dark screen gets a dark page", night["paper"] != seen["paper"]
          and night["ink"] != seen["ink"], (night["paper"], night["ink"]))
    return by_name


def check_run(folder):
    log = rows_of(folder / "log.csv")
    charts = check_page(folder / "report.html",
                        ["results", "loss", "accuracy", "rate", "confusion", "noise", "histogram-0",
                         "channels-1"])
    for name, columns in [("loss", ["train_loss", "val_loss", "int8_loss"]),
                          ("accuracy", ["train_top1", "val_top1", "int8_top1"]), ("rate", ["lr"])]:
        check_columns(charts[name], log)
        check_curve(charts[name], log, columns)
    check_columns(charts["results"], rows_of(folder / "test.csv"))
    said = [int(x) for row in charts["confusion"]["table"][1:] for x in row[1:]]
    drawn = [int(t.rsplit(": ", 1)[1].split(" of ")[0]) for t in charts["confusion"]["titles"]]
    check("confusion: what is drawn is what the table has", sum(said) == sum(drawn) == 500,
          (sum(said), sum(drawn)))
    text = html.unescape((folder / "report.html").read_text())
    check("the whole recipe is there", (folder / "recipe.ini").read_text() in text)


def check_comparison(folder):
    table = rows_of(folder / "compare.csv")
    charts = check_page(folder / "report.html", ["results", "deltas", "loss", "accuracy"])
    check_columns(charts["results"], table)
    top1 = [float(x) for x in column(table, "top1")]
    bars = charts["results"]["bars"]
    scale = max(bars) / max(top1)
    check(f"{len(bars)} bars are as long as their numbers",
          len(bars) == len(top1) and all(abs(b - scale * x) < 0.5 for b, x in zip(bars, top1)),
          (bars, top1))


def main():
    octet, out = sys.argv[1], Path(sys.argv[2])
    if shutil.which("chromium") is None:
        print("skipped: report.html in a browser needs chromium")
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    def run(*words):
        subprocess.run([octet, *words, "--quiet"], check=True, stdout=subprocess.DEVNULL)

    run("train", "--data", "sample", "--model", "lenet", "--epochs", "2", "--batch", "32", "--lr",
        "0.02", "--qat", "--quant-delay", "1ep", "--out", str(out / "run"))
    check_run(out / "run")
    run("compare", "--data", "sample", "--model", "lenet", "--epochs", "2", "--batch", "32", "--lr",
        "0.02", "--methods", "minmax,mse,qat", "--out", str(out / "compare"))
    check_comparison(out / "compare")
    print(f"{len(failures)} failed" if failures else "all passed")
    sys.exit(1 if failures else 0)


main()
