// Octets on their way from somebody fast to somebody slow: in memory up to a bound, beyond it in a temporary
// file that is unlinked from birth. Written at the end, read from the front; what was read may be kept (a
// request's body, which may have to be sent twice) or let go (a response's).
//
// All spools together have a budget. Without memory of it a spool goes to its file early, except for its
// first few octets: what is small is never turned away because others are large. Without room on the disk it
// fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/traffic/spool_budget.hpp"

namespace proxy {

class Spool {
public:
    struct Settings {
        std::size_t memory = 1 << 20;  // octets in memory at a time
        std::filesystem::path directory = "/tmp";
        std::shared_ptr<SpoolBudget> budget = std::make_shared<SpoolBudget>();  // of all, in memory and file
    };

    explicit Spool(const Settings& settings) : settings_(&settings) {}  // which must outlive it
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool();

    // False if there is no room on the disk, or none left of the budget; the spool is then of no more use.
    [[nodiscard]] bool append(std::string_view octets);

    // The next octets from `offset` on, which must not lie before what was released; valid until the next
    // read or release, whatever is appended meanwhile. Empty: nothing more there yet, or the disk failed: see
    // failed().
    std::string_view read(std::uint64_t offset);

    void release(std::uint64_t offset);  // what lies before it is not needed any more

    std::uint64_t size() const { return size_; }
    std::uint64_t backlog() const { return size_ - released_; }
    bool in_file() const { return file_ >= 0; }
    bool failed() const { return failed_; }

private:
    struct Block {
        std::uint64_t begin;
        std::string octets;  // never grows beyond its first capacity: somebody may be sending from it
    };

    bool fits_in_memory(std::size_t octets);
    void append_to_memory(std::string_view octets);
    void open_window();
    void close_file();
    bool append_to_file(std::string_view octets);
    void release_from_file();

    const Settings* settings_;
    std::list<Block> blocks_;  // an empty one costs nothing, and most spools hold one block or none
    std::uint64_t memory_used_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t released_ = 0;
    std::uint64_t file_begins_ = 0;  // offset of the first octet in the file
    std::uint64_t file_freed_ = 0;   // so much of the file's front has been given back to the disk
    std::uint64_t disk_used_ = 0;
    std::string file_window_;  // last piece read from the file
    int file_ = -1;
    bool failed_ = false;
};

}  // namespace proxy
