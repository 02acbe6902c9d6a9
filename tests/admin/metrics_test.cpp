#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <regex>
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
        static const std::regex comment("# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
        static const std::regex sample(
            R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\[\\"n])*",?)*\})? (\S+))re");
        std::smatch match;
        if (std::regex_match(line, match, comment)) return declare(match[1], match[2], match[3]);
        if (!std::regex_match(line, match, sample)) return "neither a comment nor a sample";
        const std::string name = match[1], labels = match[2], number = match[5];
        if (labels.find(",}") != std::string::npos) return "a comma too many";
        if (base(name) != current_) return "a sample away from its family";
        std::size_t used = 0;
        const double value = number == "+Inf" ? INFINITY : std::stod(number, &used);
        if (used != number.size()) return "not a number";
        if (!samples_.emplace(name + labels, value).second) return "twice";
        if (types_[current_] != "gauge" && value < 0) return "a negative count";
        return "";
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
        static const std::regex bound("(.*)_bucket\\{(.*?),?le=\"([^\"]*)\"\\}");
        std::map<std::string, std::map<double, double>> all;
        for (const auto& [series, value] : samples_) {
            std::smatch match;
            if (!std::regex_match(series, match, bound)) continue;
            const std::string le = match[3];
            all[std::string(match[1]) + "|" + std::string(match[2])]
               [le == "+Inf" ? INFINITY : std::stod(le)] = value;
        }
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
    CHECK(page.value("pilotlight_leases{" + old_labels + "}") == 1);
    CHECK(page.value("pilotlight_pods{" + old_labels + ",state=\"Ready\"}") == 1);
    CHECK(page.value("pilotlight_pods{" + old_labels + ",state=\"ContainerCreating\"}") == 1);
    CHECK(page.value("pilotlight_ready") == 1);
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
