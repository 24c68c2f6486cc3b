/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright: vbox.memory contributors
 *
 * report SECONDS   the guest's heartbeat: 'tick UPTIME FREE AVAILABLE CACHED' (kB) on standard output, for ever.
 *
 * A program of its own and short lines, because every byte on the serial line costs the emulated host a millisecond;
 * locked in memory, so that it goes on when there is none left.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static long field(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? atol(at + strlen(key)) : -1;
}

int main(int argc, char **argv)
{
    char text[4096], line[128];
    int memory = open("/proc/meminfo", O_RDONLY);
    unsigned seconds = argc > 1 ? atoi(argv[1]) : 3;

    mlockall(MCL_CURRENT | MCL_FUTURE);
    for (;; sleep(seconds)) {
        struct timespec up;
        ssize_t got = pread(memory, text, sizeof text - 1, 0);
        if (got <= 0)
            continue;
        text[got] = 0;
        clock_gettime(CLOCK_BOOTTIME, &up);
        int size = snprintf(line, sizeof line, "tick %ld %ld %ld %ld\n", (long)up.tv_sec, field(text, "MemFree:"),
                            field(text, "MemAvailable:"), field(text, "\nCached:"));
        if (write(1, line, size) < 0)
            return 1;
    }
}
