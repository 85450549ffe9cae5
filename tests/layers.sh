#!/bin/sh
# The table of ARCHITECTURE.md as text: which folder may include which.  Fails on an include that the
# table does not allow, naming file and header.
set -u
allowed() {
    case $1 in
    runtime) echo "runtime" ;;
    nn/base) echo "nn/base" ;;
    nn/kernels) echo "nn/kernels nn/base runtime/cpu.h" ;;
    nn | nn/ops) echo "nn nn/ops nn/kernels nn/base runtime/requant.h runtime/kernels/hard_swish_s8.h runtime/kernels/softmax_s8.h" ;;
    optim) echo "optim nn nn/kernels nn/base" ;;
    data) echo "data nn/base" ;;
    models) echo "models nn nn/base" ;;
    quant) echo "quant nn optim nn/base" ;;
    export) echo "export quant nn nn/base runtime/rt.h runtime/flat.h runtime/schema.h runtime/requant.h" ;;
    train) echo "train export quant models data optim nn nn/kernels nn/base runtime/rt.h runtime/cpu.h runtime/schema.h" ;;
    train/events) echo "train/events train export quant data nn nn/base" ;;
    train/report) echo "train/report train export quant models data optim nn nn/base runtime/rt.h" ;;
    train/cli) echo "train/cli train/report train/events train export quant models data optim nn nn/kernels nn/base runtime/rt.h runtime/cpu.h runtime/schema.h" ;;
    esac
}
layer_of() { # folder of a path, one level deep, two for nn/ and train/
    case $1 in
    nn/base/* | nn/kernels/* | nn/ops/* | train/cli/* | train/events/* | train/report/*) echo "$1" | cut -d/ -f1-2 ;;
    *) echo "$1" | cut -d/ -f1 ;;
    esac
}
bad=0
for f in $(git ls-files 'runtime/*.[ch]' 'nn/*.[ch]' 'optim/*.[ch]' 'data/*.[ch]' 'models/*.[ch]' \
    'quant/*.[ch]' 'export/*.[ch]' 'train/*.[ch]'); do
    layer=$(layer_of "$f")
    for h in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f"); do
        case " $(allowed "$layer") " in
        *" $(layer_of "$h") "* | *" $h "*) ;;
        *)
            echo "$f includes $h: $layer may include only: $(allowed "$layer")" >&2
            bad=1
            ;;
        esac
    done
    # Nothing below train/cli/ prints, exits or reads the environment.
    case $layer in
    train/cli) ;;
    *)
        if grep -nE '(^|[^a-z_])(printf|puts|putchar|perror|exit|abort|getenv)\(' "$f" |
            grep -v 'export/' | sed "s|^|$f:|" | grep . >&2; then
            echo "$f: prints, exits or reads the environment" >&2
            bad=1
        fi
        ;;
    esac
done
exit $bad
