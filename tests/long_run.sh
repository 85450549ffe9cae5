#!/bin/sh
# long_run.sh OCTET FOLDER [STEPS]: a training of many steps with augmentation, validation, checkpoints
# and both switches to fake quantization; every twentieth of it the process is looked at: memory, open
# files, threads, and the processor time of a step since the last look (that of the clock says more about
# the machine's other work).  Fails if memory or files grow after the first quarter; times are for the
# reader.
set -eu
octet=$1 folder=$2 steps=${3:-20000}
rm -rf "$folder" && mkdir -p "$folder"
# 50 steps an epoch
"$octet" train --data noise:16x16x3:4:1000 --val 0.2 --model resnet8 --width 0.25 --batch 16 --lr 0.02 \
    --steps "$steps" --augment crop:2,flip --ema 0.99 --qat --quant-delay $((steps / 8)),$((steps / 8 + 100)) \
    --checkpoint-every 100 --threads "${THREADS:-1}" --quiet --out "$folder/run" > /dev/null &
pid=$!
trap 'kill $pid 2> /dev/null' EXIT

status() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$pid/status"; }
cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat"; }
step_now() { tail -n 1 "$folder/run/log.csv" 2> /dev/null | cut -d, -f1; }

printf '%8s %10s %6s %8s %14s\n' step "memory KB" files threads "CPU ms a step"
look=$((steps / 20)) next=$look before=0 then=0 tick=$((1000 / $(getconf CLK_TCK)))
samples=$folder/samples
: > "$samples"
while kill -0 $pid 2> /dev/null; do
    step=$(step_now)
    case $step in '' | *[!0-9]*) step=0 ;; esac
    if [ "$step" -ge "$next" ] && [ "$step" -lt "$steps" ]; then
        now=$(cpu_ticks)
        ls "/proc/$pid/fd" > "$folder/files" 2> /dev/null || continue
        echo "$step $(status VmRSS) $(wc -l < "$folder/files") $(status Threads) \
            $(awk -v t=$(((now - then) * tick)) -v n=$((step - before)) 'BEGIN { printf "%.3f", t / n }')" |
            tee -a "$samples" | awk '{ printf "%8d %10d %6d %8d %14s\n", $1, $2, $3, $4, $5 }'
        before=$step then=$now next=$((step + look))
    fi
    sleep 0.1
done
trap - EXIT
wait $pid
awk '
    NR == 5 { memory = $2; files = $3 }
    NR >= 5 { if ($2 > most) most = $2
              if ($3 > open) open = $3 }
    END { if (NR < 10) { print "long run: too short to tell"; exit 1 }
          printf "long run: after a quarter %d KB and %d files, at most %d KB and %d files later\n",
                 memory, files, most, open
          exit most > memory + 512 || open > files + 1 }' "$samples"
