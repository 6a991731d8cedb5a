/* The functions of libnvidia-ml.so.1 that energy meters call, answered from a script. Those that are not here are
 * absent, as in an older driver, and nvidia-ml-py raises NVMLError_FunctionNotFound for them.
 *
 * Names, numbers and layouts are those of NVIDIA's NVML API reference (https://docs.nvidia.com/deploy/nvml-api/).
 * This file has the library, its machine and its devices' handles; identity.c what a device is, readings.c what it
 * measures. */
#define _GNU_SOURCE
#include "call.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct machine machine;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
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
    calls = 0;
    return SUCCESS;
}

API nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    int result = start();
    if (result == SUCCESS && machine.gpu_count)
        result = fault_of(&machine.gpus[0], "nvmlInit", clock_s() - machine.start_s);
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

/* A script names a function without its version: nvmlDeviceGetComputeRunningProcesses is also its _v3. */
static int is_named(const char *function, const char *scripted)
{
    size_t length = strlen(scripted);
    return !strncmp(function, scripted, length) && (!function[length] || !strncmp(function + length, "_v", 2));
}

int fault_of(const struct gpu *gpu, const char *name, double now_s)
{
    for (size_t i = 0; i < gpu->faults_count; i++) {
        struct fault *fault = &gpu->faults[i];
        if (fault->calls > 0 && is_named(name, fault->call) && fault->from_s <= now_s && now_s < fault->until_s) {
            fault->calls--;
            return fault->result;
        }
    }
    return SUCCESS;
}

/* The result of a call to no device: where it is to fail stands with the first one. */
static int of_machine(const char *name)
{
    if (!references)
        return UNINITIALIZED;
    pthread_mutex_lock(&lock);
    int result = machine.gpu_count ? fault_of(&machine.gpus[0], name, clock_s() - machine.start_s) : SUCCESS;
    pthread_mutex_unlock(&lock);
    return result;
}

/* Begins a call. The reading is taken in the middle of the call's latency, as nobody knows where it is taken. */
int begin(device_t handle, const char *name, struct call *call)
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

int end(const struct call *call, int result)
{
    pthread_mutex_unlock(&lock);
    let_time_pass(call->rest_s);
    return result;
}

int give(double value, unsigned *told)
{
    if (!told)
        return INVALID_ARGUMENT;
    if (isnan(value))
        return NOT_SUPPORTED;
    *told = (unsigned)llround(value);
    return SUCCESS;
}

int give_text(const char *text, char *buffer, unsigned size)
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
    int result = of_machine(__func__);
    return result ? result : give_text(machine.driver_version, version, size);
}

API nvmlSystemGetNVMLVersion(char *version, unsigned size)
{
    return references ? give_text(machine.nvml_version, version, size) : UNINITIALIZED;
}

API nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    *version = atoi(machine.cuda_version);
    return of_machine(__func__);
}

API nvmlSystemGetCudaDriverVersion(int *version)
{
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

API nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = (unsigned)machine.gpu_count;
    return of_machine(__func__);
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
    int result = of_machine(__func__);
    for (size_t i = 0; !result && i < machine.gpu_count; i++)
        if (!strcmp(machine.gpus[i].uuid, uuid))
            return nvmlDeviceGetHandleByIndex_v2((unsigned)i, handle);
    return result ? result : NOT_FOUND;
}

void write_pci_id(const struct gpu *gpu, const char *format, char *id, size_t size)
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
