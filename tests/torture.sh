#!/bin/sh
# Kills a training at random moments until it was killed KILLS times, also while checkpoints are written
# and around the switch to fake quantization; each time it was resumed to its end, its checkpoints, its
# model, the steps of its log and the values in its event files must be those of a run that nobody disturbed.
# READER prints event files: tests/test_events.
#
#   sh tests/torture.sh OCTET READER FOLDER [KILLS]
set -eu
octet=$1 reader=$2 folder=$3 kills=${4:-100}
rm -rf "$folder" && mkdir -p "$folder"

# 200 steps; saved after every second one, so that about every second kill meets a save.
train="$octet train --data noise:16x16x3:4:640 --val 0.2 --model resnet8 --width 0.25 --batch 32
    --steps 200 --lr 0.02 --augment crop:2,flip --ema 0.99 --qat --quant-delay 60,100
    --freeze-bn 150 --checkpoint-every 2 --quiet --resume --out"

steps_of() { cut -d, -f1-8 "$1/log.csv"; }

same() {
    for name in model.safetensors previous.safetensors best.safetensors model.tflite; do
        cmp "$folder/whole/$name" "$1/$name" || { echo "torture: $1/$name differs"; exit 1; }
    done
    steps_of "$folder/whole" > "$folder/want" && steps_of "$1" > "$folder/found"
    cmp "$folder/want" "$folder/found" || { echo "torture: $1/log.csv differs"; exit 1; }
    for name in run test; do
        "$reader" "$folder/whole/events.out.tfevents.$name" > "$folder/want"
        "$reader" "$1/events.out.tfevents.$name" > "$folder/found" || exit 1
        cmp "$folder/want" "$folder/found" || { echo "torture: $1/events.out.tfevents.$name differs"; exit 1; }
    done
    for left in "$1"/*.tmp*; do
        [ ! -e "$left" ] || { echo "torture: $left is left over"; exit 1; }
    done
}

begin=$(date +%s%N)
$train "$folder/whole" > /dev/null
span=$((($(date +%s%N) - begin) / 1000000)) # milliseconds of an undisturbed run
echo "torture: a run takes $span ms; $kills kills"

done=0 runs=0 resumed=0
while [ "$done" -lt "$kills" ]; do
    runs=$((runs + 1))
    run=$folder/run$runs
    while :; do
        $train "$run" > /dev/null 2> "$folder/errors" &
        pid=$!
        sleep "$(awk -v s="$runs$done$resumed$$" -v m="$span" 'BEGIN { srand(s); print rand() * m / 3000 }')"
        if kill -9 $pid 2> /dev/null; then
            wait $pid 2> /dev/null && break || code=$?
            [ "$code" -eq 137 ] || { cat "$folder/errors"; exit 1; }
            done=$((done + 1)) resumed=$((resumed + 1))
        else
            wait $pid || { cat "$folder/errors"; exit 1; }
            break
        fi
        if [ "$done" -ge "$kills" ]; then
            $train "$run" > /dev/null
            break
        fi
    done
    same "$run"
    rm -rf "$run"
done
echo "torture: $done kills in $runs runs of 200 steps; every checkpoint, model, log and event file equal"
