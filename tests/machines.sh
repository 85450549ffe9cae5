#!/bin/sh
# machines.sh PROGRAM OUT FOLDER MACHINE... -- ARGUMENT...: compares what a program (tests/machine.c,
# tests/machine_train.c) prints here (OUT/PROGRAM) and, under qemu, built for each MACHINE
# (FOLDER/MACHINE/release/PROGRAM).
set -eu
program=$1 out=$2 folder=$3 machines=""
shift 3
while [ "$1" != -- ]; do
    machines="$machines $1"
    shift
done
shift
mkdir -p "$folder"
"$out/$program" "$@" >"$folder/here.txt"
bad=0
for m in $machines; do
    "qemu-${m%%-*}" "$folder/$m/release/$program" "$@" >"$folder/$m.txt"
    if diff "$folder/here.txt" "$folder/$m.txt" >"$folder/$m.diff"; then
        echo "$m: $(wc -l <"$folder/here.txt") lines as here"
    else
        echo "$m: differs"
        head -20 "$folder/$m.diff"
        bad=1
    fi
done
exit $bad
