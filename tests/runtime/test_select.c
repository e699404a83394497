/* The grammar of device selectors, and the order of devices. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static tn_runtime *rt;
static struct tn_error err;

static void begin(void)
{
    install_plugin("fake");
    install_plugin("other");
    install_plugin("third");
}

static void end(void)
{
    tn_runtime_destroy(&rt);
    remove_temp_folder();
}

TestSuite(select, .init = begin, .fini = end);

static void start(const char *backend, const char *fake, const char *other, const char *third)
{
    setenv("FAKE_DEVICES_fake", fake, 1);
    setenv("FAKE_DEVICES_other", other, 1);
    setenv("FAKE_DEVICES_third", third, 1);
    struct tn_runtime_params params = {.backend = backend};
    cr_assert_eq(make_runtime(temp_folder(), &params, &rt, &err), TN_OK, "%s", err.msg);
}

/* "other:1", or the error's message. */
static const char *pick(const char *selector)
{
    static char id[64];
    tn_device *device = NULL;
    err.msg[0] = '\0';
    if (tn_runtime_select(rt, selector, &device, &err) != TN_OK) {
        cr_assert_null(device);
        return err.msg;
    }
    snprintf(id, sizeof id, "%s:%u", tn_device_info(device)->backend,
             tn_device_info(device)->index);
    return id;
}

/* The list, "fake:0 ref:0". */
static const char *order(void)
{
    static char text[512];
    text[0] = '\0';
    for (size_t i = 0; i < tn_runtime_device_count(rt); i++) {
        const struct tn_device_info *info = tn_device_info(tn_runtime_device(rt, i));
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s:%u", i ? " " : "", info->backend, info->index);
    }
    return text;
}

#define GPUS \
    "gpu/NVIDIA H200/GPU-aa01/500/;gpu/NVIDIA H200 NVL/GPU-bb02/490/;gpu/Arc A770/pci:03:00/300/"

Test(select, the_best_by_score_is_the_default)
{
    start(NULL, GPUS, "cpu/Xeon/cpu0/100/", "");
    cr_assert_str_eq(order(), "fake:0 fake:1 fake:2 other:0 ref:0");
    cr_assert_str_eq(pick(NULL), "fake:0");
}

Test(select, an_emulated_device_never_outranks_the_cpu_and_a_checker_nobody)
{
    start(NULL, "gpu/Oclgrind/sim/900/c;cpu/pthread/pocl/700/e", "cpu/Xeon/cpu0/100/", "");
    cr_assert_str_eq(order(), "other:0 fake:1 ref:0 fake:0");
    cr_assert_str_eq(pick(NULL), "other:0");
    for (size_t i = 1; i < tn_runtime_device_count(rt); i++)
        cr_assert(tn_device_info(tn_runtime_device(rt, i - 1))->score >
                  tn_device_info(tn_runtime_device(rt, i))->score);
    cr_assert_str_eq(pick("fake"), "fake:1");
    cr_assert_str_eq(pick("fake:0"), "fake:0");
}

Test(select, an_emulated_device_beats_ref_where_there_is_no_cpu_backend)
{
    start(NULL, "gpu/Oclgrind/sim/900/c;cpu/pthread/pocl/700/e", "", "");
    cr_assert_str_eq(pick(NULL), "fake:1");
    cr_assert_eq(tn_device_info(tn_runtime_device(rt, 0))->is_emulated, 1);
}

Test(select, a_checker_alone_is_chosen_only_by_name)
{
    start(NULL, "gpu/Oclgrind/sim/900/c", "", "");
    cr_assert_str_eq(pick(NULL), "ref:0");
    cr_assert_str_eq(pick("fake"), "fake:0");
}

Test(select, by_backend_index_and_glob)
{
    start(NULL, GPUS, "cpu/Xeon/cpu0/100/", "");
    cr_assert_str_eq(pick("fake"), "fake:0");
    cr_assert_str_eq(pick("ref"), "ref:0");
    cr_assert_str_eq(pick("fake:2"), "fake:2");
    cr_assert_str_eq(pick("fake:*h200"), "fake:0");
    cr_assert_str_eq(pick("fake:*NVL*"), "fake:1");
    cr_assert_str_eq(pick("fake:gpu-BB*"), "fake:1");
    cr_assert_str_eq(pick("fake:pci:03:00"), "fake:2");
    cr_assert_str_eq(pick("fake:nvidia h200"), "fake:0");
    cr_assert_str_eq(pick("gpu"), "fake:0");
}

Test(select, errors_list_the_candidates)
{
    start(NULL, GPUS, "cpu/Xeon/cpu0/100/", "");
    assert_contains(pick("fake:*H200*"), "matches 2 devices");
    assert_contains(err.msg, "fake:0     NVIDIA H200 [GPU-aa01]");
    assert_contains(err.msg, "fake:1     NVIDIA H200 NVL [GPU-bb02]");
    cr_assert_null(strstr(err.msg, "Arc"));
    cr_assert_eq(err.code, TN_E_INVALID);
    assert_contains(pick("fake:3"), "has no device 3: it has 3, counted from 0");
    assert_contains(err.msg, "fake:2     Arc A770 [pci:03:00]");
    cr_assert_eq(err.code, TN_E_NOT_FOUND);
    assert_contains(pick("fake:99999999999999999999"), "has no device 99999999999999999999");
    assert_contains(pick("fake:arc"), "(a part of a name needs stars: '*arc*')");
    assert_contains(pick("fake:*radeon*"), "no device of backend 'fake'");
    assert_contains(err.msg, "Arc A770");
    assert_contains(pick("fake:"), "ends in a colon");
    assert_contains(pick(""), "empty");
}

Test(select, unknown_backends_get_a_hint)
{
    start(NULL, GPUS, "cpu/Xeon/cpu0/100/", "");
    assert_contains(pick("faek"), "no backend 'faek'");
    assert_contains(err.msg, "did you mean 'fake'?");
    assert_contains(pick("cuda:0"), "no backend 'cuda'");
    assert_contains(err.msg, "ref, fake, other, third");
    assert_contains(pick("*A770*"), "'fake:*A770*'");
    assert_contains(pick("0"), "an index needs the name of a backend");
    assert_contains(pick("third"), "found no device");
    assert_contains(pick("third:0"), "found no device");
}

Test(select, a_rejected_backend_says_why)
{
    install_plugin("major");
    start(NULL, GPUS, "", "");
    assert_contains(pick("major:0"), "speaks version 7 of the backend ABI");
}

Test(select, the_backend_part_may_be_left_out_when_it_was_named)
{
    start("fake", GPUS, "cpu/Xeon/cpu0/900/", "");
    cr_assert_str_eq(order(), "fake:0 fake:1 fake:2 ref:0");
    cr_assert_str_eq(pick(NULL), "fake:0");
    cr_assert_str_eq(pick("2"), "fake:2");
    cr_assert_str_eq(pick("*a770*"), "fake:2");
    cr_assert_str_eq(pick("pci:03*"), "fake:2");
    cr_assert_str_eq(pick("fake:1"), "fake:1");
    cr_assert_str_eq(pick("ref"), "ref:0");
    cr_assert_str_eq(pick("gpu"), "fake:0");
    assert_contains(pick("3"), "has no device 3");
    assert_contains(pick("*H200*"), "matches 2 devices");
    assert_contains(pick("other"), "backend 'other' is not loaded, since backend 'fake'");
}

Test(select, a_named_backend_without_devices_does_not_become_ref)
{
    start("third", "", "", "");
    assert_contains(pick(NULL), "backend 'third' is loaded, but found no device");
    cr_assert_eq(err.code, TN_E_NOT_FOUND);
}

Test(select, gpu_means_a_real_one)
{
    start(NULL, "gpu/llvmpipe/lp/900/e;gpu/Oclgrind/sim/800/c", "cpu/Xeon/cpu0/100/",
          "acc/NPU/n/5/");
    assert_contains(pick("gpu"), "no GPU was found");
    assert_contains(err.msg, "llvmpipe [lp] (on the CPU)");
    cr_assert_eq(err.code, TN_E_NOT_FOUND);
}

Test(select, gpu_within_the_named_backend)
{
    start("other", GPUS, "cpu/Xeon/cpu0/100/", "");
    assert_contains(pick("gpu"), "no GPU of backend other was found");
}

/* One GPU through two platforms of a backend, and through another backend. */
Test(select, one_gpu_with_two_drivers_is_one)
{
    start(NULL, "gpu/Arc A770/uid1/300/;gpu/Arc A770 (rusticl)/uid1/200/;gpu/Arc B/uid2/100/",
          "gpu/Arc A770 native/uid1/400/", "cpu/Arc/uid1/1000/");
    cr_assert_str_eq(order(), "third:0 other:0 fake:0 fake:1 fake:2 ref:0");
    static const size_t same[] = {0, 1, 1, 1, 4, 5};
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(tn_device_info(tn_runtime_device(rt, i))->same_as, same[i], "%zu", i);
    cr_assert_str_eq(pick("fake:*A770*"), "fake:0");
    cr_assert_str_eq(pick("fake:uid1"), "fake:0");
    cr_assert_str_eq(pick("fake:1"), "fake:1");
    assert_contains(pick("fake:*"), "matches 2 devices");
    cr_assert_str_eq(pick("gpu"), "other:0");
}
