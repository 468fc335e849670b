/* Wall time goes forward by what passes; a wait ends when it is signalled, else when its time is over, by the
 * monotonic clock whatever the calendar says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>

#include "base/clock.h"

#define A_MOMENT_S 0.02
#define LONG_S 1000.0 /* never waited for: CTest would end the test before */

static void test_wall_time_passes(void **state)
{
    (void)state;
    const double begin_s = ws_wall_s();
    ws_sleep_ns((int64_t)(A_MOMENT_S * 1e9));
    assert_true(ws_wall_s() - begin_s >= A_MOMENT_S * 0.99); /* sums of doubles */
    double last_s = ws_wall_s();
    for (int i = 0; i < 1000; i++) {
        const double now_s = ws_wall_s();
        assert_true(now_s >= last_s);
        last_s = now_s;
    }
}

typedef struct door {
    pthread_mutex_t mutex;
    pthread_cond_t  cond;
    bool            is_open; /* under the mutex */
} door;

static void door_init(door *d)
{
    *d = (door){.is_open = false};
    assert_int_equal(pthread_mutex_init(&d->mutex, NULL), 0);
    assert_int_equal(ws_cond_init(&d->cond), WS_OK);
}

static void door_fini(door *d)
{
    pthread_cond_destroy(&d->cond);
    pthread_mutex_destroy(&d->mutex);
}

/* Nobody signals: by the calendar's clock the end, a time of the monotonic one, would lie decades back, and
 * the wait would end at once. */
static void test_a_wait_ends_when_its_time_is_over(void **state)
{
    (void)state;
    door d;
    door_init(&d);
    pthread_mutex_lock(&d.mutex);
    const double begin_s = ws_wall_s();
    while (ws_cond_wait_s(&d.cond, &d.mutex, begin_s + A_MOMENT_S - ws_wall_s())) {
    }
    const double waited_s = ws_wall_s() - begin_s;
    pthread_mutex_unlock(&d.mutex);
    assert_true(waited_s >= A_MOMENT_S * 0.99);
    door_fini(&d);
}

static void test_no_time_is_no_wait(void **state)
{
    static const double none[] = {0.0, -1.0, -INFINITY, NAN};
    (void)state;
    door d;
    door_init(&d);
    pthread_mutex_lock(&d.mutex);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(ws_cond_wait_s(&d.cond, &d.mutex, none[i]));
    }
    pthread_mutex_unlock(&d.mutex);
    door_fini(&d);
}

static void *open_door(void *arg)
{
    door *d = arg;
    ws_sleep_ns((int64_t)(A_MOMENT_S * 1e9));
    pthread_mutex_lock(&d->mutex);
    d->is_open = true;
    pthread_cond_signal(&d->cond);
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static void test_a_signal_ends_a_wait(void **state)
{
    static const double limits[] = {LONG_S, INFINITY};
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        door      d;
        pthread_t thread;
        door_init(&d);
        pthread_mutex_lock(&d.mutex);
        assert_int_equal(pthread_create(&thread, NULL, open_door, &d), 0);
        while (!d.is_open) {
            assert_true(ws_cond_wait_s(&d.cond, &d.mutex, limits[i]));
        }
        pthread_mutex_unlock(&d.mutex);
        assert_int_equal(pthread_join(thread, NULL), 0);
        door_fini(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall_time_passes),
        cmocka_unit_test(test_a_wait_ends_when_its_time_is_over),
        cmocka_unit_test(test_no_time_is_no_wait),
        cmocka_unit_test(test_a_signal_ends_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
