#!/bin/sh
# The whole job on real pictures: train in float, quantize after training, fine-tune with fake
# quantization, and run both integer models.  Usage: recipes/demo.sh OCTET FOLDER [DATA]
set -eu
octet=$1
dir=$2
data=${3:-fashion-mnist}
if [ "$data" = fashion-mnist ] &&
    [ ! -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ]; then
    data=sample
    echo "Fashion-MNIST is not installed; using the 1.3 MB sample that is part of octet" >&2
fi
delay=100 # steps
[ "$data" = sample ] && delay=20
start=$(date +%s)
rm -rf "$dir"
mkdir -p "$dir"

echo "== 1/4 training in float" >&2
"$octet" train recipes/demo-float.ini --data $data --out "$dir/float" >"$dir/float.txt"
echo "== 2/4 quantizing it without training (min-max ranges)" >&2
"$octet" quantize "$dir/float/model.safetensors" --data $data --method minmax --quiet \
    --out "$dir/ptq.tflite" >/dev/null
echo "== 3/4 fine-tuning with fake quantization" >&2
"$octet" train recipes/demo-qat.ini --data $data --init "$dir/float/model.safetensors" \
    --quant-delay $delay --out "$dir/qat" >"$dir/qat.txt"
cp "$dir/qat/model.tflite" "$dir/model.tflite"
echo "== 4/4 the test pictures, on each of the four" >&2

# accuracy in per cent, from the JSON of octet eval
top1() {
    "$octet" eval "$1" --data $data --quiet --json |
        sed 's/.*"top1":\([0-9.e-]*\).*/\1/' | awk '{ printf "%.2f", 100 * $1 }'
}
size() { wc -c <"$1" | awk '{ printf "%.0f", $1 / 1024 }'; }
float=$(top1 "$dir/float/model.safetensors")
ptq=$(top1 "$dir/ptq.tflite")
qat=$(top1 "$dir/model.tflite")
row() { # name, accuracy, file
    awk -v name="$1" -v top1="$2" -v base="$float" -v kb="$(size "$3")" \
        'BEGIN { printf "  %-34s %8.2f %% %+8.2f %9s KB\n", name, top1, top1 - base, kb }'
}
# Sizes of checkpoints: of best.safetensors, which holds the network without the optimizer's state.
{
    echo
    echo "  accuracy on the test pictures           top-1     delta      file"
    row "float" "$float" "$dir/float/best.safetensors"
    row "int8, quantized after training" "$ptq" "$dir/ptq.tflite"
    row "fake-quantized, after QAT" "$(top1 "$dir/qat/model.safetensors")" "$dir/qat/best.safetensors"
    row "int8, after QAT" "$qat" "$dir/model.tflite"
    echo
} | tee "$dir/table.txt"
# The same as octet compare has it, for the page.
{
    echo "method,top1,delta,bytes"
    csv() { # name, accuracy, file
        awk -v name="$1" -v top1="$2" -v base="$float" -v bytes="$(wc -c <"$3")" \
            'BEGIN { printf "%s,%.4f,%.4f,%d\n", name, top1 / 100, (top1 - base) / 100, bytes }'
    }
    csv float "$float" "$dir/float/best.safetensors"
    csv minmax "$ptq" "$dir/ptq.tflite"
    csv qat "$qat" "$dir/model.tflite"
} >"$dir/compare.csv"
"$octet" report "$dir" --data $data --quiet >/dev/null
"$octet" verify "$dir/qat/model.safetensors" "$dir/model.tflite" --data $data --quiet \
    >"$dir/verify.txt" || true
grep -i 'predictions' "$dir/verify.txt" || true
echo "  how it went:    $dir/report.html"
echo "  the int8 model: $dir/model.tflite   ($(($(date +%s) - start)) s)"
