#!/bin/sh
# How long functions and files are, how much is comment; printed for the reader, never a gate.
set -u
files=$(git ls-files '*.c' '*.h')
echo "$files" | xargs awk '
    FNR == 1 { n++ }
    { lines++ }
    length($0) > 100 { wide++ }
    /^[ \t]*(\/\*|\*|\/\/)/ { comment++ }
    END { printf "%d files, %d lines, %.0f %% comment, %d lines over 100 columns\n", n, lines,
          100 * comment / lines, wide }'
command -v ctags >/dev/null 2>&1 || exit 0
ctags -f - --languages=C --kinds-C=f --fields=+ne $files 2>/dev/null | awk -F'\t' '
    { l = 0; e = 0
      for (i = 4; i <= NF; i++) {
          if ($i ~ /^line:/) l = substr($i, 6)
          if ($i ~ /^end:/) e = substr($i, 5)
      }
      if (e > 0) print e - l + 1, $1, $2 }' | sort -n | awk '
    { len[NR] = $1; last = $0 }
    END { if (NR) printf "%d functions: median %d, p90 %d, longest %s\n", NR, len[int((NR + 1) / 2)],
          len[int(NR * 0.9)], last }'
echo "$files" | xargs wc -l | awk '$2 != "total" && $1 > 600 { print "over 600 lines: " $2 " (" $1 ")" }'
exit 0
