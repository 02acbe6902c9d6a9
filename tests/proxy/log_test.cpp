// The gateway's own log by subsystems.
#include <spdlog/sinks/ostream_sink.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "proxy/log.hpp"

using namespace proxy;

namespace {

// Takes the log while it lives; afterwards what others write goes nowhere.
class Taken {
public:
    Taken() {
        auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, true);
        auto made = std::make_shared<spdlog::logger>("x", sink);
        made->set_pattern("%l %n: %v");
        set_up_logs(made);
    }
    ~Taken() {
        manifest::Log log;
        log.level = "off";
        set_log_levels(log);
    }
    std::string now() {
        auto out = text_.str();
        text_.str("");
        return out;
    }

private:
    std::ostringstream text_;
};

}  // namespace

TEST_CASE("each subsystem has its level, the others the common one", "[log]") {
    Taken log;
    manifest::Log settings;
    settings.level = "warn";
    settings.levels = {{"pods", "debug"}, {"scaler", "off"}};
    set_log_levels(settings);
    log_of(LogOf::pods).debug("a");
    log_of(LogOf::scaler).error("b");
    log_of(LogOf::admin).info("c");
    log_of(LogOf::admin).warn("d");
    spdlog::warn("e");
    CHECK(log.now() == "debug pods: a\nwarning admin: d\nwarning proxy: e\n");
}

TEST_CASE("a level changes at any time", "[log]") {
    Taken log;
    manifest::Log settings;
    set_log_levels(settings);
    log_of(LogOf::tls).debug("no");
    settings.levels = {{"tls", "trace"}};
    set_log_levels(settings);
    log_of(LogOf::tls).debug("yes");
    set_log_levels({});
    log_of(LogOf::tls).debug("no");
    CHECK(log.now() == "debug tls: yes\n");
}

TEST_CASE("an event is logged by who it is about", "[log]") {
    CHECK(log_of_event("Pod", "Ready") == LogOf::pods);
    CHECK(log_of_event("Revision", "Scaled") == LogOf::scaler);
    CHECK(log_of_event("Gateway", "ReloadRefused") == LogOf::config);
    CHECK(log_of_event("Gateway", "CertificatesReloaded") == LogOf::tls);
    CHECK(log_of_event("Gateway", "Overload") == LogOf::proxy);
}
