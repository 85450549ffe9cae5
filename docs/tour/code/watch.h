/* watch - a range during a real training: LeNet on the pictures that are part of octet. */
#ifndef OCTET_DOCS_TOUR_WATCH_H
#define OCTET_DOCS_TOUR_WATCH_H

#include "nn/base/status.h"

/* largest[i]: the upper end of the range of c1/relu after step i + 1, by that rule ("ema"). */
nn_status tour_watch(double *largest, const char *rule, int steps);

#endif
