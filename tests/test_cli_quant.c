/* Every way of quantizing, end to end: what is trained is what the file computes, code for code. */
#include "tests/cli.h"

/* A few steps of a small network, then octet verify: all codes equal, all predictions too. */
static void check_agreement(const char *options)
{
    char folder[PATH], checkpoint[PATH + 32], file[PATH + 32];
    static int runs;
    snprintf(folder, sizeof folder, "%s/way%d", test_folder(), runs++);
    snprintf(checkpoint, sizeof checkpoint, "%s/model.safetensors", folder);
    snprintf(file, sizeof file, "%s/model.tflite", folder);
    check_done(octet("train --data sample --model resnet8 --width 0.5 --input 14x14 --steps 8 "
                     "--batch 16 --lr 0.02 --qat --quiet --out %s %s",
                     folder, options));
    const outcome *o = octet("verify %s %s --data sample --min-agree 1 --json", checkpoint, file);
    cJSON *json = object_of(o);
    for (const cJSON *l = cJSON_GetObjectItem(json, "layers")->child; l != NULL; l = l->next)
        if (number(l, "equal") < 0.99 || number(l, "steps") > 1)
            fail_msg("%s: %s: %g equal, %g steps", options, string(l, "name"), number(l, "equal"),
                     number(l, "steps"));
    cJSON_Delete(json);
}

static void schemes(void **state)
{
    (void)state;
    check_agreement("--granularity tensor");
    check_agreement("--granularity tensor --weight-scheme affine"); /* contrib's: uint8 */
    check_agreement("--act-scheme symmetric");
}

/* Lines say which integers they speak of. */
static void integers_are_named(void **state)
{
    (void)state;
    static const char *const schemes[] = { "affine", "uint8 ", "symmetric", "int8 " };
    for (int i = 0; i < 4; i += 2) {
        const outcome *o = octet("train --data sample --model lenet --steps 4 --qat --granularity "
                                 "tensor --quiet --weight-scheme %s --out %s",
                                 schemes[i], test_path(schemes[i]));
        check_done(o);
        assert_non_null(strstr((const char *)o->out.data, schemes[i + 1]));
        assert_true((strstr((const char *)o->out.data, "uint8") != NULL) == (i == 0));
    }
}

static void few_bits(void **state)
{
    (void)state;
    check_agreement("--weight-bits 4 --act-bits 4");
    check_agreement("--weight-bits 2 --act-bits 3 --quant-layers stem=w8a8,stage3/*=w6");
    check_agreement("--weight-bits 5 --granularity tensor --weight-scheme affine --act-bits 6");
}

static void delays(void **state)
{
    (void)state;
    check_agreement("--quant-delay 2,5");
    check_agreement("--quant-delay 5,0 --freeze-bn 6 --freeze-ranges 7");
}

/* What is allowed in float by name stays so, between integers. */
static void float_layers(void **state)
{
    (void)state;
    check_agreement("--quant-layers stem=float");
    check_agreement("--quant-layers 'stage2/*=float,logits=float' --bn-fold unfolded");
    check_agreement("--range lsq --weight-bits 4 --quant-layers 'stage*/conv2=float'");
}

static void learned_ranges(void **state)
{
    (void)state;
    static const char *const rules[] = { "lsq", "lsq+", "pact", "learned", "ema-undebiased" };
    for (int i = 0; i < 5; i++) {
        char options[128];
        snprintf(options, sizeof options,
                 "--range %s --weight-bits 4 --act-bits %d --quant-delay %d", rules[i],
                 i % 2 == 0 ? 8 : 4, i % 2 == 0 ? 0 : 3);
        check_agreement(options);
    }
    check_agreement("--range lsq --granularity tensor --ema 0.9");
    check_agreement("--range lsq+ --granularity tensor --weight-scheme affine");
    check_agreement("--range dorefa --weight-bits 4 --act-bits 5");
    check_agreement("--range dorefa --weight-bits 7 --quant-layers stem=w8 --bn-fold unfolded");
    check_agreement("--range lsq --weight-bits 4 --bn-fold unfolded");
    check_agreement("--range lsq --weight-bits 4 --bn-fold prefold --quant-delay 2");
    check_agreement(
        "--range pact --weight-rule dorefa --weight-bits 2 --act-bits 4 --bn-fold batch");
    check_agreement("--range ema --weight-rule lsq --weight-bits 3 --quant-delay 2,5");
}

static void ways_that_do_not_go_together(void **state)
{
    (void)state;
    check_error(octet("train --data sample --model lenet --qat --weight-scheme affine --out %s",
                      test_path("no")),
                2, "--granularity tensor");
    check_error(octet("train --data sample --model lenet --qat --quant-layers c9=w4 --out %s",
                      test_path("no")),
                2, "c9");
    check_error(octet("train --data sample --model lenet --qat --quant-delay 3,x --out %s",
                      test_path("no")),
                2, "--quant-delay");
    check_error(octet("train --data sample --model lenet --qat --act-scheme symmetric "
                      "--act-bits 4 --out %s",
                      test_path("no")),
                2, "--act-scheme");
    check_error(octet("train --data sample --model lenet --qat --weight-rule pact --out %s",
                      test_path("no")),
                2, "--weight-rule");
    check_error(octet("train --data sample --model lenet --qat --range lsq --granularity tensor "
                      "--weight-scheme affine --out %s",
                      test_path("no")),
                2, "--weight-rule last");
    check_error(
        octet("train --data sample --model lenet --qat --range dorefa --out %s", test_path("no")),
        2, "--weight-bits 7");
    check_error(
        octet("train --data sample --model lenet --qat --range lsg --out %s", test_path("no")), 2,
        "did you mean lsq");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemes),
        cmocka_unit_test(integers_are_named),
        cmocka_unit_test(few_bits),
        cmocka_unit_test(delays),
        cmocka_unit_test(learned_ranges),
        cmocka_unit_test(float_layers),
        cmocka_unit_test(ways_that_do_not_go_together),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
