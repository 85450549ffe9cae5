#include "train/cli/report.h"

#include "train/cli/log.h"

void train_report(const char *folder, const train_common *common)
{
    const report_options options = { .max_pixels = common->max_pixels,
                                     .limits = { common->max_macs, common->max_memory } };
    if (report_write(folder, NULL, &options) == NN_OK)
        train_log("report: %s/report.html", folder);
    else
        train_log("report: not written: %s", nn_message());
}
