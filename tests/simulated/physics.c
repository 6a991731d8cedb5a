/* From the scripted true power to what a card's sensor and counter show of it. */
#include "simulated.h"

#include <stdlib.h>

enum { STREAM_TICK = 1, STREAM_NOISE = 2 };

double setting_at(const struct gpu *gpu, enum setting setting, double now_s)
{
    double value = gpu->settings[setting];
    double since_s = -INFINITY;
    for (size_t i = 0; i < gpu->changes_count; i++) {
        const struct change *change = &gpu->changes[i];
        if (change->setting == setting && change->from_s <= now_s && change->from_s >= since_s) {
            value = change->value;
            since_s = change->from_s;
        }
    }
    return value;
}

/* The segment that holds `time_s`, which lies within the profile. */
static const struct segment *segment_at(const struct profile *profile, double time_s)
{
    size_t low = 0, high = profile->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (profile->segments[middle].from_s <= time_s)
            low = middle;
        else
            high = middle;
    }
    return &profile->segments[low];
}

static double cycles_before(const struct profile *profile, double time_s)
{
    return profile->repeating ? floor(time_s / profile->length_s) : 0.0;
}

double power_w(const struct profile *profile, double time_s)
{
    time_s -= cycles_before(profile, time_s) * profile->length_s;
    if (time_s < 0)
        return profile->segments[0].start_w;
    if (time_s >= profile->length_s)
        return profile->segments[profile->count - 1].end_w;
    const struct segment *segment = segment_at(profile, time_s);
    double share = (time_s - segment->from_s) / segment->duration_s;
    return segment->start_w + share * (segment->end_w - segment->start_w);
}

/* True joules since time 0; negative before it. */
double energy_j(const struct profile *profile, double time_s)
{
    double cycles = cycles_before(profile, time_s);
    time_s -= cycles * profile->length_s;
    double before_j = cycles * profile->energy_j;
    if (time_s < 0)
        return before_j + time_s * profile->segments[0].start_w;
    if (time_s >= profile->length_s)
        return before_j + profile->energy_j
            + (time_s - profile->length_s) * profile->segments[profile->count - 1].end_w;
    const struct segment *segment = segment_at(profile, time_s);
    double inside_s = time_s - segment->from_s;
    double slope = (segment->end_w - segment->start_w) / segment->duration_s;
    return before_j + segment->energy_j + inside_s * (segment->start_w + 0.5 * slope * inside_s);
}

/* splitmix64: the same index always has the same number, in whatever order they are asked for. */
double uniform(const struct gpu *gpu, uint64_t stream, int64_t index)
{
    uint64_t mixed = (uint64_t)FIXED(gpu, seed) * 0x9E3779B97F4A7C15u + stream * 0xD1B54A32D192ED03u + (uint64_t)index;
    mixed += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return (double)((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53;
}

static double mean_w(struct gpu *gpu, double from_s, double until_s)
{
    if (until_s <= from_s)
        return drawn_power_w(gpu, until_s);
    return (drawn_energy_j(gpu, until_s) - drawn_energy_j(gpu, from_s)) / (until_s - from_s);
}

static int64_t update_at(const struct gpu *gpu, double now_s)
{
    return (int64_t)floor((now_s - FIXED(gpu, sensor_phase_s)) / FIXED(gpu, update_period_s));
}

static double time_of_update(const struct gpu *gpu, int64_t update)
{
    return FIXED(gpu, sensor_phase_s) + (double)update * FIXED(gpu, update_period_s);
}

/* The sensor's reading of one update: the mean over the last `window_s`, of which nothing else is ever seen. */
static double reading_w(struct gpu *gpu, int64_t update, double window_s)
{
    double updated_s = time_of_update(gpu, update);
    double seen_w = mean_w(gpu, updated_s - window_s, updated_s) * (1 + FIXED(gpu, gain_error));
    double noise_w = FIXED(gpu, power_noise_w) * (2 * uniform(gpu, STREAM_NOISE, update) - 1);
    return fmax(0.0, seen_w + noise_w);
}

double instant_power_w(struct gpu *gpu, double now_s)
{
    return reading_w(gpu, update_at(gpu, now_s), FIXED(gpu, averaging_s));
}

double average_power_w(struct gpu *gpu, double now_s)
{
    return reading_w(gpu, update_at(gpu, now_s), FIXED(gpu, average_window_s));
}

/* Joules up to `time_s` of the sensor's readings, each held until the next; 0 before the start. */
static double sensor_energy_j(struct gpu *gpu, double time_s)
{
    struct sums *held = &gpu->held;
    int64_t first = update_at(gpu, 0.0), last = update_at(gpu, time_s);
    if (time_s <= 0 || last < first)
        return 0.0;
    size_t needed = (size_t)(last - first) + 1;
    if (needed > held->capacity) {
        size_t capacity = 2 * needed;
        double *grown = realloc(held->energy_j, capacity * sizeof *grown);
        if (!grown)
            abort();
        held->energy_j = grown;
        held->capacity = capacity;
    }
    for (; held->count < needed; held->count++) {
        int64_t update = first + (int64_t)held->count - 1;
        double before_j = 0.0;
        if (held->count) {
            double held_s = time_of_update(gpu, update + 1) - fmax(0.0, time_of_update(gpu, update));
            before_j = held->energy_j[held->count - 1]
                + held_s * reading_w(gpu, update, FIXED(gpu, averaging_s));
        }
        held->energy_j[held->count] = before_j;
    }
    double held_s = time_s - fmax(0.0, time_of_update(gpu, last));
    return held->energy_j[needed - 1] + held_s * reading_w(gpu, last, FIXED(gpu, averaging_s));
}

static double time_of_tick(const struct gpu *gpu, int64_t tick)
{
    double late_s = FIXED(gpu, counter_jitter_s) * (2 * uniform(gpu, STREAM_TICK, tick) - 1);
    return FIXED(gpu, counter_phase_s) + (double)tick * FIXED(gpu, counter_period_s) + late_s;
}

static double last_tick_s(const struct gpu *gpu, double now_s)
{
    int64_t tick = (int64_t)floor((now_s - FIXED(gpu, counter_phase_s)) / FIXED(gpu, counter_period_s)) + 1;
    while (time_of_tick(gpu, tick) > now_s)
        tick--;
    return time_of_tick(gpu, tick);
}

unsigned long long counter_mj(struct gpu *gpu, double now_s)
{
    double until_s = last_tick_s(gpu, now_s), from_s = 0.0, start_mj = FIXED(gpu, counter_start_mj);
    for (size_t i = 0; i < gpu->resets_s_count; i++) {
        if (gpu->resets_s[i] <= now_s && gpu->resets_s[i] > from_s) {
            from_s = gpu->resets_s[i];
            start_mj = 0.0;
        }
    }
    until_s = fmax(until_s, from_s);
    double spent_j = FIXED(gpu, counter_sees_sensor)
        ? sensor_energy_j(gpu, until_s) - sensor_energy_j(gpu, from_s)
        : (drawn_energy_j(gpu, until_s) - drawn_energy_j(gpu, from_s)) * (1 + FIXED(gpu, gain_error));
    double total_mj = start_mj + 1000 * spent_j * (1 + FIXED(gpu, counter_gain_error));
    double resolution_mj = fmax(1.0, FIXED(gpu, counter_resolution_mj)), range_mj = FIXED(gpu, counter_range_mj);
    total_mj = floor(fmax(0.0, total_mj) / resolution_mj) * resolution_mj;
    return (unsigned long long)(range_mj > 0 ? fmod(total_mj, range_mj) : total_mj);
}
