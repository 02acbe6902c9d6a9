// The spool: memory, then a file, and back.
#include "proxy/traffic/spool.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <random>
#include <string>

using proxy::Spool;
using proxy::SpoolBudget;
using std::string;

namespace {

// Octets that differ wherever one looks.
string octets(std::size_t count, unsigned from = 0) {
    string out(count, '\0');
    std::mt19937 engine(from);
    for (auto& c : out) c = static_cast<char>(engine());
    return out;
}

string read_all(Spool& spool, std::uint64_t from = 0) {
    string out;
    for (;;) {
        const auto piece = spool.read(from + out.size());
        if (piece.empty()) return out;
        out += piece;
    }
}

Spool::Settings small(std::size_t memory) {
    return {memory, std::filesystem::temp_directory_path(), std::make_shared<SpoolBudget>()};
}

// What this process's unlinked files take on the disk.
std::int64_t on_disk() {
    std::int64_t blocks = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        struct stat status {};
        if (std::filesystem::read_symlink(entry.path(), ignored).string().find("(deleted)") == string::npos)
            continue;
        if (::stat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) blocks += status.st_blocks;
    }
    return blocks * 512;
}

}  // namespace

TEST_CASE("what is appended is read, as often as one likes", "[spool]") {
    const auto settings = small(1 << 20);
    Spool spool(settings);
    CHECK(spool.read(0).empty());
    REQUIRE(spool.append("hello"));
    REQUIRE(spool.append(""));
    REQUIRE(spool.append(" world"));
    CHECK(spool.size() == 11);
    CHECK(spool.backlog() == 11);
    CHECK(read_all(spool) == "hello world");
    CHECK(read_all(spool) == "hello world");
    CHECK(read_all(spool, 6) == "world");
    CHECK(spool.read(11).empty());
    CHECK(spool.read(99).empty());
    CHECK_FALSE(spool.in_file());
}

TEST_CASE("what does not fit into memory goes to a file, and is read like the rest", "[spool]") {
    const auto settings = small(1000);
    const auto all = octets(1'000'000);
    Spool spool(settings);
    const std::size_t pieces[] = {900, 100, 1, 5'000, 300'000, 693'999};
    std::size_t at = 0;
    for (const auto piece : pieces) {
        CHECK(spool.in_file() == (at > 1000));
        REQUIRE(spool.append(std::string_view(all).substr(at, piece)));
        at += piece;
    }
    CHECK(spool.size() == all.size());
    CHECK(read_all(spool) == all);
    CHECK(read_all(spool) == all);
    CHECK(read_all(spool, 999) == all.substr(999));
    CHECK(read_all(spool, 500'000) == all.substr(500'000));
}

TEST_CASE("exactly what memory holds stays in memory", "[spool]") {
    const auto settings = small(1000);
    Spool spool(settings);
    REQUIRE(spool.append(octets(1000)));
    CHECK_FALSE(spool.in_file());
    REQUIRE(spool.append("x"));
    CHECK(spool.in_file());
}

TEST_CASE("a piece that is being sent stays what it was while more is appended", "[spool]") {
    const auto settings = small(1 << 20);
    Spool spool(settings);
    string all;
    for (unsigned i = 0; i < 200; ++i) {
        const auto more = octets(i * 7 % 900 + 1, i);
        REQUIRE(spool.append(more));
        const auto before = all.size();
        all += more;
        const auto piece = spool.read(before);
        const string copy(piece);
        const auto then = octets(i * 13 % 700, i + 1000);
        REQUIRE(spool.append(then));
        all += then;
        CHECK(piece == copy);
    }
    CHECK(read_all(spool) == all);
}

TEST_CASE("released memory is used again", "[spool]") {
    const auto settings = small(100'000);
    Spool spool(settings);
    std::uint64_t read = 0;
    for (unsigned i = 0; i < 1'000; ++i) {
        REQUIRE(spool.append(octets(10'000, i)));
        while (spool.backlog() > 20'000) {
            const auto piece = spool.read(read);
            REQUIRE_FALSE(piece.empty());
            read += piece.size();
            spool.release(read);
        }
        REQUIRE_FALSE(spool.in_file());
    }
    CHECK(spool.size() == 10'000'000);
}

TEST_CASE("who catches up with the file is back in memory", "[spool]") {
    const auto settings = small(1000);
    Spool spool(settings);
    const auto first = octets(50'000), second = octets(800, 2), third = octets(50'000, 3);
    REQUIRE(spool.append(first));
    CHECK(spool.in_file());
    CHECK(read_all(spool) == first);
    spool.release(spool.size());
    CHECK_FALSE(spool.in_file());
    CHECK(spool.backlog() == 0);
    REQUIRE(spool.append(second));
    CHECK_FALSE(spool.in_file());
    CHECK(read_all(spool, 50'000) == second);
    REQUIRE(spool.append(third));
    CHECK(spool.in_file());
    CHECK(read_all(spool, 50'000) == second + third);
    spool.release(spool.size());
    CHECK_FALSE(spool.in_file());
}

TEST_CASE("whatever is appended, read and released in whatever order comes out as it went in", "[spool]") {
    const auto settings = small(GENERATE(0u, 100u, 3'000u, 100'000u));
    std::mt19937 engine(7);
    const auto pick = [&](int most) {
        return static_cast<std::size_t>(std::uniform_int_distribution<>(0, most)(engine));
    };
    Spool spool(settings);
    string in, out;
    for (unsigned i = 0; i < 2'000; ++i) {
        const auto more = octets(pick(400), i);
        in += more;
        REQUIRE(spool.append(more));
        for (auto turns = pick(3); turns > 0 && out.size() < in.size(); --turns) {
            const auto piece = spool.read(out.size());
            REQUIRE_FALSE(piece.empty());
            out += piece.substr(0, pick(600));
            if (pick(1) == 0) spool.release(out.size());
        }
    }
    while (out.size() < in.size()) {
        out += spool.read(out.size());
        spool.release(out.size());
    }
    spool.release(out.size());
    CHECK(in == out);
    CHECK(spool.backlog() == 0);
}

TEST_CASE("an endless answer to a client who never quite catches up does not fill the disk", "[spool]") {
    const auto settings = small(1000);
    const auto before = on_disk();
    Spool spool(settings);
    const auto piece = octets(1 << 20);
    std::uint64_t read = 0;
    for (int i = 0; i < 64; ++i) {
        REQUIRE(spool.append(piece));
        while (spool.size() - read > 1'000'000) read += spool.read(read).substr(0, 50'000).size();
        spool.release(read);
        REQUIRE(spool.in_file());
    }
    CHECK(on_disk() - before < 16 << 20);
    CHECK(spool.backlog() <= 1'000'000);
    CHECK(read_all(spool, read) == piece.substr(piece.size() - spool.backlog()));
}

TEST_CASE("a disk that fails is said, and the spool is of no more use", "[spool]") {
    const Spool::Settings settings{100, "/does/not/exist", std::make_shared<SpoolBudget>()};
    Spool spool(settings);
    REQUIRE(spool.append("fits"));
    CHECK_FALSE(spool.append(octets(101)));
    CHECK(spool.failed());
    CHECK(spool.read(0).empty());
    CHECK_FALSE(spool.append("x"));
}

TEST_CASE("a full disk is said", "[spool]") {
    if (!std::filesystem::exists("/dev/full")) return;
    const Spool::Settings settings{10, "/dev/full", std::make_shared<SpoolBudget>()};  // no directory either
    Spool spool(settings);
    CHECK_FALSE(spool.append(octets(11)));
    CHECK(spool.failed());
}

TEST_CASE("a spool's file has no name from the beginning", "[spool]") {
    const auto directory =
        std::filesystem::temp_directory_path() / ("spool-test-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directory(directory);
    {
        const Spool::Settings settings{10, directory, std::make_shared<SpoolBudget>()};
        Spool spool(settings);
        REQUIRE(spool.append(octets(1000)));
        CHECK(spool.in_file());
        CHECK(std::filesystem::is_empty(directory));
    }
    std::filesystem::remove(directory);
}

TEST_CASE("without memory in the budget of all a spool goes to its file early, but for its first octets",
          "[spool][budget]") {
    const auto settings = small(1 << 20);
    settings.budget->memory.set_limit(100'000);
    Spool first(settings), second(settings), third(settings);
    REQUIRE(first.append(octets(90'000)));
    CHECK_FALSE(first.in_file());
    REQUIRE(second.append(octets(20'000)));
    CHECK(second.in_file());
    REQUIRE(third.append(octets(4'000)));
    CHECK_FALSE(third.in_file());
    CHECK(settings.budget->memory.used() == 94'000);
    CHECK(settings.budget->disk.used() == 20'000);
    CHECK(read_all(second) == octets(20'000));
}

TEST_CASE("what one spool releases another one may take", "[spool][budget]") {
    const auto settings = small(1 << 20);
    settings.budget->memory.set_limit(100'000);
    Spool first(settings), second(settings);
    REQUIRE(first.append(octets(90'000)));
    first.release(first.size());
    CHECK(settings.budget->memory.used() == 0);
    REQUIRE(second.append(octets(90'000)));
    CHECK_FALSE(second.in_file());
}

TEST_CASE("without disk in the budget that spool alone fails", "[spool][budget]") {
    const auto settings = small(1000);
    settings.budget->disk.set_limit(100'000);
    Spool first(settings), second(settings), third(settings);
    REQUIRE(first.append(octets(60'000)));
    CHECK_FALSE(second.append(octets(60'000)));
    CHECK(second.failed());
    CHECK(read_all(first) == octets(60'000));
    REQUIRE(third.append(octets(40'000)));
    CHECK(settings.budget->disk.used() == 100'000);
}

TEST_CASE("whatever became of the spools, their budget is whole again", "[spool][budget]") {
    const auto settings = small(10'000);
    settings.budget->disk.set_limit(20 << 20);
    {
        Spool kept(settings), caught_up(settings), failed(settings), behind(settings);
        REQUIRE(kept.append(octets(9'000)));
        REQUIRE(caught_up.append(octets(50'000)));
        CHECK(read_all(caught_up) == octets(50'000));
        CHECK(settings.budget->memory.used() > 9'000);  // what it reads through is counted
        caught_up.release(caught_up.size());
        CHECK(settings.budget->memory.used() == 9'000);
        CHECK(settings.budget->disk.used() == 0);
        REQUIRE(behind.append(octets(10 << 20)));
        behind.release(9 << 20);
        CHECK_FALSE(failed.append(octets(30 << 20)));
    }
    CHECK(settings.budget->memory.used() == 0);
    CHECK(settings.budget->disk.used() == 0);
}

TEST_CASE("a file that may not grow fails its spool, and not the process", "[spool]") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // as the gateway does
    const rlimit few{100'000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &few) == 0);
    const auto settings = small(1000);
    Spool large(settings), fitting(settings);
    const bool has_room = large.append(octets(200'000));
    const bool fits = fitting.append(octets(90'000));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK_FALSE(has_room);
    CHECK(large.failed());
    CHECK(fits);
    CHECK(read_all(fitting) == octets(90'000));
}
