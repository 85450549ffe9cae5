#!/bin/sh
# compilers.sh OCTET OTHER FOLDER: the same program from two compilers trains, quantizes and ships the
# same bytes: checkpoint, log, recipe and integer file of 200 steps of each network, on the vectors of
# this machine and on portable C, and classifies alike.
set -eu
octet=$1 other=$2 folder=$3
rm -rf "$folder" && mkdir -p "$folder"
recipe="--data noise:16x16x3:4:300 --val 0.2 --width 0.25 --batch 16 --steps 200 --lr 0.02
    --augment crop:2,flip --ema 0.99 --qat --quant-delay 60,100 --quiet"
bad=0

steps_of() { cut -d, -f1-8 "$1/log.csv"; }

check() { # WHAT FILE FILE
    cmp -s "$2" "$3" || { echo "compilers: $1: $2 and $3 differ"; bad=1; }
}

for isa in best c; do
    for model in mlp lenet ds_cnn resnet8 mobilenet_v1 mobilenet_v2; do
        a=$folder/$model-$isa-a b=$folder/$model-$isa-b
        "$octet" train $recipe --isa $isa --model $model --out "$a" > /dev/null
        "$other" train $recipe --isa $isa --model $model --out "$b" > /dev/null
        for name in model.safetensors best.safetensors model.tflite recipe.ini; do
            check "$model on $isa" "$a/$name" "$b/$name"
        done
        steps_of "$a" > "$folder/a" && steps_of "$b" > "$folder/b"
        check "$model on $isa, log" "$folder/a" "$folder/b"
        [ "$bad" -ne 0 ] || echo "$model on $isa: $(wc -l < "$folder/a") lines of log, checkpoints and integer file equal"
    done
done
exit $bad
