#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "admin/metrics.hpp"
#include "world.hpp"

namespace {

// The exposition format's rules, as far as a scraper would refuse a page for breaking them; empty: all are
// kept.
class Checker {
public:
    std::string check(const std::string& page) {
        if (page.empty() || page.back() != '\n') return "no final line feed";
        std::istringstream in(page);
        for (std::string line; std::getline(in, line);)
            if (auto wrong = take(line); !wrong.empty()) return wrong + ": " + line;
        return histograms();
    }
    double value(const std::string& series) const { return samples_.at(series); }
    bool has(const std::string& series) const { return samples_.contains(series); }

private:
    std::string take(const std::string& line) {
        std::string_view left(line);
        if (left.starts_with("# ")) {
            left.remove_prefix(2);
            const auto what = word(left), name = word(left);
            return (what == "HELP" || what == "TYPE") && is_name(name) && !left.empty()
                       ? declare(what, name, std::string(left))
                       : "neither HELP nor TYPE";
        }
        const std::string name(left.substr(0, left.find_first_of("{ ")));
        if (!is_name(name)) return "neither a comment nor a sample";
        left.remove_prefix(name.size());
        const std::string labels(left.substr(0, labels_end(left)));
        left.remove_prefix(labels.size());
        if (!left.starts_with(' ')) return "labels that are not as they should be";
        const std::string number(left.substr(1));
        if (base(name) != current_) return "a sample away from its family";
        std::size_t used = 0;
        const double value = number == "+Inf" ? INFINITY : std::stod(number, &used);
        if (used != number.size()) return "not a number";
        if (!samples_.emplace(name + labels, value).second) return "twice";
        if (types_[current_] != "gauge" && value < 0) return "a negative count";
        return "";
    }
    static std::string word(std::string_view& left) {
        std::string out(left.substr(0, left.find(' ')));
        left.remove_prefix(std::min(left.size(), out.size() + 1));
        return out;
    }
    static bool is_name(std::string_view text) {
        return !text.empty() && !std::isdigit(static_cast<unsigned char>(text.front())) &&
               std::ranges::all_of(text,
                                   [](unsigned char c) { return std::isalnum(c) || c == '_' || c == ':'; });
    }
    // The length of {name="value",...} at the front; 0: none, or not as it should be.
    static std::size_t labels_end(std::string_view text) {
        if (!text.starts_with('{')) return 0;
        for (std::size_t at = 1;;) {
            const auto equals = text.find("=\"", at);
            if (equals == std::string_view::npos || !is_name(text.substr(at, equals - at))) return 0;
            for (at = equals + 2; at < text.size() && text[at] != '"'; ++at)
                if (text[at] == '\\' && (++at == text.size() ||
                                         std::string_view("\\\"n").find(text[at]) == std::string_view::npos))
                    return 0;
            if (at + 1 >= text.size()) return 0;
            if (text[at + 1] == '}') return at + 2;
            if (text[at + 1] != ',') return 0;
            at += 2;
        }
    }
    std::string declare(const std::string& what, const std::string& name, const std::string& text) {
        if (what == "HELP") {
            current_ = name;
            return helped_.insert(name).second ? "" : "a family twice";
        }
        if (name != current_) return "TYPE without HELP";
        if (text != "gauge" && text != "counter" && text != "histogram") return "unknown type";
        return types_.emplace(name, text).second ? "" : "TYPE twice";
    }
    std::string base(const std::string& name) const {
        for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
            if (!name.ends_with(suffix)) continue;
            const auto stem = name.substr(0, name.size() - suffix.size());
            if (const auto found = types_.find(stem); found != types_.end() && found->second == "histogram")
                return stem;
        }
        return types_.contains(name) && types_.at(name) != "histogram" ? name : "";
    }
    std::string histograms() const {
        std::map<std::string, std::map<double, double>> all;  // by "name|labels", then by bound
        for (const auto& [series, value] : samples_) {
            const auto brace = series.find("_bucket{"), le = series.find("le=\"");
            if (brace == std::string::npos || le == std::string::npos) continue;
            const auto labels = series.substr(brace + 8, le - brace - 8);
            const auto bound = series.substr(le + 4, series.size() - le - 6);
            all[series.substr(0, brace) + "|" + labels.substr(0, labels.empty() ? 0 : labels.size() - 1)]
               [bound == "+Inf" ? INFINITY : std::stod(bound)] = value;
        }
        CHECK((all.empty() || all.begin()->second.size() == proxy::Histogram::bounds.size() + 1));
        for (const auto& [key, buckets] : all) {
            const auto bar = key.find('|');
            const auto name = key.substr(0, bar), labels = "{" + key.substr(bar + 1) + "}";
            double last = 0;
            for (const auto& [le, count] : buckets) {
                if (count < last) return key + ": not cumulative";
                last = count;
            }
            if (!std::isinf(buckets.rbegin()->first)) return key + ": no +Inf";
            if (!has(name + "_sum" + labels) || !has(name + "_count" + labels))
                return key + ": no sum or count";
            if (value(name + "_count" + labels) != last) return key + ": +Inf is not the count";
        }
        return "";
    }

    std::string current_;
    std::set<std::string> helped_;
    std::map<std::string, std::string> types_;
    std::map<std::string, double> samples_;
};

const std::string old_labels =
    R"(namespace_name="default",service_name="sd",configuration_name="sd",revision_name="sd-00001")";
const std::string new_labels =
    R"(k8s_namespace_name="default",kn_service_name="sd",kn_configuration_name="sd",kn_revision_name="sd-00001")";

}  // namespace

TEST_CASE("the metrics page keeps the rules of its format", "[metrics]") {
    auto snapshot = world::small();
    auto metrics = std::make_shared<proxy::ServiceMetrics>();
    metrics->responses[2] = 3;
    metrics->duration[2].observe(std::chrono::milliseconds(40));
    metrics->duration[2].observe(std::chrono::seconds(70));
    metrics->duration[2].observe(std::chrono::hours(1));
    metrics->cold_wait.observe(std::chrono::seconds(41));
    metrics->waiting_pages = 4;
    metrics->refused[static_cast<std::size_t>(proxy::Refusal::queue_full)] = 2;
    snapshot.revisions[0].metrics = metrics;
    snapshot.pods[0].leases = 1;

    Checker page;
    REQUIRE(page.check(admin::render_metrics(snapshot)) == "");
    CHECK(page.value("autoscaler_desired_pods{" + old_labels + "}") == 2);
    CHECK(page.value("kn_revision_pods_desired{" + new_labels + "}") == 2);
    CHECK(page.value("autoscaler_actual_pods{" + old_labels + "}") == 1);
    CHECK(page.value("autoscaler_not_ready_pods{" + old_labels + "}") == 1);
    CHECK(page.value("autoscaler_pending_pods{" + old_labels + "}") == 1);
    CHECK(page.value("revision_request_count{" + old_labels + ",response_code_class=\"2xx\"}") == 3);
    const auto milliseconds =
        "revision_request_latencies_bucket{" + old_labels + ",response_code_class=\"2xx\",le=";
    CHECK(page.value(milliseconds + "\"25\"}") == 0);
    CHECK(page.value(milliseconds + "\"50\"}") == 1);
    CHECK(page.value(milliseconds + "\"120000\"}") == 2);
    CHECK(page.value(milliseconds + "\"+Inf\"}") == 3);
    const auto seconds =
        "http_server_request_duration_seconds_bucket{" + new_labels + ",response_code_class=\"2xx\",le=";
    CHECK(page.value(seconds + "\"0.05\"}") == 1);
    CHECK(page.value("pilotlight_cold_wait_seconds_sum{" + old_labels + "}") == Approx(41));
    CHECK(page.value("pilotlight_refusals_total{" + old_labels + ",reason=\"queue_full\"}") == 2);
    CHECK(page.value("pilotlight_waiting_pages_total{" + old_labels + "}") == 4);
    CHECK(page.value("revision_request_count{" + old_labels + ",response_code_class=\"5xx\"}") == 0);
    CHECK(page.value("pilotlight_leases{" + old_labels + "}") == 1);
    CHECK(page.value("pilotlight_pods{" + old_labels + ",state=\"Ready\"}") == 1);
    CHECK(page.value("pilotlight_pods{" + old_labels + ",state=\"ContainerCreating\"}") == 1);
    CHECK(page.value("pilotlight_ready") == 1);
}

TEST_CASE("what the autoscaler did, and what GPUs and cold starts came to, is counted by fixed kinds",
          "[metrics]") {
    auto snapshot = world::small();
    auto& view = snapshot.revisions[0];
    view.steps[static_cast<std::size_t>(autoscaler::Cause::ceiling)] = {1, 4};
    view.gpu_seconds = {1, 2.5, 3, 4};
    view.keep_seconds = 42;
    view.queue = {{"192.0.2.1", "", 1.5, 2}};
    auto metrics = std::make_shared<proxy::ServiceMetrics>();
    metrics->cold_start_phase[static_cast<std::size_t>(proxy::ColdPhase::mounting)].observe(
        std::chrono::seconds(3));
    metrics->gap_wanted.observe(std::chrono::microseconds(200));
    metrics->failed_starts = 2;
    metrics->invocation[2].observe(std::chrono::seconds(2));
    view.metrics = metrics;
    Checker page;
    REQUIRE(page.check(admin::render_metrics(snapshot)) == "");
    const auto of = [&](const std::string& name, const std::string& more) {
        return page.value(name + "{" + old_labels + (more.empty() ? "" : "," + more) + "}");
    };
    CHECK(of("pilotlight_autoscaler_steps_total", "kind=\"ceiling\",direction=\"up\"") == 4);
    CHECK(of("pilotlight_autoscaler_steps_total", "kind=\"ceiling\",direction=\"down\"") == 1);
    CHECK(of("pilotlight_gpu_seconds_total", "state=\"idle\"") == 2.5);
    CHECK(of("pilotlight_autoscaler_keep_seconds", "") == 42);
    CHECK(of("pilotlight_longest_wait_seconds", "") == 3.5);
    CHECK(of("pilotlight_cold_start_phase_seconds_count", "phase=\"mounting\"") == 1);
    CHECK(of("pilotlight_slot_idle_gap_seconds_bucket", "queue=\"waiting\",le=\"0.00025\"") == 1);
    CHECK(of("pilotlight_slot_idle_gap_seconds_count", "queue=\"empty\"") == 0);
    CHECK(of("pilotlight_pod_failures_total", "during=\"start\"") == 2);
    CHECK(of("revision_app_request_count", "response_code_class=\"2xx\"") == 1);
    CHECK(page.value("kn_serving_invocation_duration_seconds_count{" + new_labels +
                     ",response_code_class=\"2xx\"}") == 1);
}

TEST_CASE("averages go by the name of what is averaged", "[metrics]") {
    auto snapshot = world::small();
    snapshot.revisions[0].by_rps = true;
    snapshot.revisions[0].stable = 7;
    Checker page;
    REQUIRE(page.check(admin::render_metrics(snapshot)) == "");
    CHECK(page.value("autoscaler_stable_requests_per_second{" + old_labels + "}") == 7);
    CHECK(page.value("kn_revision_rps_stable{" + new_labels + "}") == 7);
    CHECK_FALSE(page.has("autoscaler_stable_request_concurrency{" + old_labels + "}"));
}

TEST_CASE("an empty gateway has a valid metrics page", "[metrics]") {
    Checker page;
    CHECK(page.check(admin::render_metrics({})) == "");
    CHECK(page.value("pilotlight_ready") == 0);
}

TEST_CASE("an undecided autoscaler says nothing about desired pods", "[metrics]") {
    auto snapshot = world::small();
    snapshot.revisions[0].desired = -1;
    Checker page;
    REQUIRE(page.check(admin::render_metrics(snapshot)) == "");
    CHECK_FALSE(page.has("autoscaler_desired_pods{" + old_labels + "}"));
    CHECK(page.value("autoscaler_requested_pods{" + old_labels + "}") == 2);
}

TEST_CASE("counters that two revisions share are told once, by the one that takes the traffic", "[metrics]") {
    auto snapshot = world::small();
    snapshot.revisions[0].retiring = true;
    snapshot.revisions.push_back(world::revision("sd", 2));
    snapshot.revisions[1].metrics = snapshot.revisions[0].metrics;
    Checker page;
    const auto text = admin::render_metrics(snapshot);
    REQUIRE(page.check(text) == "");
    CHECK(page.has("autoscaler_actual_pods{" + old_labels + "}"));
    CHECK_FALSE(page.has("pilotlight_retries_total{" + old_labels + "}"));
    CHECK(text.find("pilotlight_retries_total{namespace_name=\"default\",service_name=\"sd\",configuration_"
                    "name=\"sd\","
                    "revision_name=\"sd-00002\"} 0\n") != std::string::npos);
}

TEST_CASE("a label's value is escaped", "[metrics]") {
    auto snapshot = world::small();
    snapshot.revisions[0].service = "a\"b\\c\nd";
    Checker page;
    const auto text = admin::render_metrics(snapshot);
    CHECK(page.check(text) == "");
    CHECK(text.find(R"(service_name="a\"b\\c\nd")") != std::string::npos);
}
