/* What a device measures: its energy, its power, and what disturbs it. */
#define _GNU_SOURCE
#include "call.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIELD_ENERGY = 83, FIELD_POWER_AVERAGE = 185, FIELD_POWER_INSTANT = 186, FIELD_MIN_LIMIT = 187,
       FIELD_MAX_LIMIT = 188, FIELD_DEFAULT_LIMIT = 189, FIELD_CURRENT_LIMIT = 190 };
enum { SW_POWER_CAP = 0x04, HW_SLOWDOWN = 0x08, SW_THERMAL = 0x20, HW_THERMAL = 0x40, HW_POWER_BRAKE = 0x80 };

union value { double as_double; unsigned as_unsigned; unsigned long long as_long; };
struct field { unsigned id, scope; long long timestamp_us, latency_us; unsigned type; int result; union value value; };
struct process_info { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; };
struct violation { unsigned long long reference_us, violation_ns; };
struct sample { unsigned long long timestamp_us; union value value; };

/* Energy and power */

API nvmlDeviceGetTotalEnergyConsumption(device_t device, unsigned long long *energy_mj)
{
    BEGIN(device);
    *energy_mj = counter_mj(call.gpu, call.now_s);
    return end(&call, SUCCESS);
}

API nvmlDeviceGetPowerUsage(device_t device, unsigned *power_mw)
{
    BEGIN(device);
    double watts = NUMBER(power_usage_is_average) ? average_power_w(call.gpu, call.now_s)
                                                  : instant_power_w(call.gpu, call.now_s);
    return end(&call, give(1000 * watts, power_mw));
}

static long long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return 1000000LL * now.tv_sec + now.tv_nsec / 1000;
}

static const char *field_name(unsigned id)
{
    switch (id) {
    case FIELD_ENERGY: return "NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION";
    case FIELD_POWER_AVERAGE: return "NVML_FI_DEV_POWER_AVERAGE";
    case FIELD_POWER_INSTANT: return "NVML_FI_DEV_POWER_INSTANT";
    case FIELD_MIN_LIMIT: return "NVML_FI_DEV_POWER_MIN_LIMIT";
    case FIELD_MAX_LIMIT: return "NVML_FI_DEV_POWER_MAX_LIMIT";
    case FIELD_DEFAULT_LIMIT: return "NVML_FI_DEV_POWER_DEFAULT_LIMIT";
    case FIELD_CURRENT_LIMIT: return "NVML_FI_DEV_POWER_CURRENT_LIMIT";
    default: return "";
    }
}

/* A counter that is not supported by its function is not supported as a field either. */
static int field_fault(const struct call *called, unsigned id)
{
    int fault = fault_of(called->gpu, field_name(id), called->now_s);
    if (!fault && id == FIELD_ENERGY)
        fault = fault_of(called->gpu, "nvmlDeviceGetTotalEnergyConsumption", called->now_s);
    return fault;
}

static void read_field(const struct call *called, struct field *field)
{
    enum { UNSIGNED_INT = 1, UNSIGNED_LONG_LONG = 3 };
    double watts = NAN;
    field->timestamp_us = microseconds();
    field->latency_us = llround(2e6 * called->rest_s);
    field->type = UNSIGNED_INT;
    field->result = field->scope ? NOT_SUPPORTED : field_fault(called, field->id);
    if (field->result)
        return;
    switch (field->id) {
    case FIELD_ENERGY:
        field->type = UNSIGNED_LONG_LONG;
        field->value.as_long = counter_mj(called->gpu, called->now_s);
        return;
    case FIELD_POWER_AVERAGE: watts = average_power_w(called->gpu, called->now_s); break;
    case FIELD_POWER_INSTANT: watts = instant_power_w(called->gpu, called->now_s); break;
    case FIELD_MIN_LIMIT: watts = AT(called->gpu, min_power_limit_w, called->now_s); break;
    case FIELD_MAX_LIMIT: watts = AT(called->gpu, max_power_limit_w, called->now_s); break;
    case FIELD_DEFAULT_LIMIT: watts = AT(called->gpu, default_power_limit_w, called->now_s); break;
    case FIELD_CURRENT_LIMIT: watts = AT(called->gpu, power_limit_w, called->now_s); break;
    default: break;
    }
    field->result = give(1000 * watts, &field->value.as_unsigned);
}

API nvmlDeviceGetFieldValues(device_t device, int count, struct field *fields)
{
    BEGIN(device);
    for (int i = 0; i < count; i++)
        read_field(&call, &fields[i]);
    return end(&call, SUCCESS);
}

/* What disturbs a device */

static unsigned long long reasons_at(const struct gpu *gpu, double now_s)
{
    unsigned long long reasons = 0;
    for (size_t i = 0; i < gpu->throttles_count; i++)
        if (gpu->throttles[i].from_s <= now_s && now_s < gpu->throttles[i].until_s)
            reasons |= gpu->throttles[i].reasons;
    return reasons;
}

API nvmlDeviceGetCurrentClocksEventReasons(device_t device, unsigned long long *reasons)
{
    BEGIN(device);
    *reasons = reasons_at(call.gpu, call.now_s);
    return end(&call, SUCCESS);
}

API nvmlDeviceGetCurrentClocksThrottleReasons(device_t device, unsigned long long *reasons)
{
    BEGIN(device);
    *reasons = reasons_at(call.gpu, call.now_s);
    return end(&call, SUCCESS);
}

API nvmlDeviceGetSupportedClocksEventReasons(device_t device, unsigned long long *reasons)
{
    BEGIN(device);
    *reasons = 0x1ff;
    return end(&call, SUCCESS);
}

API nvmlDeviceGetSupportedClocksThrottleReasons(device_t device, unsigned long long *reasons)
{
    BEGIN(device);
    *reasons = 0x1ff;
    return end(&call, SUCCESS);
}

/* Nanoseconds for which a reason of `policy` (0: power, 1: thermal) held the clocks down. */
API nvmlDeviceGetViolationStatus(device_t device, unsigned policy, struct violation *told)
{
    BEGIN(device);
    unsigned long long mask = policy == 0 ? SW_POWER_CAP | HW_POWER_BRAKE
        : policy == 1                     ? SW_THERMAL | HW_THERMAL | HW_SLOWDOWN
                                          : 0;
    double held_s = 0;
    for (size_t i = 0; i < call.gpu->throttles_count; i++) {
        const struct throttle *throttle = &call.gpu->throttles[i];
        if (throttle->reasons & mask)
            held_s += fmax(0.0, fmin(call.now_s, throttle->until_s) - throttle->from_s);
    }
    told->reference_us = (unsigned long long)llround(1e6 * fmax(0.0, call.now_s));
    told->violation_ns = (unsigned long long)llround(1e9 * held_s);
    return end(&call, mask ? SUCCESS : NOT_SUPPORTED);
}

/* The processes of one kind; pid 0 in the script stands for the process that asks. */
static int list_processes(const struct call *called, const char *kind, unsigned *count, struct process_info *infos)
{
    unsigned room = *count, found = 0;
    for (size_t i = 0; i < called->gpu->processes_count; i++) {
        const struct process *process = &called->gpu->processes[i];
        if (strcmp(process->kind, kind) || called->now_s < process->from_s || called->now_s >= process->until_s)
            continue;
        if (infos && found < room)
            infos[found] = (struct process_info){process->pid ? process->pid : (unsigned)getpid(),
                                                 (unsigned long long)process->memory_bytes, ~0u, ~0u};
        found++;
    }
    *count = found;
    return found > room || (found && !infos) ? INSUFFICIENT_SIZE : SUCCESS;
}

#define PROCESSES(function, kind)                                                                                     \
    API function(device_t device, unsigned *count, struct process_info *infos)                                        \
    {                                                                                                                 \
        BEGIN(device);                                                                                                \
        return end(&call, list_processes(&call, kind, count, infos));                                                 \
    }

PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, "compute")
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v2, "compute")
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, "graphics")
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v2, "graphics")
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v3, "mps")

/* The sensor's last readings (type 0, board power), as old as a real driver keeps them. */
API nvmlDeviceGetSamples(device_t device, unsigned type, unsigned long long since_us, unsigned *value_type,
                         unsigned *count, struct sample *samples)
{
    enum { KEPT = 119, UNSIGNED_INT = 1 };
    BEGIN(device);
    if (type != 0)
        return end(&call, NOT_SUPPORTED);
    double period_s = FIXED(call.gpu, update_period_s);
    double updated_s = floor((call.now_s - FIXED(call.gpu, sensor_phase_s)) / period_s) * period_s
        + FIXED(call.gpu, sensor_phase_s);
    long long now_us = microseconds();
    unsigned room = *count, found = 0;
    *value_type = UNSIGNED_INT;
    for (int back = KEPT; back >= 0; back--) {
        double time_s = updated_s - back * period_s;
        long long stamp_us = now_us - llround(1e6 * (call.now_s - time_s));
        if (time_s < 0 || stamp_us <= (long long)since_us)
            continue;
        if (samples && found < room) {
            samples[found].timestamp_us = (unsigned long long)stamp_us;
            give(1000 * instant_power_w(call.gpu, time_s + period_s / 2), &samples[found].value.as_unsigned);
        }
        found += !samples || found < room;
    }
    *count = found;
    return end(&call, found ? SUCCESS : NOT_FOUND);
}
