// Checks passwords on a thread of its own, one after the other, and remembers for a while which were right:
// a browser sends its password with every request. Any thread.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "manifest/key_hash.hpp"
#include "pods/pod.hpp"

namespace proxy {

class PasswordCheck {
public:
    static constexpr std::size_t most_waiting = 64;  // more are told to come back
    static constexpr std::size_t most_remembered = 4096;
    static constexpr std::chrono::minutes remembered_for{10};

    PasswordCheck();
    ~PasswordCheck();

    enum class Result { right, wrong, too_many };
    boost::asio::awaitable<Result> check(manifest::KeyHash, std::string password);
    std::size_t checked() const { return checked_; }  // those that were worked on

private:
    std::string name_of(const manifest::KeyHash&, std::string_view password) const;
    bool remembers(const std::string& name);
    void remember(std::string name);

    const std::string salt_;  // of what is remembered: no password, nor what helps to guess one
    std::mutex mutex_;
    std::map<std::string, pods::TimePoint> right_;
    std::atomic<std::size_t> waiting_{0}, checked_{0};
    std::optional<boost::asio::thread_pool> thread_;  // from the first password on
};

}  // namespace proxy
