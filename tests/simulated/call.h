/* What every function of the library is made of: results, and the begin and end of a call to a device. */
#ifndef CALL_H
#define CALL_H

#include "simulated.h"

#define API __attribute__((visibility("default"))) int

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7, LIBRARY_NOT_FOUND = 12, GPU_IS_LOST = 15, UNKNOWN = 999
};

typedef void *device_t;

extern struct machine machine;

/* One call of a device: what it may use while it holds the lock. */
struct call { struct gpu *gpu; double now_s, rest_s; };

int begin(device_t handle, const char *function, struct call *call);
int end(const struct call *call, int result);
int fault_of(const struct gpu *gpu, const char *function_or_field, double now_s);
void write_pci_id(const struct gpu *gpu, const char *format, char *id, size_t size);

/* A number or text that a device tells: NOT_SUPPORTED where the script has none. */
int give(double value, unsigned *told);
int give_text(const char *text, char *buffer, unsigned size);

#define BEGIN(handle)                                                                                                 \
    struct call call = {0};                                                                                           \
    int result = begin((handle), __func__, &call);                                                                    \
    if (!call.gpu)                                                                                                    \
        return result;                                                                                                \
    if (result)                                                                                                       \
        return end(&call, result)
#define NUMBER(name) AT(call.gpu, name, call.now_s)

#endif
