/* Invariants: every kind of option is understood in every form, and no other word is; each mistake names the
 * word and what was expected, and all mistakes of a line are reported; what is not on the line keeps its
 * default; whatever the words are, a line is read or refused, and what was read is in range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cmdline_start.h"
#include "base/exit_code.h"
#include "random_words.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { MAX_OPERANDS = 2, MAX_DIRS = 3 };

typedef struct settings {
    bool        quiet, live;
    int         verbosity, colour;
    const char *title, *output;
    int64_t     n;
    double      share, wait_s;
    ws_arg_list dirs;
    int         width, height;
    const char *dir_items[MAX_DIRS], *operands[MAX_OPERANDS];
} settings;

static ws_status set_size(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    settings *s = into;
    return sscanf(text, "%dx%d", &s->width, &s->height) == 2 ? WS_OK : ws_arg_refuse(arg, text, err);
}

#define AT(member) .offset = offsetof(settings, member)

static const char *const colours[] = {"red", "green", NULL};

static const ws_arg first_args[] = {
    {.name = "quiet", .short_name = "q", .kind = WS_ARG_FLAG, AT(quiet), .help = "say nothing"},
    {.name = "live_view", .kind = WS_ARG_SWITCH, AT(live), .help = "show it", .default_text = "on"},
    {.name = "verbose", .short_name = "v", .kind = WS_ARG_COUNT, AT(verbosity), .help = "say more"},
    {.name = "title", .kind = WS_ARG_TEXT, AT(title), .help = "any text"},
    {.name = "output", .short_name = "o", .kind = WS_ARG_FILE, AT(output), .help = "a file"},
};
static const ws_arg second_args[] = {
    {.name = "number", .short_name = "n", .kind = WS_ARG_INT, AT(n), .min = 1, .max = 9, .help = "how many"},
    {.name = "share", .kind = WS_ARG_NUMBER, AT(share), .min = 0, .max = 1, .help = "a part"},
    {.name = "wait", .kind = WS_ARG_SECONDS, AT(wait_s), .min = 0, .max = 3600, .help = "how long"},
    {.name = "colour", .kind = WS_ARG_CHOICE, AT(colour), .choices = colours, .help = "of what"},
    {.name = "data-dir", .kind = WS_ARG_LIST, AT(dirs), .value = "DIR", .help = "may be repeated"},
    {.name     = "size",
     .kind     = WS_ARG_TEXT,
     .set      = set_size,
     .value    = "WxH",
     .expected = "a size such as 3x4",
     .help     = "of the picture"},
};

typedef struct parsed {
    settings        s;
    ws_error        err;
    ws_status       status;
    ws_cmdline_seen seen;
} parsed;

static ws_cmdline make_line(ws_arg_section sections[2], settings *s)
{
    *s              = (settings){.live = true, .n = 5, .share = 0.5, .title = "none"};
    s->dirs         = (ws_arg_list){.items = s->dir_items, .capacity = MAX_DIRS};
    sections[0]     = (ws_arg_section){NULL, first_args, COUNT_OF(first_args), s};
    sections[1]     = (ws_arg_section){"More", second_args, COUNT_OF(second_args), s};
    ws_cmdline line = {.program       = "toy run",
                       .usage         = "A [B]",
                       .about         = "A toy.",
                       .sections      = sections,
                       .n_sections    = 2,
                       .operand_names = "A and at most one B",
                       .min_operands  = 1,
                       .max_operands  = MAX_OPERANDS,
                       .operands      = s->operands};
    return line;
}

static void parse(parsed *p, const char *const *argv, size_t argc)
{
    ws_arg_section   sections[2];
    const ws_cmdline line = make_line(sections, &p->s);
    p->err                = WS_ERROR_INIT;
    p->seen               = (ws_cmdline_seen){.n_operands = 0};
    p->status             = ws_cmdline_read(&line, (int)argc, argv, &p->err, &p->seen);
}

#define WORDS(...) ((const char *const[]){"run", __VA_ARGS__})
#define NEED(p, ...) need(p, WORDS(__VA_ARGS__), COUNT_OF(WORDS(__VA_ARGS__)))
#define REFUSE(message, ...) refuse(message, WORDS(__VA_ARGS__), COUNT_OF(WORDS(__VA_ARGS__)))

static void need(parsed *p, const char *const *argv, size_t argc)
{
    parse(p, argv, argc);
    if (p->status != WS_OK) {
        fail_msg("%s", ws_error_text(&p->err));
    }
}

/* Exactly this one problem. */
static void refuse(const char *message, const char *const *argv, size_t argc)
{
    parsed p;
    parse(&p, argv, argc);
    assert_int_equal(p.status, WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&p.err), message);
    ws_error_clear(&p.err);
}

static void what_is_not_given_keeps_its_default(void **state)
{
    (void)state;
    parsed p;
    NEED(&p, "a");
    assert_false(p.s.quiet);
    assert_true(p.s.live && p.s.n == 5 && p.s.share == 0.5 && p.s.verbosity == 0);
    assert_string_equal(p.s.title, "none");
    assert_null(p.s.output);
    assert_int_equal(p.s.dirs.n, 0);
    assert_int_equal(p.seen.n_operands, 1);
    assert_string_equal(p.s.operands[0], "a");
}

static void every_kind_in_every_form(void **state)
{
    (void)state;
    parsed p;
    NEED(&p, "--quiet", "a", "--no-live-view", "-v", "--verbose", "--title=", "-o", "out", "--number=9", "b");
    assert_true(p.s.quiet && !p.s.live && p.s.verbosity == 2 && p.s.n == 9);
    assert_string_equal(p.s.title, "");
    assert_string_equal(p.s.output, "out");
    assert_int_equal(p.seen.n_operands, 2);
    assert_string_equal(p.s.operands[1], "b");
    NEED(&p, "a", "--share", "0.25", "--wait", "2m", "--colour", "GREEN", "--data-dir=x", "--data_dir", "y",
         "--size", "3x4");
    assert_true(p.s.share == 0.25 && p.s.wait_s == 120.0 && p.s.colour == 1);
    assert_int_equal(p.s.dirs.n, 2);
    assert_string_equal(p.s.dirs.items[1], "y");
    assert_true(p.s.width == 3 && p.s.height == 4);
    NEED(&p, "a", "--live-view=no", "--live-view", "-n", "3", "--number", "4"); /* the last one counts */
    assert_true(p.s.live && p.s.n == 4);
    NEED(&p, "a", "--live_view=off", "--title", "-x", "--output=--b");
    assert_false(p.s.live);
    assert_string_equal(p.s.title, "-x"); /* one dash may begin a value, two behind = only */
    assert_string_equal(p.s.output, "--b");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    parsed p;
    NEED(&p, "--", "--quiet", "--help");
    assert_false(p.s.quiet || p.seen.wants_help);
    assert_string_equal(p.s.operands[1], "--help");
    NEED(&p, "-", "--quiet", "--"); /* a dash alone is a name, most often of a standard stream */
    assert_true(p.s.quiet);
    assert_string_equal(p.s.operands[0], "-");
}

static void help_wins_over_every_mistake(void **state)
{
    (void)state;
    parsed p;
    NEED(&p, "--nonsense", "-n", "x", "--help");
    assert_true(p.seen.wants_help);
    NEED(&p, "-h");
    assert_true(p.seen.wants_help);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    REFUSE("--quite: unknown option; did you mean --quiet?", "a", "--quite");
    REFUSE("--live-wiev: unknown option; did you mean --live-view?", "a", "--live-wiev=no");
    REFUSE("--hlep: unknown option; did you mean --help?", "a", "--hlep");
    REFUSE("--no-quiet: unknown option; did you mean --quiet?", "a", "--no-quiet");
    REFUSE("--zzzzzzzzz: unknown option; see toy run --help", "a", "--zzzzzzzzz");
    REFUSE("-x: unknown option; see toy run --help", "a", "-x");
    REFUSE("-vv: unknown option; see toy run --help", "a", "-vv");
    REFUSE("--quiet: expected no value, found 'yes'", "a", "--quiet=yes");
    REFUSE("--verbose: expected no value, found ''", "a", "--verbose=");
    REFUSE("--output: expected a value behind it: FILE", "a", "--output");
    REFUSE("--output: expected a value behind it: FILE", "a", "--output", "--quiet");
    REFUSE("--output: expected a value behind it: FILE, found \"\"", "a", "-o", "");
    REFUSE("--colour: expected a value behind it: red|green", "a", "--colour");
    REFUSE("--data-dir: expected a value behind it: DIR, found \"\"", "a", "--data-dir=");
    REFUSE("--number: expected integer from 1 to 9, found '10'", "a", "-n", "10");
    REFUSE("--share: expected number from 0 to 1, found 'nan'", "a", "--share=nan");
    REFUSE("--colour: expected one of red, green, found 'blue'", "a", "--colour", "blue");
    REFUSE("--live-view: expected true or false, found 'maybe'", "a", "--live_view=maybe");
    REFUSE("--size: expected a size such as 3x4, found '3'", "a", "--size", "3");
    REFUSE("--data-dir: at most 3", "a", "--data-dir=1", "--data-dir=2", "--data-dir=3", "--data-dir=4");
    REFUSE("expected A and at most one B; see toy run --help", "--quiet");
    REFUSE("c: an argument too many, expected A and at most one B; see toy run --help", "a", "b", "c");
}

static void all_mistakes_of_a_line_are_reported(void **state)
{
    (void)state;
    static const char *const argv[] = {"run", "--number=0", "--zzzzzzzzz", "--colour", "x"};
    parsed                   p;
    parse(&p, argv, COUNT_OF(argv));
    assert_int_equal(p.status, WS_ERR_INPUT);
    assert_int_equal(p.err.n_problems, 4); /* and no A */
    ws_error_clear(&p.err);
}

/* Where no operand is allowed, what follows an unknown option is taken for its value. */
static void a_line_of_options_only(void **state)
{
    (void)state;
    settings             s       = {.n = 0};
    const ws_arg_section section = {NULL, second_args, COUNT_OF(second_args), &s};
    const ws_cmdline     line = {.program = "toy", .about = "A toy.", .sections = &section, .n_sections = 1};
    static const char *const argv[] = {"toy", "--zzzzzzz", "3", "word", "-n", "7"};
    ws_error                 err    = WS_ERROR_INIT;
    ws_cmdline_seen          seen;
    assert_int_equal(ws_cmdline_read(&line, COUNT_OF(argv), argv, &err, &seen), WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "--zzzzzzz: unknown option; see toy --help\n"
                                             "word: expected an option beginning with --; see toy --help");
    assert_int_equal(s.n, 7);
    ws_error_clear(&err);
}

static void a_required_option(void **state)
{
    (void)state;
    const char  *output = NULL;
    const ws_arg args[] = {{.name = "output", .kind = WS_ARG_FILE, .help = "a file", .is_required = true}};
    const ws_arg_section section = {NULL, args, 1, &output};
    const ws_cmdline     line = {.program = "toy", .about = "A toy.", .sections = &section, .n_sections = 1};
    ws_error             err  = WS_ERROR_INIT;
    ws_cmdline_seen      seen;
    assert_int_equal(ws_cmdline_read(&line, 1, (const char *const[]){"toy"}, &err, &seen), WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "expected --output FILE; see toy --help");
    ws_error_clear(&err);
    assert_int_equal(ws_cmdline_read(&line, 2, (const char *const[]){"toy", "--output=x"}, &err, &seen),
                     WS_OK);
    assert_string_equal(output, "x");
}

static void a_command_starts_or_ends(void **state)
{
    (void)state;
    settings         s;
    ws_arg_section   sections[2];
    size_t           n    = 0;
    int              code = -1;
    const ws_cmdline line = make_line(sections, &s);
    assert_true(ws_cmdline_start(&line, 2, (char *[]){"run", "a"}, &n, &code));
    assert_int_equal(n, 1);
    assert_false(ws_cmdline_start(&line, 2, (char *[]){"run", "-h"}, NULL, &code));
    assert_int_equal(code, WS_EXIT_DONE);
    assert_false(ws_cmdline_start(&line, 1, (char *[]){"run"}, NULL, &code));
    assert_int_equal(code, WS_EXIT_INPUT);
}

static void an_unknown_command_is_refused(void **state)
{
    (void)state;
    static const char *const known[] = {"run", "plan", "status"};
    assert_int_equal(ws_cmdline_refuse_command("toy", "pland", known, 3), WS_EXIT_INPUT);
    assert_int_equal(ws_cmdline_refuse_command("toy", "zzzzzz", known, 3), WS_EXIT_INPUT);
}

/* ---- any words at all ---- */

static void any_words_are_read_or_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"quiet",  "live_view", "verbose", "title", "output", "number",
                                        "share",  "wait",      "q",       "v",     "o",      "n",
                                        "colour", "data-dir",  "size",    "red",   "3x4"};
    size_t                   n_read = 0, n_refused = 0;
    random_line              line;
    ws_rng                   rng;
    random_words_seed(&rng);
    for (int i = 0; i < RANDOM_LINES; i++) {
        parsed p;
        random_line_make(&rng, names, COUNT_OF(names), &line);
        parse(&p, (const char *const *)line.argv, (size_t)line.argc);
        if (p.status == WS_OK) {
            assert_int_equal(p.err.n_problems, 0);
            assert_true(p.seen.wants_help || (p.seen.n_operands >= 1 && p.seen.n_operands <= MAX_OPERANDS));
            n_read++;
        } else {
            assert_int_equal(p.status, WS_ERR_INPUT);
            assert_true(p.err.n_problems > 0 && ws_error_text(&p.err)[0] != '\0');
            n_refused++;
        }
        assert_true(p.s.n >= 1 && p.s.n <= 9 && p.s.share >= 0.0 && p.s.share <= 1.0 && p.s.wait_s >= 0.0);
        assert_true((p.s.colour == 0 || p.s.colour == 1) && p.s.dirs.n <= MAX_DIRS);
        ws_error_clear(&p.err);
    }
    assert_true(n_read > 0 && n_refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_keeps_its_default),
        cmocka_unit_test(every_kind_in_every_form),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(help_wins_over_every_mistake),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(all_mistakes_of_a_line_are_reported),
        cmocka_unit_test(a_line_of_options_only),
        cmocka_unit_test(a_required_option),
        cmocka_unit_test(a_command_starts_or_ends),
        cmocka_unit_test(an_unknown_command_is_refused),
        cmocka_unit_test(any_words_are_read_or_refused),
    };
    return cmocka_run_group_tests_name("base.cmdline", tests, NULL, NULL);
}
