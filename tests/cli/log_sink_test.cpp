// Logs that cannot be written: lines are lost and counted, nobody waits.
#include <fcntl.h>
#include <spdlog/logger.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "cli/log_sink.hpp"

using namespace cli;
using namespace std::chrono_literals;

namespace {

struct Log {
    explicit Log(int file, LogSink::Flush flush = LogSink::Flush::each_line)
        : sink(std::make_shared<LogSink>(pods::UniqueFd(file), flush, lost, 1ms)), logger("test", sink) {
        logger.set_pattern("%v");
        sink->on_change([this](LogSink::Told what, std::uint64_t count,
                               const std::string&) { told.emplace_back(what, count); },
                        0ms);
    }
    std::atomic<std::uint64_t> lost{0};
    std::vector<std::pair<LogSink::Told, std::uint64_t>> told;
    std::shared_ptr<LogSink> sink;
    spdlog::logger logger;
};

// A folder of its own, gone with it.
struct Folder {
    Folder() {
        std::string name = std::filesystem::temp_directory_path() / "log-sink-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string text(const std::string& file) const {
        std::ostringstream all;
        all << std::ifstream(path / file).rdbuf();
        return all.str();
    }
    std::filesystem::path path;
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

TEST_CASE("trouble is told when it begins, and when it is over how many lines it has cost", "[log]") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Log log(ends[1]);
    const std::string line(999, 'x');
    for (int i = 0; i < 500; ++i) log.logger.info(line);
    REQUIRE(log.told.size() == 1);
    CHECK(log.told[0].first == LogSink::Told::trouble);
    read_all(ends[0]);
    log.logger.info("again");
    log.logger.info("and again");
    REQUIRE(log.told.size() == 2);
    CHECK(log.told[1] == std::pair(LogSink::Told::well_again, log.lost.load()));
    ::close(ends[0]);
}

TEST_CASE("lines that were lost on their way are told with the next one that arrives", "[log]") {
    Folder folder;
    Log log(open_log(folder.path / "log", 0644).release());
    std::uint64_t before = 0;
    log.sink->counts_also([&before] { return before; });
    log.logger.info("one");
    CHECK(log.told.empty());
    before = 30;
    log.logger.info("two");
    log.logger.info("three");
    CHECK(log.told == std::vector{std::pair(LogSink::Told::well_again, std::uint64_t(30))});
    CHECK(log.lost == 0);  // counted where it was lost
}

TEST_CASE("a file that was moved away is begun anew, and each line is in the one or the other", "[log]") {
    Folder folder;
    const auto path = folder.path / "log";
    Log log(open_log(path, 0644).release(), LogSink::Flush::when_full);
    log.sink->reopens_at(path, 0644);
    log.logger.info("before");
    std::filesystem::rename(path, folder.path / "log.1");
    log.logger.info("still before");
    log.sink->reopen();
    log.logger.info("after");
    log.logger.flush();
    CHECK(folder.text("log.1") == "before\nstill before\n");
    CHECK(folder.text("log") == "after\n");
    CHECK(log.told.back().first == LogSink::Told::reopened);
}

TEST_CASE("a file that cannot be begun anew goes on as it is", "[log]") {
    Folder folder;
    const auto path = folder.path / "sub" / "log";
    std::filesystem::create_directory(folder.path / "sub");
    Log log(open_log(path, 0644).release());
    log.sink->reopens_at(path, 0644);
    std::filesystem::rename(folder.path / "sub", folder.path / "moved");
    log.sink->reopen();
    log.logger.info("all the same");
    CHECK(folder.text("moved/log") == "all the same\n");
    CHECK(log.told.back().first == LogSink::Told::not_reopened);
    CHECK(log.lost == 0);
}

TEST_CASE("a line that the disk took half of does not run into the next one", "[log]") {
    Folder folder;
    const auto path = folder.path / "log";
    Log log(open_log(path, 0644).release());
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    auto small = before;
    small.rlim_cur = 10;  // as a disk with no more room than that
    ::setrlimit(RLIMIT_FSIZE, &small);
    log.logger.info("whole");
    log.logger.info("torn in two");
    log.logger.info("lost");
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    log.logger.info("next");
    CHECK(folder.text("log") == "whole\ntorn\nnext\n");
    CHECK(log.lost == 2);
}

TEST_CASE("a named pipe without a reader is an error, not a wait", "[log]") {
    Folder folder;
    REQUIRE(::mkfifo((folder.path / "pipe").c_str(), 0600) == 0);
    CHECK_FALSE(open_log(folder.path / "pipe", 0644));
}
