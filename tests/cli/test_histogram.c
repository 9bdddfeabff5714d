/* SPDX-License-Identifier: Apache-2.0 */
/* test_histogram UNIT PERCENT...: records the numbers of standard input; prints minimum, maximum,
 * and the value at each percentile in one line, and then the distribution. */
#include <inttypes.h>
#include <stdlib.h>

#include "../../cli/histogram.h"

int main(int argc, char **argv)
{
    static struct histogram histogram;
    uint64_t value;
    while (scanf("%" SCNu64, &value) == 1)
        histogram_record(&histogram, value);
    printf("%" PRIu64 " %" PRIu64, histogram.min, histogram.max);
    for (int i = 2; i < argc; i++)
        printf(" %" PRIu64, histogram_at(&histogram, strtod(argv[i], NULL)));
    printf("\n");
    return argc > 1 && histogram_write(&histogram, stdout, strtod(argv[1], NULL)) ? 0 : 1;
}
