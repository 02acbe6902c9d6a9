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
#include "cli/words.hpp"
#include "manifest/annotations.hpp"
#include "manifest/autoscaling.hpp"
#include "manifest/units.hpp"

namespace cli {
namespace {

struct Options {
    std::string trace, service, plot;
    double cold = 30;
    int concurrency = 1;
    std::optional<autoscaler::LocalTime> start;
    std::vector<std::string> classes;
    std::vector<std::pair<std::string, std::string>> set;
    bool json = false;
};

// "30" or "30s"
double seconds_of(const std::string& flag, const std::string& text) {
    auto value = manifest::parse_number(text);
    if (const auto duration = manifest::parse_duration(text); !value && duration)
        value = std::chrono::duration<double>(*duration).count();
    if (!value || !(*value >= 0 && *value <= 86'400))
        throw Usage{flag + " takes seconds, 0 to 86400, not '" + text + "'"};
    return *value;
}

std::string whole_key(const std::string& key) {
    if (key.find('/') != std::string::npos) return key;
    for (const auto& known : manifest::autoscaling_keys())
        if (key == known.name || (!known.alias.empty() && key == known.alias))
            return std::string(manifest::autoscaling_prefix) + key;
    return std::string(manifest::own_prefix) + key;
}

Options read_options(const Words& words) {
    Options options;
    if (!words.free().empty())
        throw Usage("'" + words.free().front() + "' stands alone; a trace is given with --trace");
    options.trace = words.value("--trace", "");
    options.service = words.value("--service", "");
    options.plot = words.value("--plot", "");
    options.json = words.has("--json");
    if (const auto cold = words.value("--cold")) options.cold = seconds_of("--cold", *cold);
    if (const auto slots = words.number("--container-concurrency", 0, 1000))
        options.concurrency = static_cast<int>(*slots);
    for (const auto& setting : words.values("--set")) {
        const auto equals = setting.find('=');
        if (equals == std::string::npos || equals == 0)
            throw Usage("--set takes ANNOTATION=VALUE, not '" + setting + "'");
        options.set.emplace_back(whole_key(setting.substr(0, equals)), setting.substr(equals + 1));
    }
    if (const auto start = words.value("--start")) {
        options.start = parse_moment(*start);
        if (!options.start)
            throw Usage("--start takes a moment as 2026-01-05T00:00:00Z or 2026-01-05T00:00:00+02:00, not '" +
                        *start + "'");
    }
    options.classes = words.values("--class");
    if (options.trace.empty()) throw Usage("which trace? --trace FILE");
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
        if (!problem.warning) throw Usage{problem.text};
    // What a comparison sets for the other class is no mistake; a name that nothing knows is one.
    for (const auto& problem : problems.all())
        if (problem.text.find("ignored") != std::string::npos) throw Usage{problem.text};
    if (fixed) {
        auto& ours = service.scaling.break_even;
        ours.fixed_keep = std::chrono::duration_cast<pods::Duration>(
            std::chrono::duration<double>(seconds_of("--class keep-alive:", name.substr(keep_alive.size()))));
        ours.patience = {};
        ours.cancel = false;
    }
    if (!service.scaling.warm_hours.empty() && !options.start)
        throw Usage{"warm-hours need --start TIME: when the trace's second 0 was, as 2026-01-05T00:00:00Z"};
    Scenario scenario;
    scenario.begins = options.start;
    scenario.cold_start = options.cold;
    scenario.scaling = service.scaling;
    scenario.pool = service.pool;
    scenario.keep_course = !options.plot.empty();
    return scenario;
}

std::string text_of(const std::string& path) {
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
    const auto trace = read_trace(text_of(options.trace), options.service);
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

int simulate(std::span<const std::string> args) {
    return within("simulate", args, std::cout, std::cerr,
                  [](const Words& words) { return run_all(read_options(words)); });
}

}  // namespace cli
