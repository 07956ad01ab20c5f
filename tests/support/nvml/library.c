/* Stands in for libnvidia-ml.so.1, NVIDIA's management library, on a machine without a GPU.
 *
 * What it answers is read anew at every call from the text file that $STANDIN_NVML names, so that a test can change
 * the machine under a running server:
 *
 *     driver 580.82.07          before the first section: the driver itself
 *     cuda 13000
 *     init !9                   "!N" instead of a value: the call returns N, here "driver not loaded"
 *     [0]                       a GPU; a key that is not there is "not supported" on this GPU
 *     uuid GPU-1
 *     total 1000
 *     process 4711 1048576      may be repeated; without the second number the memory is "not available"
 *     stall 3                   every call on it takes so many seconds
 *     error 15                  every call on it returns this
 *     [0/1]                     MIG slice 1 of GPU 0
 *
 * Built with -DOLD_DRIVER it lacks the functions that came with drivers 510 and 535.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, VERSION = 25 };
typedef unsigned long long u64;
typedef const void *Device; /* 100 * (GPU + 1), plus (slice + 1) for a slice */

static int users;

static void name_of(Device device, char *name) {
    long number = (long)device, gpu = number / 100 - 1, slice = number % 100 - 1;
    if (!device)
        strcpy(name, "");
    else if (slice < 0)
        sprintf(name, "[%ld]", gpu);
    else
        sprintf(name, "[%ld/%ld]", gpu, slice);
}

/* The text after the nth line with this key in the device's section; without a key, whether there is such a section. */
static int find(Device device, const char *key, int nth, char *text) {
    char section[32], line[512];
    const char *path = getenv("STANDIN_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    name_of(device, section);
    int inside = !device, found = 0;
    size_t length = key ? strlen(key) : 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] == '[') {
            inside = strcmp(line, section) == 0;
            found = inside && !key;
        } else if (inside && key && strncmp(line, key, length) == 0 && line[length] == ' ' && nth-- == 0) {
            snprintf(text, 400, "%s", line + length + 1);
            found = 1;
        }
    }
    if (file)
        fclose(file);
    return found;
}

static int text_of(Device device, const char *key, char *text) {
    if (!find(device, key, 0, text))
        return NOT_SUPPORTED;
    return text[0] == '!' ? atoi(text + 1) : SUCCESS;
}

static int number_of(Device device, const char *key, u64 *number) {
    char text[512];
    int result = text_of(device, key, text);
    if (result == SUCCESS)
        *number = strtoull(text, NULL, 0);
    return result;
}

/* Before anything is asked of a device. */
static int reach(Device device) {
    char text[512];
    long slice = (long)device % 100;
    if (!users)
        return UNINITIALIZED;
    if (slice && reach((const char *)device - slice) != SUCCESS)
        return reach((const char *)device - slice); /* a slice is lost with its GPU */
    if (find(device, "stall", 0, text))
        sleep((unsigned)atoi(text));
    return find(device, "error", 0, text) ? atoi(text) : SUCCESS;
}

static int copy(Device device, const char *key, char *buffer, unsigned size) {
    char text[512];
    int result = device ? reach(device) : users ? SUCCESS : UNINITIALIZED;
    if (result == SUCCESS)
        result = text_of(device, key, text);
    if (result != SUCCESS)
        return result;
    if (strlen(text) >= size)
        return TOO_SMALL;
    strcpy(buffer, text);
    return SUCCESS;
}

static int measure(Device device, const char *key, u64 *value) {
    int result = reach(device);
    return result == SUCCESS ? number_of(device, key, value) : result;
}

static int measure_unsigned(Device device, const char *key, unsigned *value) {
    u64 number;
    int result = measure(device, key, &number);
    if (result == SUCCESS)
        *value = (unsigned)number;
    return result;
}

int nvmlInitWithFlags(unsigned flags) {
    u64 ignored;
    int result = number_of(NULL, "init", &ignored);
    (void)flags;
    if (result == NOT_SUPPORTED)
        result = SUCCESS;
    users += result == SUCCESS;
    return result;
}

int nvmlShutdown(void) { return users ? (users--, SUCCESS) : UNINITIALIZED; }

const char *nvmlErrorString(int result) { return result == SUCCESS ? "Success" : "Unlisted"; }

int nvmlSystemGetDriverVersion(char *buffer, unsigned size) { return copy(NULL, "driver", buffer, size); }

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    u64 number;
    int result = number_of(NULL, "cuda", &number);
    if (result == SUCCESS)
        *version = (int)number;
    return result;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    for (*count = 0; find((Device)(100L * (*count + 1)), NULL, 0, NULL); ++*count)
        ;
    return users ? SUCCESS : UNINITIALIZED;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *device) {
    *device = (Device)(100L * (index + 1));
    return find(*device, NULL, 0, NULL) ? reach(*device) : INVALID;
}

int nvmlDeviceGetName(Device device, char *buffer, unsigned size) { return copy(device, "name", buffer, size); }
int nvmlDeviceGetUUID(Device device, char *buffer, unsigned size) { return copy(device, "uuid", buffer, size); }
int nvmlDeviceGetPowerUsage(Device device, unsigned *milliwatts) {
    return measure_unsigned(device, "milliwatts", milliwatts);
}
int nvmlDeviceGetTotalEnergyConsumption(Device device, u64 *millijoules) {
    return measure(device, "millijoules", millijoules);
}
int nvmlDeviceGetTemperature(Device device, int sensor, unsigned *celsius) {
    return sensor ? INVALID : measure_unsigned(device, "celsius", celsius);
}

struct utilization { unsigned gpu, memory; };
int nvmlDeviceGetUtilizationRates(Device device, struct utilization *rates) {
    rates->memory = 0;
    return measure_unsigned(device, "busy", &rates->gpu);
}

int nvmlDeviceGetMigMode(Device device, unsigned *current, unsigned *pending) {
    int result = measure_unsigned(device, "mig", current);
    *pending = *current;
    return result;
}
int nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned *count) {
    *count = 7;
    return reach(device);
}
int nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device *slice) {
    *slice = (const char *)device + index + 1;
    return find(*slice, NULL, 0, NULL) ? reach(device) : NOT_FOUND;
}

struct memory { u64 total, free, used; };
int nvmlDeviceGetMemoryInfo(Device device, struct memory *memory) {
    u64 reserved = 0;
    int result = measure(device, "total", &memory->total);
    if (result == SUCCESS)
        result = measure(device, "used", &memory->used);
    if (result == SUCCESS && number_of(device, "reserved", &reserved) == SUCCESS)
        memory->used += reserved; /* this older form knows no reserved part */
    memory->free = memory->total - memory->used;
    return result;
}

#ifndef OLD_DRIVER
struct memory_v2 { unsigned version; u64 total, reserved, free, used; };
int nvmlDeviceGetMemoryInfo_v2(Device device, struct memory_v2 *memory) {
    int result = memory->version == (sizeof *memory | 2 << 24) ? measure(device, "total", &memory->total) : VERSION;
    if (result == SUCCESS)
        result = measure(device, "used", &memory->used);
    memory->reserved = 0;
    if (result == SUCCESS)
        number_of(device, "reserved", &memory->reserved);
    memory->free = memory->total - memory->used - memory->reserved;
    return result;
}
int nvmlDeviceGetCurrentClocksEventReasons(Device device, u64 *reasons) { return measure(device, "slowed", reasons); }
#endif
int nvmlDeviceGetCurrentClocksThrottleReasons(Device device, u64 *reasons) { return measure(device, "slowed", reasons); }

struct process { unsigned pid; u64 used; unsigned gpu_instance, compute_instance; };
int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned *count, struct process *processes) {
    char text[512], *end;
    unsigned room = *count;
    int result = reach(device);
    if (result != SUCCESS)
        return result;
    for (*count = 0; find(device, "process", (int)*count, text); ++*count) {
        if (text[0] == '!')
            return atoi(text + 1);
        if (*count >= room)
            continue;
        struct process *one = processes + *count;
        one->pid = (unsigned)strtoul(text, &end, 0);
        one->used = *end ? strtoull(end, NULL, 0) : ~0ULL;
        one->gpu_instance = one->compute_instance = ~0U;
    }
    return *count > room ? TOO_SMALL : SUCCESS;
}
