#include "store/h5_util.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/strbuf.h"

#define LIVE_PAGE_BYTES 4096 /* the smallest page of Linux; larger ones are multiples */

/* Sane sizes: what is larger was not written by us. */
#define MOST_TEXT_BYTES ((size_t)256 << 20)
#define MOST_CHUNK_BYTES 268435456.0

/* Tries at reading a piece of metadata that fails its checksum, when a live writer may be in the middle of
 * writing it. HDF5 doubles its wait each time, from 1 ns; its default of 100 tries never ends on a damaged
 * file. */
#define LIVE_READ_ATTEMPTS 26

void swp_h5_init(void)
{
    H5dont_atexit();          /* fails harmlessly when the library is already up */
    H5PLset_loading_state(0); /* a file must not choose code to be loaded */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* ---- errors ---- */

typedef struct error_text {
    ws_strbuf library; /* what HDF5 says: its two innermost records */
    ws_strbuf system;  /* what the operating system says in one of them, or empty */
    int       n_kept;
} error_text;

/* The innermost records say what happened; the outer ones repeat our own message. Drivers put time, file
 * name, addresses and the system's text all in one: "file write failed: time = ..., error message = 'No space
 * left on device', ..." */
static herr_t keep_innermost(unsigned n, const H5E_error2_t *record, void *data)
{
    static const char mark[] = "error message = '";
    error_text       *kept   = data;
    (void)n;
    if (kept->n_kept >= 2 || record->desc == NULL || record->desc[0] == '\0') {
        return 0;
    }
    const char *details = strstr(record->desc, ": time = ");
    details             = details != NULL ? details : strstr(record->desc, ": name = '");
    const char *system  = strstr(record->desc, mark);
    if (kept->n_kept++ > 0) {
        ws_strbuf_puts(&kept->library, "; ");
    }
    ws_strbuf_append(&kept->library, record->desc,
                     details != NULL ? (size_t)(details - record->desc) : strlen(record->desc));
    if (system != NULL) {
        system += sizeof(mark) - 1;
        ws_strbuf_append(&kept->system, system, strcspn(system, "'"));
    }
    return 0;
}

ws_status swp_h5_fail(ws_error *err, const char *path, const char *fmt, ...)
{
    error_text kept = {WS_STRBUF_INIT, WS_STRBUF_INIT, 0};
    char       what[256];
    va_list    args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &kept);
    H5Eclear2(H5E_DEFAULT);
    if (kept.system.len > 0) {
        ws_error_add(err, WS_ERR_IO, "%s: %s: %s (HDF5: %s)", path, what, ws_strbuf_text(&kept.system),
                     ws_strbuf_text(&kept.library));
    } else {
        ws_error_add(err, WS_ERR_IO, "%s: %s%s%s", path, what, kept.n_kept > 0 ? ": " : "",
                     ws_strbuf_text(&kept.library));
    }
    ws_strbuf_fini(&kept.library);
    ws_strbuf_fini(&kept.system);
    return WS_ERR_IO;
}

/* ---- property lists ---- */

hid_t swp_h5_file_access(int live)
{
    const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    if (list < 0) {
        return -1;
    }
    const herr_t bounds = live ? H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110)
                               : H5Pset_libver_bounds(list, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110);
    if (bounds < 0 || H5Pset_file_locking(list, 0, 1) < 0 ||
        H5Pset_metadata_read_attempts(list, LIVE_READ_ATTEMPTS) < 0) {
        H5Pclose(list);
        return -1;
    }
    return list;
}

static hid_t ordered_list(hid_t class_id)
{
    const hid_t    list  = H5Pcreate(class_id);
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    if (list < 0) {
        return -1;
    }
    if (H5Pset_link_creation_order(list, order) < 0 || H5Pset_attr_creation_order(list, order) < 0) {
        H5Pclose(list);
        return -1;
    }
    return list;
}

hid_t swp_h5_group_creation(void)
{
    return ordered_list(H5P_GROUP_CREATE);
}

hid_t swp_h5_file_creation(int live)
{
    const hid_t list = ordered_list(H5P_FILE_CREATE);
    if (list < 0 || !live) {
        return list;
    }
    if (H5Pset_file_space_strategy(list, H5F_FSPACE_STRATEGY_PAGE, 0, 1) < 0 ||
        H5Pset_file_space_page_size(list, LIVE_PAGE_BYTES) < 0) {
        H5Pclose(list);
        return -1;
    }
    return list;
}

/* ---- attributes ---- */

hid_t swp_h5_text_type(void)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) {
        return -1;
    }
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

static herr_t put_attribute(hid_t object, const char *name, hid_t file_type, hid_t memory_type, size_t n,
                            const void *value)
{
    const hsize_t len   = n;
    const hid_t   space = n == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &len, NULL);
    if (space < 0) {
        return -1;
    }
    herr_t      result    = -1;
    const hid_t attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) {
        result = H5Awrite(attribute, memory_type, value);
        if (H5Aclose(attribute) < 0) {
            result = -1;
        }
    }
    H5Sclose(space);
    return result;
}

herr_t swp_h5_put_text(hid_t object, const char *name, const char *text)
{
    const hid_t type = swp_h5_text_type();
    if (type < 0) {
        return -1;
    }
    const herr_t result = put_attribute(object, name, type, type, 0, &text);
    H5Tclose(type);
    return result;
}

herr_t swp_h5_put_int(hid_t object, const char *name, int64_t value)
{
    return put_attribute(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, 0, &value);
}

herr_t swp_h5_put_i8s(hid_t object, const char *name, const int8_t *values, size_t n)
{
    return put_attribute(object, name, H5T_STD_I8LE, H5T_NATIVE_INT8, n, values);
}

herr_t swp_h5_put_double(hid_t object, const char *name, double value)
{
    /* length 1, not scalar: netCDF wants _FillValue so, and shows both forms alike */
    return put_attribute(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &value);
}

/* ---- reading values of unknown origin ----
 *
 * Type and extent are the file's word: a value is read only if they are what the variable has room for. */

/* True if `space` (closed here) is of one element. */
static bool is_single(hid_t space)
{
    const bool single = space >= 0 && H5Sget_simple_extent_type(space) != H5S_NULL &&
                        H5Sget_simple_extent_npoints(space) == 1;
    if (space >= 0) {
        H5Sclose(space);
    }
    return single;
}

/* What differs between an attribute and a dataset: H5Aread or H5Dread, of all there is. */
typedef herr_t (*read_fn)(hid_t object, hid_t type, void *out);

static herr_t read_attribute(hid_t attribute, hid_t type, void *out)
{
    return H5Aread(attribute, type, out);
}

static herr_t read_dataset(hid_t data, hid_t type, void *out)
{
    return H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
}

static char *read_pointed_text(hid_t object, read_fn read)
{
    char       *text = NULL, *copy = NULL;
    const hid_t type = swp_h5_text_type();
    if (type >= 0 && read(object, type, &text) >= 0 && text != NULL) {
        copy = ws_strdup(text);
        H5free_memory(text);
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    return copy;
}

static char *read_fixed_text(hid_t object, hid_t type, read_fn read)
{
    const size_t len = H5Tget_size(type);
    if (len == 0 || len > MOST_TEXT_BYTES) {
        return NULL;
    }
    char *text = calloc(len + 1, 1);
    if (text != NULL && read(object, type, text) < 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* `type` and `space` are the object's own, and closed here. */
static char *read_text(hid_t object, hid_t type, hid_t space, read_fn read)
{
    char *text = NULL;
    if (is_single(space) && type >= 0 && H5Tget_class(type) == H5T_STRING) {
        text = H5Tis_variable_str(type) > 0 ? read_pointed_text(object, read)
                                            : read_fixed_text(object, type, read);
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    return text;
}

char *swp_h5_get_text(hid_t object, const char *name)
{
    char *text = NULL;
    if (H5Aexists(object, name) <= 0) {
        return NULL;
    }
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute >= 0) {
        text = read_text(attribute, H5Aget_type(attribute), H5Aget_space(attribute), read_attribute);
        H5Aclose(attribute);
    }
    return text;
}

static bool is_small_integer(hid_t type)
{
    const bool is_one = type >= 0 && H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) <= 8;
    if (type >= 0) {
        H5Tclose(type);
    }
    return is_one;
}

herr_t swp_h5_get_int(hid_t object, const char *name, int64_t *out)
{
    int64_t value;
    if (H5Aexists(object, name) <= 0) {
        return -1;
    }
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) {
        return -1;
    }
    const bool   fits   = is_small_integer(H5Aget_type(attribute)) && is_single(H5Aget_space(attribute));
    const herr_t result = fits ? H5Aread(attribute, H5T_NATIVE_INT64, &value) : -1;
    H5Aclose(attribute);
    if (result >= 0) {
        *out = value;
    }
    return result;
}

/* ---- whole datasets ---- */

herr_t swp_h5_put_text_dataset(hid_t parent, const char *name, const char *text, const char *long_name)
{
    herr_t      result = -1;
    const hid_t type   = swp_h5_text_type();
    const hid_t space  = H5Screate(H5S_SCALAR);
    const hid_t data   = type >= 0 && space >= 0
                             ? H5Dcreate2(parent, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)
                             : -1;
    if (data >= 0) {
        result = H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text);
        if (result >= 0) {
            result = swp_h5_put_text(data, "long_name", long_name);
        }
        if (H5Dclose(data) < 0) {
            result = -1;
        }
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    return result;
}

char *swp_h5_get_text_dataset(hid_t parent, const char *name)
{
    char       *text = NULL;
    const hid_t data = swp_h5_open_dataset(parent, name, H5P_DEFAULT);
    if (data >= 0) {
        text = read_text(data, H5Dget_type(data), H5Dget_space(data), read_dataset);
        H5Dclose(data);
    }
    return text;
}

/* ---- opening ---- */

bool swp_h5_has(hid_t parent, const char *name)
{
    H5L_info_t about;
    return H5Lexists(parent, name, H5P_DEFAULT) > 0 && H5Lget_info(parent, name, &about, H5P_DEFAULT) >= 0 &&
           about.type == H5L_TYPE_HARD;
}

/* Data of other files, and chunks no writer of ours makes, are refused. */
static bool is_stored_here(hid_t data)
{
    hsize_t      chunk[H5S_MAX_RANK];
    const hid_t  list   = H5Dget_create_plist(data);
    const hid_t  type   = H5Dget_type(data);
    const size_t size   = type < 0 ? 0 : H5Tget_size(type);
    bool         usable = list >= 0 && size > 0;
    if (usable && H5Pget_layout(list) == H5D_CHUNKED) {
        const int rank    = H5Pget_chunk(list, H5S_MAX_RANK, chunk);
        double    n_bytes = (double)size;
        for (int d = 0; d < rank; d++) {
            n_bytes *= (double)chunk[d];
        }
        usable = rank > 0 && n_bytes <= MOST_CHUNK_BYTES;
    } else if (usable) {
        usable = H5Pget_layout(list) != H5D_VIRTUAL && H5Pget_external_count(list) == 0;
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    if (list >= 0) {
        H5Pclose(list);
    }
    return usable;
}

hid_t swp_h5_open_dataset(hid_t parent, const char *name, hid_t access)
{
    if (!swp_h5_has(parent, name)) {
        return -1;
    }
    const hid_t data = H5Dopen2(parent, name, access);
    if (data >= 0 && !is_stored_here(data)) {
        H5Dclose(data);
        return -1;
    }
    return data;
}

/* ---- scales ---- */

hid_t swp_h5_make_dimension(hid_t parent, const char *name, hsize_t len, hsize_t max_len)
{
    /* The text of netCDF-4's own files, by which it tells a bare dimension from a variable. */
    char          label[80];
    const hsize_t chunk = 4096;
    hid_t         data  = -1;

    snprintf(label, sizeof(label), "This is a netCDF dimension but not a netCDF variable.%10llu",
             (unsigned long long)len);
    const hid_t space = H5Screate_simple(1, &len, &max_len);
    const hid_t list  = H5Pcreate(H5P_DATASET_CREATE);
    if (space >= 0 && list >= 0 && (max_len != H5S_UNLIMITED || H5Pset_chunk(list, 1, &chunk) >= 0) &&
        H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0) {
        data = H5Dcreate2(parent, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    }
    if (data >= 0 && H5DSset_scale(data, label) < 0) {
        H5Dclose(data);
        data = -1;
    }
    if (list >= 0) {
        H5Pclose(list);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    return data;
}
