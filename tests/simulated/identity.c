/* What a device is, how it is set, and what else it tells of itself; and the settings, which are refused. */
#include "call.h"

#include <string.h>

struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct pci { char legacy_id[16]; unsigned domain, bus, device, device_id, subsystem_id; char id[32]; };
struct utilization { unsigned gpu, memory; };
struct temperature { unsigned version, sensor; int celsius; };

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
