// The gateway's own log by subsystems.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

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

TEST_CASE("what was set by hand holds until the manifest is read again", "[log]") {
    Taken log;
    manifest::Log settings;
    settings.levels = {{"tls", "warn"}};
    set_log_levels(settings);
    set_log_level(LogOf::tls, "debug");
    log_of(LogOf::tls).debug("by hand");
    CHECK(log_level(LogOf::tls) == "debug");
    CHECK(log_level_by_hand(LogOf::tls));
    CHECK_FALSE(log_level_by_hand(LogOf::pods));
    SECTION("or is taken back") {
        set_log_level(LogOf::tls, std::nullopt);
        CHECK(log_level(LogOf::tls) == "warn");
    }
    SECTION("whatever that says now") {
        set_log_levels(settings);
        CHECK_FALSE(log_level_by_hand(LogOf::tls));
    }
    log_of(LogOf::tls).info("no");
    CHECK(log.now() == "debug tls: by hand\n");
}

TEST_CASE("what a line is about travels with it, apart from what it says", "[log]") {
    Taken log;
    set_log_levels({});
    log_of(LogOf::pods).about({{"pod", "a\"b"}, {"request", ""}, {"service", "x/y"}}).info("It {}.", "burns");
    const auto said = log.now();
    const std::string payload = said.substr(said.find(": ") + 2, said.size() - said.find(": ") - 3);
    CHECK(taken_apart(payload).fields == R"(,"pod":"a\"b","service":"x/y")");
    CHECK(taken_apart(payload).text == "It burns.");
}

TEST_CASE("no text passes for what it is about", "[log]") {
    Taken log;
    set_log_levels({});
    const std::string forged = "\x1e,\"pod\":\"other\"\x1e text";
    log_of(LogOf::pods).info("{}", forged);
    const auto said = log.now();
    const std::string payload = said.substr(said.find(": ") + 2, said.size() - said.find(": ") - 3);
    CHECK(taken_apart(payload).fields.empty());
    CHECK(taken_apart(payload).text == forged);
}

TEST_CASE("an event is logged by who it is about", "[log]") {
    CHECK(log_of_event("Pod", "Ready") == LogOf::pods);
    CHECK(log_of_event("Revision", "Scaled") == LogOf::scaler);
    CHECK(log_of_event("Gateway", "ReloadRefused") == LogOf::config);
    CHECK(log_of_event("Gateway", "CertificatesReloaded") == LogOf::tls);
    CHECK(log_of_event("Gateway", "Overload") == LogOf::proxy);
}
