#include "ranks/slurm_allocation.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONGEST_DECAY 0.98 /* per job: half of it is forgotten after 34 shorter ones */
enum { MAX_FIELDS = 3 };   /* hours, minutes, seconds */

/* A number of decimal digits at *at, which moves behind it. */
static bool take_number(const char **at, double *out)
{
    if (!isdigit((unsigned char)**at)) {
        return false;
    }
    char *end = NULL;
    *out      = (double)strtoull(*at, &end, 10);
    *at       = end;
    return true;
}

bool swp_allocation_parse_left(const char *text, double *left_s_out)
{
    const char *at   = text + strspn(text, " ");
    double      days = 0.0, left_s = 0.0, number = 0.0;
    int         fields = 1;
    if (strncmp(at, "UNLIMITED", strlen("UNLIMITED")) == 0) {
        *left_s_out = INFINITY;
        return true;
    }
    if (!take_number(&at, &left_s)) {
        return false;
    }
    if (*at == '-') {
        at++;
        days = left_s;
        if (!take_number(&at, &left_s)) {
            return false;
        }
    }
    for (; *at == ':' && fields < MAX_FIELDS; fields++) {
        at++;
        if (!take_number(&at, &number)) {
            return false;
        }
        left_s = left_s * 60.0 + number;
    }
    if (at[strspn(at, " \n")] != '\0') {
        return false;
    }
    *left_s_out = days * 86400.0 + left_s;
    return true;
}

static bool is_number(const char *text)
{
    return text != NULL && text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* Slurm's name of this job, fit for a shell; an array's tasks have to be kept apart. */
static bool name_job(char *out, size_t size)
{
    const char *job = getenv("SLURM_JOB_ID"), *array = getenv("SLURM_ARRAY_JOB_ID"),
               *task = getenv("SLURM_ARRAY_TASK_ID");
    int written      = -1;
    if (is_number(array) && is_number(task)) {
        written = snprintf(out, size, "%s_%s", array, task);
    } else if (is_number(job)) {
        written = snprintf(out, size, "%s", job);
    }
    return written > 0 && (size_t)written < size;
}

static bool ask_squeue(double *left_s_out)
{
    char job[48], command[128], line[64];
    if (!name_job(job, sizeof job)) {
        return false;
    }
    snprintf(command, sizeof command, "timeout 10 squeue --noheader --jobs=%s --format=%%L 2>/dev/null", job);
    /* glibc spawns without copying the process: safe after MPI_Init; the command is made of digits and ours
     */
    FILE *answer = popen(command, "r"); /* NOLINT(cert-env33-c) */
    if (answer == NULL) {
        return false;
    }
    const bool has_line = fgets(line, sizeof line, answer) != NULL;
    return pclose(answer) == 0 && has_line && swp_allocation_parse_left(line, left_s_out);
}

swp_allocation swp_allocation_find(double *left_s_out)
{
    const char *end_time = getenv("SLURM_JOB_END_TIME"); /* seconds since 1970 */
    if (is_number(end_time)) {
        *left_s_out = strtod(end_time, NULL) - (double)time(NULL);
        return SWP_ALLOCATION_KNOWN;
    }
    if (getenv("SLURM_JOB_ID") == NULL) {
        return SWP_ALLOCATION_NONE;
    }
    return ask_squeue(left_s_out) ? SWP_ALLOCATION_KNOWN : SWP_ALLOCATION_UNKNOWN;
}

double swp_allocation_stop_s(double end_s, double longest_job_s)
{
    return end_s - SWP_ALLOCATION_CLOSE_S - longest_job_s;
}

double swp_allocation_longest_s(double longest_s, double job_s)
{
    return fmax(job_s, longest_s * LONGEST_DECAY);
}
