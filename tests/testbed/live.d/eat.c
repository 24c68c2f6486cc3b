/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright: vbox.memory contributors
 *
 * eat MB        takes MB of memory, touches every page, and holds it until it is killed.
 * eat MB RATE   the same, growing by RATE MB a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long want = argc > 1 ? atol(argv[1]) : 0;
    long rate = argc > 2 ? atol(argv[2]) : 0;

    for (long have = 0; have < want; have++) {
        char *block = malloc(1 << 20);
        if (!block) {
            perror("eat");
            return 1;
        }
        memset(block, 0x5a, 1 << 20);
        if (rate && have % rate == rate - 1)
            sleep(1);
    }
    printf("holding %ld MB\n", want);
    fflush(stdout);
    for (;;)
        pause();
}
