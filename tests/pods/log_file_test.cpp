#include "pods/log_file.hpp"

#include <catch2/catch.hpp>

#include "outside.hpp"

using pods::LogFile;
using pods::testing::Folder;
using pods::testing::read_file;

TEST_CASE("a log is rotated at its size, between lines, and the oldest goes", "[log]") {
    const Folder folder;
    const auto path = (folder.path() / "a.log").string();
    LogFile log(path, 10, 2);
    for (const char* line : {"11111\n", "22222\n", "33333\n", "44444\n"}) log.write(line);
    CHECK(read_file(path) == "44444\n");
    CHECK(read_file(path + ".1") == "33333\n");
    CHECK(read_file(path + ".2") == "22222\n");
    CHECK_FALSE(std::filesystem::exists(path + ".3"));
    CHECK(log.dropped() == 0);
}

TEST_CASE("one long write goes over several files, cut after lines where there are any", "[log]") {
    const Folder folder;
    const auto path = (folder.path() / "a.log").string();
    LogFile log(path, 10, 5);
    log.write("aaa\nbbb\nccc\n0123456789ABCDEF\nz");
    CHECK(read_file(path + ".3") == "aaa\nbbb\n");
    CHECK(read_file(path + ".2") == "ccc\n");
    CHECK(read_file(path + ".1") == "0123456789");
    CHECK(read_file(path) == "ABCDEF\nz");
}

TEST_CASE("a log that exists is continued, and its size counts", "[log]") {
    const Folder folder;
    const auto path = (folder.path() / "a.log").string();
    LogFile(path, 10, 1).write("12345\n");
    LogFile log(path, 10, 1);
    log.write("abc\n");
    CHECK(read_file(path) == "12345\nabc\n");
    log.write("x\n");
    CHECK(read_file(path) == "x\n");
}

TEST_CASE("without old files a full log starts anew", "[log]") {
    const Folder folder;
    const auto path = (folder.path() / "a.log").string();
    LogFile log(path, 4, 0);
    log.write("abc\n");
    log.write("def\n");
    CHECK(read_file(path) == "def\n");
    CHECK_FALSE(std::filesystem::exists(path + ".1"));
}

TEST_CASE("what a full disk refuses is dropped and counted", "[log]") {
    LogFile log("/dev/full", 1 << 20, 3);
    log.write("hello\n");
    log.write("world\n");
    CHECK(log.dropped() == 12);
}

TEST_CASE("a log that can be written again says what it lost", "[log]") {
    const Folder folder;
    const auto inside = folder.path() / "later";
    LogFile log((inside / "a.log").string(), 1 << 20, 3);
    log.write("lost\n");
    CHECK(log.dropped() == 5);
    std::filesystem::create_directory(inside);
    log.write("kept\n");
    CHECK(read_file(inside / "a.log") == "[pilotlight: 5 bytes of this log could not be written]\nkept\n");
    CHECK(log.dropped() == 0);
}
