/* Which files may be loaded as code. Runs as root too: the rules look at modes, not at access. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/path_rules.h"
#include "support.h"

static struct tn_path_verdict verdict;
static struct tn_error err;

static void begin(void)
{
    cr_assert_eq(mkdir(temp_path("sub"), 0755), 0);
    copy_plugin("fake", temp_path("sub/x.so"));
}

static void end(void)
{
    tn_path_verdict_finish(&verdict);
    remove_temp_folder();
}

TestSuite(path_rules, .init = begin, .fini = end);

Test(path_rules, a_safe_file_under_a_sticky_folder_is_fine)
{
    cr_assert_eq(tn_path_check(temp_path("sub/x.so"), &verdict, &err), TN_OK, "%s", err.msg);
    cr_assert_str_eq(verdict.real, temp_path("sub/x.so"));
    cr_assert_null(verdict.group_writable);
}

Test(path_rules, a_file_that_everyone_may_write_is_refused)
{
    chmod(temp_path("sub/x.so"), 0666);
    cr_assert_eq(tn_path_check(temp_path("sub/x.so"), &verdict, &err), TN_E_INVALID);
    char mend[600];
    snprintf(mend, sizeof mend, "chmod o-w %s", temp_path("sub/x.so"));
    assert_contains(err.msg, mend);
}

/* Even in a sticky folder: the sticky bit guards names, not contents. */
Test(path_rules, the_folder_s_sticky_bit_does_not_excuse_the_file)
{
    chmod(temp_path("sub"), 01777);
    chmod(temp_path("sub/x.so"), 0646);
    cr_assert_eq(tn_path_check(temp_path("sub/x.so"), &verdict, &err), TN_E_INVALID);
}

Test(path_rules, a_folder_that_everyone_may_write_is_refused_unless_sticky)
{
    char mend[600];
    snprintf(mend, sizeof mend, "chmod o-w %s", temp_path("sub"));
    chmod(temp_path("sub"), 0777);
    cr_assert_eq(tn_path_check(temp_path("sub/x.so"), &verdict, &err), TN_E_INVALID);
    assert_contains(err.msg, mend);
    chmod(temp_path("sub"), 01777);
    cr_assert_eq(tn_path_check(temp_path("sub/x.so"), &verdict, &err), TN_OK, "%s", err.msg);
}

Test(path_rules, an_ancestor_that_everyone_may_write_is_refused)
{
    mkdir(temp_path("sub/deep"), 0755);
    copy_plugin("fake", temp_path("sub/deep/y.so"));
    chmod(temp_path("sub"), 0777);
    cr_assert_eq(tn_path_check(temp_path("sub/deep/y.so"), &verdict, &err), TN_E_INVALID);
    assert_contains(err.msg, temp_path("sub,"));
}

/* The way to a link counts as well: who may replace the link chooses the code. */
Test(path_rules, a_link_in_an_open_folder_is_refused_though_its_target_is_safe)
{
    mkdir(temp_path("open"), 0755);
    cr_assert_eq(symlink(temp_path("sub/x.so"), temp_path("open/link.so")), 0);
    cr_assert_eq(tn_path_check(temp_path("open/link.so"), &verdict, &err), TN_OK, "%s", err.msg);
    cr_assert_str_eq(verdict.real, temp_path("sub/x.so"));
    tn_path_verdict_finish(&verdict);
    chmod(temp_path("open"), 0777);
    cr_assert_eq(tn_path_check(temp_path("open/link.so"), &verdict, &err), TN_E_INVALID);
}

Test(path_rules, group_writable_is_told)
{
    chmod(temp_path("sub"), 0775);
    cr_assert_eq(tn_path_check(temp_path("sub/x.so"), &verdict, &err), TN_OK);
    cr_assert_str_eq(verdict.group_writable, temp_path("sub"));
}

Test(path_rules, relative_paths_start_at_the_working_directory)
{
    cr_assert_eq(chdir(temp_path("sub")), 0);
    cr_assert_eq(tn_path_check("./x.so", &verdict, &err), TN_OK, "%s", err.msg);
    cr_assert_str_eq(verdict.real, temp_path("sub/x.so"));
    tn_path_verdict_finish(&verdict);
    chmod(temp_path("sub"), 0777);
    cr_assert_eq(tn_path_check("./x.so", &verdict, &err), TN_E_INVALID);
    cr_assert_eq(chdir("/"), 0);
}

Test(path_rules, missing_files_and_folders)
{
    cr_assert_eq(tn_path_check(temp_path("none.so"), &verdict, &err), TN_E_NOT_FOUND);
    assert_contains(err.msg, "no such file");
    cr_assert_eq(tn_path_check(temp_path("sub"), &verdict, &err), TN_E_INVALID);
    assert_contains(err.msg, "not a regular file");
}

Test(path_rules, only_whole_shared_objects_pass)
{
    const char *path = temp_path("sub/x.so");
    cr_assert_eq(tn_path_check_shared_object(path, &err), TN_OK, "%s", err.msg);
    const off_t cuts[] = {0, 10, 63, 64, 200, 4096, 8192};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        copy_plugin("fake", path);
        cr_assert_eq(truncate(path, cuts[i]), 0);
        cr_assert_eq(tn_path_check_shared_object(path, &err), TN_E_INVALID, "cut at %ld",
                     (long)cuts[i]);
        assert_contains(err.msg, "shared object");
    }
    write_file(path, "#!/bin/sh\necho hello, I am surely a plugin, and longer than a header\n", 68);
    cr_assert_eq(tn_path_check_shared_object(path, &err), TN_E_INVALID);
    cr_assert_str_eq(err.msg, "not a shared object");
}
