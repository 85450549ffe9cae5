#!/bin/sh
# Makes the embedded sample: the first 250 training and 50 test pictures of each class of
# Fashion-MNIST, in file order, as four gzipped IDX files in this folder.
#
#   sh data/sample/make-sample.sh [DIR]     DIR: the four original .gz files
#
# Needs sh, awk, dd, gzip and the od and tail of GNU or BusyBox.  The same input gives the same bytes.
set -eu
from=${1:-/usr/share/datasets/fashion-mnist}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# big_endian N: N as the four bytes of an IDX header.
big_endian() {
    printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) \
        $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# pick SPLIT PER_CLASS: writes the two files of one split.
pick() {
    gzip -dc "$from/$1-images-idx3-ubyte.gz" | tail -c +17 >"$work/images"
    gzip -dc "$from/$1-labels-idx1-ubyte.gz" | tail -c +9 >"$work/labels"
    od -An -v -tu1 -w1 "$work/labels" | awk -v most="$2" 'n[$1]++ < most { print NR - 1 }' >"$work/chosen"
    count=$(awk 'END { print NR }' "$work/chosen")
    {
        big_endian 2051 && big_endian "$count" && big_endian 28 && big_endian 28
        while read -r i; do
            dd if="$work/images" bs=784 skip="$i" count=1 2>/dev/null
        done <"$work/chosen"
    } | gzip -9n >"$here/$1-images-idx3-ubyte.gz"
    {
        big_endian 2049 && big_endian "$count"
        while read -r i; do
            dd if="$work/labels" bs=1 skip="$i" count=1 2>/dev/null
        done <"$work/chosen"
    } | gzip -9n >"$here/$1-labels-idx1-ubyte.gz"
}

pick train 250
pick t10k 50
ls -l "$here"
