// Sockets from a service manager.
#include "cli/service_manager.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace cli;

TEST_CASE("sockets that are for another process are left alone", "[service-manager]") {
    ::setenv("LISTEN_PID", "1", 1);
    ::setenv("LISTEN_FDS", "1", 1);
    auto given = GivenSockets::from_environment();
    CHECK_FALSE(given.take(manifest::Listener{"127.0.0.1", 8080}));
    CHECK(std::getenv("LISTEN_PID") != nullptr);
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDS");
}

TEST_CASE("a service manager that watches hears from us twice in its time", "[service-manager]") {
    CHECK_FALSE(watchdog_interval());
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    CHECK(watchdog_interval() == std::chrono::seconds(15));
    ::setenv("WATCHDOG_USEC", "soon", 1);
    CHECK_FALSE(watchdog_interval());
    ::unsetenv("WATCHDOG_USEC");
}
