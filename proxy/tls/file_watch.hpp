// Files that something is made of, such as certificates and keys, looked at once a second: it is made anew
// when they have changed and then rest, for two files that belong together are rarely written at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <vector>

#include "proxy/tls/file_stamp.hpp"

namespace proxy {

using FileStamps = std::vector<FileStamp>;

// When to make it anew, by what was seen. It asks no clock and no file.
class FileChanges {
public:
    // Take the stamps first and read afterwards: a file that changes while it is read is then read again.
    void made_of(FileStamps stamps) {
        seen_ = stamps;
        made_of_ = std::move(stamps);
    }
    // True: make it anew. What cannot be made of these files is not tried again before they change again.
    bool look(FileStamps now);

private:
    FileStamps made_of_, seen_;
};

// On the thread of its io_context.
class FileWatch {
public:
    explicit FileWatch(boost::asio::io_context& io) : timer_(io) {}

    void made_of(FileStamps stamps) { changes_.made_of(std::move(stamps)); }
    // `stamps`: of all files that count now. `make_anew` may call made_of().
    void begin(std::function<FileStamps()> stamps, std::function<void()> make_anew);
    void stop() { timer_.cancel(); }

private:
    void look_again();

    boost::asio::steady_timer timer_;
    FileChanges changes_;
    std::function<FileStamps()> stamps_;
    std::function<void()> make_anew_;
};

}  // namespace proxy
