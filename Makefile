# octet - `make` builds everything, `make help` lists what else there is.
#
#   MODE=release|debug|asan|tsan|f64|cover   each in build/MODE, side by side
#   CC=gcc|clang                       any C11 compiler with OpenMP
#   RT_KERNELS=all|portable            the runtime's kernels: for all processors, or C alone and small
#   DEPS=no                            do not install missing Debian packages
#   V=1                                show the commands
#   JOBS=N                             how many compilers demo and check run at a time [one a core]

MODE    ?= release
BUILD   ?= build
JOBS    ?= $(shell nproc 2>/dev/null || echo 1)
CC       = cc
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

RT_KERNELS ?= all
ifeq ($(filter all portable,$(RT_KERNELS)),)
$(error RT_KERNELS=$(RT_KERNELS) is unknown; use all or portable)
endif
RT_PORTABLE := $(filter portable,$(RT_KERNELS))

OUT := $(BUILD)/$(MODE)$(RT_PORTABLE:%=-%)
Q   := $(if $(V),,@)

# ---- flags ------------------------------------------------------------------------------------

WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
WERROR ?=
# Never -ffast-math; contraction only where an intrinsic says so, so that compilers agree on bits.
COMMON := -std=c11 -g -fopenmp -ffp-contract=off -fno-math-errno -fno-trapping-math $(WARN) $(WERROR) \
          -I. -DOCTET_VERSION='"$(VERSION)"'

FLAGS_release := -O3
FLAGS_debug   := -O0
FLAGS_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_fuzz    := -O1 -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS_f64     := -O2 -DNN_F64
FLAGS_cover   := -O1 --coverage -fprofile-update=atomic
ifeq ($(FLAGS_$(MODE)),)
$(error MODE=$(MODE) is unknown; use release, debug, asan, tsan, fuzz, f64 or cover)
endif

# The libraries octet uses, by their pkg-config name; `make deps` installs their Debian packages.
LIBRARIES      := libpng libjpeg zlib libcjson inih libprotobuf-c
TEST_LIBRARIES := cmocka
PACKAGES := pkg-config libpng-dev libjpeg-dev zlib1g-dev libcjson-dev libinih-dev libcmocka-dev \
            libprotobuf-c-dev protobuf-c-compiler
DATASETS := dataset-fashion-mnist
# What .ci/run needs beyond these.
LINT_PACKAGES := clang libomp-dev clang-format cppcheck

PKG_CONFIG ?= pkg-config
LIB_CFLAGS  = $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) $(TEST_LIBRARIES) 2>/dev/null)
LIB_LDLIBS  = $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2>/dev/null) -lm
TEST_LDLIBS = $(shell $(PKG_CONFIG) --libs $(TEST_LIBRARIES) 2>/dev/null)

CFLAGS  ?=
LDFLAGS ?=
ALL_CFLAGS  = $(COMMON) $(if $(findstring s390x,$(MACHINE)),-fexcess-precision=fast) $(FLAGS_$(MODE)) $(CFLAGS)
ALL_LDFLAGS = -fopenmp $(FLAGS_$(MODE)) $(LDFLAGS)

# The file name is the permission to use an instruction set; everything else stays portable.
ISA_avx2       := -mavx2 -mfma
ISA_avx512     := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma
ISA_avx512vnni := $(ISA_avx512) -mavx512vnni
ISA_avxvnni    := -mavx2 -mfma -mavxvnni
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
ARM_neondot    := -march=armv8.2-a+dotprod
suffix_of = $(lastword $(subst _, ,$(basename $(notdir $1))))
isa = $(if $(findstring x86_64,$(MACHINE)),$(ISA_$(suffix_of)))$(if $(findstring aarch64,$(MACHINE)),$(ARM_$(suffix_of)))

# ---- what is built from what ------------------------------------------------------------------

RT_SRC   := $(wildcard runtime/*.c runtime/ops/*.c runtime/kernels/*.c)
# Kernels that use an instruction set, and the choice between them; or none, and no choice.
RT_FAST  := runtime/kernels/select.c $(foreach i,avx2 avx512 avx512vnni avxvnni neon neondot,$(filter %_$i.c,$(RT_SRC)))
RT_SRC   := $(filter-out $(if $(RT_PORTABLE),$(RT_FAST),runtime/kernels/select_portable.c),$(RT_SRC))
PROG_SRC := $(wildcard train/cli/*.c)
LIB_SRC  := $(wildcard nn/base/*.c nn/kernels/*.c nn/*.c nn/ops/*.c optim/*.c \
            data/*.c models/*.c quant/*.c export/*.c train/*.c train/events/*.c \
            train/report/*.c)
TEST_SRC := $(wildcard tests/test_*.c)
TEST_AUX := tests/testing.c tests/rt_text.c tests/cli.c tests/tflite_samples.c tests/exported.c
# Messages of other programs' formats, made by protoc-c.
PROTO    := $(wildcard export/*.proto train/events/*.proto)
PROTO_USERS := export/graphdef_nodes.c export/onnx_nodes.c train/events/events.c tests/test_forms.c \
               tests/test_events.c
# Gradients in double need no program.
TEST_F64 := test_ops test_exec test_graph test_conv test_ranges test_fold

obj      = $(patsubst %.c,$(OUT)/obj/%.o,$1)
GEN     := $(OUT)/gen
GEN_OBJ := $(PROTO:%.proto=$(GEN)/%.pb-c.o)
RT_LIB  := $(OUT)/liboctet_rt.a
LIB     := $(OUT)/liboctet.a
PROG    := $(OUT)/octet
TESTS   := $(patsubst tests/%.c,$(OUT)/tests/%,$(TEST_SRC))
TOUR    := $(OUT)/tour
EXAMPLES := $(patsubst docs/examples/%.c,$(OUT)/examples/%,$(wildcard docs/examples/*.c))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all lib runtime tests tour examples check demo deps lint format asan tsan f64 install clean help

all: $(if $(filter f64,$(MODE)),$(LIB),$(PROG) $(LIB) $(RT_LIB) $(OUT)/liboctet_rt.so) ## build the program and the libraries (default)

lib: $(LIB) $(RT_LIB)

runtime: $(RT_LIB) $(OUT)/liboctet_rt.so ## build the integer runtime alone (needs no library)

$(OUT)/obj/%.o: %.c Makefile
	@mkdir -p $(dir $@)
	@$(if $(Q),echo "  cc   $<",:)
	$(Q)$(CC) $(ALL_CFLAGS) $(LIB_CFLAGS) $(call isa,$<) -MMD -MP -c -o $@ $<

# gcc 12 gives up on vectors of a loop of fmax for aarch64 ("internal compiler error"), which only tests have.
$(if $(findstring aarch64,$(MACHINE)),$(call obj,$(TEST_SRC)): COMMON += -fno-tree-vectorize)

# What protoc-c writes is not held to our warnings.
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: %.proto
	@mkdir -p $(dir $@)
	@$(if $(Q),echo "  gen  $<",:)
	$(Q)protoc-c --c_out=$(GEN) $<

$(GEN)/%.pb-c.o: $(GEN)/%.pb-c.c
	$(Q)$(CC) $(filter-out $(WARN) $(WERROR),$(ALL_CFLAGS)) $(LIB_CFLAGS) -I$(GEN) -c -o $@ $<

$(call obj,$(PROTO_USERS)): $(PROTO:%.proto=$(GEN)/%.pb-c.h)
$(call obj,$(PROTO_USERS)): LIB_CFLAGS += -I$(GEN)

# The runtime knows neither OpenMP nor any library, and is built to be put into a shared one.
$(OUT)/obj/runtime/%.o: runtime/%.c Makefile
	@mkdir -p $(dir $@)
	@$(if $(Q),echo "  cc   $<",:)
	$(Q)$(CC) $(filter-out -fopenmp,$(ALL_CFLAGS)) -fPIC -fvisibility=hidden $(RT_FREESTANDING) \
	  $(if $(filter release,$(MODE)),$(RT_RELEASE)) \
	  $(call isa,$<) -MMD -MP -c -o $@ $<

# Small but for the kernels: a runtime goes where memory is short.  Where it is so short that the
# kernels are portable, only the inner loops behind the table (*_c.c) are made for speed.
RT_RELEASE = -fno-asynchronous-unwind-tables $(RT_LEVEL)
RT_LEVEL   = $(if $(findstring runtime/kernels/,$<),$(if $(RT_PORTABLE),$(RT_LOOPS)),$(if $(RT_PORTABLE),$(RT_SMALL),-O2))
RT_LOOPS   = $(if $(filter %_c.c,$<),-O3,$(RT_SMALL))
RT_SMALL  := $(if $(RT_PORTABLE),$(if $(shell $(CC) -Oz -E -x c /dev/null 2>/dev/null),-Oz,-Os)) # gcc 12 has it

# Its core may ask nothing of the host but memcpy, memmove and memset.
RT_HOSTED := $(call obj,runtime/cpu.c runtime/load_file.c $(filter runtime/kernels/select.c,$(RT_SRC)))
$(filter-out $(RT_HOSTED),$(call obj,$(RT_SRC))): RT_FREESTANDING := -ffreestanding

# The pictures inside the program are read by the assembler, which -MMD does not see.
$(OUT)/obj/data/sample.o: $(wildcard data/sample/*.gz)

# The core as one object: sixty ELF headers and symbol tables would be a third of the library.  The
# hosted files stay apart, so that a program without an operating system need not link them.
RT_CORE := $(OUT)/obj/runtime/core.o
$(RT_CORE): $(filter-out $(RT_HOSTED),$(call obj,$(RT_SRC)))
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) -r -nostdlib -o $@ $^

$(RT_LIB): $(if $(filter release,$(MODE)),$(RT_CORE) $(RT_HOSTED),$(call obj,$(RT_SRC)))
$(LIB): $(call obj,$(LIB_SRC) $(RT_SRC)) $(GEN_OBJ) # whoever trains needs one library only
$(RT_LIB) $(LIB):
	@$(if $(Q),echo "  ar   $@",:)
	$(Q)rm -f $@ && ar qcs $@ $^ # q: two folders may have a file of one name

$(OUT)/liboctet_rt.so: $(call obj,$(RT_SRC))
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) -shared $(filter-out -fopenmp,$(ALL_LDFLAGS)) -Wl,-soname,liboctet_rt.so.0 -o $@ $^

$(PROG): $(call obj,$(PROG_SRC)) $(LIB)
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

$(TOUR): $(call obj,$(wildcard docs/tour/code/*.c)) $(LIB)
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

$(OUT)/examples/%: $(OUT)/obj/docs/examples/%.o $(LIB)
	@mkdir -p $(dir $@)
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

$(OUT)/tests/test_memory: $(call obj,tests/starve.c)
$(addprefix $(OUT)/tests/test_rt_,kernels dwconv wino): $(call obj,tests/rt_tables.c)
$(OUT)/tests/%: $(OUT)/obj/tests/%.o $(call obj,$(TEST_AUX)) $(LIB)
	@mkdir -p $(dir $@)
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LDLIBS) $(LIB_LDLIBS)

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

# ---- what one does with it --------------------------------------------------------------------

deps: ## install missing Debian packages (as root or through sudo; DEPS=no leaves it out)
	@$(if $(filter no,$(DEPS)),:,PACKAGES="$(PACKAGES)" OPTIONAL="$(DATASETS)" EXTRA="$(EXTRA)" sh ./tests/deps.sh)

demo: deps ## train, quantize and run a network on Fashion-MNIST; prints the table (2 minutes)
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@sh ./recipes/demo.sh $(PROG) $(BUILD)/demo

tour: all $(TOUR) ## the guided tour's program (docs/tour), and its pictures drawn anew
	GOMP_SPINCOUNT=3000 $(TOUR) --pictures docs/tour/pictures

examples: $(EXAMPLES) ## the programs of docs/examples, in build/release/examples

check: deps ## build and run every test that needs no Python
	@$(MAKE) --no-print-directory -j$(JOBS) all tests
	@$(MAKE) --no-print-directory run-checks
	$(if $(filter release,$(MODE)),@$(MAKE) --no-print-directory -j$(JOBS) RT_KERNELS=portable runtime-size)

.PHONY: run-checks
run-checks: all tests
	@OUT=$(OUT) MODE=$(MODE) sh ./tests/run.sh $(TESTS)

tests: $(TESTS) $(TOUR)

.PHONY: runtime-size
runtime-size: $(RT_LIB)
	@CC="$(CC)" sh ./tests/runtime_size.sh $(RT_LIB)

asan: ## the tests under address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory MODE=asan check

# gcc's OpenMP tells the thread sanitizer nothing; clang's does, through archer: no suppressions.
TSAN_TESTS   ?= test_train test_loader test_exec test_chain test_conv test_layers test_ops test_optim \
                test_kernels test_moments test_ptq test_calib test_rt_run test_crew
TSAN_OPTIONS ?= ignore_noninstrumented_modules=1

tsan: deps ## training, data and runtime on several threads under the thread sanitizer (clang, libomp)
	@$(MAKE) --no-print-directory MODE=tsan CC=clang run-tsan

.PHONY: tsan run-tsan
run-tsan: $(addprefix $(OUT)/tests/,$(TSAN_TESTS))
	@OMP_TOOL_LIBRARIES=$$(dirname $$($(CC) -print-resource-dir))/../libarcher.so TSAN_OPTIONS="$(TSAN_OPTIONS)" \
	  OMP_NUM_THREADS=4 OUT=$(OUT) MODE=$(MODE) sh ./tests/run.sh $^

# test_rt_hostile opens so many damaged files that this would take hours; it has the address sanitizer.
VALGRIND_TESTS ?= $(filter-out test_rt_hostile,$(notdir $(filter $(OUT)/tests/test_rt_%,$(TESTS))))

valgrind: $(addprefix $(OUT)/tests/,$(VALGRIND_TESTS)) ## the runtime's tests under valgrind
	@OUT=$(OUT) MODE=$(MODE) RUN="valgrind -q --error-exitcode=1 --suppressions=tests/valgrind.supp --leak-check=full \
	  --errors-for-leak-kinds=definite,indirect,possible" sh ./tests/run.sh $^

.PHONY: valgrind

LONG_RUN_STEPS ?= 20000

long-run: all ## 20,000 steps: memory, files and time of a step stay as they are (LONG_RUN_STEPS=)
	@sh ./tests/long_run.sh $(PROG) $(BUILD)/long-run $(LONG_RUN_STEPS)

.PHONY: long-run

# These repeat at length what other tests reach: whole trainings, and thousands of damaged files.
COVER_TESTS ?= $(filter-out test_bits test_docs test_rt_hostile test_tour,$(notdir $(TESTS)))

cover: deps ## which lines and branches the tests reach, a row for each folder (gcc)
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=cover all tests
	@$(MAKE) --no-print-directory MODE=cover run-cover

.PHONY: cover run-cover
run-cover:
	@find $(OUT) -name '*.gcda' -delete
	@OUT=$(OUT) MODE=$(MODE) sh ./tests/run.sh $(addprefix $(OUT)/tests/,$(COVER_TESTS))
	@sh ./tests/cover.sh $(OUT)

compilers: all ## training, quantization and files by gcc and by clang: the same bytes
	@$(MAKE) --no-print-directory CC=$(OTHER_CC) BUILD=$(BUILD)/$(OTHER_CC) all
	@sh ./tests/compilers.sh $(PROG) $(BUILD)/$(OTHER_CC)/$(MODE)/octet $(BUILD)/compilers

.PHONY: compilers
OTHER_CC ?= clang

# Other processors: of 64 and 32 bits, and one that puts the high byte first.
MACHINES   ?= aarch64-linux-gnu arm-linux-gnueabihf s390x-linux-gnu
MACHINE_IN ?= $(wildcard ../shared/models/*.tflite)

runtime-machines: $(OUT)/machine ## the runtime on other processors, under qemu, against this one
	@$(MAKE) --no-print-directory $(OUT)/tests/test_tflite
	@mkdir -p $(BUILD)/machines/files && $(OUT)/tests/test_tflite $(BUILD)/machines/files
	$(Q)for m in $(MACHINES); do $(MAKE) --no-print-directory CC=$$m-gcc BUILD=$(BUILD)/machines/$$m \
	  MODE=release $(BUILD)/machines/$$m/release/machine || exit 1; done
	@sh ./tests/machines.sh machine $(OUT) $(BUILD)/machines $(MACHINES) -- $(MACHINE_IN) $(BUILD)/machines/files/*

.PHONY: runtime-machines
$(OUT)/machine: tests/machine.c $(RT_LIB)
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) $(filter-out -fopenmp,$(ALL_CFLAGS)) -static -o $@ $^

# Training needs no library, so neither does the comparison of what it computes.
ENGINE_SRC = $(wildcard nn/base/*.c nn/kernels/*.c nn/*.c nn/ops/*.c optim/*.c models/*.c)

train-machines: $(OUT)/machine_train ## training steps on aarch64, under qemu, against this machine: the same bits
	@$(MAKE) --no-print-directory CC=aarch64-linux-gnu-gcc BUILD=$(BUILD)/machines/aarch64-linux-gnu \
	  MODE=release $(BUILD)/machines/aarch64-linux-gnu/release/machine_train
	@sh ./tests/machines.sh machine_train $(OUT) $(BUILD)/machines aarch64-linux-gnu --

.PHONY: train-machines
$(OUT)/machine_train: $(call obj,$(ENGINE_SRC) tests/machine_train.c) $(RT_LIB)
	@$(if $(Q),echo "  ld   $@",:)
	$(Q)$(CC) $(ALL_LDFLAGS) -static -o $@ $^ -lm

# The whole suite: libraries for that machine are unpacked into a folder of their own.  What asks the
# machine for a compiler or a program (test_install, test_tour) is left out, and what would last for hours:
# whole trainings, again and again.
ARM      := aarch64-linux-gnu
ARM_ROOT  = $(abspath $(BUILD)/machines/root)
ARM_LATE := test_bits test_docs test_cli_quant test_fold_train
ARM_TESTS ?= $(filter-out test_install test_tour $(ARM_LATE),$(notdir $(TESTS)))
ARM_MAKE  = PKG_CONFIG_LIBDIR=$(ARM_ROOT)/usr/lib/$(ARM)/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(ARM_ROOT) \
            $(MAKE) --no-print-directory CC=$(ARM)-gcc BUILD=$(BUILD)/machines/$(ARM) MODE=release DEPS=no \
            CFLAGS="-isystem $(ARM_ROOT)/usr/include -isystem $(ARM_ROOT)/usr/include/$(ARM)" \
            LDFLAGS="-L$(ARM_ROOT)/usr/lib/$(ARM) -Wl,-rpath,$(ARM_ROOT)/usr/lib/$(ARM) -Wl,--disable-new-dtags"

check-aarch64: all ## every test built for aarch64 and run under qemu; files of one machine read on the other
	@sh ./tests/aarch64.sh libraries $(ARM_ROOT)
	@$(ARM_MAKE) -j$(JOBS) all $(addprefix $(BUILD)/machines/$(ARM)/release/tests/,$(ARM_TESTS))
	@sh ./tests/aarch64.sh run $(BUILD)/machines/$(ARM)/release $(ARM_TESTS)
	@sh ./tests/aarch64.sh files $(PROG) $(BUILD)/machines/$(ARM)/release/qemu/octet $(BUILD)/machines/both

.PHONY: check-aarch64

FUZZ_RUNS ?= 1000000
FUZZ_SEEDS ?=

fuzz: ## feed the .tflite reader damaged files (FUZZ_RUNS=, FUZZ_SEEDS=; needs clang)
	@$(MAKE) --no-print-directory MODE=release $(BUILD)/release/tests/test_tflite
	@mkdir -p $(BUILD)/fuzz/seeds && $(BUILD)/release/tests/test_tflite $(BUILD)/fuzz/seeds
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang run-fuzz

.PHONY: fuzz run-fuzz
run-fuzz: $(call obj,tests/fuzz_tflite.c) $(RT_LIB)
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $(OUT)/fuzz_tflite $^
	@mkdir -p $(OUT)/corpus
	$(OUT)/fuzz_tflite -runs=$(FUZZ_RUNS) -max_len=4096 -timeout=1 -rss_limit_mb=512 \
	  -artifact_prefix=$(OUT)/ $(OUT)/corpus $(OUT)/seeds $(FUZZ_SEEDS)

# One a file in tests/fuzz/, with a corpus and perhaps a dictionary of its own.
FUZZERS ?= idx cifar png jpeg recipe checkpoint

fuzz-files: ## feed the other readers damaged files (FUZZERS=, FUZZ_RUNS=; needs clang)
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang $(addprefix run-fuzz-,$(FUZZERS))

.PHONY: fuzz-files
run-fuzz-%: $(call obj,tests/fuzz/file.c) $(LIB)
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang $(call obj,tests/fuzz/$*.c)
	$(Q)$(CC) -fopenmp -fsanitize=fuzzer,address,undefined -o $(OUT)/fuzz_$* $(call obj,tests/fuzz/$*.c) $^ \
	  $(LIB_LDLIBS)
	@mkdir -p $(OUT)/corpus_$*
	OMP_NUM_THREADS=1 $(OUT)/fuzz_$* -runs=$(FUZZ_RUNS) -max_len=4096 -timeout=1 -rss_limit_mb=512 -verbosity=0 \
	  -print_final_stats=1 $(addprefix -dict=,$(wildcard tests/fuzz/$*.dict)) -artifact_prefix=$(OUT)/$*- \
	  $(OUT)/corpus_$* tests/fuzz/corpus/$*

VENV   := $(BUILD)/venv
PYTHON := $(VENV)/bin/python
JUDGE   = OCTET_RT=$(OUT)/liboctet_rt.so $(PYTHON) tests/interop
ENGINE := $(OUT)/tests/interop/engine
# What others have: a folder with .tflite files, and one with test_batch.bin; without, that part is left out.
MODELS  ?= ../shared/models
CIFAR10 ?=

interop: ## compare with LiteRT, PyTorch, TensorFlow, ONNX Runtime, TensorBoard (makes a Python environment in build/)
	@$(MAKE) --no-print-directory interop-litert
	@$(MAKE) --no-print-directory interop-torch
	@$(MAKE) --no-print-directory interop-tf
	@$(MAKE) --no-print-directory interop-graphdef
	@$(MAKE) --no-print-directory interop-onnx
	@$(MAKE) --no-print-directory interop-events

$(PYTHON):
	$(Q)python3 -m venv $(VENV)

$(VENV)/%.installed: tests/interop/requirements-%.txt | $(PYTHON)
	$(Q)$(VENV)/bin/pip install -q -r $< && touch $@

# ai-edge-litert is not made for every machine; then the interpreter inside tensorflow is the judge.
$(VENV)/litert.installed: tests/interop/requirements-litert.txt | $(PYTHON)
	$(Q)$(VENV)/bin/pip install -q -r $< || $(VENV)/bin/pip install -q -r tests/interop/requirements-tf.txt pillow
	$(Q)touch $@

interop-litert: all $(VENV)/litert.installed ## integers and .tflite files: LiteRT, bit for bit
	@$(MAKE) --no-print-directory $(OUT)/tests/test_tflite
	$(JUDGE)/single_ops.py --count 500
	$(JUDGE)/single_ops.py --count 150 --delegate
	$(JUDGE)/accepted.py
	$(JUDGE)/check_writer.py $(OUT)/tests/test_tflite
	$(JUDGE)/families.py $(PROG) $(BUILD)/interop
	$(JUDGE)/others.py $(PROG) $(MODELS)
	$(if $(CIFAR10),$(JUDGE)/pictures.py $(MODELS)/mlperf_tiny_resnet8_int8.tflite $(CIFAR10)/test_batch.bin,\
	  @echo "skipped: the 10,000 test pictures; CIFAR10=DIR names the folder of test_batch.bin")

interop-torch: $(ENGINE) $(VENV)/torch.installed ## operators and optimizers of training: PyTorch
	$(JUDGE)/torch_ops.py $(ENGINE)
	$(JUDGE)/learned.py $(ENGINE)

interop-tf: all $(ENGINE) $(VENV)/tf.installed $(VENV)/litert.installed ## fake quantization, converted networks: TensorFlow
	$(JUDGE)/fake_quant.py $(ENGINE)
	$(JUDGE)/converted.py

OUTPUTS := $(OUT)/tests/interop/outputs
# Networks that were trained in earnest, judged on the pictures of CIFAR10.
TRAINED ?=
EARNEST  = $(if $(TRAINED),$(TRAINED:%=--checkpoint %) --pictures $(CIFAR10)/test_batch.bin)

interop-graphdef: all $(OUTPUTS) $(VENV)/tf.installed $(VENV)/litert.installed ## exported GraphDefs: TensorFlow
	$(JUDGE)/graphdef.py $(PROG) $(BUILD)/interop/forms $(EARNEST)

interop-onnx: all $(ENGINE) $(VENV)/onnx.installed ## exported ONNX files, calibration: ONNX Runtime
	$(JUDGE)/calibrators.py $(ENGINE)
	$(JUDGE)/onnx_forms.py $(PROG) $(BUILD)/interop/forms $(EARNEST)
	@$(MAKE) --no-print-directory interop-netron

interop-netron: all $(VENV)/onnx.installed ## every network in every form: Netron's readers (needs node)
	@if command -v node >/dev/null; then $(JUDGE)/netron.py $(PROG) $(BUILD)/interop/netron \
	  $(VENV)/lib/python3*/site-packages/netron; else echo "skipped: Netron's readers need node"; fi

interop-events: all $(VENV)/events.installed ## event files: TensorBoard
	$(JUDGE)/events.py $(PROG) $(BUILD)/interop/events

interop-report: all ## report.html in a browser: headless Chromium, if it is there
	@mkdir -p $(BUILD)/interop
	python3 tests/interop/report_page.py $(PROG) $(BUILD)/interop/report

.PHONY: interop-report interop interop-litert interop-torch interop-tf interop-graphdef interop-onnx interop-events

TORTURE_KILLS ?= 100

torture: all ## kill a training at random moments, resume it, compare (TORTURE_KILLS=100)
	@$(MAKE) --no-print-directory $(OUT)/tests/test_events
	sh tests/torture.sh $(PROG) $(OUT)/tests/test_events $(BUILD)/torture $(TORTURE_KILLS)

.PHONY: torture

BENCH_VENV := $(BUILD)/bench-venv

bench-peers: all ## time octet and PyTorch, LiteRT, ONNX Runtime in turns (BENCH='--quick --only int8')
	$(Q)test -x $(BENCH_VENV)/bin/python || python3 -m venv $(BENCH_VENV)
	$(Q)$(BENCH_VENV)/bin/pip install -q -r bench/requirements.txt
	$(BENCH_VENV)/bin/python bench/run.py --octet $(PROG) --folder $(BUILD)/bench --report bench/RESULTS.md $(BENCH)

.PHONY: bench-peers

f64: ## gradients against central differences in double
	@$(MAKE) --no-print-directory MODE=f64 run-f64

.PHONY: run-f64
run-f64: $(addprefix $(OUT)/tests/,$(TEST_F64))
	@OUT=$(OUT) MODE=$(MODE) sh ./tests/run.sh $^

lint: ## formatting, layering, headers, static analysis, and the measures
	@CC="$(CC)" sh ./tests/lint.sh

format: ## apply .clang-format
	clang-format -i $(shell git ls-files '*.c' '*.h')

PUBLIC_HEADERS := $(filter-out %_internal.h,$(wildcard nn/base/*.h $(foreach d,nn optim data models quant \
                  export train train/events train/report,$d/*.h $d/*.def) runtime/rt.h runtime/schema.h))

COMMANDS := $(shell sed -n 's/^TRAIN_COMMAND(\(.*\))/\1/p' train/cli/commands.def)
SHARE     = $(DESTDIR)$(PREFIX)/share

install: all ## install program, libraries, headers, manual pages and completion (PREFIX=, DESTDIR=)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 $(PROG) $(DESTDIR)$(PREFIX)/bin/octet
	install -m 644 $(LIB) $(RT_LIB) $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(OUT)/liboctet_rt.so $(DESTDIR)$(PREFIX)/lib/liboctet_rt.so.0
	ln -sf liboctet_rt.so.0 $(DESTDIR)$(PREFIX)/lib/liboctet_rt.so
	for h in $(PUBLIC_HEADERS); do \
	  install -D -m 644 $$h $(DESTDIR)$(PREFIX)/include/octet/$$h || exit 1; done
	for p in octet octet-rt; do sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' \
	  $$p.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/$$p.pc || exit 1; done
	install -d $(SHARE)/man/man1 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions
	$(PROG) help --man > $(SHARE)/man/man1/octet.1
	for c in $(COMMANDS); do $(PROG) help --man $$c > $(SHARE)/man/man1/octet-$$c.1 || exit 1; done
	$(PROG) help --completion bash > $(SHARE)/bash-completion/completions/octet
	$(PROG) help --completion zsh > $(SHARE)/zsh/site-functions/_octet

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1	/p' Makefile | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'
	@echo "  MODE=release|debug|asan|tsan|f64   CC=gcc|clang   DEPS=no   V=1"
