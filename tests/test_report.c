/* report: escaping, tables of strangers, charts drawn where the numbers say, and pages of whole,
 * cut off and hostile runs. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/mem.h"
#include "tests/cli.h"
#include "train/report/chart.h"
#include "train/report/report.h"

/* ---- text ------------------------------------------------------------------------------------ */

static void check_escaped(const char *text, const char *want)
{
    report_text t = { 0 };
    report_escape(&t, text);
    assert_ok(report_text_check(&t));
    assert_string_equal(t.data != NULL ? t.data : "", want);
    report_text_free(&t);
}

static void what_strangers_say_is_escaped(void **state)
{
    (void)state;
    check_escaped("<a href='x'>&\"", "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    check_escaped("caf\xc3\xa9 \xf0\x9f\x90\xb1", "caf\xc3\xa9 \xf0\x9f\x90\xb1");
#define BAD "\xef\xbf\xbd"
    check_escaped("a\x01\x1b[31m", "a" BAD BAD "[31m");
    check_escaped("\xff\xc3", BAD BAD); /* no UTF-8; cut off */
    check_escaped("\xc0\xbc"
                  "script",
                  BAD BAD "script");            /* an overlong '<' */
    check_escaped("\xed\xa0\x80", BAD BAD BAD); /* half a surrogate pair */
    check_escaped("\xef\xbf\xbf", BAD BAD BAD); /* U+FFFF */
    check_escaped(NULL, "");
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    report_text t = { 0 };
    report_escape_cut(&t, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3);
    report_put(&t, "|");
    report_escape_tail(&t, "stage1/block0/conv1", 6);
    report_put(&t, "|");
    report_escape_tail(&t, "short", 6);
    assert_string_equal(t.data, "\xc3\xa9\xc3\xa9\xe2\x80\xa6|\xe2\x80\xa6"
                                "conv1|short");
    report_text_free(&t);
}

/* RFC 4648, section 10. */
static void base64_is_that_of_the_standard(void **state)
{
    (void)state;
    static const char *const want[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
    for (size_t n = 0; n < 7; n++) {
        report_text t = { 0 };
        report_put(&t, "");
        report_base64(&t, (const uint8_t *)"foobar", n);
        assert_string_equal(t.data, want[n]);
        report_text_free(&t);
    }
}

/* ---- csv ------------------------------------------------------------------------------------- */

static void put_file(const char *path, const char *text)
{
    assert_ok(nn_file_write(path, text, strlen(text)));
}

static void cells_keep_their_text(void **state)
{
    (void)state;
    nn_arena *a = NULL;
    report_csv c;
    assert_ok(nn_arena_new(&a));
    put_file(test_path("a.csv"), "step,loss,note\r\n1,0.50,x\r\n2,1e400,y,z\n\n3\n4,5,cut of");
    assert_ok(report_csv_read(&c, a, test_path("a.csv")));
    const int loss = report_csv_column(&c, "loss");
    assert_int_equal(c.rows, 3);
    assert_int_equal(c.columns, 3);
    assert_string_equal(report_csv_text(&c, 0, loss), "0.50");
    assert_true(report_csv_number(&c, 0, loss) == 0.5);
    assert_true(isnan(report_csv_number(&c, 1, loss)) && isnan(report_csv_number(&c, 0, 2)));
    assert_string_equal(report_csv_text(&c, 1, 2), "y");
    assert_string_equal(report_csv_text(&c, 2, 2), "");
    assert_int_equal(report_csv_column(&c, "los"), -1);
    assert_string_equal(report_csv_text(&c, 0, -1), "");
    nn_arena_free(a);
}

static void tables_that_are_none_are_refused(void **state)
{
    (void)state;
    nn_arena *a = NULL;
    report_csv c;
    char wide[300];
    assert_ok(nn_arena_new(&a));
    memset(wide, ',', 298);
    memcpy(wide + 298, "\n", 2);
    put_file(test_path("w.csv"), wide);
    assert_fails(report_csv_read(&c, a, test_path("w.csv")), NN_EFORMAT, "299 columns");
    put_file(test_path("e.csv"), "");
    assert_fails(report_csv_read(&c, a, test_path("e.csv")), NN_EFORMAT, "heading");
    assert_fails(report_csv_read(&c, a, test_path("none.csv")), NN_EIO, "none.csv");
    nn_arena_free(a);
}

/* ---- charts ---------------------------------------------------------------------------------- */

static int count(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        n++;
    return n;
}

/* The number behind the n-th `key`. */
static double number_behind(const char *text, const char *key, int n)
{
    for (; n >= 0; n--) {
        text = strstr(text, key);
        assert_non_null(text);
        text += strlen(key);
    }
    return strtod(text, NULL);
}

static void bars_are_as_long_as_their_numbers(void **state)
{
    (void)state;
    report_text t = { 0 };
    const report_bar bar[] = { { "a", "80", 80, 0 },
                               { "b<", "-40", -40, 1 },
                               { "c", "?", NAN, 2 } };
    report_chart_bars(&t, &(report_chart){ "t", NULL, NULL }, bar, 3);
    const double a = number_behind(t.data, "width=\"", 1), b = number_behind(t.data, "width=\"", 2);
    assert_true(a > 100 && fabs(a - 2 * b) < 0.2);
    assert_int_equal(count(t.data, "<rect"), 2);
    assert_non_null(strstr(t.data, "b&lt;"));
    report_text_free(&t);
}

static void lines_leave_out_what_is_no_number(void **state)
{
    (void)state;
    report_text one = { 0 }, again = { 0 };
    const double x[] = { 0, 1, 2, 3, 4 }, y[] = { 1, 2, NAN, 1e300, 5 };
    const report_series s = { "s", 5, x, y, NULL };
    const report_mark m = { 2, "here" };
    report_chart_lines(&one, &(report_chart){ "t", "x", "y" }, &s, 1, &m, 1);
    report_chart_lines(&again, &(report_chart){ "t", "x", "y" }, &s, 1, &m, 1);
    assert_string_equal(one.data, again.data);
    assert_int_equal(count(one.data, "<circle"), 3);
    assert_null(strstr(one.data, "nan"));
    assert_null(strstr(one.data, "inf"));
    const double first = number_behind(one.data, "cx=\"", 0),
                 last = number_behind(one.data, "cx=\"", 2);
    const double second = number_behind(one.data, "cx=\"", 1);
    assert_true(fabs((second - first) * 4 - (last - first)) < 1);
    report_text_free(&one);
    report_text_free(&again);
}

static void histograms_have_a_tick_for_each_code(void **state)
{
    (void)state;
    report_text t = { 0 };
    const quant_cell cell[] = { { -1, 0, 10 }, { 0, 1, 0 }, { 1, 2, 1000 } };
    report_chart_histogram(&t, &(report_chart){ "t", NULL, NULL }, cell, 3,
                           (report_grid){ -1, 2, 0.25 });
    const char *dash = strstr(t.data, "stroke-dasharray=\"");
    assert_non_null(dash);
    char *end;
    const double on = strtod(dash + 18, &end), off = strtod(end, NULL);
    const double band = number_behind(t.data, "class=\"q\" x=\"", 0);
    const double width = number_behind(strstr(t.data, "class=\"q\""), "width=\"", 0);
    assert_true(band >= 40 && fabs(width - 12 * (on + off)) < 0.5); /* 12 steps of 0.25 */
    assert_int_equal(count(t.data, "class=\"f0\""), 2);             /* an empty cell has no bar */
    assert_non_null(strstr(t.data, "1 to 2: 1000"));
    report_text_free(&t);
}

static void hostile_numbers_draw_something(void **state)
{
    (void)state;
    const double x[] = { INFINITY, -1e308, 1e308, NAN }, y[] = { 1e-310, -0.0, 1e29, -1e29 };
    const report_series s = { "s", 4, x, y, NULL }, none = { "none", 0, x, y, NULL };
    const report_range r = { NAN, INFINITY, -INFINITY, NAN };
    const report_bar bar = { "", "", 1e308, 77 };
    const report_chart c = { "", NULL, NULL };
    const int64_t zero = 0;
    const char *name = "";
    report_text t = { 0 };
    report_chart_lines(&t, &c, &s, 1, NULL, 0);
    report_chart_lines(&t, &c, &none, 1, NULL, 0);
    report_chart_lines(&t, &c, NULL, 0, NULL, 0);
    report_chart_ranges(&t, &c, &r, 1);
    report_chart_ranges(&t, &c, &r, 0);
    report_chart_bars(&t, &c, &bar, 1);
    report_chart_bars(&t, &c, &bar, 0);
    report_chart_histogram(&t, &c, NULL, 0, (report_grid){ 0, NAN, NAN });
    report_chart_matrix(&t, &c, &zero, &name, 1);
    assert_ok(report_text_check(&t));
    assert_int_equal(count(t.data, "<svg "), 9);
    assert_int_equal(count(t.data, "</svg>"), 9);
    report_text_free(&t);
}

/* ---- pages of runs that were cut off, and of hostile ones ------------------------------------ */

static const char log_heading[] = "step,epoch,phase,lr,train_loss,train_top1,val_loss,val_top1,"
                                  "val_top5,int8_loss,int8_top1,images_per_s\n";

/* The page of a folder. */
static nn_bytes page_of(const char *folder)
{
    char path[PATH + 32];
    const report_options o = { .limits = { UINT64_MAX, UINT64_MAX } };
    assert_ok(report_write(folder, NULL, &o));
    snprintf(path, sizeof path, "%s/report.html", folder);
    return read_text(path);
}

static const char *folder_with(const char *name, const char *file, const char *text)
{
    static char folder[PATH];
    char path[PATH + 64];
    snprintf(folder, sizeof folder, "%s", test_path(name));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    put_file(path, text);
    return folder;
}

static void a_log_alone_makes_a_page(void **state)
{
    (void)state;
    char text[1024];
    snprintf(text, sizeof text, "%s%s", log_heading,
             "10,1,float,0.1,2.302585,0.125,,,,,,100.0\n"
             "20,1,float,0.05,1.500000,0.5,1.4375,0.531250,0.9,,,100.0\n"
             "30,2,qat,0.01,1.250000,0.625,1.3,0.562500,0.9,1.3001,0.5624,90.0\n"
             "40,2,qat,0.0");
    nn_bytes page = page_of(folder_with("partial", "log.csv", text));
    const char *html = text_of(page);
    assert_non_null(strstr(html, "Missing here: layers, mistakes and confusion: there is no "
                                 "model.safetensors"));
    assert_non_null(strstr(html, "Missing here: test.csv: is not there: the training is not over"));
    assert_non_null(strstr(html, "<td>20</td><td>1</td><td>float</td><td>1.500000</td>"
                                 "<td>1.4375</td><td></td>"));
    assert_non_null(strstr(html, "<td>0.562500</td><td>0.5624</td>"));
    assert_null(strstr(html, "<td>40</td>")); /* its line is not whole */
    assert_non_null(strstr(html, "fake quantization begins"));
    assert_int_equal(count(html, "<svg "), 3);
    assert_int_equal(count(html, "<details>"), 3);
    assert_non_null(strstr(html, "validation at 20: 1.4375</title>"));
    nn_bytes_free(&page);
}

/* The command that repeats a run is one that a shell takes. */
static void a_command_is_quoted(void **state)
{
    (void)state;
    char recipe[PATH + 64];
    const char *folder = folder_with("two words", "log.csv", log_heading);
    snprintf(recipe, sizeof recipe, "%s/recipe.ini", folder);
    put_file(recipe, "[data]\ndata = sample\n");
    nn_bytes page = page_of(folder);
    assert_non_null(strstr(text_of(page), ">octet train &#39;/"));
    assert_non_null(strstr(text_of(page), "/two words/recipe.ini&#39; --out NEW</pre>"));
    nn_bytes_free(&page);
}

static void names_cannot_leave_their_place(void **state)
{
    (void)state;
    static const char table[] = "seed,method,top1,delta,loss,bytes,seconds\n"
                                "../..,\"><script>alert(1)</script>,0.5,0,1,100,1\n"
                                "1,</style></svg>,0.25,-0.25,1,100,1\n"
                                "1,nan,nan,inf,x,y,z\n";
    nn_bytes page = page_of(folder_with("a&b<i>", "compare.csv", table));
    const char *html = text_of(page);
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<i>\""));
    assert_int_equal(count(html, "</style>"), 1);
    assert_int_equal(count(html, "<svg "), count(html, "</svg>"));
    assert_non_null(strstr(html, "a&amp;b&lt;i&gt;</h1>"));
    assert_non_null(strstr(html, "<td>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</td>"
                                 "<td>0.5</td><td>0</td>"));
    assert_non_null(strstr(html, "50.00 %"));
    assert_int_equal(count(html, "class=\"f1\""), 4); /* of two rows: accuracy, difference */
    nn_bytes_free(&page);
}

static void what_is_no_run_is_refused(void **state)
{
    (void)state;
    const report_options o = { .limits = { UINT64_MAX, UINT64_MAX } };
    assert_fails(report_write(test_path("nowhere"), NULL, &o), NN_EIO, "nowhere");
    assert_fails(report_write(folder_with("other", "x.txt", "x"), NULL, &o), NN_EIO, "log.csv");
    nn_bytes page = page_of(folder_with("junk", "log.csv", "\x01\x02,\xff\n\xfe,<b>\n"));
    assert_null(strstr(text_of(page), "<b>\xfe"));
    nn_bytes_free(&page);
}

/* An experiment's runs are looked for below its folder, whatever it calls its seeds. */
static void runs_are_found_below_their_folder(void **state)
{
    (void)state;
    char run[PATH + 32], path[PATH + 64], text[512];
    const char *folder =
        folder_with("seeds", "compare.csv", "seed,method,top1,delta,los\n1,float,0.5,0,7\n");
    snprintf(text, sizeof text, "%s%s", log_heading, "10,1,float,0.1,2.3,0.125,,,,,,100.0\n");
    snprintf(run, sizeof run, "%s/seed1", folder);
    mkdir(run, 0777);
    snprintf(run, sizeof run, "%s/seed1/float", folder);
    mkdir(run, 0777);
    snprintf(path, sizeof path, "%s/log.csv", run);
    put_file(path, text);
    nn_bytes page = page_of(folder);
    assert_non_null(strstr(text_of(page), "<h3>seed1/float</h3>"));
    assert_non_null(strstr(text_of(page), "column &quot;los&quot; is unknown; did you mean loss?"));
    nn_bytes_free(&page);
    snprintf(path, sizeof path, "%s/compare.csv", folder);
    put_file(path, "seed,method,top1,delta\n1/../../seeds/seed1,float,0.5,0\n");
    page = page_of(folder);
    assert_null(strstr(text_of(page), "<h3>seed1/"));
    nn_bytes_free(&page);
}

/* Cut off at every byte, and with a byte changed: a page or a refusal, and every tag is closed. */
static void damaged_tables_do_no_harm(void **state)
{
    (void)state;
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", log_heading,
             "10,1,float,0.1,2.302585,0.125,,,,,,100.0\n"
             "20,2,qat,0.05,1.500000,0.5,1.4375,0.531250,0.9,1.4,0.5,100.0\n");
    const size_t size = strlen(whole);
    for (size_t i = 0; i <= 2 * size; i++) {
        char text[512];
        memcpy(text, whole, sizeof text);
        text[i % (size + 1)] = i <= size ? '\0' : (char)test_noise_int(7, i, 1, 255);
        const char *folder = folder_with("damaged", i % 2 == 0 ? "log.csv" : "compare.csv", text);
        nn_bytes page = page_of(folder);
        assert_int_equal(count(text_of(page), "<svg "), count(text_of(page), "</svg>"));
        assert_int_equal(count(text_of(page), "<table>"), count(text_of(page), "</table>"));
        nn_bytes_free(&page);
    }
}

/* Each allocation of a page fails once; there is an error or a page, never half of one. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    char text[512], path[PATH + 32];
    const report_options o = { .limits = { UINT64_MAX, UINT64_MAX } };
    snprintf(text, sizeof text, "%s%s", log_heading, "10,1,float,0.1,2.3,0.125,,,,,,100.0\n");
    const char *folder = folder_with("starved", "log.csv", text);
    snprintf(path, sizeof path, "%s/report.html", folder);
    nn_status st = NN_ENOMEM;
    size_t k = 1;
    for (; st != NN_OK && k < 1000; k++) {
        nn_mem_fail_after(k);
        st = report_write(folder, NULL, &o);
        nn_mem_fail_after(0);
        assert_true(st == NN_OK || access(path, F_OK) != 0);
    }
    assert_true(k > 5 && st == NN_OK);
}

/* ---- the program ----------------------------------------------------------------------------- */

static void a_run_leaves_its_page(void **state)
{
    (void)state;
    nn_bytes page = read_text(q("report.html")), log = read_text(q("log.csv"));
    const char *html = text_of(page);
    static const char *const charts[] = { "results",   "loss",  "accuracy",    "rate",
                                          "confusion", "noise", "histogram-0", "channels-1" };
    for (size_t i = 0; i < sizeof charts / sizeof charts[0]; i++) {
        char id[64];
        snprintf(id, sizeof id, "<div class=\"chart\" id=\"%s\"><svg ", charts[i]);
        if (strstr(html, id) == NULL)
            fail_msg("no chart %s", charts[i]);
    }
    assert_int_equal(count(html, "class=\"chart\" id="), count(html, "<svg "));
    assert_null(strstr(html, "Missing here"));
    assert_null(strstr(html, "<script"));
    assert_true(count(html, "http") == count(html, "http://www.w3.org/2000/svg") + 1 /* -equiv */);
    const char *last = strrchr(text_of(log), '\n') - 1; /* the last line's loss is on the page */
    while (last > text_of(log) && last[-1] != '\n')
        last--;
    char cell[64], loss[32];
    assert_int_equal(sscanf(last, "%*[^,],%*[^,],%*[^,],%*[^,],%31[^,]", loss), 1);
    snprintf(cell, sizeof cell, "<td>%s</td>", loss);
    assert_non_null(strstr(html, cell));
    nn_bytes_free(&page);
    nn_bytes_free(&log);
}

static void charts_can_stand_alone(void **state)
{
    (void)state;
    char folder[PATH], path[PATH + 32];
    snprintf(folder, sizeof folder, "%s", test_path("charts"));
    cJSON *json = object_of(octet("report %s --svg %s --pictures 20 --json", q(""), folder));
    check_keys(json, "report");
    cJSON_Delete(json);
    snprintf(path, sizeof path, "%s/loss.svg", folder);
    nn_bytes svg = read_text(path);
    assert_int_equal(strncmp(text_of(svg), "<?xml", 5), 0);
    assert_int_equal(count(text_of(svg), "<style>"), 1);
    assert_int_equal(count(text_of(svg), "<svg "), 1);
    assert_non_null(strstr(text_of(svg), "</svg>"));
    nn_bytes_free(&svg);
}

static nn_bytes page_without_times(const char *options)
{
    check_done(octet("report %s --pictures 40 --quiet %s", q(""), options));
    nn_bytes page = read_text(q("report.html"));
    char *at = strstr((char *)page.data, "on one thread");
    assert_non_null(at);
    *at = '\0'; /* what follows is the recipe */
    return page;
}

static void threads_change_no_number(void **state)
{
    (void)state;
    nn_bytes one = page_without_times("--threads 1"), three = page_without_times("--threads 3");
    assert_string_equal(text_of(one), text_of(three));
    nn_bytes_free(&one);
    nn_bytes_free(&three);
}

static void pictures_are_counted(void **state)
{
    (void)state;
    check_done(octet("report %s --pictures 20 --quiet", f("")));
    nn_bytes page = read_text(f("report.html"));
    const char *html = text_of(page);
    const char *at = strstr(html, "network on ");
    int seen, of, right, wrong;
    assert_non_null(at);
    assert_int_equal(sscanf(at,
                            "network on %d of the %d test pictures: %d right (%*f %%), %d wrong",
                            &seen, &of, &right, &wrong),
                     4);
    assert_int_equal(seen, right + wrong);
    assert_true(seen >= 20 && seen <= of);
    int sum = 0; /* of the confusion matrix: "N of M" */
    const char *matrix = strstr(html, "id=\"confusion\"");
    const char *end = strstr(matrix, "</svg>");
    while ((matrix = strstr(matrix, "<title>")) != NULL && matrix < end) {
        const char *colon = strstr(matrix, ": ");
        sum += colon != NULL && strstr(matrix, " of ") != NULL ? atoi(colon + 2) : 0;
        matrix += 7;
    }
    assert_true(sum == seen);
    const int shown = count(html, "data:image/png;base64,");
    assert_int_equal(shown, wrong < 18 ? wrong : 18);
    for (int i = 1; i < shown; i++) /* the worst first */
        assert_true(number_behind(html, ", loss ", i) <= number_behind(html, ", loss ", i - 1));
    assert_non_null(strstr(html, "no quantization ranges yet"));
    nn_bytes_free(&page);
}

/* Scales may be computed instead of kept: --bn-fold unfolded. */
static void every_way_of_folding_has_layers(void **state)
{
    (void)state;
    char folder[PATH], path[PATH + 32];
    snprintf(folder, sizeof folder, "%s", test_path("unfolded"));
    snprintf(path, sizeof path, "%s/report.html", folder);
    check_done(octet("train --data noise:12x12x1:3:60 --model lenet --input 28x28 --epochs 1 "
                     "--batch 16 --qat --bn-fold unfolded --quiet --out %s",
                     folder));
    nn_bytes page = read_text(path);
    assert_null(strstr(text_of(page), "Missing here"));
    assert_non_null(strstr(text_of(page), "c1/weight</a></td><td>weight</td>"));
    assert_null(strstr(text_of(page), "<td>&ndash;</td><td>&ndash;</td>")); /* all have a grid */
    nn_bytes_free(&page);
}

static void quantize_can_leave_a_page(void **state)
{
    (void)state;
    check_done(octet(
        "quantize %s --data noise:8x8x3:4:200 --calib 32 --out %s --equalize=false --report \"%s\"",
        f("model.safetensors"), test_path("m.tflite"), test_path("it's.html")));
    nn_bytes page = read_text(test_path("it's.html"));
    const char *html = text_of(page);
    const char *command = strstr(html, "<pre class=\"command\">octet quantize ");
    assert_non_null(command);
    assert_non_null(strstr(command, "it&#39;\\&#39;&#39;s.html&#39; --data noise:8x8x3:4:200"));
    assert_non_null(strstr(command, " --equalize=false"));
    assert_non_null(strstr(html, "Quantized after training: minmax of 32 pictures"));
    assert_non_null(strstr(html, "id=\"noise\""));
    nn_bytes_free(&page);
}

static void a_report_never_fails_a_training(void **state)
{
    (void)state;
    char folder[PATH], path[PATH + 32];
    snprintf(folder, sizeof folder, "%s", test_path("blocked"));
    snprintf(path, sizeof path, "%s/report.html", folder);
    mkdir(folder, 0777);
    mkdir(path, 0777); /* a folder where the page should go */
    const outcome *o = octet("train --data noise:12x12x1:3:60 --model mlp --epochs 1 --batch 16 "
                             "--resume --out %s",
                             folder);
    assert_int_equal(o->code, 0);
    assert_non_null(strstr(text_of(o->err), "report: not written: "));
    check_error(octet("report %s", test_path("nowhere")), 1, "nowhere");
    rmdir(path);
    check_done(octet("train --data noise:12x12x1:3:60 --model mlp --epochs 1 --batch 16 "
                     "--overwrite --report off --out %s",
                     folder));
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(what_strangers_say_is_escaped),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(base64_is_that_of_the_standard),
        cmocka_unit_test(cells_keep_their_text),
        cmocka_unit_test(tables_that_are_none_are_refused),
        cmocka_unit_test(bars_are_as_long_as_their_numbers),
        cmocka_unit_test(lines_leave_out_what_is_no_number),
        cmocka_unit_test(histograms_have_a_tick_for_each_code),
        cmocka_unit_test(hostile_numbers_draw_something),
        cmocka_unit_test(a_log_alone_makes_a_page),
        cmocka_unit_test(a_command_is_quoted),
        cmocka_unit_test(names_cannot_leave_their_place),
        cmocka_unit_test(what_is_no_run_is_refused),
        cmocka_unit_test(runs_are_found_below_their_folder),
        cmocka_unit_test(damaged_tables_do_no_harm),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    const struct CMUnitTest with_runs[] = {
        cmocka_unit_test(a_run_leaves_its_page),
        cmocka_unit_test(charts_can_stand_alone),
        cmocka_unit_test(threads_change_no_number),
        cmocka_unit_test(pictures_are_counted),
        cmocka_unit_test(every_way_of_folding_has_layers),
        cmocka_unit_test(quantize_can_leave_a_page),
        cmocka_unit_test(a_report_never_fails_a_training),
    };
    return cmocka_run_group_tests(alone, NULL, NULL) +
           cmocka_run_group_tests(with_runs, train_models, forget);
}
