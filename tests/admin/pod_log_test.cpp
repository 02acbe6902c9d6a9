#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "admin/pod_log.hpp"
#include "pods/log_file.hpp"

namespace {

class Folder {
public:
    Folder() {
        char name[] = "/tmp/pod-log-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string log() const { return path_ + "/sd.log"; }

private:
    std::string path_;
};

std::string all(admin::PodLog& log, std::size_t most = 64 << 10) {
    std::string out;
    for (auto piece = log.take(most); !piece.empty(); piece = log.take(most)) out += piece;
    return out;
}

std::string read(const admin::LogWish& wish) {
    admin::PodLog log(wish);
    return all(log);
}

admin::LogWish wish(const Folder& folder, bool follow = false) {
    admin::LogWish out;
    out.file = folder.log();
    out.follow = follow;
    return out;
}

}  // namespace

TEST_CASE("a log is read over its rotated files, the oldest first", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 8, 3);
    for (const auto* line : {"one\n", "two\n", "three\n", "four\n", "five\n"}) file.write(line);
    REQUIRE(std::filesystem::exists(folder.log() + ".1"));
    CHECK(read(wish(folder)) == "one\ntwo\nthree\nfour\nfive\n");
}

TEST_CASE("the last lines are counted over the files' borders", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 8, 3);
    for (const auto* line : {"one\n", "two\n", "three\n", "four\n", "five\n"}) file.write(line);
    const std::array<std::string, 7> expected{"",
                                              "five\n",
                                              "four\nfive\n",
                                              "three\nfour\nfive\n",
                                              "two\nthree\nfour\nfive\n",
                                              "one\ntwo\nthree\nfour\nfive\n",
                                              "one\ntwo\nthree\nfour\nfive\n"};
    for (std::size_t lines = 0; lines < expected.size(); ++lines) {
        auto some = wish(folder);
        some.tail_lines = lines;
        CHECK(read(some) == expected[lines]);
    }
}

TEST_CASE("a last line that is not ended counts as one", "[pod-log]") {
    Folder folder;
    pods::LogFile(folder.log(), 100, 1).write("one\ntwo\nthr");
    auto some = wish(folder);
    some.tail_lines = 1;
    CHECK(read(some) == "thr");
    some.tail_lines = 2;
    CHECK(read(some) == "two\nthr");
    some.tail_lines = 0;
    CHECK(read(some).empty());
}

TEST_CASE("lines are counted across blocks of reading", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 1 << 20, 1);
    std::string last;
    for (int i = 0; i < 20'000; ++i) {
        const auto line = "line " + std::to_string(i) + "\n";
        if (i >= 5'000) last += line;
        file.write(line);
    }
    auto some = wish(folder);
    some.tail_lines = 15'000;
    CHECK(read(some) == last);
}

TEST_CASE("who does not follow gets what there was when it was asked", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 100, 1);
    file.write("one\n");
    admin::PodLog log(wish(folder));
    file.write("two\n");
    CHECK(all(log) == "one\n");
}

TEST_CASE("who follows gets what is written later, also after rotations", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 8, 3);
    file.write("one\n");
    admin::PodLog log(wish(folder, true));
    CHECK(all(log) == "one\n");
    CHECK(log.take().empty());
    for (const auto* line : {"two\n", "three\n", "four\n", "five\n"}) file.write(line);
    CHECK(all(log) == "two\nthree\nfour\nfive\n");
    file.write("six\n");
    CHECK(all(log) == "six\n");
}

TEST_CASE("who follows too slowly is told that something is missing, and goes on", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 8, 1);
    file.write("one\n");
    admin::PodLog log(wish(folder, true));
    CHECK(all(log) == "one\n");
    for (int i = 0; i < 10; ++i) file.write("more\n");
    file.write("last\n");
    const auto rest = all(log);
    CHECK(rest.find("may be missing") != std::string::npos);
    CHECK(rest.ends_with("more\nlast\n"));
}

TEST_CASE("a log that is not there yet is followed once it is", "[pod-log]") {
    Folder folder;
    admin::PodLog log(wish(folder, true));
    CHECK(log.take().empty());
    pods::LogFile(folder.log(), 100, 1).write("one\n");
    CHECK(all(log) == "one\n");
    CHECK(read(wish(Folder())).empty());
}

TEST_CASE("no more than a piece is taken at once, and no more than was asked for in all", "[pod-log]") {
    Folder folder;
    pods::LogFile(folder.log(), 100, 1).write("one\ntwo\n");
    auto some = wish(folder, true);
    some.limit_bytes = 6;
    admin::PodLog log(some);
    CHECK(log.take(4) == "one\n");
    CHECK_FALSE(log.limited());
    CHECK(log.take(4) == "tw");
    CHECK(log.limited());
    CHECK(log.take(4).empty());
}

TEST_CASE("rotated files that were full before a time are left out", "[pod-log]") {
    Folder folder;
    pods::LogFile file(folder.log(), 8, 3);
    for (const auto* line : {"one\n", "two\n", "three\n"}) file.write(line);
    const auto hour_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    std::filesystem::last_write_time(folder.log() + ".1", hour_ago);
    auto some = wish(folder);
    some.since = std::chrono::system_clock::now() - std::chrono::minutes(1);
    CHECK(read(some) == "three\n");
}
