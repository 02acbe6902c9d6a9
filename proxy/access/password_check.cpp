#include "proxy/access/password_check.hpp"

#include <openssl/rand.h>

#include <boost/asio.hpp>

#include "proxy/access/hash.hpp"

namespace proxy {

namespace asio = boost::asio;

namespace {

std::string random_salt() {
    std::string salt(32, '\0');
    RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size()));
    return salt;
}

asio::awaitable<bool> work(manifest::KeyHash hash, std::string password) {
    co_return fits(hash, password);
}

}  // namespace

PasswordCheck::PasswordCheck() : salt_(random_salt()) {}

PasswordCheck::~PasswordCheck() {
    if (thread_) thread_->join();
}

// With the hash in it: another password in the configuration is another name.
std::string PasswordCheck::name_of(const manifest::KeyHash& hash, std::string_view password) const {
    std::string all = salt_ + hash.salt + hash.digest;
    all += password;
    return sha256(all);
}

bool PasswordCheck::remembers(const std::string& name) {
    std::lock_guard lock(mutex_);
    const auto found = right_.find(name);
    return found != right_.end() && pods::Clock::now() - found->second < remembered_for;
}

void PasswordCheck::remember(std::string name) {
    std::lock_guard lock(mutex_);
    const auto now = pods::Clock::now();
    if (right_.size() >= most_remembered)
        std::erase_if(right_, [&](const auto& one) { return now - one.second >= remembered_for; });
    if (right_.size() >= most_remembered) right_.clear();
    right_[std::move(name)] = now;
}

asio::awaitable<PasswordCheck::Result> PasswordCheck::check(manifest::KeyHash hash, std::string password) {
    auto name = name_of(hash, password);
    if (remembers(name)) co_return Result::right;
    if (waiting_.fetch_add(1) >= most_waiting) {
        --waiting_;
        co_return Result::too_many;
    }
    {
        std::lock_guard lock(mutex_);
        if (!thread_) thread_.emplace(1);
    }
    ++checked_;
    auto [error, right] =
        co_await asio::co_spawn(thread_->get_executor(), work(std::move(hash), std::move(password)),
                                asio::as_tuple(asio::use_awaitable));
    --waiting_;
    if (error) std::rethrow_exception(error);
    if (right) remember(std::move(name));
    co_return right ? Result::right : Result::wrong;
}

}  // namespace proxy
