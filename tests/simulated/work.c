/* Power that follows the work of the process under test: while work runs, a device draws its work profile instead of
 * its own, from the profile's beginning each time, and afterwards falls back within `work_decay_s`.
 *
 * The work's times stand in a file that work.py appends to: a count, then pairs of times on the library's clock, the
 * second infinite while the work runs. */
#define _GNU_SOURCE
#include "simulated.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct stretch { double began_s, ended_s; };

static const volatile uint64_t *count_of_stretches;
static const volatile struct stretch *stretches;
static size_t mapped_bytes;
static double script_start_s;

int open_work(const char *path, double start_s)
{
    if (count_of_stretches)
        munmap((void *)count_of_stretches, mapped_bytes);
    count_of_stretches = NULL;
    script_start_s = start_s;
    if (!path || !*path)
        return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *mapped = MAP_FAILED;
    if (file >= 0 && !fstat(file, &status)) {
        mapped_bytes = (size_t)status.st_size;
        mapped = mmap(NULL, mapped_bytes, PROT_READ, MAP_SHARED, file, 0);
    }
    if (mapped == MAP_FAILED) {
        fprintf(stderr, "simulated NVML: the work %s can't be opened: %s\n", path, strerror(errno));
    } else {
        count_of_stretches = mapped;
        stretches = (const volatile struct stretch *)(count_of_stretches + 1);
    }
    if (file >= 0)
        close(file);
    return count_of_stretches ? 0 : 1;
}

static struct stretch stretch_at(size_t index)
{
    return (struct stretch){stretches[index].began_s - script_start_s, stretches[index].ended_s - script_start_s};
}

/* Index of the last stretch that began at or before `time_s`; -1 where none did. */
static ptrdiff_t last_begun(double time_s)
{
    size_t low = 0, high = count_of_stretches ? (size_t)*count_of_stretches : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretch_at(middle).began_s <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    return (ptrdiff_t)low - 1;
}

/* Watts above the device's own profile at which a stretch ends. */
static double excess_at_end_w(const struct gpu *gpu, struct stretch work)
{
    return power_w(&gpu->work, work.ended_s - work.began_s) - power_w(&gpu->profile, work.ended_s);
}

/* Joules above the device's own profile from the stretch's begin until `time_s`. */
static double excess_j(const struct gpu *gpu, struct stretch work, double time_s)
{
    double until_s = fmin(time_s, work.ended_s);
    double spent_j = energy_j(&gpu->work, until_s - work.began_s) - energy_j(&gpu->work, 0.0)
        - (energy_j(&gpu->profile, until_s) - energy_j(&gpu->profile, work.began_s));
    double decay_s = FIXED(gpu, work_decay_s);
    if (time_s > work.ended_s && decay_s > 0) {
        double since_s = fmin(time_s - work.ended_s, decay_s);
        spent_j += excess_at_end_w(gpu, work) * (since_s - since_s * since_s / (2 * decay_s));
    }
    return spent_j;
}

/* Sum of the excess of all stretches before `index`, each until the next began. Kept, as past work doesn't change. */
static double excess_before_j(struct gpu *gpu, size_t index)
{
    struct sums *sums = &gpu->excess;
    if (index >= sums->capacity) {
        sums->capacity = 2 * (index + 1);
        sums->energy_j = realloc(sums->energy_j, sums->capacity * sizeof *sums->energy_j);
        if (!sums->energy_j)
            abort();
    }
    for (; sums->count <= index; sums->count++) {
        size_t last = sums->count - 1;
        sums->energy_j[sums->count] = sums->count
            ? sums->energy_j[last] + excess_j(gpu, stretch_at(last), stretch_at(last + 1).began_s)
            : 0.0;
    }
    return sums->energy_j[index];
}

double drawn_power_w(struct gpu *gpu, double time_s)
{
    double own_w = power_w(&gpu->profile, time_s), decay_s = FIXED(gpu, work_decay_s);
    ptrdiff_t index = gpu->work.count ? last_begun(time_s) : -1;
    if (index < 0)
        return own_w;
    struct stretch work = stretch_at((size_t)index);
    if (time_s < work.ended_s)
        return power_w(&gpu->work, time_s - work.began_s);
    if (decay_s > 0 && time_s < work.ended_s + decay_s)
        own_w += excess_at_end_w(gpu, work) * (1 - (time_s - work.ended_s) / decay_s);
    return own_w;
}

double drawn_energy_j(struct gpu *gpu, double time_s)
{
    double own_j = energy_j(&gpu->profile, time_s);
    ptrdiff_t index = gpu->work.count ? last_begun(time_s) : -1;
    if (index < 0)
        return own_j;
    return own_j + excess_before_j(gpu, (size_t)index) + excess_j(gpu, stretch_at((size_t)index), time_s);
}
