#!/bin/sh
# The tests on another processor, emulated by qemu:
#
#   aarch64.sh libraries ROOT          unpacks the libraries that octet needs for aarch64 into ROOT
#   aarch64.sh run OUT TEST...         runs OUT/tests/TEST; they start OUT/qemu/octet where they need one
#   aarch64.sh files OCTET QEMU FOLDER what one machine trains, the other resumes and reads: the same bytes
set -eu
what=$1
shift
machine=aarch64-linux-gnu
packages="libpng-dev libpng16-16 libjpeg62-turbo-dev libjpeg62-turbo zlib1g-dev zlib1g libcjson-dev libcjson1
    libinih-dev libinih1 libcmocka-dev libcmocka0 libprotobuf-c-dev libprotobuf-c1"

libraries() {
    root=$1
    [ ! -e "$root/complete" ] || return 0
    mkdir -p "$root/packages"
    for p in $packages; do
        (cd "$root/packages" && apt-get download -qq "$p:arm64" 2> ../errors) || {
            cat "$root/errors"
            echo "no packages for arm64; as root: dpkg --add-architecture arm64 && apt-get update" >&2
            exit 1
        }
    done
    for p in "$root"/packages/*.deb; do
        dpkg-deb -x "$p" "$root"
    done
    # Libraries in /lib are found beside those in /usr/lib.
    [ ! -d "$root/lib/$machine" ] || cp -a "$root/lib/$machine/." "$root/usr/lib/$machine/"
    touch "$root/complete"
}

# A script that stands for a program of that machine.
stand_in() { # PROGRAM SCRIPT
    mkdir -p "$(dirname "$2")"
    printf '#!/bin/sh\nexec qemu-aarch64 -L /usr/%s %s "$@"\n' "$machine" "$(realpath "$1")" > "$2"
    chmod +x "$2"
}

run() {
    out=$1 tests=""
    shift
    stand_in "$out/octet" "$out/qemu/octet"
    for t in "$@"; do
        stand_in "$out/tests/$t" "$out/qemu/tests/$t"
        tests="$tests $out/qemu/tests/$t"
    done
    # Threads that spin while they wait cost an emulator most of its time.
    export GOMP_SPINCOUNT=0
    TEST_TIMEOUT=${TEST_TIMEOUT:-3600} OUT=$out/qemu MODE=release sh tests/run.sh $tests
}

same() {
    cmp "$1" "$2" || { echo "aarch64: $1 and $2 differ"; exit 1; }
}

files() {
    here=$1 there=$2 folder=$3
    train="--data noise:16x16x3:4:160 --val 0.2 --model resnet8 --width 0.25 --batch 16 --steps 40 --lr 0.02
        --augment crop:2,flip --qat --quant-delay 10,20 --checkpoint-every 10 --quiet --out"
    rm -rf "$folder" && mkdir -p "$folder"
    "$here" train $train "$folder/here" > /dev/null
    "$there" train $train "$folder/there" > /dev/null
    for name in model.safetensors previous.safetensors best.safetensors model.tflite recipe.ini; do
        same "$folder/here/$name" "$folder/there/$name"
    done
    # Step 30 of the one, resumed on the other.
    for machine in "$here" "$there"; do
        rm -f "$folder/there/model.safetensors"
        "$machine" train --resume --quiet --out "$folder/there" > /dev/null
        same "$folder/here/model.safetensors" "$folder/there/model.safetensors"
    done
    for form in tflite onnx graphdef; do
        "$here" export "$folder/there/model.safetensors" --format $form --quiet --out "$folder/a" > /dev/null
        "$there" export "$folder/here/model.safetensors" --format $form --quiet --out "$folder/b" > /dev/null
        same "$folder/a" "$folder/b"
    done
    echo "aarch64: a training, resumed on either machine, and three exported files: the same bytes"
}

"$what" "$@"
