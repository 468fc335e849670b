#include "programs/wattsim_help.h"

#include <stdbool.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/strbuf.h"
#include "programs/wattsim_cli.h"

enum { HELP_COLUMN = 36, LINE_COLUMNS = 110 };

static const char INTRODUCTION[] =
    "wattsim - simulate LLM serving on a cluster, with the power it draws\n"
    "\n"
    "  wattsim [options]                one simulation\n"
    "  wattsim workload ...             make or inspect request traces (wattsim workload --help)\n"
    "\n"
    "Examples\n"
    "  The bundled single-NPU cluster with power coefficients, standby given in seconds:\n"
    "    wattsim --cluster-config configs/cluster/single_node_power_instance.json --standby-unit s\n"
    "  A trace, a row per request and everything else as JSON:\n"
    "    wattsim --cluster-config my_cluster.json --dataset workloads/sharegpt_like.jsonl --output "
    "out/requests.csv \\\n"
    "            --summary-json out/summary.json\n"
    "  Smaller batches, with the share of requests that meet a bound on latency:\n"
    "    wattsim --max-num-seqs 32 --slo ttft_ms=500,tpot_ms=50 --summary-json - | jq "
    ".metrics.slo_attainment\n"
    "  A job of a sweep again, then with more requests at once:\n"
    "    wattsweep show results.h5 --job 17 --export job17 && wattsim --from job17\n"
    "    wattsim --from job17 --max-num-seqs 512\n"
    "  What would be simulated, without doing so:\n"
    "    wattsim --cluster-config my_cluster.json --dry-run\n"
    "\n"
    "Files and switches\n";

static const char CLOSING[] = "\n"
                              "Options marked * may also be keys of an instance in the cluster config (with "
                              "underscores), which then win.\n"
                              "Files are looked up as given, then beside the bundled configs folder.\n"
                              "\n";

/** Print text from the help column on, broken between words. */
static void print_wrapped(const char *text, FILE *stream)
{
    int column = HELP_COLUMN;
    while (*text != '\0') {
        const int  len      = (int)strcspn(text, " ");
        const bool is_first = column == HELP_COLUMN;
        if (!is_first && column + 1 + len > LINE_COLUMNS) {
            (void)fprintf(stream, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN + len;
        } else {
            (void)fputs(is_first ? "" : " ", stream);
            column += len + (is_first ? 0 : 1);
        }
        (void)fprintf(stream, "%.*s", len, text);
        text += len + strspn(text + len, " ");
    }
    (void)fputc('\n', stream);
}

static void print_entry(const char *usage, const char *help, FILE *stream)
{
    const int len = fprintf(stream, "  %-*s", HELP_COLUMN - 2, usage);
    if (len > HELP_COLUMN || (size_t)len < strlen(usage) + 3) { /* no blank left before the help */
        (void)fprintf(stream, "\n%*s", HELP_COLUMN, "");
    }
    print_wrapped(help, stream);
}

static void print_flags(FILE *stream)
{
    static const struct {
        const char *name, *value, *help;
    } flags[] = {
#define FLAG_HELP(id, flag, value, help) {flag, value, help},
        WS_WATTSIM_FLAG_LIST(FLAG_HELP)
#undef FLAG_HELP
    };
    char usage[80];
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        (void)snprintf(usage, sizeof(usage), "--%s%s%s", flags[i].name, flags[i].value != NULL ? " " : "",
                       flags[i].value != NULL ? flags[i].value : "");
        print_entry(usage, flags[i].help, stream);
    }
}

/** What stands behind the option: a number, its choices, or nothing for booleans. */
static void describe_value(const ws_option *option, ws_strbuf *out)
{
    static const char *const values[] = {[WS_OPTION_INT]     = " N",
                                         [WS_OPTION_DOUBLE]  = " X",
                                         [WS_OPTION_BOOL]    = "",
                                         [WS_OPTION_SECONDS] = " TIME"};
    if (option->type != WS_OPTION_CHOICE) {
        ws_strbuf_puts(out, values[option->type]);
        return;
    }
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        ws_strbuf_printf(out, "%s%s", i == 0 ? " " : "|", option->choices[i]);
    }
}

static void print_option(const ws_option *option, FILE *stream)
{
    const ws_options defaults = ws_options_default();
    ws_strbuf        usage    = WS_STRBUF_INIT;
    ws_strbuf        help     = WS_STRBUF_INIT;
    char             flag[64], text[64];
    ws_strbuf_printf(&usage, "--%s%s", option->type == WS_OPTION_BOOL ? "[no-]" : "",
                     ws_option_flag(option, flag));
    describe_value(option, &usage);
    ws_strbuf_puts(&usage, option->per_instance ? " *" : "");
    ws_option_get_text(&defaults, option, text);
    if (option->type == WS_OPTION_BOOL) {
        ws_strbuf_printf(&help, "%s [%s]", option->help, strcmp(text, "true") == 0 ? "on" : "off");
    } else {
        ws_strbuf_printf(&help, "%s [%s]", option->help, text);
    }
    print_entry(ws_strbuf_text(&usage), ws_strbuf_text(&help), stream);
    ws_strbuf_fini(&usage);
    ws_strbuf_fini(&help);
}

void ws_wattsim_help_print(FILE *stream)
{
    size_t           n;
    const ws_option *options = ws_option_table(&n);
    (void)fputs(INTRODUCTION, stream);
    print_flags(stream);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(options[i].group, options[i - 1].group) != 0) {
            (void)fprintf(stream, "\n%s\n", options[i].group);
        }
        print_option(&options[i], stream);
    }
    (void)fputs(CLOSING, stream);
    (void)fputs(ws_exit_code_help(), stream);
}
