#define _POSIX_C_SOURCE 200809L
#include "train/cli/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught; /* SIGINT or SIGTERM */

static void note(int number)
{
    caught = number;
}

void train_signals_watch(void)
{
    struct sigaction action = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND | SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool train_signals_caught(void)
{
    return caught != 0;
}

int train_signals_exit_code(void)
{
    return 128 + (int)caught;
}
