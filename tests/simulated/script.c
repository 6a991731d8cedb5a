/* Reading the script that driver.py writes: a line for each fact, `gpu` begins the next device. */
#define _GNU_SOURCE
#include "simulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AS_NAME(name) #name,
static const char *const SETTING_NAMES[] = {SETTINGS(AS_NAME)};
#undef AS_NAME

static int find_setting(const char *name)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (name && !strcmp(SETTING_NAMES[i], name))
            return i;
    return -1;
}

static int number(char **words, double *value)
{
    char *word = strsep(words, " "), *end;
    if (!word || !*word)
        return 0;
    *value = strtod(word, &end);
    return !*end;
}

static int text(char **words, char *value)
{
    return *words && **words && strlen(*words) < TEXT_SIZE ? (strcpy(value, *words), 1) : 0;
}

static int word(char **words, char *value, size_t size)
{
    char *found = strsep(words, " ");
    return found && *found && strlen(found) < size ? (strcpy(value, found), 1) : 0;
}

/* One more item at the end of a list, zeroed. */
static void *grow(void *items, size_t *count, size_t size)
{
    char *grown = realloc(items, (*count + 1) * size);
    if (!grown)
        abort();
    memset(grown + *count * size, 0, size);
    ++*count;
    return grown;
}

#define ADD(gpu, list)                                                                                                \
    ((gpu)->list = grow((gpu)->list, &(gpu)->list##_count, sizeof *(gpu)->list),                                      \
     &(gpu)->list[(gpu)->list##_count - 1])

static int add_segment(struct profile *profile, char **words)
{
    profile->segments = grow(profile->segments, &profile->count, sizeof *profile->segments);
    struct segment *segment = &profile->segments[profile->count - 1];
    segment->from_s = profile->length_s;
    segment->energy_j = profile->energy_j;
    if (!number(words, &segment->duration_s) || !number(words, &segment->start_w) || !number(words, &segment->end_w))
        return 0;
    profile->length_s += segment->duration_s;
    profile->energy_j += segment->duration_s * 0.5 * (segment->start_w + segment->end_w);
    return segment->duration_s > 0;
}

static int gpu_line(struct gpu *gpu, const char *kind, char **words)
{
    double value;
    if (!strcmp(kind, "name"))
        return text(words, gpu->name);
    if (!strcmp(kind, "uuid"))
        return text(words, gpu->uuid);
    if (!strcmp(kind, "serial"))
        return text(words, gpu->serial);
    if (!strcmp(kind, "segment"))
        return add_segment(&gpu->profile, words);
    if (!strcmp(kind, "work"))
        return add_segment(&gpu->work, words);
    if (!strcmp(kind, "repeating"))
        return number(words, &value) ? (gpu->profile.repeating = value != 0, 1) : 0;
    if (!strcmp(kind, "work_repeating"))
        return number(words, &value) ? (gpu->work.repeating = value != 0, 1) : 0;
    if (!strcmp(kind, "set")) {
        int setting = find_setting(strsep(words, " "));
        return setting >= 0 && number(words, &gpu->settings[setting]);
    }
    if (!strcmp(kind, "at")) {
        struct change *change = ADD(gpu, changes);
        if (!number(words, &change->from_s))
            return 0;
        int setting = find_setting(strsep(words, " "));
        change->setting = (enum setting)setting;
        return setting >= 0 && number(words, &change->value);
    }
    if (!strcmp(kind, "reset"))
        return number(words, ADD(gpu, resets_s));
    if (!strcmp(kind, "fault")) {
        struct fault *fault = ADD(gpu, faults);
        int known = word(words, fault->call, sizeof fault->call) && number(words, &value);
        fault->result = known ? (int)value : 0;
        return known && number(words, &fault->from_s) && number(words, &fault->until_s)
            && number(words, &fault->calls);
    }
    if (!strcmp(kind, "throttle")) {
        struct throttle *throttle = ADD(gpu, throttles);
        int known = number(words, &value);
        throttle->reasons = known ? (unsigned long long)value : 0;
        return known && number(words, &throttle->from_s) && number(words, &throttle->until_s);
    }
    if (!strcmp(kind, "process")) {
        struct process *process = ADD(gpu, processes);
        int known = number(words, &value) && word(words, process->kind, sizeof process->kind);
        process->pid = known ? (unsigned)value : 0;
        return known && number(words, &process->from_s) && number(words, &process->until_s)
            && number(words, &process->memory_bytes);
    }
    return 0;
}

static int machine_line(struct machine *machine, const char *kind, char **words)
{
    if (!strcmp(kind, "start_s"))
        return number(words, &machine->start_s);
    if (!strcmp(kind, "driver_version"))
        return text(words, machine->driver_version);
    if (!strcmp(kind, "nvml_version"))
        return text(words, machine->nvml_version);
    if (!strcmp(kind, "cuda_version"))
        return text(words, machine->cuda_version);
    if (!strcmp(kind, "gpu") && machine->gpu_count < MAX_GPUS) {
        struct gpu *gpu = &machine->gpus[machine->gpu_count++];
        for (int i = 0; i < SETTING_COUNT; i++)
            gpu->settings[i] = NAN;
        return 1;
    }
    if (!machine->gpu_count)
        return 0;
    return gpu_line(&machine->gpus[machine->gpu_count - 1], kind, words);
}

int read_script(char *script, struct machine *machine)
{
    char *line, *rest = script;
    for (int row = 1; (line = strsep(&rest, "\n")); row++) {
        char whole[256], *words = line;
        snprintf(whole, sizeof whole, "%s", line);
        if (!*line || *line == '#')
            continue;
        const char *kind = strsep(&words, " ");
        if (!machine_line(machine, kind, &words)) {
            fprintf(stderr, "simulated NVML: line %d of the script is not understood: %s\n", row, whole);
            return 1;
        }
    }
    for (size_t i = 0; i < machine->gpu_count; i++)
        if (!machine->gpus[i].profile.count) {
            fprintf(stderr, "simulated NVML: GPU %zu has no power profile\n", i);
            return 1;
        }
    return 0;
}

void forget_script(struct machine *machine)
{
    for (size_t i = 0; i < machine->gpu_count; i++) {
        struct gpu *gpu = &machine->gpus[i];
        free(gpu->profile.segments);
        free(gpu->changes);
        free(gpu->faults);
        free(gpu->throttles);
        free(gpu->processes);
        free(gpu->resets_s);
        free(gpu->work.segments);
        free(gpu->held.energy_j);
        free(gpu->excess.energy_j);
    }
    memset(machine, 0, sizeof *machine);
}
