// What keeps strangers within bounds: the decisions, with the time passed in.
#include <catch2/catch.hpp>
#include <fstream>

#include "proxy/bounds/descriptors.hpp"
#include "proxy/bounds/load.hpp"
#include "proxy/bounds/memory_used.hpp"
#include "proxy/bounds/pace.hpp"
#include "proxy/bounds/peers.hpp"
#include "tests/proxy/lobby.hpp"

using namespace proxy;
using namespace std::chrono_literals;

namespace {

boost::asio::ip::address ip(const char* text) {
    return boost::asio::ip::make_address(text);
}

LoadSeen memory(std::uint64_t percent) {
    return {percent, 100, 0, 100};
}

const TimePoint start{1h};

}  // namespace

TEST_CASE("a silence in a body has its deadline, whatever came before", "[bounds]") {
    const Pace pace{start, 60s, 1000};
    CHECK(pace.deadline(start, 0) == start + 60s);
    CHECK(pace.deadline(start + 10s, 10'000'000) == start + 70s);
}

TEST_CASE("a body that drips below the rate ends, however often an octet comes", "[bounds]") {
    const Pace pace{start, 60s, 1000};
    CHECK(pace.deadline(start + 59s, 59) < start + 61s);
    CHECK(pace.deadline(start + 100s, 50'000) == start + 110s);
    CHECK(pace.deadline(start + 100s, 2'000'000) == start + 160s);
    CHECK(Pace{start, 60s, 0}.deadline(start + 1000s, 1) == start + 1060s);
}

TEST_CASE("the sum of the octets of a body of any size is no time that overflows", "[bounds]") {
    const Pace pace{start, 60s, 1};
    CHECK(pace.deadline(start, 64ull << 30) == start + 60s);
}

TEST_CASE("a peer has so many connections and no more, and others have theirs", "[bounds]") {
    Peers peers;
    auto first = peers.enter(ip("192.0.2.1"), 2), second = peers.enter(ip("192.0.2.1"), 2);
    REQUIRE(first);
    REQUIRE(second);
    CHECK_FALSE(peers.enter(ip("192.0.2.1"), 2));
    CHECK(peers.enter(ip("192.0.2.2"), 2));
    second.reset();
    CHECK(peers.count(ip("192.0.2.1")) == 1);
    CHECK(peers.enter(ip("192.0.2.1"), 2));
    first.reset();
    CHECK(peers.size() == 0);
}

TEST_CASE("an IPv6 peer is its /64, and a mapped IPv4 address is that address", "[bounds]") {
    CHECK(Peers::key_of(ip("2001:db8:1:2::1")) == Peers::key_of(ip("2001:db8:1:2:ffff::9")));
    CHECK(Peers::key_of(ip("2001:db8:1:2::1")) != Peers::key_of(ip("2001:db8:1:3::1")));
    CHECK(Peers::key_of(ip("::ffff:192.0.2.1")) == Peers::key_of(ip("192.0.2.1")));
    CHECK(Peers::key_of(ip("192.0.2.1")) != Peers::key_of(ip("192.0.2.2")));
}

TEST_CASE("without a limit all are counted and nobody is refused", "[bounds]") {
    Peers peers;
    std::vector<Peers::Place> places;
    for (int i = 0; i < 100; ++i) places.push_back(peers.enter(ip("::1"), 0).value());
    CHECK(peers.count(ip("::1")) == 100);
    places.clear();
    CHECK(peers.size() == 0);
}

TEST_CASE("of few descriptors a part is kept for pods and for ourselves", "[bounds]") {
    const auto plan = plan_descriptors(256, 20'000);
    CHECK(plan.connections == plan.for_clients);
    CHECK(plan.for_clients < plan.for_traffic);
    CHECK(plan.for_traffic + 32 <= 256);
    CHECK(describe(plan, 20'000).find("256 descriptors are allowed") == 0);
    const auto roomy = plan_descriptors(1'048'576, 20'000);
    CHECK(roomy.connections == 20'000);
    CHECK(describe(roomy, 20'000).empty());
    CHECK(describe(plan_descriptors(30'000, 20'000), 20'000).find("would be needed") != std::string::npos);
}

TEST_CASE("a descriptor above the ceiling is refused and counted", "[bounds]") {
    Descriptors descriptors;
    CHECK(descriptors.for_clients(1'000'000));
    descriptors.set_plan(plan_descriptors(256, 100));
    CHECK(descriptors.for_clients(100));
    CHECK_FALSE(descriptors.for_clients(200));
    CHECK(descriptors.for_traffic(200));
    CHECK_FALSE(descriptors.for_traffic(250));
    CHECK(descriptors.shortages() == 2);
}

TEST_CASE("load goes up at once, as far as the memory says", "[bounds]") {
    LoadLevel level;
    CHECK(level.update(memory(70), start) == Load::normal);
    CHECK(level.update(memory(75), start) == Load::no_keep_alive);
    CHECK(level.update(memory(99), start) == Load::shed_queue);
    LoadLevel other;
    CHECK(other.update(memory(90), start) == Load::refuse_new);
}

TEST_CASE("load goes down level by level, when it has been clearly lower for a while", "[bounds]") {
    LoadLevel level;
    level.update(memory(95), start);
    CHECK(level.update(memory(20), start + 1s) == Load::shed_queue);
    CHECK(level.update(memory(20), start + 2s) == Load::refuse_new);
    CHECK(level.update(memory(20), start + 2500ms) == Load::refuse_new);
    CHECK(level.update(memory(20), start + 3s) == Load::no_keep_alive);
    CHECK(level.update(memory(20), start + 4s) == Load::normal);
}

TEST_CASE("a level that is only just left is not left, nor after a moment", "[bounds]") {
    LoadLevel level;
    level.update(memory(86), start);
    for (int i = 1; i < 100; ++i) CHECK(level.update(memory(80), start + i * 1s) == Load::refuse_new);
    CHECK(level.update(memory(70), start + 100s) == Load::refuse_new);
    CHECK(level.update(memory(80), start + 100500ms) == Load::refuse_new);  // it was not calm for long
    CHECK(level.update(memory(70), start + 101200ms) == Load::refuse_new);
    CHECK(level.update(memory(70), start + 102200ms) == Load::no_keep_alive);
}

TEST_CASE("many connections end keep-alive and nothing else", "[bounds]") {
    LoadLevel level;
    CHECK(level.update({10, 100, 100, 100}, start) == Load::no_keep_alive);
    CHECK(level.update({10, 100, 85, 100}, start + 10s) == Load::no_keep_alive);
    level.update({10, 100, 20, 100}, start + 20s);
    CHECK(level.update({10, 100, 20, 100}, start + 21s) == Load::normal);
}

TEST_CASE("without a bound of memory there is no overload", "[bounds]") {
    LoadLevel level;
    CHECK(level.update({1ull << 60, 0, 5, 0}, start) == Load::normal);
}

TEST_CASE("our own memory is known, and so is the smallest bound above us", "[bounds]") {
    CHECK(resident_memory() > 1 << 20);
    CHECK(memory_to_be_had() >= resident_memory());
    const auto root = std::filesystem::temp_directory_path() / ("bounds-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(root / "a" / "b");
    std::ofstream(root / "memory.max") << "max\n";
    std::ofstream(root / "a" / "memory.max") << "1000\n";
    std::ofstream(root / "a" / "b" / "memory.max") << "5000\n";
    CHECK(smallest_memory_max(root, "/a/b") == 1000u);
    CHECK_FALSE(smallest_memory_max(root, "/"));
    std::filesystem::remove_all(root);
}

TEST_CASE("when the queue is shed the newest go, and whoever works is left alone", "[bounds]") {
    Lobby lobby;
    lobby.admit(1);
    std::vector<Lease> leases;
    for (int i = 0; i < 9; ++i) leases.push_back(lobby.enter());
    CHECK(lobby.gate->shed(to_shed, Refusal::overloaded, lobby.now) == 2);
    lobby.settle();
    CHECK(leases[0].granted());
    for (std::size_t i = 1; i < 7; ++i) CHECK_FALSE(leases[i].refused());
    for (std::size_t i = 7; i < 9; ++i) CHECK(leases[i].refused() == Refusal::overloaded);
    leases[0].release();
    lobby.settle();
    CHECK(leases[1].granted());
    leases.pop_back();  // what was turned away gives nothing back twice
    CHECK(lobby.gate->look(lobby.now).usage.waiting == 5);
}
