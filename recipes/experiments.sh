#!/bin/sh
# The tables of EXPERIMENTS.md.  Usage: recipes/experiments.sh DATA FOLDER TABLE...
#   DATA    cifar10:DIR, or for table fashion fashion-mnist
#   TABLE   post qat delay fold activation size unequal grid fashion
# Each stands in FOLDER as compare.csv or sweep.csv; what is there already is not computed again, so
# the same line goes on where it was interrupted.  SEEDS=1 is a third of the work, NETS=resnet20 or
# mobilenet_v1 one network of the tables post, qat and unequal, OPTIONS="--threads 1" goes to every
# command; OCTET and UNEQUAL (make examples) are the programs.
set -eu
octet=${OCTET:-build/release/octet}
data=$1
folder=$2
seeds=${SEEDS:-3}
options=${OPTIONS:-}
nets=${NETS:-resnet20 mobilenet_v1}
lsq=qat-lsq:qat-lr=0.001 # 8 bits: a tenth of the rate, as in Esser et al. 2020 (section 3)
shift 2

compare() { # folder, recipe, methods, further options
    out=$1 recipe=$2 methods=$3
    shift 3
    "$octet" compare "recipes/$recipe.ini" --data "$data" --seeds "$seeds" --qat-epochs 2 \
        --qat-lr 0.01 --methods "$methods" --out "$folder/$out" $options "$@"
}

# Methods of calibration, with one scale for each channel of a weight and with one for all.
post() {
    ranges=minmax,percentile,mse,entropy,equalize,bias-correction,adaround
    tensor=$(echo "$ranges" | sed 's/,/:tensor,/g'):tensor
    for net in $nets; do
        compare "$net" "experiment-$net" "$ranges,$tensor"
    done
}

# Training with fake quantization against the best of them, with 8, 4 and mixed bits.
qat() {
    for net in $nets; do
        compare "$net" "experiment-$net" "qat,qat:tensor,qat-contrib,$lsq,float-tuned"
        for w4 in adaround bias-correction qat qat-lsq; do
            compare "$net" "experiment-$net" "$w4:weight-bits=4"
        done
        compare "$net" "experiment-$net" "qat:weight-bits=4:act-bits=4,qat-lsq:weight-bits=4:act-bits=4"
    done
    for net in $nets; do
        case $net in
        resnet20) compare resnet20 experiment-resnet20 "qat:quant-layers=stage3/*=w4" ;;
        *) compare "$net" "experiment-$net" "qat-lsq,$lsq:weight-bits=4" ;; # each at the other's rate
        esac
    done
}

# The delay, from an untrained network: from the start, after one epoch, after ten, in the last two.
delay() {
    start=$folder/untrained/model.safetensors
    [ -e "$start" ] || "$octet" train recipes/experiment-resnet8.ini --data "$data" --epochs 0 \
        --out "$folder/untrained" $options
    compare delay experiment-resnet8 \
        "qat:quant-delay=0,qat:quant-delay=1ep,qat:quant-delay=10ep,qat:quant-delay=13ep" \
        --init "$start" --qat-epochs 15 --qat-lr 0.4
}

# Ways to fold batch norms; with 4 bits, where they can matter.
fold() {
    methods=minmax,minmax:weight-bits=4
    for way in running batch unfolded reestimate prefold; do
        methods=$methods,qat:bn-fold=$way,qat:bn-fold=$way:weight-bits=4
    done
    compare resnet8 experiment-resnet8 "float-tuned,$methods"
}

activation() { # resnet8 has relu anyway
    methods=minmax,minmax:tensor,qat,minmax:act-bits=4,qat:act-bits=4
    compare resnet8 experiment-resnet8 $methods
    compare resnet8-relu6 experiment-resnet8 $methods --activation relu6
}

size() {
    compare resnet8 experiment-resnet8 minmax,qat
    compare resnet20 experiment-resnet20 minmax,qat
    compare resnet32 experiment-resnet20 minmax,qat --model resnet32
    compare mobilenet_v1 experiment-mobilenet_v1 minmax,qat
    compare mobilenet_v1-0.5 experiment-mobilenet_v1 minmax,qat --width 0.5
    compare mobilenet_v1-1 experiment-mobilenet_v1 minmax,qat --width 1
}

# Channels that a rescaling made unequal by 2^-3 .. 2^3, the network's function being the same.  With
# relu, as relu6 does not commute with scaling; the program is made by `make examples`.  A factor f
# multiplies steps of what it divides by f^2, up to 64, hence the rate and --clip.
unequal() {
    mkdir -p "$folder/unequal"
    for net in $nets; do
        relu=$net-relu more="--activation relu"
        [ "$net" != resnet20 ] || relu=$net more= # has relu anyway
        compare "$relu" "experiment-$net" minmax $more
        start=$folder/unequal/$net-3.safetensors
        [ -e "$start" ] || "${UNEQUAL:-build/release/examples/unequal}" \
            "$folder/$relu/seed1/float/model.safetensors" "$start" 1 3
        compare "unequal/$net-3" "experiment-$net" \
            minmax:tensor,minmax,equalize:tensor,equalize,qat:tensor:qat-lr=0.001,qat:qat-lr=0.001 \
            $more --init "$start" --clip 1
    done
}

# The grid of bit widths of Jacob et al. 2017, tables 4.7 and 4.8.
grid() {
    compare resnet8 experiment-resnet8 minmax
    "$octet" sweep recipes/experiment-resnet8.ini --data "$data" --qat-epochs 2 --qat-lr 0.01 \
        --weight-bits 8,6,4,3,2 --act-bits 8,6,4 --out "$folder/grid" $options \
        --init "$folder/resnet8/seed1/float/model.safetensors"
}

fashion() {
    seeds=1
    compare fashion demo-float \
        minmax,percentile,mse,entropy,equalize,bias-correction,adaround,qat-contrib,qat,$lsq
}

for table in "$@"; do
    case $table in
    post | qat | delay | fold | activation | size | unequal | grid | fashion) "$table" ;;
    *)
        echo "experiments.sh: $table: no such table" >&2
        exit 2
        ;;
    esac
done
