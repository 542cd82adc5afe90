/* Gives one process, and what it starts, a clock and a host name of its own.
 * MACHINE_CLOCK names a file of eight bytes: how many seconds its clock is ahead of the real one.
 * MACHINE_NAME is what the process finds as its host name. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *ahead;
static int (*real_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_clock(void) {
    real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("MACHINE_CLOCK");
    int file = path == NULL ? -1 : open(path, O_RDONLY);
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) ahead = page;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *moment) {
    if (real_clock == NULL)
        real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int outcome = real_clock(which, moment);
    if (outcome == 0 && ahead != NULL && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        moment->tv_sec += *ahead;
    return outcome;
}

int gettimeofday(struct timeval *moment, void *zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
    moment->tv_sec = exact.tv_sec;
    moment->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *moment) {
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return (time_t)-1;
    if (moment != NULL) *moment = exact.tv_sec;
    return exact.tv_sec;
}

int gethostname(char *name, size_t size) {
    static int (*real_name)(char *, size_t);
    const char *own = getenv("MACHINE_NAME");
    if (own != NULL) {
        strncpy(name, own, size);
        return 0;
    }
    if (real_name == NULL)
        real_name = (int (*)(char *, size_t))dlsym(RTLD_NEXT, "gethostname");
    return real_name(name, size);
}
