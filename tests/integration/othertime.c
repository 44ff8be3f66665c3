/* Another wall clock for one process, preloaded (ld.so(8)): CLOCK_REALTIME is off by the seconds
   written in the file $OTHERTIME, read anew each time, so that it can jump. CLOCK_BOOTTIME, sleeping
   and the times of files are left alone, which libfaketime 0.9.10 does not do. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static int file = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("OTHERTIME");
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (name)
        file = open(name, O_RDONLY | O_CLOEXEC);
}

static long long off(void)
{
    char text[32];
    ssize_t length = file < 0 ? 0 : pread(file, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = 0;
    return atoll(text);
}

int clock_gettime(clockid_t id, struct timespec *at)
{
    if (!real)
        begin();
    int failed = real(id, at);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        at->tv_sec += off();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
