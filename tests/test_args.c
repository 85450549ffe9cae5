/* args: values of every kind, the command line, recipes, help. */
#include <math.h>

#include "nn/base/file.h"
#include "tests/testing.h"
#include "train/args.h"
#include "train/recipe.h"

typedef struct sample {
    bool flag;
    int number, choice;
    uint64_t count;
    double real;
    const char *text, *layers;
    train_span span, time;
    train_spans spans;
    train_extent size;
    train_reals list;
} sample;

static const char *const colours[] = { "red", "green", NULL };

#define ROW(name_, kind_, member) .name = name_, .kind = kind_, .at = offsetof(sample, member)
static const train_arg rows[] = {
    { ROW("flag", TRAIN_FLAG, flag), .help = "a flag" },
    { ROW("number", TRAIN_INT, number), .value = "7", .min = -5, .max = 100, .help = "a number" },
    { ROW("colour", TRAIN_CHOICE, choice), .value = "green", .choices = colours, .help = "one of" },
    { ROW("shade", TRAIN_CHOICE, choice), .choices = colours, .bare = "red" },
    { ROW("count", TRAIN_COUNT, count), .value = "3k" },
    { ROW("real", TRAIN_REAL, real), .value = "0.1", .max = 2 },
    { ROW("text", TRAIN_TEXT, text), .value = "as it is" },
    { ROW("span", TRAIN_SPAN, span), .value = "2ep" },
    { ROW("time", TRAIN_SPAN, time), .value = "10min", .flags = TRAIN_MINUTES_OK },
    { ROW("spans", TRAIN_SPANS, spans), .value = "3,1ep" },
    { ROW("size", TRAIN_EXTENT, size), .value = "32x48" },
    { ROW("list", TRAIN_REALS, list), .value = "1,2.5,-3", .min = -10, .max = 10 },
    { ROW("passing", TRAIN_INT, number), .flags = TRAIN_PASSING },
    { ROW("layers", TRAIN_TEXT, layers), .section = "some.layers" },
};
static const train_rows some = { "some", rows, (int)(sizeof rows / sizeof rows[0]) };
static const train_group group = { &some, 0 };

static nn_status set(sample *s, const char *name, const char *text)
{
    size_t base;
    const train_arg *arg = train_arg_find(&group, 1, name, &base);
    assert_non_null(arg);
    return train_arg_store(arg, s, text);
}

static const char *shown(const sample *s, const char *name)
{
    static char buffer[TRAIN_ARG_TEXT];
    size_t base;
    return train_arg_text(train_arg_find(&group, 1, name, &base), s, buffer);
}

static void defaults_are_stored_and_shown(void **state)
{
    (void)state;
    sample s = { 0 };
    assert_ok(train_args_defaults(&group, 1, &s));
    assert_int_equal(s.number, 7);
    assert_int_equal(s.choice, 1);
    assert_int_equal(s.count, 3000);
    assert_true(s.real == 0.1);
    assert_string_equal(s.text, "as it is");
    assert_true(s.span.n == 2 && s.span.unit == TRAIN_EPOCHS);
    assert_true(s.time.n == 10 && s.time.unit == TRAIN_MINUTES);
    assert_true(s.size.height == 32 && s.size.width == 48);
    assert_true(s.list.n == 3 && s.list.v[1] == 2.5 && s.list.v[2] == -3);
    assert_string_equal(shown(&s, "list"), "1,2.5,-3");
    assert_string_equal(shown(&s, "span"), "2ep");
    assert_true(s.spans.first.n == 3 && s.spans.second.n == 1);
    assert_true(s.spans.first.unit == TRAIN_STEPS && s.spans.second.unit == TRAIN_EPOCHS);
    assert_string_equal(shown(&s, "spans"), "3,1ep");
    assert_ok(set(&s, "spans", "4ep"));
    assert_string_equal(shown(&s, "spans"), "4ep");
    assert_string_equal(shown(&s, "size"), "32x48");
    assert_string_equal(shown(&s, "flag"), "false");
}

static void numbers_are_read_whole(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { "number", "" },      { "number", "1x" },
        { "number", " 1" },    { "number", "1.5" },
        { "number", "101" },   { "number", "-6" },
        { "number", "0x10" },  { "number", "9999999999" },
        { "count", "-1" },     { "count", "5kk" },
        { "count", "5 k" },    { "count", "99999999999T" },
        { "real", "nan" },     { "real", "inf" },
        { "real", "1e999" },   { "real", "0x1p1" },
        { "real", "3" },       { "real", "" },
        { "real", "1," },      { "flag", "maybe" },
        { "span", "2 ep" },    { "span", "-2" },
        { "span", "10min" },   { "span", "ep" },
        { "size", "32" },      { "size", "32x" },
        { "size", "0x5" },     { "size", "32x32x3" },
        { "size", "70000x1" }, { "list", "1,,2" },
        { "list", "1," },      { "list", "1,2,3,4,5" },
        { "list", "11" },      { "colour", "purple" },
        { "spans", "1,2,3" },  { "spans", "1," },
        { "spans", ",1" },     { "spans", "1ep,x" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sample s = { 0 }, untouched = { 0 };
        if (set(&s, bad[i][0], bad[i][1]) != NN_EINVAL)
            fail_msg("--%s %s was taken", bad[i][0], bad[i][1]);
        assert_non_null(strstr(nn_message(), bad[i][0]));
        assert_memory_equal(&s, &untouched, sizeof s);
    }
}

static void a_real_is_written_so_that_it_reads_back(void **state)
{
    (void)state;
    sample s = { 0 }, back = { 0 };
    for (int i = 0; i < 1000; i++) {
        s.real = fabs((double)test_noise_int(1, (uint64_t)i, 0, 1 << 30)) / 3e9;
        assert_ok(set(&back, "real", shown(&s, "real")));
        assert_true(s.real == back.real);
    }
    s.real = 5e-4;
    assert_string_equal(shown(&s, "real"), "0.0005");
}

/* ---- the command line ------------------------------------------------------------------------ */

static nn_status parse(train_args *a, sample *s, const char *line)
{
    static char text[256];
    static char *words[32];
    int n = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
        words[n++] = w;
    *s = (sample){ 0 };
    return train_args_parse(a, &group, 1, s, n, words);
}

static void options_and_operands_are_told_apart(void **state)
{
    (void)state;
    train_args a;
    sample s;
    assert_ok(parse(&a, &s, "one --number 5 --flag two --real=0.5 - -- --three"));
    assert_int_equal(a.n_operands, 4);
    assert_string_equal(a.operand[0], "one");
    assert_string_equal(a.operand[1], "two");
    assert_string_equal(a.operand[2], "-");
    assert_string_equal(a.operand[3], "--three");
    assert_true(s.number == 5 && s.flag && s.real == 0.5);
    assert_true(train_args_given(&a, "number") && !train_args_given(&a, "text"));
    train_args_free(&a);
    assert_ok(parse(&a, &s, "--flag=false --number -3"));
    assert_true(!s.flag && s.number == -3);
    train_args_free(&a);
}

/* A choice that may stand alone takes the next word only if that is one of its names. */
static void a_choice_may_have_no_value(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        int n, choice, operands;
    } cases[] = {
        { { "--shade", "green" }, 2, 1, 0 },  { { "--shade=green" }, 1, 1, 0 },
        { { "--shade" }, 1, 0, 0 },           { { "--shade", "file" }, 2, 0, 1 },
        { { "--shade", "--flag" }, 2, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *argv[3];
        sample s = { .choice = -1 };
        train_args a;
        for (int k = 0; k < cases[i].n; k++)
            argv[k] = (char *)(uintptr_t)cases[i].words[k];
        assert_ok(train_args_parse(&a, &group, 1, &s, cases[i].n, argv));
        assert_int_equal(s.choice, cases[i].choice);
        assert_int_equal(a.n_operands, cases[i].operands);
        train_args_free(&a);
    }
}

static void a_wrong_option_is_answered(void **state)
{
    (void)state;
    train_args a;
    sample s;
    static const char *const lines[][2] = {
        { "--nunber 3", "did you mean --number?" },
        { "--zzzzzzz", "see --help" },
        { "--number", "needs a value" },
        { "-n 3", "two dashes" },
        { "--colour gren", "did you mean green?" },
        { "--colour xyzzy", "red, green" },
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_fails(parse(&a, &s, lines[i][0]), NN_EINVAL, lines[i][1]);
        train_args_free(&a);
    }
}

/* ---- recipes --------------------------------------------------------------------------------- */

static nn_status read_recipe(sample *s, const char *line, const char *recipe)
{
    train_args a;
    assert_ok(nn_file_write(test_path("r.ini"), recipe, strlen(recipe)));
    assert_ok(parse(&a, s, line));
    nn_status st = train_args_recipe(&a, test_path("r.ini"));
    static char kept[2][64]; /* texts live in the arena of the arguments */
    const char **texts[] = { &s->text, &s->layers };
    for (int i = 0; st == NN_OK && i < 2; i++)
        if (*texts[i] != NULL) {
            snprintf(kept[i], sizeof kept[i], "%s", *texts[i]);
            *texts[i] = kept[i];
        }
    train_args_free(&a);
    return st;
}

static void the_command_line_wins_over_the_recipe(void **state)
{
    (void)state;
    sample s;
    assert_ok(
        read_recipe(&s, "--number 9", "; a note\n[some]\nnumber = 3\nflag = true\ntext = a b\n"));
    assert_true(s.number == 9 && s.flag);
    assert_string_equal(s.text, "a b");
}

static void a_wrong_recipe_names_its_line(void **state)
{
    (void)state;
    sample s;
    char longest[400];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "text = ", 7);
    longest[sizeof longest - 1] = '\0';
    assert_fails(read_recipe(&s, "", "\n\nnunber = 3\n"), NN_EINVAL, "line 3");
    assert_fails(read_recipe(&s, "", "\nnunber = 3\n"), NN_EINVAL, "did you mean number?");
    assert_fails(read_recipe(&s, "", "[sone]\nnumber = 3\n"), NN_EINVAL, "[some]");
    assert_fails(read_recipe(&s, "", "number = 3\nnumber = 3\n"), NN_EINVAL, "twice");
    assert_fails(read_recipe(&s, "", "number = 3z\n"), NN_EINVAL, "line 1");
    assert_fails(read_recipe(&s, "", "[some\n"), NN_EINVAL, "line 1");
    assert_fails(read_recipe(&s, "", "number\n"), NN_EINVAL, "line 1");
    assert_fails(read_recipe(&s, "", longest), NN_EINVAL, "longer");
    train_args a;
    assert_ok(parse(&a, &s, ""));
    assert_fails(train_args_recipe(&a, test_path("none.ini")), NN_EIO, "none.ini");
    assert_ok(nn_file_write(test_path("zero.ini"), "number = 3\0\n", 12));
    assert_fails(train_args_recipe(&a, test_path("zero.ini")), NN_EFORMAT, "zero byte");
    train_args_free(&a);
}

/* [some.layers] with a line for each entry is the text "a=1,b=2", and is written so again. */
static void a_list_has_a_section_of_its_own(void **state)
{
    (void)state;
    sample s;
    nn_bytes file;
    static const char recipe[] = "[some.layers]\nstem* = w8a8\nbody/x=w4\n[some]\nnumber = 3\n";
    assert_ok(read_recipe(&s, "--layers a=w2", recipe));
    assert_string_equal(s.layers, "a=w2");
    assert_ok(read_recipe(&s, "", recipe));
    assert_string_equal(s.layers, "stem*=w8a8,body/x=w4");
    assert_int_equal(s.number, 3);

    const train_args a = { .groups = &group, .n_groups = 1, .settings = &s };
    assert_ok(train_args_write(&a, test_path("l.ini"), "lists"));
    assert_ok(nn_file_read(&file, test_path("l.ini"), 0));
    static const char end[] = "\n[some.layers]\nstem* = w8a8\nbody/x = w4\n";
    assert_true(file.size > sizeof end);
    assert_memory_equal(file.data + file.size - (sizeof end - 1), end, sizeof end - 1);
    nn_bytes_free(&file);
}

static void a_recipe_that_is_written_reads_back(void **state)
{
    (void)state;
    train_args a, b;
    sample s, back;
    assert_ok(parse(&a, &s, "--number 42 --real 0.3 --span 17 --list 0.1 --flag --text x;y"));
    assert_ok(train_args_write(&a, test_path("w.ini"), "a heading"));
    assert_ok(parse(&b, &back, ""));
    assert_ok(train_args_recipe(&b, test_path("w.ini")));
    assert_string_equal(back.text, "x;y");
    for (int i = 0; i < some.n; i++) {
        char want[TRAIN_ARG_TEXT], found[TRAIN_ARG_TEXT];
        assert_string_equal(train_arg_text(&rows[i], &back, found),
                            train_arg_text(&rows[i], &s, want));
    }
    assert_false(train_args_given(&b, "passing"));
    s.text = "one ;two";
    assert_fails(train_args_write(&a, test_path("w.ini"), "a heading"), NN_EINVAL, "--text");
    train_args_free(&a);
    train_args_free(&b);
}

/* A path may be longer than what inih takes for a line. */
static void a_text_may_be_longer_than_a_line(void **state)
{
    (void)state;
    enum { LONG = 1000 };
    train_args a, b;
    sample s, back;
    char text[LONG + 1] = "";
    while (strlen(text) < LONG - 8)
        strcat(text, "ab/;\xc3\xa9"); /* a line is cut neither before ; nor within a character */
    memcpy(text + 300, "a blank  c", 10);
    assert_ok(parse(&a, &s, ""));
    s.text = text;
    assert_ok(train_args_write(&a, test_path("long.ini"), "a heading"));
    assert_ok(parse(&b, &back, ""));
    assert_ok(train_args_recipe(&b, test_path("long.ini")));
    assert_string_equal(back.text, text);
    assert_ok(train_args_same(&a, test_path("long.ini"), sizeof(sample)));
    train_args_free(&b);
    assert_ok(parse(&b, &back, "--text mine"));
    assert_ok(train_args_recipe(&b, test_path("long.ini")));
    assert_string_equal(back.text, "mine");
    memset(text + 5, ' ', LONG / 2); /* nothing that a line may end with */
    assert_fails(train_args_write(&a, test_path("long.ini"), "a heading"), NN_EINVAL, "--text");
    assert_fails(read_recipe(&back, "", "text+ = b\n"), NN_EINVAL, "line 1: text+: goes on");
    assert_fails(read_recipe(&back, "", "number = 3\nnumber+ = 4\n"), NN_EINVAL, "line 2");
    assert_fails(read_recipe(&back, "", "+ = 4\n"), NN_EINVAL, "line 1");
    train_args_free(&a);
    train_args_free(&b);
}

static nn_status same_as(const train_args *a, const char *recipe)
{
    assert_ok(nn_file_write(test_path("same.ini"), recipe, strlen(recipe)));
    return train_args_same(a, test_path("same.ini"), sizeof(sample));
}

/* A recipe of fewer rows is one with defaults; one with a row that is gone is refused by name. */
static void a_recipe_is_the_same_by_what_it_says(void **state)
{
    (void)state;
    train_args a;
    sample s;
    assert_ok(parse(&a, &s, "--number 42 --layers a=1,b=2"));
    assert_ok(same_as(&a, "; by hand\nnumber=42\n[some.layers]\na=1\nb=2\n"));
    assert_ok(same_as(&a, "[some]\nreal = 0.1\nnumber = 42\n[some.layers]\na = 1\nb = 2\n"));
    assert_fails(same_as(&a, "real = 0.75\nnumber = 42"), NN_EINVAL, "\"real = 0.75\" then, ");
    assert_fails(same_as(&a, ""), NN_EINVAL, "\"number = 7\" then, \"number = 42\" now");
    assert_fails(same_as(&a, "number = 42"), NN_EINVAL, "\"\" then, \"[some.layers]\" now");
    assert_fails(same_as(&a, "nomber = 42\n"), NN_EINVAL, "did you mean number?");
    train_args_free(&a);
}

static void the_training_recipe_has_sound_rows(void **state)
{
    (void)state;
    train_recipe r = { 0 };
    assert_ok(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, &r));
    assert_int_equal(r.training.epochs, 10);
    assert_int_equal(r.training.batch, 128);
    assert_true(r.training.weight_decay == 5e-4 && r.training.lr == 0.1);
    for (int g = 0; g < TRAIN_N_RECIPE_GROUPS; g++)
        for (int i = 0; i < train_recipe_groups[g].rows->n; i++) {
            const train_arg *arg = &train_recipe_groups[g].rows->args[i];
            assert_true(arg->help != NULL && strlen(arg->name) < 20);
        }
    ds_options o;
    r.data.val = "0.x";
    assert_fails(train_recipe_dataset(&o, &r.data, 1, 0), NN_EINVAL, "--val");
    r.data.val = "test";
    assert_ok(train_recipe_dataset(&o, &r.data, 1, 0));
    assert_true(o.val_is_test);
    assert_int_equal(train_span_steps((train_span){ 3, TRAIN_EPOCHS }, 10), 30);
    assert_true(train_span_steps((train_span){ INT64_MAX, TRAIN_EPOCHS }, 10) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_stored_and_shown),
        cmocka_unit_test(numbers_are_read_whole),
        cmocka_unit_test(a_real_is_written_so_that_it_reads_back),
        cmocka_unit_test(options_and_operands_are_told_apart),
        cmocka_unit_test(a_choice_may_have_no_value),
        cmocka_unit_test(a_wrong_option_is_answered),
        cmocka_unit_test(the_command_line_wins_over_the_recipe),
        cmocka_unit_test(a_wrong_recipe_names_its_line),
        cmocka_unit_test(a_list_has_a_section_of_its_own),
        cmocka_unit_test(a_recipe_that_is_written_reads_back),
        cmocka_unit_test(a_text_may_be_longer_than_a_line),
        cmocka_unit_test(a_recipe_is_the_same_by_what_it_says),
        cmocka_unit_test(the_training_recipe_has_sound_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
