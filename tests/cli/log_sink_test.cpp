// Logs that cannot be written: lines are lost and counted, nobody waits.
#include <fcntl.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "cli/log_sink.hpp"

using namespace cli;
using namespace std::chrono_literals;

namespace {

struct Log {
    explicit Log(int file, LogSink::Flush flush = LogSink::Flush::each_line)
        : logger("test", std::make_shared<LogSink>(pods::UniqueFd(file), flush, lost, 1ms)) {
        logger.set_pattern("%v");
    }
    std::atomic<std::uint64_t> lost{0};
    spdlog::logger logger;
};

std::string read_all(int file) {
    std::string all(1 << 20, '\0');
    const auto got = ::read(file, all.data(), all.size());
    all.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return all;
}

}  // namespace

TEST_CASE("each line that a full disk does not take is counted", "[log]") {
    Log log(::open("/dev/full", O_WRONLY | O_CLOEXEC), LogSink::Flush::when_full);
    for (int i = 0; i < 7; ++i) log.logger.info("a line");
    CHECK(log.lost == 0);
    log.logger.flush();
    CHECK(log.lost == 7);
    log.logger.flush();
    CHECK(log.lost == 7);
}

TEST_CASE("a pipe that nobody reads holds nobody up, and is used again when it is read", "[log]") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Log log(ends[1]);
    const std::string line(999, 'x');
    for (int i = 0; i < 500; ++i) log.logger.info(line);
    const auto lost = log.lost.load();
    CHECK(lost > 0);
    CHECK(lost < 500);
    CHECK(read_all(ends[0]).size() == (500 - lost) * 1000);
    log.logger.info("again");
    CHECK(read_all(ends[0]) == "again\n");
    CHECK(log.lost == lost);
    ::close(ends[0]);
}

TEST_CASE("lines longer than a pipe takes at once arrive whole", "[log]") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Log log(ends[1], LogSink::Flush::when_full);
    const std::string line(10'000, 'y');
    log.logger.info("before");
    log.logger.info(line);
    log.logger.info("after");
    log.logger.flush();
    CHECK(read_all(ends[0]) == "before\n" + line + "\nafter\n");
    CHECK(log.lost == 0);
    ::close(ends[0]);
}
