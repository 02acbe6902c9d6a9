#include "trace_file.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace json = boost::json;
using namespace autoscaler;

namespace {

double real(const json::value& v) {
    return v.to_number<double>();
}
int whole(const json::value& v) {
    return v.to_number<int>();
}
seconds length(const json::value& v) {
    return seconds{v.to_number<Second>()};
}

// `resolved` gives min-scale and retention as 0 where the revision loses its route later, although both count
// until then. What the user wrote is right.
std::optional<int> annotated(const json::object& config, const std::string& name) {
    const auto& annotations = config.at("annotations").as_object();
    const auto* value = annotations.if_contains("autoscaling.knative.dev/" + name);
    if (!value) return std::nullopt;
    return std::stoi(std::string(value->as_string()));  // a unit behind it is "s" in these files
}

Settings settings(const json::object& config) {
    const auto& r = config.at("resolved").as_object();
    Settings s;
    s.metric = r.at("scaling_metric").as_string() == "rps" ? Metric::rps : Metric::concurrency;
    s.target = real(r.at("target_value"));
    s.total = real(r.at("total_value"));
    s.stable_window = length(r.at("stable_window_s"));
    s.panic_window = length(r.at("panic_window_s"));
    s.panic_threshold = real(r.at("panic_threshold"));
    s.max_scale_up_rate = real(r.at("max_scale_up_rate"));
    s.max_scale_down_rate = real(r.at("max_scale_down_rate"));
    s.target_burst_capacity = real(r.at("target_burst_capacity"));
    s.min_scale = annotated(config, "min-scale").value_or(whole(r.at("min_scale")));
    s.max_scale = whole(r.at("max_scale"));
    s.initial_scale = whole(r.at("initial_scale"));
    s.activation_scale = whole(r.at("activation_scale"));
    s.scale_down_delay = length(r.at("scale_down_delay_s"));
    s.scale_to_zero_pod_retention_period = seconds{
        annotated(config, "scale-to-zero-pod-retention-period").value_or(whole(r.at("pod_retention_s")))};
    s.enable_scale_to_zero = r.at("enable_scale_to_zero").as_bool();
    s.scale_to_zero_grace_period = length(r.at("scale_to_zero_grace_s"));
    const bool weighted = r.at("aggregation").as_string() == "weighted-exponential";
    s.aggregation = weighted ? Aggregation::weighted_exponential : Aggregation::linear;
    return s;
}

Start::How start(const json::string& name) {
    if (name == "zero") return Start::How::zero;
    if (name == "fresh") return Start::How::fresh;
    if (name == "steady") return Start::How::steady;
    if (name == "restart") return Start::How::restart;
    throw std::runtime_error("unknown start");
}

std::vector<std::optional<Sample>> samples(const json::object& input) {
    const auto* concurrency = input.if_contains("concurrency");
    const auto* rps = input.if_contains("rps");
    std::vector<std::optional<Sample>> result((concurrency ? concurrency : rps)->as_array().size());
    const auto take = [&](const json::value* column, double Sample::*field) {
        for (std::size_t t = 0; column && t < result.size(); ++t) {
            const auto& value = column->as_array().at(t);
            if (value.is_null()) continue;
            if (!result[t]) result[t].emplace();
            *result[t].*field = real(value);
        }
    };
    take(concurrency, &Sample::concurrency);
    take(rps, &Sample::rps);
    return result;
}

std::vector<LateSample> late_samples(const json::object& input) {
    std::vector<LateSample> result;
    if (const auto* records = input.if_contains("extra_records"))
        for (const auto& r : records->as_array())
            result.push_back(
                {real(r.at("at")), real(r.at("stamp")), {real(r.at("concurrency")), real(r.at("rps"))}});
    return result;
}

std::vector<Event> events(const json::array& array) {
    std::vector<Event> result;
    for (const auto& e : array) {
        const auto& kind = e.at("kind").as_string();
        const auto second = e.at("t").to_number<Second>();
        if (kind == "reachability")
            result.push_back({second, Event::Reachable{e.at("value").as_string() != "Unreachable"}});
        else if (kind == "cold_start_s")
            result.push_back({second, Event::ColdStart{whole(e.at("value"))}});
        else
            throw std::runtime_error("unknown event");
    }
    return result;
}

std::map<Second, ExpectedTick> ticks(const json::object& columns) {
    const auto cell = [&](const char* name, std::size_t row) -> const json::value& {
        return columns.at(name).as_array().at(row);
    };
    std::map<Second, ExpectedTick> result;
    for (std::size_t row = 0; row < columns.at("t").as_array().size(); ++row) {
        ExpectedTick tick;
        tick.ready = whole(cell("ready", row));
        if (whole(cell("valid", row)))
            tick.averages = Averages{real(cell("stable", row)), real(cell("panic", row))};
        tick.desired_pods = whole(cell("desired_pods", row));
        tick.excess_burst_capacity = real(cell("excess_burst_capacity", row));
        tick.panic_mode = whole(cell("panic_mode", row)) != 0;
        tick.max_panic_pods = whole(cell("max_panic_pods", row));
        tick.want = whole(cell("want", row));
        tick.replicas = whole(cell("replicas", row));
        result.emplace(cell("t", row).to_number<Second>(), tick);
    }
    return result;
}

template <class Value, class Read>
std::vector<Change<Value>> changes(const json::value& pairs, Read read) {
    std::vector<Change<Value>> result;
    for (const auto& pair : pairs.as_array())
        result.push_back({pair.as_array().at(0).to_number<Second>(), read(pair.as_array().at(1))});
    return result;
}

std::string text(const json::value& v) {
    return std::string(v.as_string());
}

}  // namespace

std::vector<std::string> trace_files() {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/kpa"))
        if (entry.path().extension() == ".json") result.push_back(entry.path().string());
    std::sort(result.begin(), result.end());
    return result;
}

TraceFile read_trace(const std::string& path) {
    std::ifstream in(path);
    const std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const json::value document = json::parse(content);
    const auto& model = document.at("model").as_object();
    const auto& input = document.at("input").as_object();

    TraceFile file;
    file.trace.settings = settings(document.at("config").as_object());
    file.trace.settings.progress_deadline = length(model.at("progress_deadline_s"));
    file.trace.start = start(model.at("start").as_string());
    file.trace.start_pods = whole(model.at("start_pods"));
    file.trace.cold_start = whole(model.at("cold_start_s"));
    const bool scale_first = model.at("phase").as_string() == "scale_first";
    file.trace.phase = scale_first ? Phase::scale_first : Phase::record_first;
    file.trace.seconds = samples(input);
    file.trace.late = late_samples(input);
    file.trace.events = events(document.at("events").as_array());
    file.trace.seconds.resize(model.at("duration_s").to_number<std::size_t>());

    file.every_tick_listed = whole(model.at("emit_every")) == 1;
    file.ticks = ticks(document.at("ticks").as_object());
    file.replicas = changes<int>(document.at("replica_changes"), whole);
    file.activity = changes<std::string>(document.at("active_changes"), text);
    file.mode = changes<std::string>(document.at("mode_changes"), text);
    return file;
}
