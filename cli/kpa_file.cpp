#include "cli/kpa_file.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>
#include <functional>

#include "autoscaler/seconds.hpp"
#include "cli/json_fields.hpp"
#include "manifest/autoscaling.hpp"
#include "manifest/units.hpp"

namespace cli {
namespace {

using namespace autoscaler;
using KpaField = JsonField<BadKpaFile>;

constexpr std::int64_t longest_trace = 10'000'000;  // seconds; memory is bounded
constexpr int most_pods = 1'000'000;

std::vector<std::string> strings(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

std::string one_of(const KpaField& field, const std::vector<std::string>& choices) {
    const auto text = field.text();
    if (std::ranges::find(choices, text) == choices.end()) {
        std::string all;
        for (const auto& choice : choices) all += (all.empty() ? "" : ", ") + choice;
        field.fail("must be one of " + all + ", not \"" + text + "\"");
    }
    return text;
}

manifest::Annotations annotations_of(const std::optional<KpaField>& field) {
    manifest::Annotations all;
    if (field && !field->null())
        field->each([&](const std::string& key, const KpaField& value) {
            all.emplace(key, manifest::Annotation{value.written(), {}, {}});
        });
    return all;
}

// Annotations over config-autoscaler, as a manifest would be read; config-autoscaler may change on the way.
class Resolver {
public:
    Resolver(const KpaField& config, seconds progress_deadline)
        : annotations_(annotations_of(config.find("annotations"))),
          cluster_(annotations_of(config.find("config_autoscaler"))),
          progress_deadline_(progress_deadline) {
        if (auto concurrency = config.find("container_concurrency"))
            concurrency_ = concurrency->integer(0, 1'000'000);
    }

    void change(const std::string& key, const std::string& value) {
        cluster_.insert_or_assign(key, manifest::Annotation{value, {}, {}});
    }

    // What is wrong is told in `complaint`.
    Settings resolve(std::string& complaint) const {
        manifest::Problems problems;
        const auto defaults = manifest::read_cluster_defaults(cluster_, problems);
        auto settings = manifest::resolve(annotations_, defaults, concurrency_, problems);
        if (!annotations_.contains(manifest::progress_deadline_key))
            settings.progress_deadline = progress_deadline_;
        complaint.clear();
        for (const auto& problem : problems.all())
            if (!problem.warning && complaint.empty()) complaint = problem.text;
        return settings;
    }

private:
    manifest::Annotations annotations_, cluster_;
    seconds progress_deadline_;
    int concurrency_ = 0;
};

// What the file's `resolved` says otherwise. Where a route is lost, it says 0 for the minimum and the
// retention, which is what holds afterwards.
std::string disagreement(const KpaField& resolved, const Settings& s, bool loses_route) {
    std::string said;
    const auto real = [&](const char* key, double value) {
        const auto field = resolved.find(key);
        if (!field || field->null() || !said.empty()) return;
        const double theirs = field->real();
        if (std::abs(theirs - value) <= 1e-9 * std::max(1.0, std::abs(value))) return;
        said = field->path() + ": file " + manifest::format_number(theirs) + ", resolved " +
               manifest::format_number(value);
    };
    const auto word = [&](const char* key, const std::string& value) {
        const auto field = resolved.find(key);
        if (!field || field->null() || !said.empty() || field->written() == value) return;
        said = field->path() + ": file " + field->written() + ", resolved " + value;
    };
    real("target_value", s.target);
    real("total_value", s.total);
    real("stable_window_s", in_seconds(s.stable_window));
    real("panic_window_s", in_seconds(s.panic_window));
    real("panic_threshold", s.panic_threshold);
    real("max_scale_up_rate", s.max_scale_up_rate);
    real("max_scale_down_rate", s.max_scale_down_rate);
    real("target_burst_capacity", s.target_burst_capacity);
    if (!loses_route) real("min_scale", s.min_scale);
    if (!loses_route) real("pod_retention_s", in_seconds(s.scale_to_zero_pod_retention_period));
    real("max_scale", s.max_scale);
    real("initial_scale", s.initial_scale);
    if (const auto activation = resolved.find("activation_scale"); activation && activation->real() > 1)
        real("activation_scale", s.activation_scale);
    real("scale_down_delay_s", in_seconds(s.scale_down_delay));
    real("scale_to_zero_grace_s", in_seconds(s.scale_to_zero_grace_period));
    word("enable_scale_to_zero", s.enable_scale_to_zero ? "true" : "false");
    word("no_data_is_zero", s.target_burst_capacity == -1 ? "true" : "false");
    word("scaling_metric", s.metric == Metric::rps ? "rps" : "concurrency");
    if (s.aggregation == Aggregation::linear)
        word("aggregation", "linear");
    else if (const auto field = resolved.find("aggregation"); field && field->text() != "weightedExponential")
        word("aggregation", "weighted-exponential");
    return said;
}

Start::How start(const KpaField& field) {
    const auto name = one_of(field, strings({"zero", "fresh", "steady", "restart"}));
    if (name == "zero") return Start::How::zero;
    if (name == "fresh") return Start::How::fresh;
    return name == "steady" ? Start::How::steady : Start::How::restart;
}

void take(const std::optional<KpaField>& column, double Sample::*field,
          std::vector<std::optional<Sample>>& seconds) {
    if (!column || column->null()) return;
    const auto size = column->size();
    if (size > seconds.size())
        column->fail("has " + std::to_string(size) + " seconds, more than model.duration_s");
    for (std::size_t t = 0; t < size; ++t) {
        const auto value = column->at(t);
        if (value.null()) continue;
        if (!seconds[t]) seconds[t].emplace();
        *seconds[t].*field = value.real();
    }
}

std::vector<LateSample> late_samples(const KpaField& input) {
    std::vector<LateSample> result;
    const auto records = input.find("extra_records");
    if (!records || records->null()) return result;
    const auto number = [](const KpaField& record, const char* name) {
        const auto field = record.find(name);
        return field && !field->null() ? field->real() : 0.0;
    };
    for (std::size_t i = 0; i < records->size(); ++i) {
        const auto record = records->at(i);
        result.push_back({record.at("at").real(),
                          record.at("stamp").real(),
                          {number(record, "concurrency"), number(record, "rps")}});
    }
    std::ranges::stable_sort(result, {}, &LateSample::at);
    return result;
}

// "stable-window" and "30s", either side by side, or as one object or text.
std::vector<std::pair<std::string, std::string>> config_change(const KpaField& event) {
    const auto value = event.at("value");
    for (const char* name : {"key", "name"})
        if (const auto key = event.find(name)) return {{key->text(), value.written()}};
    std::vector<std::pair<std::string, std::string>> pairs;
    if (value.is_object()) {
        value.each(
            [&](const std::string& key, const KpaField& each) { pairs.emplace_back(key, each.written()); });
        return pairs;
    }
    const auto text = value.text();
    const auto at = text.find_first_of("=:");
    if (at == std::string::npos) event.fail("does not say which key of config-autoscaler changes");
    const auto rest = text.find_first_not_of(" =:", at);
    return {{text.substr(0, at), rest == std::string::npos ? "" : text.substr(rest)}};
}

// Reads the events in order of time; settings that change on the way are resolved anew each time.
struct EventReader {
    Resolver& resolver;
    seconds delay;  // Knative keeps the one that it began with (autoscaler.go, New)
    Settings last;
    std::vector<Event> events;
    bool loses_route = false;

    void read(const std::optional<KpaField>& list) {
        if (!list || list->null()) return;
        std::vector<KpaField> sorted;
        for (std::size_t i = 0; i < list->size(); ++i) sorted.push_back(list->at(i));
        std::ranges::stable_sort(sorted, {},
                                 [](const KpaField& e) { return e.at("t").whole(0, longest_trace); });
        for (const auto& event : sorted) one(event);
    }

    void one(const KpaField& event) {
        const Second second = event.at("t").whole(0, longest_trace);
        const auto kind = one_of(event.at("kind"), strings({"reachability", "config", "cold_start_s"}));
        if (kind == "cold_start_s") {
            events.emplace_back(second, Event::ColdStart{event.at("value").integer(-1)});
        } else if (kind == "reachability") {
            const auto value = event.at("value").written();
            const bool reachable = value != "Unreachable" && value != "false";
            loses_route = loses_route || !reachable;
            events.emplace_back(second, Event::Reachable{reachable});
        } else {
            for (const auto& [key, value] : config_change(event)) resolver.change(key, value);
            std::string complaint;
            last = resolver.resolve(complaint);
            if (!complaint.empty()) event.fail(complaint);
            Settings in_force = last;
            in_force.scale_down_delay = delay;
            events.emplace_back(second, in_force);
        }
    }
};

std::vector<KpaFile::Row> rows(const KpaField& ticks) {
    std::vector<KpaFile::Row> result;
    const auto size = ticks.at("t").size();
    for (const char* name : {"ready", "stable", "panic", "valid", "desired_pods", "excess_burst_capacity",
                             "panic_mode", "max_panic_pods", "want", "replicas"})
        if (ticks.at(name).size() != size)
            ticks.at(name).fail("has " + std::to_string(ticks.at(name).size()) + " rows, but t has " +
                                std::to_string(size));
    for (std::size_t i = 0; i < size; ++i) {
        const auto cell = [&](const char* name) { return ticks.at(name).at(i); };
        KpaFile::Row row;
        row.second = cell("t").whole(0, longest_trace);
        if (!result.empty() && row.second <= result.back().second)
            cell("t").fail("must grow from row to row");
        row.ready = cell("ready").integer();
        if (cell("valid").truth()) row.averages = Averages{cell("stable").real(), cell("panic").real()};
        row.desired_pods = cell("desired_pods").integer();
        row.excess_burst_capacity = cell("excess_burst_capacity").real();
        row.panic_mode = cell("panic_mode").truth();
        row.max_panic_pods = cell("max_panic_pods").integer();
        row.want = cell("want").integer();
        row.replicas = cell("replicas").integer();
        result.push_back(row);
    }
    return result;
}

std::optional<KpaFile::Changes> changes(const std::optional<KpaField>& list) {
    if (!list || list->null()) return std::nullopt;
    KpaFile::Changes result;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto pair = list->at(i);
        if (pair.size() != 2) pair.fail("must be [second, value]");
        result.push_back({pair.at(0).whole(0, longest_trace), pair.at(1).written()});
    }
    return result;
}

void read_model(const KpaField& model, KpaFile& file) {
    const auto optional = [&](const char* name, std::int64_t fallback, std::int64_t low, std::int64_t high) {
        const auto field = model.find(name);
        return field && !field->null() ? field->whole(low, high) : fallback;
    };
    auto& trace = file.trace;
    trace.start = start(model.at("start"));
    trace.start_pods = static_cast<int>(optional("start_pods", 0, 0, most_pods));
    trace.cold_start = model.at("cold_start_s").integer(-1);
    if (const auto phase = model.find("phase"))
        if (one_of(*phase, strings({"record_first", "scale_first"})) == "scale_first")
            trace.order = TickOrder::scale_first;
    if (optional("tick_s", 2, 1, 3600) != 2)
        model.at("tick_s").fail("must be 2: Knative decides every two seconds");
    if (optional("epoch_unix", 0, 0, std::int64_t{1} << 40) % 2 != 0)
        model.at("epoch_unix").fail("must be even");
    trace.seconds.resize(static_cast<std::size_t>(model.at("duration_s").whole(0, longest_trace)));
    file.every_tick_listed = optional("emit_every", 1, 1, longest_trace) == 1;
}

seconds progress_deadline(const KpaField& model) {
    const auto field = model.find("progress_deadline_s");
    return seconds{field && !field->null() ? field->whole(0, longest_trace) : 600};
}

}  // namespace

KpaFile read_kpa_file(std::string_view text, std::string fallback_name) {
    boost::json::value document;
    try {
        document = boost::json::parse(boost::json::string_view(text.data(), text.size()));
    } catch (const std::exception& error) {
        throw BadKpaFile(std::string("is no JSON: ") + error.what());
    }
    const KpaField root(document, "");
    KpaFile file;
    const auto name = root.find("name");
    file.name = name && name->is_string() ? name->text() : std::move(fallback_name);
    const auto config = root.at("config");
    const auto model = root.at("model");
    const auto input = root.at("input");
    read_model(model, file);

    Resolver resolver(config, progress_deadline(model));
    std::string complaint;
    auto& trace = file.trace;
    trace.settings = resolver.resolve(complaint);
    EventReader events{resolver, trace.settings.scale_down_delay, trace.settings, {}, false};
    events.read(root.find("events"));
    trace.events = std::move(events.events);

    const auto resolved = config.find("resolved");
    if (resolved) file.misresolved = disagreement(*resolved, trace.settings, events.loses_route);
    if (!file.misresolved.empty() && disagreement(*resolved, events.last, events.loses_route).empty())
        file.misresolved.clear();  // it says what holds in the end
    // What Knative took although our own rules are stricter shows in `resolved`.
    if (!complaint.empty() && (!resolved || !file.misresolved.empty())) config.fail(complaint);

    take(input.find("concurrency"), &Sample::concurrency, trace.seconds);
    take(input.find("rps"), &Sample::rps, trace.seconds);
    trace.late = late_samples(input);
    file.rows = rows(root.at("ticks"));
    file.replicas = changes(root.find("replica_changes"));
    file.activity = changes(root.find("active_changes"));
    file.mode = changes(root.find("mode_changes"));
    return file;
}

namespace {

std::string difference(const std::string& where, const std::string& column, const std::string& file,
                       const std::string& replayed) {
    return where + ", " + column + ": file " + file + ", replayed " + replayed;
}

std::string at_tick(Second second) {
    return "tick t=" + std::to_string(second);
}

// Numbers that must match exactly print as whole ones where they are.
std::string shown(double value) {
    return manifest::format_number(value);
}

std::string compare(const KpaFile::Row& row, const Tick& tick) {
    std::string said;
    const auto column = [&](const char* name, double file, double replayed, double margin = 0) {
        if (said.empty() && !(std::abs(file - replayed) <= margin))
            said = difference(at_tick(row.second), name, shown(file), shown(replayed));
    };
    column("ready", row.ready, tick.ready);
    column("valid", row.averages.has_value(), tick.averages.has_value());
    if (row.averages && tick.averages) {
        column("stable", row.averages->stable, tick.averages->stable, 1.0000001e-6);
        column("panic", row.averages->panic, tick.averages->panic, 1.0000001e-6);
    }
    column("desired_pods", row.desired_pods, tick.decision.desired);
    column("excess_burst_capacity", row.excess_burst_capacity, tick.decision.excess_burst_capacity);
    column("panic_mode", row.panic_mode, tick.decision.panic);
    column("max_panic_pods", row.max_panic_pods, tick.panic_pods);
    column("want", row.want, tick.want);
    column("replicas", row.replicas, tick.replicas);
    return said;
}

std::string shown(int value) {
    return std::to_string(value);
}
std::string shown(Activity value) {
    return to_string(value);
}
std::string shown(Mode value) {
    return to_string(value);
}

template <class Value>
std::string compare(const char* column, const std::optional<KpaFile::Changes>& file,
                    const std::vector<Change<Value>>& replayed) {
    if (!file) return {};
    const auto text = [](Second second, const std::string& value) {
        return "[" + std::to_string(second) + ", " + value + "]";
    };
    for (std::size_t i = 0; i < std::max(file->size(), replayed.size()); ++i) {
        const auto theirs = i < file->size() ? text((*file)[i].second, (*file)[i].value) : "nothing more";
        const auto ours =
            i < replayed.size() ? text(replayed[i].second, shown(replayed[i].value)) : "nothing more";
        if (theirs != ours) return difference("change " + std::to_string(i + 1), column, theirs, ours);
    }
    return {};
}

std::string compare_ticks(const KpaFile& file, const std::vector<Tick>& ticks) {
    auto tick = ticks.begin();
    for (const auto& row : file.rows) {
        while (tick != ticks.end() && tick->second < row.second) {
            if (file.every_tick_listed)
                return difference(at_tick(tick->second), "t", "no row", "an evaluation");
            ++tick;
        }
        if (tick == ticks.end() || tick->second != row.second)
            return difference(at_tick(row.second), "t", "an evaluation", "none");
        if (auto said = compare(row, *tick); !said.empty()) return said;
        ++tick;
    }
    if (tick != ticks.end() && file.every_tick_listed)
        return difference(at_tick(tick->second), "t", "no row", "an evaluation");
    return {};
}

}  // namespace

std::string first_difference(const KpaFile& file) {
    const auto played = replay(file.trace);
    if (auto said = compare_ticks(file, played.ticks); !said.empty()) return said;
    if (auto said = compare("replica_changes", file.replicas, played.replicas); !said.empty()) return said;
    if (auto said = compare("active_changes", file.activity, played.activity); !said.empty()) return said;
    if (auto said = compare("mode_changes", file.mode, played.mode); !said.empty()) return said;
    return file.misresolved;
}

}  // namespace cli
