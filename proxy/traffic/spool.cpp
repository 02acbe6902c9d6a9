#include "proxy/traffic/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/bounds/descriptors.hpp"

namespace proxy {
namespace {

constexpr std::size_t block_size = 4 * ((16 << 10) - 9);  // as much as a worker reads at once
constexpr std::size_t window_size = 256 << 10;
constexpr std::uint64_t free_at_least = 4 << 20;   // of the file at a time
constexpr std::size_t always_in_memory = 4 << 10;  // of one spool, whatever the others take

int open_unlinked(const std::filesystem::path& directory) {
    int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
    auto name = (directory / "spool-XXXXXX").string();  // a file system without O_TMPFILE
    file = ::mkostemp(name.data(), O_CLOEXEC);
    if (file >= 0) ::unlink(name.c_str());
    return file;
}

}  // namespace

Spool::~Spool() {
    close_file();
    settings_->budget->memory.give_back(memory_used_);
}

bool Spool::fits_in_memory(std::size_t octets) {
    auto& memory = settings_->budget->memory;
    if (memory_used_ + octets > settings_->memory) return false;
    if (memory_used_ + octets > always_in_memory) return memory.take(octets);
    memory.take_anyway(octets);
    return true;
}

bool Spool::append(std::string_view octets) {
    if (failed_) return false;
    if (file_ < 0 && fits_in_memory(octets.size())) {
        append_to_memory(octets);
        return true;
    }
    if (file_ < 0) {
        file_ = open_unlinked(settings_->directory);
        if (file_ >= 0 && !descriptors().for_traffic(file_)) ::close(std::exchange(file_, -1));
        if (file_ < 0) return failed_ = true, false;
        file_begins_ = size_;
        file_freed_ = 0;
    }
    return append_to_file(octets);
}

void Spool::append_to_memory(std::string_view octets) {
    memory_used_ += octets.size();
    while (!octets.empty()) {
        if (blocks_.empty() || blocks_.back().octets.size() == blocks_.back().octets.capacity()) {
            const auto last = blocks_.empty() ? 0 : blocks_.back().octets.capacity();
            blocks_.push_back({size_, {}});
            blocks_.back().octets.reserve(std::min(block_size, std::max(octets.size(), 2 * last)));
        }
        auto& block = blocks_.back().octets;
        const auto piece = octets.substr(0, block.capacity() - block.size());
        block.append(piece);
        size_ += piece.size();
        octets.remove_prefix(piece.size());
    }
}

bool Spool::append_to_file(std::string_view octets) {
    if (!settings_->budget->disk.take(octets.size())) return failed_ = true, false;
    disk_used_ += octets.size();
    while (!octets.empty()) {
        const auto written =
            ::pwrite(file_, octets.data(), octets.size(), static_cast<off_t>(size_ - file_begins_));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return failed_ = true, false;
        octets.remove_prefix(static_cast<std::size_t>(written));
        size_ += static_cast<std::uint64_t>(written);
    }
    return true;
}

std::string_view Spool::read(std::uint64_t offset) {
    if (offset >= size_ || failed_) return {};
    if (file_ >= 0 && offset >= file_begins_) {
        open_window();
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(window_size, size_ - offset));
        ssize_t got;
        do got = ::pread(file_, file_window_.data(), wanted, static_cast<off_t>(offset - file_begins_));
        while (got < 0 && errno == EINTR);
        if (got <= 0) return failed_ = true, std::string_view{};
        return std::string_view(file_window_).substr(0, static_cast<std::size_t>(got));
    }
    auto block = std::upper_bound(blocks_.begin(), blocks_.end(), offset,
                                  [](std::uint64_t at, const Block& b) { return at < b.begin; });
    --block;
    return std::string_view(block->octets).substr(static_cast<std::size_t>(offset - block->begin));
}

void Spool::release(std::uint64_t offset) {
    released_ = std::max(released_, std::min(offset, size_));
    const bool all = released_ == size_;
    while (!blocks_.empty() && blocks_.front().begin + blocks_.front().octets.size() <= released_) {
        memory_used_ -= blocks_.front().octets.size();
        settings_->budget->memory.give_back(blocks_.front().octets.size());
        blocks_.pop_front();
    }
    if (all) {
        close_file();  // caught up: back to memory
    } else if (file_ >= 0 && released_ >= file_begins_ + file_freed_ + free_at_least) {
        release_from_file();
    }
}

void Spool::open_window() {
    if (!file_window_.empty()) return;
    file_window_.resize(window_size);
    settings_->budget->memory.take_anyway(window_size);  // what has been taken must be read
}

void Spool::close_file() {
    if (file_ < 0) return;
    ::close(file_);
    file_ = -1;
    settings_->budget->memory.give_back(file_window_.size());
    file_window_ = {};
    settings_->budget->disk.give_back(disk_used_);
    disk_used_ = 0;
}

// An endless answer to a client who never quite catches up must not fill the disk: what was read goes. A file
// system that cannot do it keeps the octets until the end.
void Spool::release_from_file() {
    const auto until = released_ - file_begins_;
    const auto freed = until - file_freed_;
    if (::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(file_freed_),
                    static_cast<off_t>(freed)) == 0) {
        settings_->budget->disk.give_back(freed);
        disk_used_ -= freed;
    }
    file_freed_ = until;
}

}  // namespace proxy
