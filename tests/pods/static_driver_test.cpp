#include "pods/static_driver.hpp"

#include <catch2/catch.hpp>

#include "outside.hpp"
#include "pods/make_driver.hpp"

using namespace pods;
using pods::testing::run;
using pods::testing::shell_pod;

namespace {

const Address first{"10.0.0.1", 7860}, second{"10.0.0.2", 7860}, other{"10.0.0.9", 80};

std::optional<Address> address_of(const std::variant<Started, Failure>& answer) {
    if (const auto* started = std::get_if<Started>(&answer)) return started->address;
    return std::nullopt;
}

}  // namespace

TEST_CASE("addresses are handed out once, and again when they are given back", "[static]") {
    asio::io_context io;
    StaticDriver driver({{{"*", {first, second}}}});
    CHECK(driver.room_for("default/demo", {}) == 2);
    CHECK(address_of(run(io, driver.start(shell_pod(1, "a", "")))) == first);
    CHECK(address_of(run(io, driver.start(shell_pod(2, "b", "")))) == second);
    const auto refused = run(io, driver.start(shell_pod(3, "c", "")));
    REQUIRE(std::holds_alternative<Failure>(refused));
    CHECK(std::get<Failure>(refused).reason == "NoAddress");
    CHECK(driver.list().size() == 2);

    std::vector<PodId> ended;
    driver.on_exit([&](const Exit& exit) { ended.push_back(exit.pod); });
    run(io, driver.stop(PodId{1}, std::chrono::seconds{1}));
    run(io, driver.stop(PodId{1}, std::chrono::seconds{1}));
    CHECK(ended == std::vector{PodId{1}});
    CHECK(driver.room_for("default/demo", {}) == 1);
    CHECK(address_of(run(io, driver.start(shell_pod(4, "d", "")))) == first);
}

TEST_CASE("a service with addresses of its own uses no others", "[static]") {
    asio::io_context io;
    StaticDriver driver({{{"*", {first}}, {"default/demo", {other}}}});
    CHECK(address_of(run(io, driver.start(shell_pod(1, "a", "")))) == other);
    CHECK(driver.room_for("default/demo", {}) == 0);
    CHECK(driver.room_for("default/another", {}) == 1);
}

TEST_CASE("the settings choose the driver", "[driver]") {
    asio::io_context io;
    const pods::testing::Folder folder;
    CHECK(dynamic_cast<StaticDriver*>(make_driver(io, StaticSettings{}, folder.path()).get()));
    CHECK(dynamic_cast<ProcessDriver*>(make_driver(io, ProcessSettings{}, folder.path()).get()));
}

TEST_CASE("a driver that cannot run commands says so", "[static]") {
    asio::io_context io;
    StaticDriver driver({});
    CHECK_FALSE(run(io, driver.execute(PodId{1}, {"true"}, std::chrono::seconds{1})).trouble.empty());
}
