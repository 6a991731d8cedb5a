/* Time: the machine's monotonic clock, or eight bytes of a file that a test moves by hand. */
#define _GNU_SOURCE
#include "simulated.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile double *shared_s;

int open_clock(const char *path)
{
    if (shared_s)
        munmap((void *)shared_s, sizeof(double));
    shared_s = NULL;
    if (!path || !*path)
        return 0;
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        fprintf(stderr, "simulated NVML: the clock %s can't be opened: %s\n", path, strerror(errno));
    else
        shared_s = mapped;
    if (file >= 0)
        close(file);
    return shared_s ? 0 : 1;
}

double clock_s(void)
{
    if (shared_s)
        return *shared_s;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void let_time_pass(double seconds)
{
    if (!(seconds > 0))
        return;
    if (shared_s) {
        *shared_s += seconds;
        return;
    }
    struct timespec left = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    while (nanosleep(&left, &left) && errno == EINTR)
        continue;
}
