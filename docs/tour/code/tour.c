/* tour - prints the subject that is asked for, or the list of them, or draws the pictures. */
#include "docs/tour/code/tour.h"

#include <stdio.h>
#include <string.h>

#include "docs/tour/code/pictures.h"
#include "nn/kernels/kernels.h"

typedef struct subject {
    const char *name, *about;
    nn_status (*print)(void);
} subject;

static const subject subjects[] = {
#define TOUR_ROW(name, about) { #name, about, tour_##name },
    TOUR_SUBJECTS(TOUR_ROW)
#undef TOUR_ROW
};

enum { N_SUBJECTS = sizeof subjects / sizeof subjects[0] };

static int list(FILE *to, int code)
{
    fprintf(to, "usage: tour SUBJECT, or tour --pictures FOLDER\n\n");
    for (int i = 0; i < N_SUBJECTS; i++)
        fprintf(to, "  %-12s %s\n", subjects[i].name, subjects[i].about);
    return code;
}

static int report(nn_status st)
{
    if (st != NN_OK)
        fprintf(stderr, "tour: %s\n", nn_message());
    return st == NN_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    nn_kernels_init();
    if (argc == 3 && strcmp(argv[1], "--pictures") == 0)
        return report(tour_pictures(argv[2]));
    for (int i = 0; argc == 2 && i < N_SUBJECTS; i++)
        if (strcmp(argv[1], subjects[i].name) == 0)
            return report(subjects[i].print());
    return argc == 1 ? list(stdout, 0) : list(stderr, 2);
}
