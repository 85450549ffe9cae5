#!/bin/sh
# Formatting, layering, headers that compile alone, static analysis; then the measures.
set -u
bad=0
say() { echo "lint: $*"; }

if command -v clang-format >/dev/null 2>&1; then
    say format
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror || bad=1
else
    say "clang-format is not installed: left out"
fi

say layers
sh tests/layers.sh || bad=1

say "each header compiles alone"
flags="-std=c11 -fopenmp -I. -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c"
for h in $(git ls-files '*.h'); do
    case $h in
    *_body.h | *simd*.h) continue ;; # parts of a kernel file
    esac
    printf '#include "%s"\n' "$h" | ${CC:-cc} $flags - || { echo "$h does not compile alone"; bad=1; }
done

if command -v cppcheck >/dev/null 2>&1; then
    say cppcheck
    cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 -j2 -I. \
        --enable=warning,portability --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
        $(cat tests/cppcheck.txt 2>/dev/null | sed 's/ *#.*//' | sed 's/^/--suppress=/' | grep -v '=$') \
        runtime nn optim data models quant export train || bad=1
else
    say "cppcheck is not installed: left out"
fi
sh tests/measure.sh
exit $bad
