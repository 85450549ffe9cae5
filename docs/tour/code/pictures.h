/* pictures - the tour's pictures, drawn from what octet's functions give. */
#ifndef OCTET_DOCS_TOUR_PICTURES_H
#define OCTET_DOCS_TOUR_PICTURES_H

#include "nn/base/status.h"

/* Writes each as FOLDER/NAME.svg: the same bytes on every machine.  Errors: NN_EIO, NN_ENOMEM. */
nn_status tour_pictures(const char *folder);

#endif
