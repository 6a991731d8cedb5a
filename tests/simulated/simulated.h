/* A simulated NVIDIA driver: the scripted machine, its physics and its clock. README.md tells how to script it. */
#ifndef SIMULATED_H
#define SIMULATED_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_GPUS = 16, TEXT_SIZE = 96 };

/* Numbers of one device; NaN where the device doesn't tell. driver.py names and explains them. */
#define SETTINGS(X)                                                                                                   \
    X(averaging_s) X(update_period_s) X(sensor_phase_s) X(power_noise_w)                                              \
    X(average_window_s) X(power_usage_is_average)                                                                     \
    X(gain_error) X(counter_gain_error)                                                                               \
    X(counter_period_s) X(counter_phase_s) X(counter_jitter_s) X(counter_resolution_mj) X(counter_start_mj)           \
    X(counter_range_mj) X(counter_sees_sensor)                                                                        \
    X(work_decay_s) X(call_latency_s) X(call_latency_jitter_s) X(lost_at_s) X(seed)                                                   \
    X(mig_mode) X(architecture) X(compute_capability_major) X(compute_capability_minor)                               \
    X(power_limit_w) X(default_power_limit_w) X(min_power_limit_w) X(max_power_limit_w)                               \
    X(sm_clock_mhz) X(memory_clock_mhz) X(max_sm_clock_mhz) X(max_memory_clock_mhz)                                   \
    X(temperature_c) X(persistence_mode) X(compute_mode) X(performance_state)                                         \
    X(utilization) X(memory_utilization) X(memory_bytes) X(used_memory_bytes)                                         \
    X(pci_domain) X(pci_bus) X(pci_device)

#define AS_INDEX(name) SETTING_##name,
enum setting { SETTINGS(AS_INDEX) SETTING_COUNT };
#undef AS_INDEX

/* Power between two times, linear; `energy_j` is what all segments before it spent. */
struct segment {
    double from_s, duration_s, start_w, end_w, energy_j;
};

struct profile {
    struct segment *segments;
    size_t count;
    double length_s, energy_j;
    int repeating;
};

struct change { enum setting setting; double from_s, value; };
struct fault { char call[TEXT_SIZE]; int result; double from_s, until_s, calls; };
struct throttle { unsigned long long reasons; double from_s, until_s; };
struct process { unsigned pid; char kind[16]; double from_s, until_s, memory_bytes; };

/* Joules summed up once, because the past doesn't change. */
struct sums { double *energy_j; size_t count, capacity; };

#define LIST(type, name) struct type *name; size_t name##_count

struct gpu {
    char name[TEXT_SIZE], uuid[TEXT_SIZE], serial[TEXT_SIZE];
    double settings[SETTING_COUNT];
    struct profile profile, work; /* what it draws by itself, and while work runs */
    LIST(change, changes);
    LIST(fault, faults);
    LIST(throttle, throttles);
    LIST(process, processes);
    double *resets_s;
    size_t resets_s_count;
    struct sums held;   /* of the sensor's readings, each held until the next, at its updates from 0 on */
    struct sums excess; /* of work.c */
};

struct machine {
    double start_s;
    char driver_version[TEXT_SIZE], nvml_version[TEXT_SIZE], cuda_version[TEXT_SIZE];
    struct gpu gpus[MAX_GPUS];
    size_t gpu_count;
};

/* script.c: 0 where the script was read; else an explanation stands on stderr. The text is cut up while it is read. */
int read_script(char *text, struct machine *machine);
void forget_script(struct machine *machine);

/* clock.c */
int open_clock(const char *path); /* empty for CLOCK_MONOTONIC; 0 where it was opened */
double clock_s(void);
void let_time_pass(double seconds);

/* physics.c; all times are seconds since the script's start */
double setting_at(const struct gpu *gpu, enum setting setting, double now_s);
#define AT(gpu, name, now_s) setting_at((gpu), SETTING_##name, (now_s))
#define FIXED(gpu, name) ((gpu)->settings[SETTING_##name])
double power_w(const struct profile *profile, double time_s);
double energy_j(const struct profile *profile, double time_s);
double instant_power_w(struct gpu *gpu, double now_s);
double average_power_w(struct gpu *gpu, double now_s);
unsigned long long counter_mj(struct gpu *gpu, double now_s);
double uniform(const struct gpu *gpu, uint64_t stream, int64_t index); /* in [0, 1), always the same */

/* work.c: what a device truly draws, work included */
int open_work(const char *path, double start_s); /* empty for none; 0 where it was opened */
double drawn_power_w(struct gpu *gpu, double time_s);
double drawn_energy_j(struct gpu *gpu, double time_s);

#endif
