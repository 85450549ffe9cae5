#!/bin/sh
# machines.sh OUT FOLDER MACHINE... -- FILE...: compares what tests/machine.c prints here
# (OUT/machine) and, under qemu, built for each MACHINE (FOLDER/MACHINE/release/machine).
set -eu
out=$1 folder=$2 machines=""
shift 2
while [ "$1" != -- ]; do
    machines="$machines $1"
    shift
done
shift
"$out/machine" "$@" >"$folder/here.txt"
bad=0
for m in $machines; do
    "qemu-${m%%-*}" "$folder/$m/release/machine" "$@" >"$folder/$m.txt"
    if diff "$folder/here.txt" "$folder/$m.txt" >"$folder/$m.diff"; then
        echo "$m: $# files as here"
    else
        echo "$m: differs"
        head -20 "$folder/$m.diff"
        bad=1
    fi
done
exit $bad
