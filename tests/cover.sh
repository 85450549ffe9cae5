#!/bin/sh
# cover.sh OUT: what gcov counted in a build of MODE=cover, as a row for each folder: lines and branches
# (every way out of a condition) that some test took; then the files with the most lines that none did.
# Only .c files count: what a header holds is compiled, and counted, into many of them.  Kernels that this
# processor cannot run have a row of their own.
set -eu
out=$1
table=$(mktemp)
trap 'rm -f "$table"' EXIT
foreign=none
while read -r isa flag; do
    grep -qw "$flag" /proc/cpuinfo || foreign="$foreign|_$isa[.]c\$"
done <<END
avx2 avx2
avx512 avx512f
avx512vnni avx512_vnni
avxvnni avx_vnni
END
find "$out/obj" -name '*.gcda' | sort | while read -r data; do
    gcov -n -b -o "$data" "$data" 2>/dev/null
done | awk '
    /^File / { file = $2; gsub("\047", "", file); next }
    file !~ /^(nn|optim|models|quant|data|runtime|export|train)\/.*\.c$/ { next }
    /^(Calls|No calls)/ { file = "" } # a sum over all files of an object may follow
    /^Lines executed/ { split($0, a, /[:% ]+/); percent = a[3]; n = a[5]
                        print file, "lines", n, n * percent / 100 }
    /^Taken at least once/ { split($0, a, /[:% ]+/); print file, "branches", a[7], a[7] * a[5] / 100 }
' > "$table"
awk -v foreign="$foreign" '
    $1 ~ foreign { all["foreign", $2] += $3; hit["foreign", $2] += $4; seen["foreign"] = 1; next }
    { n = split($1, part, "/")
      folder = part[1]
      if (n > 2) folder = folder "/" part[2]
      all[folder, $2] += $3; hit[folder, $2] += $4; seen[folder] = 1
      all[part[1] " in all", $2] += $3; hit[part[1] " in all", $2] += $4
      if (n > 2) seen[part[1] " in all"] = 1 }
    function share(f, what) { return all[f, what] ? 100 * hit[f, what] / all[f, what] : 100 }
    END { for (f in seen) printf "%-16s %7d %7.1f %9d %8.1f\n", f, all[f, "lines"], share(f, "lines"),
              all[f, "branches"], share(f, "branches") }' "$table" | sort |
    { printf '%-16s %7s %7s %9s %8s\n' folder lines '%' branches '%'; cat; }
echo
echo "lines that no test reaches, by file:"
awk '$2 == "lines" && $3 - $4 >= 1 { printf "%5.0f of %4d  %s\n", $3 - $4, $3, $1 }' "$table" |
    sort -rn | head -${COVER_FILES:-25}
