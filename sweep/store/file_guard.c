#include "store/file_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/exit_code.h"

/* Processor time of one call. A call reads at most some MiB, which takes a hundredth of this. */
#define CALL_LIMIT_S 5

/* Memory that a call may add to what the process has: HDF5 makes as much as a damaged heap says. The largest
 * thing it has to make is a chunk (MOST_CHUNK_BYTES in store/h5_util.c), twice while it is unpacked. */
#define CALL_MEMORY_BYTES ((rlim_t)640 << 20)

/* The sanitizers tell of crashes better than we do. */
#if defined(__SANITIZE_ADDRESS__)
#define CATCHES_CRASHES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CATCHES_CRASHES 0
#endif
#endif
#ifndef CATCHES_CRASHES
#define CATCHES_CRASHES 1
#endif

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { N_CRASHES = sizeof crashes / sizeof crashes[0], STACK_BYTES = 64 * 1024 };

/* A handler can only reach globals, as in ranks/signals.c. */
static const char *volatile reading_path;
static unsigned         n_on;
static struct sigaction before_crash[N_CRASHES], before_time;
static stack_t          before_stack;
static char             stack[STACK_BYTES]; /* endless recursion leaves no room on the usual one */
static timer_t          timer;
static bool             has_timer;
static struct rlimit    before_memory;
static bool             limits_memory;

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text)); /* nothing else can be done about it here */
}

static void end(const char *what)
{
    const char *path = reading_path;
    say(path != NULL ? path : "result file");
    say(what);
    _exit(WS_EXIT_OUTPUT);
}

static void on_crash(int number)
{
    (void)number;
    end(": damaged: reading it makes the program crash\n");
}

static void on_time(int number)
{
    (void)number;
    end(": damaged: reading it does not end\n");
}

static void handle(int number, void (*handler)(int), struct sigaction *before)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags   = SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, before);
}

static void make_timer(void)
{
    clockid_t       clock;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo  = SIGVTALRM;
    has_timer =
        pthread_getcpuclockid(pthread_self(), &clock) == 0 && timer_create(clock, &event, &timer) == 0;
}

void swp_guard_on(void)
{
    if (n_on++ > 0) {
        return;
    }
    if (CATCHES_CRASHES) { /* a sanitizer unmaps the stack of a thread that ends, and takes this one for its
                              own */
        const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
        sigaltstack(&own, &before_stack);
    }
    for (int i = 0; CATCHES_CRASHES && i < N_CRASHES; i++) {
        handle(crashes[i], on_crash, &before_crash[i]);
    }
    handle(SIGVTALRM, on_time, &before_time);
    make_timer();
}

void swp_guard_off(void)
{
    if (--n_on > 0) {
        return;
    }
    if (has_timer) {
        timer_delete(timer);
        has_timer = false;
    }
    sigaction(SIGVTALRM, &before_time, NULL);
    for (int i = 0; CATCHES_CRASHES && i < N_CRASHES; i++) {
        sigaction(crashes[i], &before_crash[i], NULL);
    }
    if (CATCHES_CRASHES) {
        sigaltstack(&before_stack, NULL);
    }
    reading_path = NULL;
}

static void set_timer(time_t seconds)
{
    const struct itimerspec limit = {.it_value = {.tv_sec = seconds}};
    if (has_timer) {
        timer_settime(timer, 0, &limit, NULL);
    }
}

/* Pages of data that the process has: the sixth number of /proc/self/statm, as RLIMIT_DATA counts them. 0 if
 * unknown. */
static rlim_t data_bytes(void)
{
    unsigned long n_pages = 0;
    FILE         *file    = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%*u %*u %*u %*u %*u %lu", &n_pages) != 1) {
            n_pages = 0;
        }
        fclose(file);
    }
    return (rlim_t)n_pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit_memory(void)
{
    const rlim_t now = data_bytes();
    limits_memory    = CATCHES_CRASHES && now > 0 && getrlimit(RLIMIT_DATA, &before_memory) == 0 &&
                    now + CALL_MEMORY_BYTES < before_memory.rlim_cur;
    if (limits_memory) {
        const struct rlimit own = {.rlim_cur = now + CALL_MEMORY_BYTES, .rlim_max = before_memory.rlim_max};
        setrlimit(RLIMIT_DATA, &own);
    }
}

void swp_guard_begin(const char *path)
{
    reading_path = path;
    limit_memory();
    set_timer(CALL_LIMIT_S);
}

void swp_guard_end(void)
{
    set_timer(0);
    if (limits_memory) {
        setrlimit(RLIMIT_DATA, &before_memory);
        limits_memory = false;
    }
}
