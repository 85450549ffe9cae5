#!/bin/sh
# The runtime with portable kernels, stripped, is at most 150 KiB on x86-64: `runtime_size.sh LIBRARY`
# prints what it is and fails above that.  Other processors' code has another size; it is printed.
set -eu
limit=153600
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
cp "$1" "$stripped"
$(${CC:-cc} -print-prog-name=strip) --strip-unneeded "$stripped"
bytes=$(wc -c <"$stripped")
echo "$1, portable kernels, stripped: $bytes bytes of at most $limit"
case $(${CC:-cc} -dumpmachine) in
x86_64*) [ "$bytes" -le "$limit" ] ;;
esac
