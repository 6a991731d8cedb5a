/* The functions of libnvidia-ml.so.1 that energy meters call, answered from a script. Those that are not here are
 * absent, as in an older driver, and nvidia-ml-py raises NVMLError_FunctionNotFound for them.
 *
 * Names, numbers and layouts are those of NVIDIA's NVML API reference (https://docs.nvidia.com/deploy/nvml-api/). */
#define _GNU_SOURCE
#include "simulated.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((visibility("default"))) int

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7, LIBRARY_NOT_FOUND = 12, GPU_IS_LOST = 15, UNKNOWN = 999
};
enum { FIELD_ENERGY = 83, FIELD_POWER_AVERAGE = 185, FIELD_POWER_INSTANT = 186, FIELD_MIN_LIMIT = 187,
       FIELD_MAX_LIMIT = 188, FIELD_DEFAULT_LIMIT = 189, FIELD_CURRENT_LIMIT = 190 };
enum { SW_POWER_CAP = 0x04, HW_SLOWDOWN = 0x08, SW_THERMAL = 0x20, HW_THERMAL = 0x40, HW_POWER_BRAKE = 0x80 };

typedef void *device_t;

union value { double as_double; unsigned as_unsigned; unsigned long long as_long; };
struct field { unsigned id, scope; long long timestamp_us, latency_us; unsigned type; int result; union value value; };
struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct process_info { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; };
struct pci { char legacy_id[16]; unsigned domain, bus, device, device_id, subsystem_id; char id[32]; };
struct utilization { unsigned gpu, memory; };
struct temperature { unsigned version, sensor; int celsius; };
struct violation { unsigned long long reference_us, violation_ns; };
struct sample { unsigned long long timestamp_us; union value value; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct machine machine;
static char handles[MAX_GPUS]; /* a device's handle is the address of its byte */
static char *loaded;           /* the script and the files that go with it, as they were read */
static int references;
static int64_t calls;

/* The script's text and the files that go with it; NULL where there is no script. The caller frees it. */
static char *wanted(const char *clock_path, const char *work_path)
{
    const char *path = getenv("SIMULATED_NVML_SCRIPT");
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file)
        return NULL;
    struct stat status;
    char *text = NULL, *head = NULL;
    if (!fstat(fileno(file), &status) && asprintf(&head, "# clock %s work %s\n", clock_path, work_path) > 0) {
        size_t length = strlen(head);
        text = calloc(1, length + (size_t)status.st_size + 1);
        if (text) {
            memcpy(text, head, length);
            text[length + fread(text + length, 1, (size_t)status.st_size, file)] = 0;
        }
        free(head);
    }
    fclose(file);
    return text;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/* Reads the script where it or a file with it changed since; without a script the machine has no driver at all. */
static int start(void)
{
    const char *clock_path = variable("SIMULATED_NVML_CLOCK"), *work_path = variable("SIMULATED_NVML_WORK");
    char *text = wanted(clock_path, work_path);
    if (!text) {
        references = 0;
        return LIBRARY_NOT_FOUND;
    }
    if (loaded && !strcmp(loaded, text)) {
        free(text);
        return SUCCESS;
    }
    forget_script(&machine);
    free(loaded);
    loaded = NULL;
    char *cut_up = strdup(text);
    int faulty = !cut_up || read_script(cut_up, &machine) || open_clock(clock_path)
        || open_work(work_path, machine.start_s);
    free(cut_up);
    if (faulty) {
        forget_script(&machine);
        free(text);
        return UNKNOWN;
    }
    loaded = text;
    return SUCCESS;
}

API nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    int result = start();
    references += result == SUCCESS;
    pthread_mutex_unlock(&lock);
    return result;
}

API nvmlInit_v2(void)
{
    return nvmlInitWithFlags(0);
}

API nvmlShutdown(void)
{
    pthread_mutex_lock(&lock);
    int result = references ? SUCCESS : UNINITIALIZED;
    references -= references > 0;
    pthread_mutex_unlock(&lock);
    return result;
}

__attribute__((visibility("default"))) const char *nvmlErrorString(int result)
{
    static const char *const texts[] = {
        "The operation was successful", "Uninitialized", "Invalid Argument", "Not Supported",
        "Insufficient Permissions", "Already Initialized", "Not Found", "Insufficient Size",
        "Insufficient External Power", "Driver Not Loaded", "Timeout", "Interrupt Request Issue",
        "NVML Shared Library Not Found", "Function Not Found", "Corrupted infoROM", "GPU is lost",
        "GPU requires restart", "The operating system has blocked the request.",
        "RM has detected an NVML/RM version mismatch.", "The requested operation could not be done: in use",
        "Insufficient Memory",
    };
    return result >= 0 && (size_t)result < sizeof texts / sizeof *texts ? texts[result] : "Unknown Error";
}

/* One call of a device: what it may use while it holds the lock. */
struct call { struct gpu *gpu; double now_s, rest_s; };

/* A script names a function without its version: nvmlDeviceGetComputeRunningProcesses is also its _v3. */
static int is_named(const char *function, const char *scripted)
{
    size_t length = strlen(scripted);
    return !strncmp(function, scripted, length) && (!function[length] || !strncmp(function + length, "_v", 2));
}

static int fault_of(const struct gpu *gpu, const char *name, double now_s)
{
    for (size_t i = 0; i < gpu->faults_count; i++) {
        const struct fault *fault = &gpu->faults[i];
        if (is_named(name, fault->call) && fault->from_s <= now_s && now_s < fault->until_s)
            return fault->result;
    }
    return SUCCESS;
}

/* Begins a call. The reading is taken in the middle of the call's latency, as nobody knows where it is taken. */
static int begin(device_t handle, const char *name, struct call *call)
{
    ptrdiff_t index = (char *)handle - handles;
    pthread_mutex_lock(&lock);
    int known = references && index >= 0 && (size_t)index < machine.gpu_count;
    if (!known) {
        int result = references ? INVALID_ARGUMENT : UNINITIALIZED;
        pthread_mutex_unlock(&lock);
        return result;
    }
    call->gpu = &machine.gpus[index];
    double latency_s = FIXED(call->gpu, call_latency_s)
        + FIXED(call->gpu, call_latency_jitter_s) * uniform(call->gpu, 3, calls++);
    pthread_mutex_unlock(&lock);
    call->rest_s = latency_s / 2;
    let_time_pass(latency_s / 2);
    pthread_mutex_lock(&lock);
    call->now_s = clock_s() - machine.start_s;
    if (!call->gpu->profile.count) /* another thread read a script of fewer devices meanwhile */
        return INVALID_ARGUMENT;
    if (call->now_s >= FIXED(call->gpu, lost_at_s))
        return GPU_IS_LOST;
    return fault_of(call->gpu, name, call->now_s);
}

static int end(const struct call *call, int result)
{
    pthread_mutex_unlock(&lock);
    let_time_pass(call->rest_s);
    return result;
}

#define BEGIN(handle)                                                                                                 \
    struct call call = {0};                                                                                           \
    int result = begin((handle), __func__, &call);                                                                    \
    if (!call.gpu)                                                                                                    \
        return result;                                                                                                \
    if (result)                                                                                                       \
        return end(&call, result)
#define NUMBER(name) AT(call.gpu, name, call.now_s)

static int give(double value, unsigned *told)
{
    if (!told)
        return INVALID_ARGUMENT;
    if (isnan(value))
        return NOT_SUPPORTED;
    *told = (unsigned)llround(value);
    return SUCCESS;
}

static int give_text(const char *text, char *buffer, unsigned size)
{
    if (!*text)
        return NOT_SUPPORTED;
    if (strlen(text) >= size)
        return INSUFFICIENT_SIZE;
    strcpy(buffer, text);
    return SUCCESS;
}

/* The system */

API nvmlSystemGetDriverVersion(char *version, unsigned size)
{
    return references ? give_text(machine.driver_version, version, size) : UNINITIALIZED;
}

API nvmlSystemGetNVMLVersion(char *version, unsigned size)
{
    return references ? give_text(machine.nvml_version, version, size) : UNINITIALIZED;
}

API nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    *version = atoi(machine.cuda_version);
    return references ? SUCCESS : UNINITIALIZED;
}

API nvmlSystemGetCudaDriverVersion(int *version)
{
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

API nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = (unsigned)machine.gpu_count;
    return references ? SUCCESS : UNINITIALIZED;
}

API nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *handle)
{
    if (!references)
        return UNINITIALIZED;
    if (index >= machine.gpu_count)
        return INVALID_ARGUMENT;
    *handle = &handles[index];
    struct call call = {0};
    int result = begin(*handle, __func__, &call);
    return end(&call, result);
}

API nvmlDeviceGetHandleByUUID(const char *uuid, device_t *handle)
{
    for (size_t i = 0; i < machine.gpu_count; i++)
        if (references && !strcmp(machine.gpus[i].uuid, uuid))
            return nvmlDeviceGetHandleByIndex_v2((unsigned)i, handle);
    return references ? NOT_FOUND : UNINITIALIZED;
}

static void write_pci_id(const struct gpu *gpu, const char *format, char *id, size_t size)
{
    snprintf(id, size, format, (unsigned)FIXED(gpu, pci_domain), (unsigned)FIXED(gpu, pci_bus),
             (unsigned)FIXED(gpu, pci_device));
}

API nvmlDeviceGetHandleByPciBusId_v2(const char *wanted_id, device_t *handle)
{
    for (size_t i = 0; references && i < machine.gpu_count; i++) {
        char id[32];
        write_pci_id(&machine.gpus[i], "%08X:%02X:%02X.0", id, sizeof id);
        if (!strcasecmp(id, wanted_id) || !strcasecmp(id + 4, wanted_id))
            return nvmlDeviceGetHandleByIndex_v2((unsigned)i, handle);
    }
    return references ? NOT_FOUND : UNINITIALIZED;
}

/* What a device is */

API nvmlDeviceGetName(device_t device, char *name, unsigned size)
{
    BEGIN(device);
    return end(&call, give_text(call.gpu->name, name, size));
}

API nvmlDeviceGetUUID(device_t device, char *uuid, unsigned size)
{
    BEGIN(device);
    return end(&call, give_text(call.gpu->uuid, uuid, size));
}

API nvmlDeviceGetSerial(device_t device, char *serial, unsigned size)
{
    BEGIN(device);
    return end(&call, give_text(call.gpu->serial, serial, size));
}

API nvmlDeviceGetIndex(device_t device, unsigned *index)
{
    BEGIN(device);
    return end(&call, give((double)(call.gpu - machine.gpus), index));
}

API nvmlDeviceGetMinorNumber(device_t device, unsigned *minor)
{
    BEGIN(device);
    return end(&call, give((double)(call.gpu - machine.gpus), minor));
}

API nvmlDeviceGetPciInfo_v3(device_t device, struct pci *pci)
{
    BEGIN(device);
    memset(pci, 0, sizeof *pci);
    pci->domain = (unsigned)FIXED(call.gpu, pci_domain);
    pci->bus = (unsigned)FIXED(call.gpu, pci_bus);
    pci->device = (unsigned)FIXED(call.gpu, pci_device);
    write_pci_id(call.gpu, "%08X:%02X:%02X.0", pci->id, sizeof pci->id);
    write_pci_id(call.gpu, "%04X:%02X:%02X.0", pci->legacy_id, sizeof pci->legacy_id);
    return end(&call, SUCCESS);
}

API nvmlDeviceGetCudaComputeCapability(device_t device, int *major, int *minor)
{
    BEGIN(device);
    *major = (int)NUMBER(compute_capability_major);
    *minor = (int)NUMBER(compute_capability_minor);
    return end(&call, SUCCESS);
}

API nvmlDeviceGetMigMode(device_t device, unsigned *current, unsigned *pending)
{
    BEGIN(device);
    result = give(NUMBER(mig_mode), current);
    *pending = *current;
    return end(&call, result);
}

/* Numbers that a device tells as they are */
#define GETTER(function, name, factor)                                                                                \
    API function(device_t device, unsigned *told)                                                                     \
    {                                                                                                                 \
        BEGIN(device);                                                                                                \
        return end(&call, give((factor) * NUMBER(name), told));                                                       \
    }

GETTER(nvmlDeviceGetArchitecture, architecture, 1)
GETTER(nvmlDeviceGetPersistenceMode, persistence_mode, 1)
GETTER(nvmlDeviceGetComputeMode, compute_mode, 1)
GETTER(nvmlDeviceGetPerformanceState, performance_state, 1)
GETTER(nvmlDeviceGetPowerState, performance_state, 1)
GETTER(nvmlDeviceGetEnforcedPowerLimit, power_limit_w, 1000)
GETTER(nvmlDeviceGetPowerManagementLimit, power_limit_w, 1000)
GETTER(nvmlDeviceGetPowerManagementDefaultLimit, default_power_limit_w, 1000)

API nvmlDeviceGetPowerManagementLimitConstraints(device_t device, unsigned *least, unsigned *most)
{
    BEGIN(device);
    result = give(1000 * NUMBER(min_power_limit_w), least);
    return end(&call, result ? result : give(1000 * NUMBER(max_power_limit_w), most));
}

static double clock_mhz(const struct call *called, unsigned type, int highest)
{
    enum { GRAPHICS = 0, SM = 1, MEMORY = 2 };
    const struct gpu *gpu = called->gpu;
    if (type == GRAPHICS || type == SM)
        return highest ? AT(gpu, max_sm_clock_mhz, called->now_s) : AT(gpu, sm_clock_mhz, called->now_s);
    if (type == MEMORY)
        return highest ? AT(gpu, max_memory_clock_mhz, called->now_s) : AT(gpu, memory_clock_mhz, called->now_s);
    return NAN;
}

API nvmlDeviceGetClockInfo(device_t device, unsigned type, unsigned *mhz)
{
    BEGIN(device);
    return end(&call, give(clock_mhz(&call, type, 0), mhz));
}

API nvmlDeviceGetMaxClockInfo(device_t device, unsigned type, unsigned *mhz)
{
    BEGIN(device);
    return end(&call, give(clock_mhz(&call, type, 1), mhz));
}

API nvmlDeviceGetClock(device_t device, unsigned type, unsigned id, unsigned *mhz)
{
    BEGIN(device);
    return end(&call, give(clock_mhz(&call, type, id != 0), mhz));
}

static int one_clock(double mhz, unsigned *count, unsigned *clocks)
{
    if (isnan(mhz))
        return NOT_SUPPORTED;
    if (!clocks || !*count) {
        *count = 1;
        return INSUFFICIENT_SIZE;
    }
    *count = 1;
    return give(mhz, clocks);
}

API nvmlDeviceGetSupportedMemoryClocks(device_t device, unsigned *count, unsigned *clocks)
{
    BEGIN(device);
    return end(&call, one_clock(NUMBER(max_memory_clock_mhz), count, clocks));
}

API nvmlDeviceGetSupportedGraphicsClocks(device_t device, unsigned memory_mhz, unsigned *count, unsigned *clocks)
{
    (void)memory_mhz;
    BEGIN(device);
    return end(&call, one_clock(NUMBER(max_sm_clock_mhz), count, clocks));
}

API nvmlDeviceGetTemperature(device_t device, unsigned sensor, unsigned *celsius)
{
    BEGIN(device);
    return end(&call, sensor ? INVALID_ARGUMENT : give(NUMBER(temperature_c), celsius));
}

API nvmlDeviceGetTemperatureV(device_t device, struct temperature *told)
{
    BEGIN(device);
    return end(&call, told->sensor ? INVALID_ARGUMENT : give(NUMBER(temperature_c), (unsigned *)&told->celsius));
}

API nvmlDeviceGetUtilizationRates(device_t device, struct utilization *told)
{
    BEGIN(device);
    if (NUMBER(mig_mode) > 0)
        return end(&call, NOT_SUPPORTED);
    result = give(NUMBER(utilization), &told->gpu);
    return end(&call, result ? result : give(NUMBER(memory_utilization), &told->memory));
}

API nvmlDeviceGetMemoryInfo(device_t device, struct memory *told)
{
    BEGIN(device);
    if (isnan(NUMBER(memory_bytes)))
        return end(&call, NOT_SUPPORTED);
    told->total = (unsigned long long)NUMBER(memory_bytes);
    told->used = (unsigned long long)NUMBER(used_memory_bytes);
    told->free = told->total - told->used;
    return end(&call, SUCCESS);
}

API nvmlDeviceGetMemoryInfo_v2(device_t device, struct memory_v2 *told)
{
    struct memory memory;
    int result = nvmlDeviceGetMemoryInfo(device, &memory);
    if (result == SUCCESS) {
        told->total = memory.total;
        told->reserved = 0;
        told->free = memory.free;
        told->used = memory.used;
    }
    return result;
}

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

/* Settings are the administrator's, who doesn't run tests. */
#define SETTER(function, ...)                                                                                         \
    API function(device_t device, __VA_ARGS__)                                                                        \
    {                                                                                                                 \
        BEGIN(device);                                                                                                \
        return end(&call, NO_PERMISSION);                                                                             \
    }
#pragma GCC diagnostic ignored "-Wunused-parameter"
SETTER(nvmlDeviceSetPowerManagementLimit, unsigned limit_mw)
SETTER(nvmlDeviceSetPersistenceMode, unsigned mode)
SETTER(nvmlDeviceSetMemoryLockedClocks, unsigned least_mhz, unsigned most_mhz)
SETTER(nvmlDeviceSetGpuLockedClocks, unsigned least_mhz, unsigned most_mhz)

API nvmlDeviceResetMemoryLockedClocks(device_t device)
{
    BEGIN(device);
    return end(&call, NO_PERMISSION);
}

API nvmlDeviceResetGpuLockedClocks(device_t device)
{
    BEGIN(device);
    return end(&call, NO_PERMISSION);
}

API nvmlDeviceGetC2cModeInfoV(device_t device, unsigned *enabled)
{
    (void)enabled;
    BEGIN(device);
    return end(&call, NOT_SUPPORTED);
}
