#include "proxy/tls/file_watch.hpp"

#include <utility>

namespace proxy {

namespace {

constexpr std::chrono::seconds look_every{1};

}  // namespace

bool FileChanges::look(FileStamps now) {
    const bool settled = now == std::exchange(seen_, now);
    if (!settled || now == made_of_) return false;
    made_of_ = std::move(now);
    return true;
}

void FileWatch::begin(std::function<FileStamps()> stamps, std::function<void()> make_anew) {
    stamps_ = std::move(stamps);
    make_anew_ = std::move(make_anew);
    look_again();
}

void FileWatch::look_again() {
    timer_.expires_after(look_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        if (changes_.look(stamps_())) make_anew_();
        look_again();
    });
}

}  // namespace proxy
