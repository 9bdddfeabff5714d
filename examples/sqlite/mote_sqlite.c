/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User-defined functions for SQLite that nobody has to trust: each runs in a micro-VM, and each
 * call starts from the guest's first state, so a function cannot remember rows it has seen.
 *
 *     sqlite> .load ./mote_sqlite
 *     sqlite> SELECT mote_load('guests/sql_functions');
 *     sqlite> SELECT slug(title) FROM books;
 *
 * mote_load(PATH) makes every export of a guest a SQL function of its name, and gives their number.
 * A function that fails or takes longer than a second fails its query. NULL for an argument gives
 * NULL.
 */
#include <mote.h>
#include <sqlite3ext.h>
#include <stdlib.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

enum { DEADLINE_NS = 1000 * 1000 * 1000 };

/* One per connection, until mote_load and all functions that it made are gone. */
struct library {
    mote_host *host;
    mote_policy *policy;
    unsigned users;
};

/* A loaded guest, until its last function is gone. */
struct guest {
    struct library *library;
    mote_image *image;
    mote_sandbox *sandbox;
    unsigned users;
};

struct function {
    struct guest *guest;
    mote_func func;
    mote_function_info info;
};

/* ---- life ----------------------------------------------------------------------- */

static void library_release(void *pointer)
{
    struct library *library = pointer;
    if (--library->users > 0)
        return;
    mote_policy_unref(library->policy);
    mote_host_free(library->host);
    free(library);
}

static void guest_release(struct guest *guest)
{
    if (--guest->users > 0)
        return;
    mote_sandbox_free(guest->sandbox);
    mote_image_unref(guest->image);
    library_release(guest->library);
    free(guest);
}

static void function_release(void *pointer)
{
    struct function *function = pointer;
    guest_release(function->guest);
    free(function);
}

/* ---- calls ------------------------------------------------------------------------- */

/* What SQL gives, as what the guest wants; false when it does not fit. */
static bool from_sql(mote_value *value, mote_type type, sqlite3_value *sql)
{
    const int64_t integer = sqlite3_value_int64(sql);
    value->type = type;
    switch (type) {
    case MOTE_I32:
        value->of.i32 = (int32_t)integer;
        return integer >= INT32_MIN && integer <= INT32_MAX;
    case MOTE_U32:
        value->of.u32 = (uint32_t)integer;
        return integer >= 0 && integer <= UINT32_MAX;
    case MOTE_I64:
        value->of.i64 = integer;
        return true;
    case MOTE_U64:
        value->of.u64 = (uint64_t)integer;
        return integer >= 0;
    case MOTE_F32:
        value->of.f32 = (float)sqlite3_value_double(sql);
        return true;
    case MOTE_F64:
        value->of.f64 = sqlite3_value_double(sql);
        return true;
    case MOTE_BOOL:
        value->of.boolean = integer != 0;
        return true;
    case MOTE_STRING:
        value->of.bytes.data = sqlite3_value_text(sql);
        break;
    default:
        value->of.bytes.data = sqlite3_value_blob(sql);
        break;
    }
    value->of.bytes.size = (size_t)sqlite3_value_bytes(sql);
    return true;
}

static void to_sql(sqlite3_context *context, const mote_value *value)
{
    switch (value->type) {
    case MOTE_VOID:
        sqlite3_result_null(context);
        break;
    case MOTE_I32:
        sqlite3_result_int(context, value->of.i32);
        break;
    case MOTE_U32:
        sqlite3_result_int64(context, value->of.u32);
        break;
    case MOTE_I64:
        sqlite3_result_int64(context, value->of.i64);
        break;
    case MOTE_U64:
        if (value->of.u64 <= INT64_MAX)
            sqlite3_result_int64(context, (int64_t)value->of.u64);
        else
            sqlite3_result_error(context, "the result is larger than SQL's integers", -1);
        break;
    case MOTE_F32:
        sqlite3_result_double(context, (double)value->of.f32);
        break;
    case MOTE_F64:
        sqlite3_result_double(context, value->of.f64);
        break;
    case MOTE_BOOL:
        sqlite3_result_int(context, value->of.boolean);
        break;
    case MOTE_STRING:
        sqlite3_result_text64(context, value->of.bytes.data, value->of.bytes.size, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    case MOTE_BYTES:
        sqlite3_result_blob64(context, value->of.bytes.data, value->of.bytes.size,
                              SQLITE_TRANSIENT);
        break;
    }
}

static void call(sqlite3_context *context, int nargs, sqlite3_value **sql)
{
    const struct function *function = sqlite3_user_data(context);
    mote_sandbox *sandbox = function->guest->sandbox;
    const mote_signature *signature = &function->info.signature;
    mote_value args[MOTE_PARAMS_MAX];
    mote_value result = {MOTE_VOID, {0}};
    for (int i = 0; i < nargs; i++) {
        if (sqlite3_value_type(sql[i]) == SQLITE_NULL)
            return;
        if (!from_sql(&args[i], signature->params[i], sql[i])) {
            sqlite3_result_error(context, "an argument is out of range", -1);
            return;
        }
    }
    if (mote_reset(sandbox) != 0 || mote_call(sandbox, function->func, NULL, args, (size_t)nargs,
                                              &result, signature->nresults) != 0)
        sqlite3_result_error(context, mote_sandbox_error(sandbox)->text, -1);
    else
        to_sql(context, &result);
}

/* ---- loading ----------------------------------------------------------------------- */

static int add_function(sqlite3 *db, struct guest *guest, size_t index)
{
    struct function *function = calloc(1, sizeof(*function));
    if (function == NULL)
        return SQLITE_NOMEM;
    function->guest = guest;
    guest->users++;
    (void)mote_image_export(guest->image, index, &function->info);
    (void)mote_find(guest->image, function->info.name, NULL, &function->func, NULL);
    /* Deterministic, since every call starts from the same state, and not to be named by triggers
     * and views of a database file that somebody sent. */
    return sqlite3_create_function_v2(db, function->info.name,
                                      (int)function->info.signature.nparams,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                      function, call, NULL, NULL, function_release);
}

static int add_functions(sqlite3 *db, struct guest *guest)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < mote_image_exports(guest->image) && rc == SQLITE_OK; i++)
        rc = add_function(db, guest, i);
    return rc;
}

/* mote_load(PATH) */
static void load(sqlite3_context *context, int nargs, sqlite3_value **sql)
{
    (void)nargs;
    struct library *library = sqlite3_user_data(context);
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH((const char *)sqlite3_value_text(sql[0]));
    struct guest *guest = calloc(1, sizeof(*guest));
    if (guest == NULL) {
        sqlite3_result_error_nomem(context);
        return;
    }
    guest->users = 1;
    guest->library = library;
    library->users++;
    if (mote_image_open(&guest->image, library->host, &source, NULL, &error) != 0 ||
        mote_sandbox_new(&guest->sandbox, guest->image, library->policy, NULL, &error) != 0)
        sqlite3_result_error(context, error.text, -1);
    else if (add_functions(sqlite3_context_db_handle(context), guest) != SQLITE_OK)
        sqlite3_result_error(context, "SQLite does not take the functions", -1);
    else
        sqlite3_result_int64(context, (sqlite3_int64)mote_image_exports(guest->image));
    guest_release(guest);
}

static int open_library(struct library *library, mote_error *error)
{
    int rc = mote_host_new(&library->host, NULL, error);
    if (rc == 0)
        rc = mote_policy_new(&library->policy, library->host, error);
    return rc == 0 ? mote_policy_set(library->policy, MOTE_OPT_DEADLINE, DEADLINE_NS, error) : rc;
}

/* SQLite looks for this name: "sqlite3_", the letters of the file's name, "_init". */
__attribute__((visibility("default"))) int sqlite3_motesqlite_init(sqlite3 *db, char **problem,
                                                                   const sqlite3_api_routines *api);

int sqlite3_motesqlite_init(sqlite3 *db, char **problem, const sqlite3_api_routines *api)
{
    SQLITE_EXTENSION_INIT2(api);
    mote_error error = MOTE_ERROR_INIT;
    struct library *library = calloc(1, sizeof(*library));
    if (library == NULL)
        return SQLITE_NOMEM;
    library->users = 1;
    if (open_library(library, &error) != 0) {
        *problem = sqlite3_mprintf("%s; %s", error.text, error.remedy);
        library_release(library);
        return SQLITE_ERROR;
    }
    return sqlite3_create_function_v2(db, "mote_load", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, library,
                                      load, NULL, NULL, library_release);
}
