#!/bin/sh
# Installs the Debian packages that are missing: PACKAGES must be had, OPTIONAL may fail, EXTRA too is
# a must.  As root or through sudo; on a system without apt-get it prints the list and stops.
set -u
missing=""
if command -v dpkg-query >/dev/null 2>&1; then
    for p in $PACKAGES $EXTRA $OPTIONAL; do
        dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q 'install ok installed' ||
            dpkg-query -W -f='${Provides} ${Status}\n' 2>/dev/null | grep 'install ok installed' |
                grep -qE "(^|[ ,])$p([ ,(]|\$)" || missing="$missing $p"
    done
    [ -n "$missing" ] || exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    [ -z "$missing" ] && missing=" $PACKAGES $EXTRA"
    # Not Debian: good enough if the libraries are there under whatever name.
    pkg-config --exists libpng libjpeg zlib libcjson inih libprotobuf-c cmocka 2>/dev/null && exit 0
    echo "octet needs these packages (Debian's names); install them and run make again, or set DEPS=no:" >&2
    echo " $missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "octet needs these packages; become root or install sudo, or set DEPS=no:$missing" >&2
        exit 1
    }
    as_root="sudo"
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >&2 || echo "apt-get update failed; trying with the lists that are there" >&2
must=""
for p in $missing; do
    case " $OPTIONAL " in
    *" $p "*) ;;
    *) must="$must $p" ;;
    esac
done
if [ -n "$must" ]; then
    $as_root apt-get install -y -qq --no-install-recommends $must >&2 || exit 1
fi
for p in $OPTIONAL; do
    case " $missing " in
    *" $p "*)
        $as_root apt-get install -y -qq --no-install-recommends "$p" >&2 ||
            echo "$p could not be installed; the demo will use the embedded sample" >&2
        ;;
    esac
done
exit 0
