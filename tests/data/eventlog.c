/* The log of a run, and JSON files. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/eventlog.h"
#include "io/json.h"
#include "temp.h"

static void append(const char *path, int number)
{
    tn_eventlog *log = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_eventlog_open(path, &log, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_eventlog_take(log, json_pack("{s:i}", "n", number), &err), TN_OK);
    tn_eventlog_close(&log);
    cr_assert_null(log);
    tn_eventlog_close(&log);
}

static void check_text(const char *path, const char *expected)
{
    size_t n;
    char *text = temp_read(path, &n);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(eventlog, appends_a_line_an_event, .init = temp_init, .fini = temp_finish)
{
    const char *path = temp_path("log.jsonl");
    append(path, 1);
    append(path, 2);
    check_text(path, "{\"n\":1}\n{\"n\":2}\n");
}

Test(eventlog, is_on_disk_before_it_is_closed, .init = temp_init, .fini = temp_finish)
{
    const char *path = temp_path("log.jsonl");
    tn_eventlog *log = NULL;
    cr_assert_eq(tn_eventlog_open(path, &log, NULL), TN_OK);
    cr_assert_eq(tn_eventlog_take(log, json_pack("{s:s}", "a", "x\ny"), NULL), TN_OK);
    check_text(path, "{\"a\":\"x\\ny\"}\n");
    cr_assert_eq(tn_eventlog_take(log, NULL, NULL), TN_E_OOM);
    tn_eventlog_close(&log);
}

Test(eventlog, ends_the_half_line_of_a_crash, .init = temp_init, .fini = temp_finish)
{
    const char *path = temp_write("log.jsonl", "{\"n\":1}\n{\"n", 11);
    append(path, 2);
    check_text(path, "{\"n\":1}\n{\"n\n{\"n\":2}\n");
}

Test(eventlog, says_when_the_disk_is_full)
{
    tn_eventlog *log = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_eventlog_open("/dev/full", &log, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_eventlog_take(log, json_pack("{s:i}", "n", 1), &err), TN_E_IO);
    cr_assert(strstr(err.msg, "/dev/full") && strstr(err.msg, "8 bytes"), "%s", err.msg);
    tn_eventlog_close(&log);
    cr_assert_neq(tn_eventlog_open("/nonexistent/log", &log, &err), TN_OK);
    cr_assert(strstr(err.msg, "/nonexistent/log"), "%s", err.msg);
    cr_assert_null(log);
}

Test(json, keeps_numbers_that_json_has)
{
    json_t *object = json_object();
    tn_json_set_number(object, "loss", 0.1);
    tn_json_set_number(object, "bad", NAN);
    tn_json_set_number(object, "big", INFINITY);
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *back = json_loads(text, 0, NULL);
    cr_assert_eq(json_real_value(json_object_get(back, "loss")), 0.1);
    cr_assert(json_is_null(json_object_get(back, "bad")));
    cr_assert(json_is_null(json_object_get(back, "big")));
    free(text);
    json_decref(back);
    json_decref(object);
}

Test(json, writes_and_reads_files, .init = temp_init, .fini = temp_finish)
{
    const char *path = temp_path("a.json");
    json_t *json = json_pack("{s:[i, i]}", "a", 1, 2), *back = NULL;
    cr_assert_eq(tn_json_write_file(path, json, NULL), TN_OK);
    cr_assert_eq(tn_json_read_file(path, &back, NULL), TN_OK);
    cr_assert(json_equal(json, back));
    json_decref(json);
    json_decref(back);
    struct tn_error err = {TN_OK, ""};
    back = NULL;
    path = temp_write("b.json", "{\n \"a\": ,\n}", 11);
    cr_assert_eq(tn_json_read_file(path, &back, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, path) && strstr(err.msg, ":2:"), "%s", err.msg);
    cr_assert_eq(tn_json_read_file(temp_path("none"), &back, &err), TN_E_NOT_FOUND);
    cr_assert_null(back);
}
