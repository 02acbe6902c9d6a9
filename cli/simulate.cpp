#include "cli/simulate.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <vector>

#include "cli/arrivals.hpp"
#include "cli/moment.hpp"
#include "cli/plot.hpp"
#include "manifest/annotations.hpp"
#include "manifest/autoscaling.hpp"
#include "manifest/units.hpp"

namespace cli {
namespace {

constexpr std::string_view help =
    R"(Runs a trace of requests in virtual time through the gateway's own queue and autoscaler, and says what it costs in
GPU-seconds and how long the requests wait. A day takes less than a second.

Usage:
  pilotlight simulate --trace FILE [--cold SECONDS] [--class CLASS]... [--set ANNOTATION=VALUE]...

Examples:
  # Knative's autoscaler against break-even scaling: a cold start of 30 s, at most 10 pods
  pilotlight simulate --trace tests/data/traces/sg_img_c21.csv --cold 30 --class kpa --class break-even \
      --set max-scale=10

  # The gateway's own access log, and what a cold start spared is worth
  pilotlight serve -f conf/ --access-log access.json
  pilotlight simulate --trace access.json --cold 52 --class break-even --set cold-start-worth=90s --set spare=1

  # A pod through office hours: what does it cost, what does it spare?
  pilotlight simulate --trace access.json --cold 52 --class break-even --start 2026-01-05T00:00:00+01:00 \
      --set 'warm-hours=Mon-Fri 08:00-18:00 1'

  # A picture: demand, pods and waits over time
  pilotlight simulate --trace access.json --cold 52 --class kpa --class break-even --plot day.svg

Options:
  --trace FILE               CSV with the columns arrival_s,service_s (seconds), or a JSON access log; - reads stdin
  --cold SECONDS             from a pod's creation to its readiness; default 30
  --class CLASS              kpa (default), break-even, or keep-alive:60s (a pod for each request, each kept idle so
                             long; only to compare with). Several are compared
  --set ANNOTATION=VALUE     as in a manifest; autoscaling.knative.dev/ and pilotlight.dev/ may be left out
  --start TIME               when the trace's second 0 was, as 2026-01-05T00:00:00Z or ...+02:00, for warm-hours
  --container-concurrency N  slots of a pod; default 1
  --service NAMESPACE/NAME   whose requests, where an access log has several
  --json                     for programs
  --plot FILE.svg            draw it
  -h, --help                 this text

Bounds that no policy goes below: all service and one cold start; and, if nobody is ever to wait, each pod either idle
through a gap or started anew after it, whichever is cheaper (without a maximum of pods).

Exit codes: 0 ok, 1 a file cannot be read or written, 2 wrong usage.
)";

struct Wrong {
    std::string what;
};

struct Options {
    std::string trace, service, plot;
    double cold = 30;
    int concurrency = 1;
    std::optional<autoscaler::LocalTime> start;
    std::vector<std::string> classes;
    std::vector<std::pair<std::string, std::string>> set;
    bool json = false, help = false;
};

// "30" or "30s"
double seconds_of(const std::string& flag, const std::string& text) {
    auto value = manifest::parse_number(text);
    if (const auto duration = manifest::parse_duration(text); !value && duration)
        value = std::chrono::duration<double>(*duration).count();
    if (!value || !(*value >= 0 && *value <= 86'400))
        throw Wrong{flag + " takes seconds, 0 to 86400, not '" + text + "'"};
    return *value;
}

std::string whole_key(const std::string& key) {
    if (key.find('/') != std::string::npos) return key;
    for (const auto& known : manifest::autoscaling_keys())
        if (key == known.name || (!known.alias.empty() && key == known.alias))
            return std::string(manifest::autoscaling_prefix) + key;
    return std::string(manifest::own_prefix) + key;
}

void set(Options& options, const std::string& flag, const std::string& value) {
    if (flag == "--trace") {
        options.trace = value;
    } else if (flag == "--cold") {
        options.cold = seconds_of(flag, value);
    } else if (flag == "--class") {
        options.classes.push_back(value);
    } else if (flag == "--set") {
        const auto equals = value.find('=');
        if (equals == std::string::npos || equals == 0)
            throw Wrong{"--set takes ANNOTATION=VALUE, not '" + value + "'"};
        options.set.emplace_back(whole_key(value.substr(0, equals)), value.substr(equals + 1));
    } else if (flag == "--container-concurrency") {
        const auto number = manifest::parse_integer(value);
        if (!number || *number < 0 || *number > 1000)
            throw Wrong{flag + " takes 0 to 1000, not '" + value + "'"};
        options.concurrency = static_cast<int>(*number);
    } else if (flag == "--start") {
        options.start = parse_moment(value);
        if (!options.start)
            throw Wrong{"--start takes a moment as 2026-01-05T00:00:00Z or 2026-01-05T00:00:00+02:00, not '" +
                        value + "'"};
    } else if (flag == "--service") {
        options.service = value;
    } else if (flag == "--plot") {
        options.plot = value;
    } else {
        throw Wrong{"'" + flag + "' is no option of simulate"};
    }
}

Options parse(std::span<const std::string> args) {
    Options options;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const auto& flag = args[i];
        if (flag == "-h" || flag == "--help") return options.help = true, options;
        if (flag == "--json") {
            options.json = true;
            continue;
        }
        if (!flag.starts_with("--"))
            throw Wrong{"'" + flag + "' stands alone; a trace is given with --trace"};
        const auto equals = flag.find('=');
        if (equals != std::string::npos)
            set(options, flag.substr(0, equals), flag.substr(equals + 1));
        else if (i + 1 == args.size())
            throw Wrong{flag + " needs a value"};
        else
            set(options, flag, args[++i]);
    }
    if (options.trace.empty()) throw Wrong{"which trace? --trace FILE"};
    if (options.classes.empty()) options.classes.emplace_back("kpa");
    return options;
}

// The settings that a manifest with these annotations would have.
Scenario scenario_for(const Options& options, const std::string& name) {
    constexpr std::string_view keep_alive = "keep-alive:";
    const bool fixed = name.starts_with(keep_alive);
    manifest::Annotations annotations;
    for (const auto& [key, value] : options.set)
        annotations.insert_or_assign(key, manifest::Annotation{value, {}, {}});
    const auto chosen = fixed || name == "break-even" ? std::string(manifest::break_even_class) : name;
    annotations.insert_or_assign(std::string(manifest::autoscaling_prefix) + "class",
                                 manifest::Annotation{chosen, {}, {}});
    manifest::Problems problems;
    manifest::Service service;
    service.container_concurrency = service.pool.container_concurrency = options.concurrency;
    service.scaling = manifest::resolve(annotations, {}, options.concurrency, problems);
    manifest::apply_annotations({}, annotations, service, problems);
    for (const auto& problem : problems.all())
        if (!problem.warning) throw Wrong{problem.text};
    // What a comparison sets for the other class is no mistake; a name that nothing knows is one.
    for (const auto& problem : problems.all())
        if (problem.text.find("ignored") != std::string::npos) throw Wrong{problem.text};
    if (fixed) {
        auto& ours = service.scaling.break_even;
        ours.fixed_keep = std::chrono::duration_cast<pods::Duration>(
            std::chrono::duration<double>(seconds_of("--class keep-alive:", name.substr(keep_alive.size()))));
        ours.patience = {};
        ours.cancel = false;
    }
    if (!service.scaling.warm_hours.empty() && !options.start)
        throw Wrong{"warm-hours need --start TIME: when the trace's second 0 was, as 2026-01-05T00:00:00Z"};
    Scenario scenario;
    scenario.begins = options.start;
    scenario.cold_start = options.cold;
    scenario.scaling = service.scaling;
    scenario.pool = service.pool;
    scenario.keep_course = !options.plot.empty();
    return scenario;
}

std::string read(const std::string& path) {
    if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open() || in.bad() || (text.empty() && in.peek() != EOF)) throw BadTrace("cannot be read");
    return text;
}

std::string quoted(const std::string& text) {
    return boost::json::serialize(boost::json::string(text));
}

std::string json_of(const std::string& name, const Outcome& o) {
    return fmt::format(
        R"({{"class":{},"gpu_seconds":{:.3f},"starting_seconds":{:.3f},"idle_seconds":{:.3f},"busy_seconds":{:.3f},)"
        R"("cold_starts":{},"cancelled_starts":{},"refused":{},"wait_mean":{:.3f},"wait_p50":{:.3f},)"
        R"("wait_p95":{:.3f},"wait_p99":{:.3f},"wait_max":{:.3f},"peak_pods":{}}})",
        quoted(name), o.gpu_seconds(), o.starting, o.idle, o.busy, o.cold_starts, o.cancelled, o.refused,
        o.wait_mean, o.wait_50, o.wait_95, o.wait_99, o.wait_most, o.peak_pods);
}

void print_json(const Options& options, const std::vector<TraceRequest>& trace,
                const std::vector<Outcome>& outcomes) {
    const auto least = bounds(trace, options.cold);
    std::string runs;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
        runs += (i > 0 ? "," : "") + json_of(options.classes[i], outcomes[i]);
    fmt::print(R"({{"trace":{},"requests":{},"span_seconds":{:.3f},"cold_start_seconds":{},"bounds":)"
               R"({{"service_and_one_start":{:.3f},"clairvoyant_without_waits":{:.3f}}},"runs":[{}]}})"
               "\n",
               quoted(options.trace), trace.size(), trace.back().arrival, options.cold, least.service,
               least.clairvoyant, runs);
}

void print_table(const Options& options, const std::vector<TraceRequest>& trace,
                 const std::vector<Outcome>& outcomes) {
    fmt::print("{} requests in {:.1f} h, a cold start takes {:g} s\n\n", trace.size(),
               trace.back().arrival / 3600, options.cold);
    fmt::print("{:<16}{:>9}{:>10}{:>9}{:>9}{:>8}{:>11}{:>9}{:>8}{:>8}{:>8}{:>6}{:>9}\n", "CLASS", "GPU-S",
               "STARTING", "IDLE", "BUSY", "STARTS", "CANCELLED", "WAIT", "P50", "P95", "P99", "PEAK",
               "REFUSED");
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto& o = outcomes[i];
        fmt::print(
            "{:<16}{:>9.0f}{:>10.0f}{:>9.0f}{:>9.0f}{:>8}{:>11}{:>9.2f}{:>8.2f}{:>8.2f}{:>8.2f}{:>6}{:>9}\n",
            options.classes[i], o.gpu_seconds(), o.starting, o.idle, o.busy, o.cold_starts, o.cancelled,
            o.wait_mean, o.wait_50, o.wait_95, o.wait_99, o.peak_pods, o.refused);
    }
    const auto least = bounds(trace, options.cold);
    fmt::print(
        "\nNo policy needs less than {:.0f} GPU-s (service and one cold start); without any wait, none less "
        "than {:.0f}.\n",
        least.service, least.clairvoyant);
}

int run_all(const Options& options) try {
    std::vector<Scenario> scenarios;
    for (const auto& name : options.classes) scenarios.push_back(scenario_for(options, name));
    const auto trace = read_trace(read(options.trace), options.service);
    std::vector<Outcome> outcomes;
    for (auto& scenario : scenarios) {
        scenario.trace = trace;
        outcomes.push_back(run(scenario));
        scenario.trace.clear();
    }
    options.json ? print_json(options, trace, outcomes) : print_table(options, trace, outcomes);
    if (options.plot.empty()) return 0;
    std::vector<PlottedRun> plotted;
    for (std::size_t i = 0; i < outcomes.size(); ++i) plotted.push_back({options.classes[i], &outcomes[i]});
    auto title = options.trace.substr(options.trace.rfind('/') + 1);
    std::ofstream out(options.plot, std::ios::binary);
    out << svg(fmt::format("{}, a cold start takes {:g} s", title, options.cold), trace, plotted);
    if (out.flush()) return 0;
    std::fprintf(stderr, "%s: cannot be written\n", options.plot.c_str());
    return 1;
} catch (const BadTrace& error) {
    std::fprintf(stderr, "%s: %s\n", options.trace.c_str(), error.what());
    return 1;
}

}  // namespace

int simulate(std::span<const std::string> args) try {
    const auto options = parse(args);
    if (options.help) return std::fputs(help.data(), stdout), 0;
    return run_all(options);
} catch (const Wrong& wrong) {
    std::fprintf(stderr, "pilotlight simulate: %s\nTry: pilotlight simulate --help\n", wrong.what.c_str());
    return 2;
}

}  // namespace cli
