// What pods take from the machine: ports, GPUs, programs; and the letter to the keeper.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "outside.hpp"
#include "pods/gpus.hpp"
#include "pods/launch.hpp"
#include "pods/ports.hpp"
#include "pods/program.hpp"

using namespace pods;

TEST_CASE("two gateways of one machine never give the same port", "[ports]") {
    const auto any = [](std::uint16_t) { return true; };
    Ports one(40, 42, any);
    Ports another(40, 42, any);
    CHECK(one.take() == 40);
    CHECK(another.take() == 41);
    CHECK(one.take() == 42);
    CHECK(another.take() == std::nullopt);
    one.give_back(40);
    CHECK(another.take() == 40);
}

TEST_CASE("ports go round, so that one given back rests", "[ports]") {
    Ports ports(10, 12, [](std::uint16_t) { return true; });
    CHECK(ports.take() == 10);
    ports.give_back(10);
    CHECK(ports.take() == 11);
    CHECK(ports.take() == 12);
    CHECK(ports.take() == 10);
    CHECK(ports.take() == std::nullopt);
    ports.give_back(11);
    CHECK(ports.take() == 11);
}

TEST_CASE("a port in use is passed over", "[ports]") {
    Ports ports(65534, 65535, [](std::uint16_t port) { return port == 65535; });
    CHECK(ports.take() == 65535);
    CHECK(ports.take() == std::nullopt);
}

TEST_CASE("a port that somebody listens on is not free", "[ports]") {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor listener(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    const auto port = listener.local_endpoint().port();
    CHECK_FALSE(is_port_free(port));
    listener.close();
    CHECK(is_port_free(port));
}

TEST_CASE("GPUs are dealt whole and come back", "[gpus]") {
    Gpus gpus({"0", "1", "2"});
    CHECK(gpus.needed(0) == 1);
    CHECK(gpus.needed(2) == 2);
    CHECK(gpus.take(2) == std::vector<std::string>{"0", "1"});
    CHECK(gpus.take(2) == std::nullopt);
    CHECK(gpus.free() == 1);
    gpus.give_back({"0", "1"});
    CHECK(gpus.take(3) == std::vector<std::string>{"2", "0", "1"});
}

TEST_CASE("without a list no GPU is dealt", "[gpus]") {
    Gpus gpus({});
    CHECK_FALSE(gpus.are_dealt());
    CHECK(gpus.needed(4) == 0);
}

TEST_CASE("a name is searched folder by folder, and only what can be run counts", "[program]") {
    const pods::testing::Folder folder;
    const auto first = folder.path() / "first", second = folder.path() / "second";
    for (const auto& one : {first, second}) {
        std::filesystem::create_directory(one);
        std::ofstream(one / "tool") << "#!/bin/sh\n";
    }
    std::filesystem::permissions(second / "tool", std::filesystem::perms::owner_all);
    CHECK(find_program_in("tool", {first.string(), second.string()}) == (second / "tool").string());
    CHECK(find_program_in("nothing", {first.string()}) == std::nullopt);
    CHECK(find_program("./here", {}) == "./here");
    CHECK(find_program("tool", {"PATH=" + first.string() + "::" + second.string()}) ==
          (second / "tool").string());
    CHECK(find_program("tool", {"PATH="}) == std::nullopt);
}

TEST_CASE("what stands beside our own executable is found before PATH", "[program]") {
    CHECK(find_program("test_pods", {"PATH=/bin"}) == own_folder() + "/test_pods");
}

TEST_CASE("a launch reaches the keeper as it was", "[launch]") {
    Launch launch;
    launch.name = "pod";
    launch.program = "/bin/sh";
    launch.argv = {"sh", "-c", "", "two\nlines"};
    launch.env = {"A=1", "B="};
    launch.log_bytes = 12345678901;
    launch.log_files = 7;
    const auto text = encode(launch);
    REQUIRE(text);
    CHECK(decode_launch(*text) == launch);
    CHECK(decode_launch(text->substr(0, text->size() - 1)) == std::nullopt);
    CHECK(decode_launch(*text + "x") == std::nullopt);
    CHECK(decode_launch("") == std::nullopt);
    launch.argv.push_back(std::string("a\0b", 3));
    CHECK(encode(launch) == std::nullopt);
}
