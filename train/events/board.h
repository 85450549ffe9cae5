/* board - what a training run shows in TensorBoard: two event files in its folder.
 *
 * events.out.tfevents.run, while it trains:
 *
 *   at the start       the graph that it ends with, fake-quantized with QAT
 *   each line of       train/loss, train/top1, lr, epoch, images_per_s
 *   log.csv            with a validation val/loss, val/top1, val/top5, int8/loss, int8/top1
 *   each epoch's end   values/TENSOR, histograms of weights and results over a few pictures; with
 *                      QAT of each tensor that the integer network holds, before it is rounded;
 *                      once it is quantized also min/, max/, scale/, zero_point/, clipped/ (the
 *                      share of values off the grid's ends) and sqnr_db/TENSOR
 *
 * events.out.tfevents.test, when it is over, of the network that is shipped: test/loss, test/top1,
 * test/top5, test/int8_loss, test/int8_top1, pictures that it gets wrong, its graph with all
 * ranges.
 *
 * min and max are the ends of the grid; of a weight with a range for each channel they, scale and
 * zero point are those of the channel with the greatest scale.  The first file is cut back to the
 * checkpoint on resume and the second made anew, so that no step is there twice. */
#ifndef OCTET_TRAIN_EVENTS_BOARD_H
#define OCTET_TRAIN_EVENTS_BOARD_H

#include "train/folder.h"
#include "train/loop.h"

typedef struct train_board train_board;

/* Opens the first file, with what it has up to `step`; 0 makes it anew.
 *
 *   n, set   the network that is trained, and its pictures; both outlive the board
 *   graph    what is shown
 *
 * Errors: NN_EIO, NN_ENOMEM, the pictures'. */
nn_status train_board_open(train_board **out, const train_folder *f, const train_network *n,
                           const ds_set *set, const nn_graph *graph, int64_t step);
void train_board_close(train_board *b); /* NULL is allowed */

/* A line of the log.  Errors: NN_EIO, NN_ENOMEM. */
nn_status train_board_line(train_board *b, const train_line *line, double images_per_s);

/* The second file: the network n that is shipped, with its scores on the test pictures; `int8` is
 * not read of a float network.  Errors: NN_EIO, NN_ENOMEM, the pictures'. */
nn_status train_board_end(const train_folder *f, const train_network *n, const ds_set *set,
                          int64_t step, const train_score *test, const train_score *int8);

#endif
