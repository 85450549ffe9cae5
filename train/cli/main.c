/* main - the octet program: finds the subcommand, reads its options, runs it, reports one error
 * line and chooses the exit code: 0 done, 1 failed, 2 wrong usage. */
#define _POSIX_C_SOURCE 200809L
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/base/mem.h"
#include "nn/base/suggest.h"
#include "nn/kernels/kernels.h"
#include "runtime/cpu.h"
#include "train/cli/command.h"
#include "train/cli/log.h"
#include "train/cli/manual.h"

enum { DONE = 0, FAILED = 1, WRONG_USAGE = 2, MAX_GROUPS = 12 };

static const train_command *const commands[] = {
#define TRAIN_COMMAND(name) &train_command_##name,
#include "train/cli/commands.def"
#undef TRAIN_COMMAND
};

const char *const train_isa_names[] = { "c", "avx2", "avx512", "neon", "best", NULL };

/* What the processor may be asked for under each of these names. */
static const unsigned isa_masks[] = { 0, RT_CPU_AVX2 | RT_CPU_AVXVNNI,
                                      RT_CPU_AVX2 | RT_CPU_AVXVNNI | RT_CPU_AVX512 |
                                          RT_CPU_AVX512VNNI,
                                      RT_CPU_NEON | RT_CPU_NEONDOT, ~0u };

static const train_arg common_args[] = {
    { .name = "quiet",
      .kind = TRAIN_FLAG,
      .at = offsetof(train_common, quiet),
      .help = "no progress and no notes on stderr",
      .flags = TRAIN_PASSING },
    { .name = "json",
      .kind = TRAIN_FLAG,
      .at = offsetof(train_common, json),
      .help = "the result as one JSON object on stdout",
      .flags = TRAIN_PASSING },
    { .name = "threads",
      .kind = TRAIN_INT,
      .at = offsetof(train_common, threads),
      .value = "0",
      .help = "threads to use; 0 is one for each core",
      .max = 1024,
      .flags = TRAIN_PASSING },
    { .name = "seed",
      .kind = TRAIN_COUNT,
      .at = offsetof(train_common, seed),
      .value = "1",
      .help = "of everything random",
      .flags = TRAIN_MATHS },
    { .name = "isa",
      .kind = TRAIN_CHOICE,
      .at = offsetof(train_common, isa),
      .value = "best",
      .choices = train_isa_names,
      .help = "instruction set, at most" },
    { .name = "max-pixels",
      .kind = TRAIN_COUNT,
      .at = offsetof(train_common, max_pixels),
      .value = "64M",
      .help = "refuse larger pictures" },
    { .name = "max-macs",
      .kind = TRAIN_COUNT,
      .at = offsetof(train_common, max_macs),
      .value = "100G",
      .help = "refuse networks with more multiply-accumulates an item" },
    { .name = "max-memory",
      .kind = TRAIN_COUNT,
      .at = offsetof(train_common, max_memory),
      .value = "0",
      .help = "refuse what needs more bytes; 0 is what the machine has",
      .flags = TRAIN_PASSING },
    { .name = "help",
      .kind = TRAIN_FLAG,
      .at = offsetof(train_common, help),
      .help = "this text",
      .flags = TRAIN_PASSING },
};

static const train_rows common_rows = { "common", common_args, TRAIN_N(common_args) };

static void print_commands(FILE *to)
{
    fprintf(to, "usage: octet COMMAND [options]\n\n");
    for (int i = 0; i < TRAIN_N(commands); i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->about);
    fprintf(to, "\nA first network, from pictures that are part of octet, in some seconds:\n"
                "  octet train --data sample --model lenet --qat --out first\n");
    fprintf(to, "\n`octet help COMMAND` lists the options of one; `octet --version`.\n"
                "`octet help --man [COMMAND]` and `octet help --completion bash|zsh` write manual "
                "pages\nand completion; `make install` puts them in place.\n");
}

static int wrong_usage(const char *what, const char *message)
{
    fprintf(stderr, "octet %s: %s\n", what, message);
    return WRONG_USAGE;
}

static const train_command *find_command(const char *name)
{
    nn_suggestion s = { .given = name };
    for (int i = 0; i < TRAIN_N(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        nn_suggest_offer(&s, commands[i]->name);
    }
    if (s.best != NULL)
        nn_fail(NN_EINVAL, "unknown command; did you mean %s?", s.best);
    else
        nn_fail(NN_EINVAL, "unknown command; `octet help` lists all");
    return NULL;
}

/* ---- one command ----------------------------------------------------------------------------- */

/* The command's groups, then the common one. */
static int gather_groups(const train_command *c, train_group *groups)
{
    int n = 0;
    for (; n < c->n_groups && n < MAX_GROUPS - 1; n++)
        groups[n] = c->groups[n];
    groups[n] = (train_group){ &common_rows, 0 };
    return n + 1;
}

static void print_names(const train_names *names)
{
    const char *name;
    printf("\n%s\n", names->title);
    for (int i = 0; (name = names->name_at(i)) != NULL; i++)
        printf("  %-25s %s\n", name, names->about_at(i));
}

static void print_help(const train_command *c)
{
    train_group groups[MAX_GROUPS];
    int n = gather_groups(c, groups);
    printf("usage: octet %s %s [options]\n%s\n", c->name, c->operands, c->about);
    train_args_help(groups, n, stdout);
    if (c->names != NULL)
        print_names(c->names);
    if (c->more != NULL)
        printf("\n%s\n", c->more);
}

static nn_status take_recipe(const train_command *c, train_args *args)
{
    if (!c->recipe || args->n_operands == 0)
        return NN_OK;
    NN_TRY(train_args_recipe(args, args->operand[0]));
    args->operand++;
    args->n_operands--;
    return NN_OK;
}

static nn_status check_operands(const train_command *c, const train_args *args)
{
    if (args->n_operands > c->operands_max)
        return nn_fail(NN_EINVAL, "%.80s: one operand too many; usage: octet %s %s",
                       args->operand[c->operands_max], c->name, c->operands);
    if (args->n_operands < c->operands_min)
        return nn_fail(NN_EINVAL, "an operand is missing; usage: octet %s %s", c->name,
                       c->operands);
    return NN_OK;
}

/* Bytes of memory that this process may have: the machine's, or less in a container. */
static uint64_t installed_memory(void)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned long long limit;
    FILE *group = fopen("/sys/fs/cgroup/memory.max", "r");
    if (group != NULL && fscanf(group, "%llu", &limit) == 1 && limit < bytes)
        bytes = limit;
    if (group != NULL)
        fclose(group);
    return bytes;
}

static void prepare(train_common *common)
{
    if (common->max_memory == 0)
        common->max_memory = installed_memory();
    omp_set_num_threads(common->threads > 0 ? common->threads : omp_get_num_procs());
    rt_cpu_limit(isa_masks[common->isa]);
    nn_kernels_init();
    train_log_quiet(common->quiet);
}

static nn_status run(const train_command *c, train_args *args, train_call *call)
{
    train_common *common = args->settings;
    if (common->help) {
        print_help(c);
        return NN_OK;
    }
    NN_TRY(take_recipe(c, args));
    NN_TRY(check_operands(c, args));
    prepare(common);
    return c->run(call);
}

static int exit_code(const train_command *c, const train_call *call, nn_status st)
{
    if (st != NN_OK)
        fprintf(stderr, "octet %s: %s\n", c->name, nn_message());
    if (call->exit_code != 0)
        return call->exit_code;
    return st == NN_OK ? DONE : st == NN_EINVAL ? WRONG_USAGE : FAILED;
}

/* A result that could not be written is a failure too: a full disk behind `octet ... > file`. */
static int close_stdout(const char *name, int code)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code != DONE)
        return code;
    fprintf(stderr, "octet %s: standard output: could not be written\n", name);
    return FAILED;
}

static int run_command(const train_command *c, int argc, char **argv)
{
    train_group groups[MAX_GROUPS];
    int n = gather_groups(c, groups);
    void *settings = nn_mem_alloc(c->settings_bytes);
    if (settings == NULL) {
        fprintf(stderr, "octet %s: out of memory\n", c->name);
        return FAILED;
    }
    train_args args;
    train_call call = { .settings = settings, .args = &args };
    nn_status st = train_args_parse(&args, groups, n, settings, argc, argv);
    if (st == NN_OK)
        st = run(c, &args, &call);
    int code = close_stdout(c->name, exit_code(c, &call, st));
    train_args_free(&args);
    nn_mem_free(settings);
    return code;
}

/* ---- help ------------------------------------------------------------------------------------ */

static const train_manual manual = { commands, TRAIN_N(commands), &common_rows };

static nn_status help_on(const char *name)
{
    const train_command *c = find_command(name);
    if (c == NULL)
        return nn_fail_context(NN_EINVAL, "%.60s", name);
    print_help(c);
    return NN_OK;
}

static nn_status manual_page(const char *name)
{
    const train_command *c = name != NULL ? find_command(name) : NULL;
    if (name != NULL && c == NULL)
        return nn_fail_context(NN_EINVAL, "%.60s", name);
    train_manual_page(&manual, c, stdout);
    return NN_OK;
}

static nn_status completion(const char *shell)
{
    if (shell == NULL)
        return nn_fail(NN_EINVAL, "--completion: needs a shell, bash or zsh");
    return train_manual_completion(&manual, shell, stdout);
}

/* `octet help [COMMAND]`, `octet help --man [COMMAND]`, `octet help --completion SHELL`. */
static int help(const char *what, const char *of)
{
    nn_status st = NN_OK;
    if (what == NULL)
        print_commands(stdout);
    else if (strcmp(what, "--man") == 0)
        st = manual_page(of);
    else if (strcmp(what, "--completion") == 0)
        st = completion(of);
    else
        st = help_on(what);
    return st == NN_OK ? close_stdout("help", DONE) : wrong_usage("help", nn_message());
}

/* OpenMP's threads spin while they wait for each other.  Where another process wants a core too,
 * the one that is waited for may be off the processor for milliseconds while the others burn
 * theirs: a run becomes ten times slower.  A short spin costs nothing on a quiet machine (measured:
 * lenet, 300 steps, two cores: 2.8 s either way; with a busy neighbour 23 s against 2.4 s).  The
 * library reads its environment when it is loaded, so the program begins once more with it set. */
static void spin_briefly(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") != NULL || getenv("OMP_WAIT_POLICY") != NULL)
        return;
    if (setenv("GOMP_SPINCOUNT", "3000", 1) == 0)
        execv("/proc/self/exe", argv); /* where there is no /proc, it goes on as it is */
}

int main(int argc, char **argv)
{
    spin_briefly(argv);
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is an error of write, with its line */
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of writing, not a death */
    if (argc < 2) {
        print_commands(stderr);
        return WRONG_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("octet %s\n", OCTET_VERSION);
        return DONE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    if (argc == 3 && strcmp(argv[2], "-h") == 0)
        return help(argv[1], NULL);
    const train_command *c = find_command(argv[1]);
    if (c == NULL)
        return wrong_usage(argv[1], nn_message());
    return run_command(c, argc - 2, argv + 2);
}
