/* Finding plugins, refusing bad ones, and what they get from the host. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "support.h"

static tn_runtime *rt;
static struct tn_error err;
static struct log_text log_text;

static void end(void)
{
    tn_runtime_destroy(&rt);
    remove_temp_folder();
}

TestSuite(loader, .fini = end);

/* Number of devices of a backend. */
static size_t count_of(const char *backend)
{
    size_t n = 0;
    for (size_t i = 0; i < tn_runtime_device_count(rt); i++)
        n += strcmp(tn_device_info(tn_runtime_device(rt, i))->backend, backend) == 0;
    return n;
}

/* One plugin, by path: its error. */
static const char *load_path(const char *path, tn_status expected)
{
    struct tn_runtime_params params = {.backend = path};
    tn_status status = make_runtime(NULL, &params, &rt, &err);
    cr_assert_eq(status, expected, "%s: status %d, %s", path, (int)status, err.msg);
    return err.msg;
}

Test(loader, without_plugins_there_is_ref)
{
    cr_assert_eq(make_runtime(NULL, NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_runtime_device_count(rt), 1);
    const struct tn_device_info *info = tn_device_info(tn_runtime_ref_device(rt));
    cr_assert_str_eq(info->backend, "ref");
    cr_assert_null(info->backend_path);
    cr_assert_eq(info->kind, TN_DEVICE_CPU);
    cr_assert_eq(tn_runtime_rejected(rt, NULL), 0);
}

Test(loader, each_fault_is_told_and_the_good_ones_load)
{
    const char *const plugins[] = {"fake",    "nofill", "small",   "future",  "major", "nextmajor",
                                   "refuses", "strike", "badname", "noentry", "ring"};
    static const char *const faults[][2] = {
        {"nofill", "the required slot 'fill' is NULL"},
        {"small", "ends before the required slot 'flush'"},
        {"major", "speaks version 7 of the backend ABI"},
        {"nextmajor", "speaks version 3 of the backend ABI"},
        {"refuses", "it refuses this Tenon: I only work on Sundays"},
        {"strike", "it could not start: the driver is on strike (driver code -1001)"},
        {"badname", "'Bad Name', which is no valid name"},
        {"noentry", "lacks the entry symbol tenon_backend_entry_v0"},
        {"ring", "it would wrap itself"},
        {"text", "not a shared object"},
    };
    for (size_t i = 0; i < sizeof plugins / sizeof plugins[0]; i++)
        install_plugin(plugins[i]);
    write_file(temp_path("libtenon-backend-text.so"), "this is no program", 18);
    copy_plugin("other", temp_path("other.so")); /* not the name of a plugin: not looked at */
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/", 1);
    setenv("FAKE_DEVICES_future", "gpu/F/v/4/;cpu/C/w/3/", 1);
    cr_assert_eq(make_runtime(temp_folder(), NULL, &rt, &err), TN_OK, "%s", err.msg);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char file[80];
        snprintf(file, sizeof file, "libtenon-backend-%s.so", faults[i][0]);
        assert_contains(rejection(rt, file), faults[i][1]);
    }
    cr_assert_eq(tn_runtime_rejected(rt, NULL), sizeof faults / sizeof faults[0]);
    cr_assert_eq(count_of("fake"), 1);
    cr_assert_eq(count_of("future"), 2);
    cr_assert_eq(count_of("other"), 0);
    cr_assert_eq(tn_runtime_device_count(rt), 4);
}

/* Slots that the plugin's struct does not have, and those of a later minor, are out of reach. */
Test(loader, the_table_is_read_by_struct_size)
{
    copy_plugin("future", temp_path("anything.so"));
    struct tn_runtime_params params = {.backend = temp_path("anything.so")};
    cr_assert_eq(make_runtime(NULL, &params, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(rt->units.items[0]->api.struct_size, sizeof(tnb_backend));
    cr_assert_null((void *)(uintptr_t)rt->units.items[0]->api.plan_times);
    cr_assert_str_eq(rt->units.items[0]->version, "1.2.3");
}

Test(loader, a_named_backend_that_cannot_be_used_is_an_error_with_the_reason)
{
    install_plugin("nofill");
    struct tn_runtime_params params = {.backend = "nofill"};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_ABI);
    assert_contains(err.msg, "backend 'nofill' cannot be used");
    assert_contains(err.msg, temp_path("libtenon-backend-nofill.so"));
    assert_contains(err.msg, "the required slot 'fill' is NULL");
    cr_assert_null(rt);
}

Test(loader, explicit_paths)
{
    copy_plugin("fake", temp_path("my.plugin"));
    copy_plugin("noentry", temp_path("no.so"));
    write_file(temp_path("text.so"), "text", 4);
    assert_contains(load_path(temp_path("no.so"), TN_E_ABI), "lacks the entry symbol");
    assert_contains(load_path(temp_path("text.so"), TN_E_INVALID), "not a shared object");
    assert_contains(load_path(temp_path("gone.so"), TN_E_NOT_FOUND), "no such file");
    assert_contains(load_path("my.plugin", TN_E_NOT_FOUND), "no backend 'my.plugin'");
    assert_contains(load_path("fake.so", TN_E_NOT_FOUND), "must contain a slash: ./FILE.so");
    chmod(temp_path("my.plugin"), 0666);
    assert_contains(load_path(temp_path("my.plugin"), TN_E_INVALID), "chmod o-w ");
    chmod(temp_path("my.plugin"), 0644);
    cr_assert_eq(chdir(temp_folder()), 0);
    load_path("./my.plugin", TN_OK);
    cr_assert_str_eq(rt->units.items[0]->path, temp_path("my.plugin"));
    cr_assert_eq(chdir("/"), 0);
}

/* The working directory is never searched, whatever the variable says. */
Test(loader, relative_entries_of_the_path_are_ignored)
{
    mkdir(temp_path("here"), 0755);
    copy_plugin("fake", temp_path("here/libtenon-backend-fake.so"));
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/", 1);
    cr_assert_eq(chdir(temp_folder()), 0);
    cr_assert_eq(make_runtime("here:.::./here", NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("fake"), 0);
    assert_contains(rejection(rt, "here"), "must be absolute");
    cr_assert_eq(tn_runtime_rejected(rt, NULL), 3);
    tn_runtime_destroy(&rt);
    struct tn_runtime_params params = {.backend = "fake"};
    cr_assert_eq(make_runtime("here", &params, &rt, &err), TN_E_NOT_FOUND);
    cr_assert_eq(make_runtime(temp_path("here"), &params, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(chdir("/"), 0);
}

/* A set-user-ID program must not load what its caller's environment names. */
Test(loader, a_privileged_process_does_not_read_the_environment)
{
    if (geteuid() != 0)
        cr_skip_test("only root can be in two minds about who it is");
    install_plugin("fake");
    chmod(temp_folder(), 0755);
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/", 1);
    setenv("TENON_CACHE_DIR", "/env", 1);
    cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(make_runtime(temp_folder(), NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("fake"), 0);
    cr_assert_null(rt->cache_dir);
    tn_runtime_destroy(&rt);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(make_runtime(temp_folder(), NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("fake"), 1);
    cr_assert_str_eq(rt->cache_dir, "/env");
}

Test(loader, the_same_file_through_a_link_counts_once)
{
    mkdir(temp_path("a"), 0755);
    mkdir(temp_path("b"), 0755);
    copy_plugin("fake", temp_path("a/libtenon-backend-fake.so"));
    cr_assert_eq(
        symlink(temp_path("a/libtenon-backend-fake.so"), temp_path("b/libtenon-backend-fake.so")),
        0);
    cr_assert_eq(symlink(temp_path("a"), temp_path("c")), 0);
    char path[1600];
    snprintf(path, sizeof path, "%s:%s:%s", temp_path("b"), temp_path("a"), temp_path("c"));
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/", 1);
    cr_assert_eq(make_runtime(path, NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("fake"), 1);
    cr_assert_eq(tn_runtime_rejected(rt, NULL), 0);
}

Test(loader, the_first_of_two_files_of_one_name_wins)
{
    mkdir(temp_path("a"), 0755);
    mkdir(temp_path("b"), 0755);
    copy_plugin("fake", temp_path("a/libtenon-backend-fake.so"));
    copy_plugin("fake", temp_path("b/libtenon-backend-fake.so"));
    copy_plugin("fake", temp_path("b/libtenon-backend-other.so")); /* lies about its name */
    char path[1600];
    snprintf(path, sizeof path, "%s:%s", temp_path("a"), temp_path("b"));
    cr_assert_eq(make_runtime(path, NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_str_eq(rt->units.items[0]->path, temp_path("a/libtenon-backend-fake.so"));
    assert_contains(rejection(rt, "b/libtenon-backend-fake.so"), "already loaded from");
    assert_contains(rejection(rt, "libtenon-backend-other.so"), "its file name says 'other'");
}

Test(loader, a_folder_that_everyone_may_write_gives_nothing)
{
    mkdir(temp_path("open"), 0755);
    chmod(temp_path("open"), 0777);
    copy_plugin("fake", temp_path("open/libtenon-backend-fake.so"));
    struct tn_runtime_params params = {.backend = "fake"};
    cr_assert_eq(make_runtime(temp_path("open"), &params, &rt, &err), TN_E_INVALID);
    assert_contains(err.msg, "chmod o-w ");
    cr_assert_eq(make_runtime(temp_path("open"), NULL, &rt, &err), TN_OK);
    assert_contains(rejection(rt, "libtenon-backend-fake.so"), "chmod o-w ");
    cr_assert_eq(count_of("fake"), 0);
}

Test(loader, group_writable_warns_once)
{
    install_plugin("fake");
    install_plugin("other");
    chmod(temp_folder(), 0770);
    struct tn_runtime_params params = {.log = log_to_text, .log_ctx = &log_text};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK);
    const char *first = strstr(log_text.text, "chmod g-w ");
    cr_assert_not_null(first, "%s", log_text.text);
    cr_assert_null(strstr(first + 1, "chmod g-w "), "%s", log_text.text);
    cr_assert_eq(rt->units.n, 3);
}

Test(loader, unknown_names_get_a_hint)
{
    install_plugin("fake");
    install_plugin("other");
    struct tn_runtime_params params = {.backend = "othr"};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_NOT_FOUND);
    assert_contains(err.msg, "known are: ref, fake, other; did you mean 'other'?");
    assert_contains(err.msg, temp_folder());
}

Test(loader, options_reach_the_backend)
{
    install_plugin("fake");
    const char *opts[] = {"devices=gpu/A=B/u/5/;cpu/C/v/4/"};
    struct tn_runtime_params params = {
        .backend = "fake", .backend_opts = opts, .n_backend_opts = 1};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_str_eq(tn_device_info(tn_runtime_device(rt, 0))->name, "A=B");
    cr_assert_eq(tn_runtime_device_count(rt), 3);
    tn_runtime_destroy(&rt);
    opts[0] = "colour=red";
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_INVALID);
    assert_contains(err.msg, "known options are devices, host, wrap; not colour");
    params.backend = "ref";
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_INVALID);
    assert_contains(err.msg, "backend ref has no options");
}

Test(loader, malformed_options_are_errors)
{
    install_plugin("fake");
    const char *opts[] = {"devices=", "devices="};
    struct tn_runtime_params params = {
        .backend = "fake", .backend_opts = opts, .n_backend_opts = 1};
    static const char *const bad[] = {"devices", "=x", ""};
    for (size_t i = 0; i < 3; i++) {
        opts[0] = bad[i];
        cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_INVALID);
        assert_contains(err.msg, "KEY=VALUE");
    }
    opts[0] = "devices=";
    params.n_backend_opts = 2;
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_INVALID);
    assert_contains(err.msg, "given twice");
    params.n_backend_opts = 1;
    params.backend = NULL;
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_INVALID);
    assert_contains(err.msg, "name the backend");
}

Test(loader, the_host_table_works)
{
    install_plugin("fake");
    const char *opts[] = {"host=1"};
    struct tn_runtime_params params = {.backend = "fake",
                                       .backend_opts = opts,
                                       .n_backend_opts = 1,
                                       .log = log_to_text,
                                       .log_ctx = &log_text,
                                       .n_threads = 3,
                                       .cache_dir = "/cache"};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK, "%s", err.msg);
    assert_contains(log_text.text, "2 fake: aligned=1 ones=10007 others=0 odd=1 "
                                   "cache=/cache/fake threads=3");
    tn_runtime_destroy(&rt);
    assert_contains(log_text.text, "2 fake: destroyed\n");
}

Test(loader, the_cache_folder_is_found_in_order)
{
    setenv("HOME", "/home/someone", 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("TENON_CACHE_DIR");
    cr_assert_eq(make_runtime(NULL, NULL, &rt, &err), TN_OK);
    cr_assert_str_eq(rt->cache_dir, "/home/someone/.cache/tenon");
    tn_runtime_destroy(&rt);
    setenv("XDG_CACHE_HOME", "relative", 1);
    cr_assert_eq(make_runtime(NULL, NULL, &rt, &err), TN_OK);
    cr_assert_str_eq(rt->cache_dir, "/home/someone/.cache/tenon");
    tn_runtime_destroy(&rt);
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    cr_assert_eq(make_runtime(NULL, NULL, &rt, &err), TN_OK);
    cr_assert_str_eq(rt->cache_dir, "/xdg/tenon");
    tn_runtime_destroy(&rt);
    setenv("TENON_CACHE_DIR", "/env", 1);
    cr_assert_eq(make_runtime(NULL, NULL, &rt, &err), TN_OK);
    cr_assert_str_eq(rt->cache_dir, "/env");
}

/* The wrapper comes last by name but needs "fake" at once; alone, it loads what it wraps. */
Test(loader, a_wrapper_opens_what_it_wraps_and_is_destroyed_before_it)
{
    install_plugin("wrapper");
    install_plugin("fake");
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/;gpu/H/v/4/", 1);
    struct tn_runtime_params params = {
        .backend = "wrapper", .log = log_to_text, .log_ctx = &log_text};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("wrapper"), 2);
    cr_assert_eq(count_of("fake"), 0, "only the backend that was asked for is listed");
    tn_runtime_destroy(&rt);
    const char *wrapper = strstr(log_text.text, "wrapper: destroyed, wrapping");
    const char *fake = strstr(log_text.text, "fake: destroyed\n");
    cr_assert(wrapper && fake && wrapper < fake, "%s", log_text.text);
    cr_assert_eq(make_runtime(temp_folder(), NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("wrapper"), 2);
    cr_assert_eq(count_of("fake"), 2);
}

/* "other" is younger than "fake" here, and still has to outlive it. */
Test(loader, what_is_opened_late_is_destroyed_late)
{
    tnb_device *device = NULL;
    install_plugin("fake");
    install_plugin("other");
    setenv("FAKE_DEVICES_fake", "gpu/Late/u/5/", 1);
    setenv("FAKE_DEVICES_other", "gpu/G/v/4/", 1);
    struct tn_runtime_params params = {.log = log_to_text, .log_ctx = &log_text};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_device_open(tn_runtime_device(rt, 0), &device, &err), TN_OK, "%s", err.msg);
    tn_runtime_destroy(&rt);
    const char *fake = strstr(log_text.text, "fake: destroyed, wrapping");
    const char *other = strstr(log_text.text, "other: destroyed\n");
    cr_assert(fake && other && fake < other, "%s", log_text.text);
}

Test(loader, a_wrapper_of_nothing_says_so)
{
    install_plugin("wrapper");
    struct tn_runtime_params params = {.backend = "wrapper"};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_E_INVALID);
    assert_contains(err.msg, "no backend 'fake'");
}

Test(loader, devices_open_once_and_on_demand)
{
    install_plugin("fake");
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/;gpu/Shut/v/4/", 1);
    struct tn_runtime_params params = {.log = log_to_text, .log_ctx = &log_text};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_null(strstr(log_text.text, "opened"));
    tnb_device *a = NULL, *b = NULL, *c = NULL;
    cr_assert_eq(tn_device_open(tn_runtime_device(rt, 0), &a, &err), TN_OK);
    cr_assert_eq(tn_device_open(tn_runtime_device(rt, 0), &b, &err), TN_OK);
    cr_assert_eq(a, b);
    const char *opened = strstr(log_text.text, "opened");
    cr_assert(opened && !strstr(opened + 1, "opened"));
    cr_assert_eq(tn_device_open(tn_runtime_device(rt, 1), &c, &err), TN_E_OOM);
    cr_assert_str_eq(err.msg, "fake:1 (Shut): opening the device: no room for a context");
    cr_assert_null(c);
}

Test(loader, devices_that_describe_themselves_wrongly_are_left_out)
{
    install_plugin("fake");
    setenv("FAKE_DEVICES_fake", "gpu/G/u/5/a;gpu/H/v/4/;bad/B/w/9/;cpu/X/y/8/x;cpu//z/8/", 1);
    cr_assert_eq(make_runtime(temp_folder(), NULL, &rt, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(count_of("fake"), 1);
    cr_assert_eq(tn_device_info(tn_runtime_device(rt, 0))->index, 1);
    assert_contains(rejection(rt, "fake:0"), "offset_align");
    assert_contains(rejection(rt, "fake:2"), "kind");
    assert_contains(rejection(rt, "fake:3"), "it fell off the bus");
    assert_contains(rejection(rt, "fake:4"), "no name");
}
