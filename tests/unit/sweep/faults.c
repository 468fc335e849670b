#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>
#include <hdf5_hl.h>

/* X(type, failure, name, parameters, arguments) */
/* clang-format off */
#define HDF5_CALLS(X) \
    X(herr_t, -1, H5Awrite, (hid_t a, hid_t b, const void *c), (a, b, c)) \
    X(herr_t, -1, H5Aread, (hid_t a, hid_t b, void *c), (a, b, c)) \
    X(hid_t, -1, H5Aopen, (hid_t a, const char *b, hid_t c), (a, b, c)) \
    X(hid_t, -1, H5Aget_type, (hid_t a), (a)) \
    X(hid_t, -1, H5Aget_space, (hid_t a), (a)) \
    X(htri_t, -1, H5Aexists, (hid_t a, const char *b), (a, b)) \
    X(herr_t, -1, H5Aiterate2, (hid_t a, H5_index_t b, H5_iter_order_t c, hsize_t *d, H5A_operator2_t e, void *f), (a, b, c, d, e, f)) \
    X(hid_t, -1, H5Acreate2, (hid_t a, const char *b, hid_t c, hid_t d, hid_t e, hid_t f), (a, b, c, d, e, f)) \
    X(herr_t, -1, H5DSset_scale, (hid_t a, const char *b), (a, b)) \
    X(herr_t, -1, H5DSattach_scale, (hid_t a, hid_t b, unsigned c), (a, b, c)) \
    X(hid_t, -1, H5Dcreate2, (hid_t a, const char *b, hid_t c, hid_t d, hid_t e, hid_t f, hid_t g), (a, b, c, d, e, f, g)) \
    X(herr_t, -1, H5Dflush, (hid_t a), (a)) \
    X(hid_t, -1, H5Dget_create_plist, (hid_t a), (a)) \
    X(hid_t, -1, H5Dget_space, (hid_t a), (a)) \
    X(hid_t, -1, H5Dget_type, (hid_t a), (a)) \
    X(hid_t, -1, H5Dopen2, (hid_t a, const char *b, hid_t c), (a, b, c)) \
    X(herr_t, -1, H5Dread, (hid_t a, hid_t b, hid_t c, hid_t d, hid_t e, void *f), (a, b, c, d, e, f)) \
    X(herr_t, -1, H5Drefresh, (hid_t a), (a)) \
    X(herr_t, -1, H5Dset_extent, (hid_t a, const hsize_t *b), (a, b)) \
    X(herr_t, -1, H5Dwrite, (hid_t a, hid_t b, hid_t c, hid_t d, hid_t e, const void *f), (a, b, c, d, e, f)) \
    X(herr_t, -1, H5Dwrite_chunk, (hid_t a, hid_t b, uint32_t c, const hsize_t *d, size_t e, const void *f), (a, b, c, d, e, f)) \
    X(herr_t, (H5Fclose_real(a), -1), H5Fclose, (hid_t a), (a)) \
    X(hid_t, -1, H5Fcreate, (const char *a, unsigned b, hid_t c, hid_t d), (a, b, c, d)) \
    X(herr_t, -1, H5Fflush, (hid_t a, H5F_scope_t b), (a, b)) \
    X(herr_t, -1, H5Fget_vfd_handle, (hid_t a, hid_t b, void **c), (a, b, c)) \
    X(htri_t, -1, H5Fis_hdf5, (const char *a), (a)) \
    X(hid_t, -1, H5Fopen, (const char *a, unsigned b, hid_t c), (a, b, c)) \
    X(herr_t, -1, H5Fstart_swmr_write, (hid_t a), (a)) \
    X(hid_t, -1, H5Gcreate2, (hid_t a, const char *b, hid_t c, hid_t d, hid_t e), (a, b, c, d, e)) \
    X(hid_t, -1, H5Gopen2, (hid_t a, const char *b, hid_t c), (a, b, c)) \
    X(htri_t, -1, H5Lexists, (hid_t a, const char *b, hid_t c), (a, b, c)) \
    X(herr_t, -1, H5Literate, (hid_t a, H5_index_t b, H5_iter_order_t c, hsize_t *d, H5L_iterate_t e, void *f), (a, b, c, d, e, f)) \
    X(hid_t, -1, H5Pcreate, (hid_t a), (a)) \
    X(int, -1, H5Pget_chunk, (hid_t a, int b, hsize_t *c), (a, b, c)) \
    X(int, -1, H5Pget_external_count, (hid_t a), (a)) \
    X(H5D_layout_t, H5D_LAYOUT_ERROR, H5Pget_layout, (hid_t a), (a)) \
    X(herr_t, -1, H5Pset_attr_creation_order, (hid_t a, unsigned b), (a, b)) \
    X(herr_t, -1, H5Pset_chunk, (hid_t a, int b, const hsize_t *c), (a, b, c)) \
    X(herr_t, -1, H5Pset_chunk_cache, (hid_t a, size_t b, size_t c, double d), (a, b, c, d)) \
    X(herr_t, -1, H5Pset_deflate, (hid_t a, unsigned b), (a, b)) \
    X(herr_t, -1, H5Pset_file_space_page_size, (hid_t a, hsize_t b), (a, b)) \
    X(herr_t, -1, H5Pset_file_space_strategy, (hid_t a, H5F_fspace_strategy_t b, hbool_t c, hsize_t d), (a, b, c, d)) \
    X(herr_t, -1, H5Pset_fill_time, (hid_t a, H5D_fill_time_t b), (a, b)) \
    X(herr_t, -1, H5Pset_fill_value, (hid_t a, hid_t b, const void *c), (a, b, c)) \
    X(herr_t, -1, H5Pset_fletcher32, (hid_t a), (a)) \
    X(herr_t, -1, H5Pset_libver_bounds, (hid_t a, H5F_libver_t b, H5F_libver_t c), (a, b, c)) \
    X(herr_t, -1, H5Pset_link_creation_order, (hid_t a, unsigned b), (a, b)) \
    X(herr_t, -1, H5Pset_metadata_read_attempts, (hid_t a, unsigned b), (a, b)) \
    X(herr_t, -1, H5Pset_shuffle, (hid_t a), (a)) \
    X(hid_t, -1, H5Screate, (H5S_class_t a), (a)) \
    X(hid_t, -1, H5Screate_simple, (int a, const hsize_t *b, const hsize_t *c), (a, b, c)) \
    X(int, -1, H5Sget_simple_extent_dims, (hid_t a, hsize_t *b, hsize_t *c), (a, b, c)) \
    X(hssize_t, -1, H5Sget_simple_extent_npoints, (hid_t a), (a)) \
    X(H5S_class_t, H5S_NO_CLASS, H5Sget_simple_extent_type, (hid_t a), (a)) \
    X(herr_t, -1, H5Sselect_hyperslab, (hid_t a, H5S_seloper_t b, const hsize_t *c, const hsize_t *d, const hsize_t *e, const hsize_t *f), (a, b, c, d, e, f)) \
    X(hid_t, -1, H5Tcopy, (hid_t a), (a)) \
    X(H5T_class_t, H5T_NO_CLASS, H5Tget_class, (hid_t a), (a)) \
    X(size_t, 0, H5Tget_size, (hid_t a), (a)) \
    X(htri_t, -1, H5Tis_variable_str, (hid_t a), (a)) \
    X(herr_t, -1, H5Tset_cset, (hid_t a, H5T_cset_t b), (a, b)) \
    X(herr_t, -1, H5Tset_size, (hid_t a, size_t b), (a, b))

#define SYSTEM_CALLS(X) \
    X(int, (errno = ENOLCK, -1), flock, (int a, int b), (a, b)) \
    X(FILE *, (errno = EMFILE, NULL), fopen, (const char *a, const char *b), (a, b)) \
    X(int, (errno = EIO, -1), fstat, (int a, struct stat *b), (a, b)) \
    X(int, (errno = EIO, -1), fsync, (int a), (a)) \
    X(int, (errno = EIO, -1), ftruncate, (int a, off_t b), (a, b)) \
    X(int, (errno = ENOSPC, -1), mkstemp, (char *a), (a)) \
    X(ssize_t, (errno = EIO, -1), pread, (int a, void *b, size_t c, off_t d), (a, b, c, d)) \
    X(int, (errno = EIO, -1), rename, (const char *a, const char *b), (a, b)) \
    X(ssize_t, (errno = ENOSPC, -1), write, (int a, const void *b, size_t c), (a, b, c))
/* clang-format on */

#define FUNCTION_ID(type, failure, name, params, args) ID_##name,
enum { HDF5_CALLS(FUNCTION_ID) N_HDF5 };
enum { SYSTEM_CALLS(FUNCTION_ID) ID_open, N_SYSTEM };

#define FUNCTION_NAME(type, failure, name, params, args) #name,
static const char *const hdf5_names[N_HDF5]     = {HDF5_CALLS(FUNCTION_NAME)};
static const char *const system_names[N_SYSTEM] = {SYSTEM_CALLS(FUNCTION_NAME) "open"};

static atomic_int  armed_kind = FAULT_KINDS; /* of what is to fail; FAULT_KINDS = nothing is */
static atomic_long calls_left;               /* before the one that fails */
static size_t      armed_function;

static bool must_fail(fault_kind kind, size_t function)
{
    return atomic_load(&armed_kind) == (int)kind && function == armed_function &&
           atomic_fetch_sub(&calls_left, 1) == 0;
}

const char *faults_name(fault_kind kind, size_t function)
{
    if (kind == FAULT_MEMORY) {
        return function == 0 ? "malloc" : NULL;
    }
    if (kind == FAULT_HDF5) {
        return function < N_HDF5 ? hdf5_names[function] : NULL;
    }
    return function < N_SYSTEM ? system_names[function] : NULL;
}

void faults_arm(fault_kind kind, size_t function, unsigned call)
{
    armed_function = function;
    atomic_store(&calls_left, (long)call);
    atomic_store(&armed_kind, (int)kind);
}

bool faults_disarm(void)
{
    atomic_store(&armed_kind, FAULT_KINDS);
    return atomic_load(&calls_left) < 0;
}

/* ---- what the linker puts in place of the functions: names are its choice ---- */

herr_t __real_H5Fclose(hid_t file);

static void H5Fclose_real(hid_t file) /* a file that cannot be closed well is closed all the same */
{
    (void)__real_H5Fclose(file);
}

#define WRAP(kind, type, failure, name, params, args)                                                        \
    type __real_##name params;                                                                               \
    type __wrap_##name params;                                                                               \
    type __wrap_##name params                                                                                \
    {                                                                                                        \
        if (must_fail(kind, ID_##name)) {                                                                    \
            return failure;                                                                                  \
        }                                                                                                    \
        return __real_##name args;                                                                           \
    }
#define WRAP_HDF5(type, failure, name, params, args) WRAP(FAULT_HDF5, type, failure, name, params, args)
#define WRAP_SYSTEM(type, failure, name, params, args) WRAP(FAULT_SYSTEM, type, failure, name, params, args)
HDF5_CALLS(WRAP_HDF5)
SYSTEM_CALLS(WRAP_SYSTEM)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (must_fail(FAULT_SYSTEM, ID_open)) {
        errno = EMFILE;
        return -1;
    }
    return __real_open(path, flags, mode);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return must_fail(FAULT_MEMORY, 0) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return must_fail(FAULT_MEMORY, 0) ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
    return must_fail(FAULT_MEMORY, 0) ? NULL : __real_realloc(old, size);
}
