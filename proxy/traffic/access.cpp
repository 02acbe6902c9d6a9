// Who may send requests to a service that names a list of keys. Before anything else is done for him: no
// body is read, no pod is woken.
#include <boost/asio.hpp>

#include "proxy/access/keys.hpp"
#include "proxy/access/password_check.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

asio::awaitable<std::optional<Refusal>> Visit::let_in() {
    const auto& x = *exchange_;
    const auto keys = x.service->keys;
    auto refusal = std::optional<Refusal>(Refusal::unauthorized);
    const AccessKeyState* key = nullptr;
    if (const auto said = claim_of(x.head)) {
        key = keys->find(*said);
        if (const auto* candidate = key == nullptr ? keys->with_password(said->user) : nullptr) {
            const auto result = co_await worker_.shared().passwords.check(candidate->hash, said->secret);
            if (result == PasswordCheck::Result::right) key = candidate;
            if (result == PasswordCheck::Result::too_many) refusal = Refusal::key_limit;
        }
    }
    if (key == nullptr) {
        keys->refused.fetch_add(1, std::memory_order_relaxed);
        co_return refusal;
    }
    key->requests.fetch_add(1, std::memory_order_relaxed);
    key_ = std::shared_ptr<const AccessKeyState>(keys, key);
    record_.key = key->settings.name;
    // What takes a slot has its bounds in the queue.
    if (takes_a_slot(classified_.what) || classified_.what == router::Class::socket) co_return std::nullopt;
    auto place = KeyPlace::take(key_);
    if (!place) co_return Refusal::key_limit;
    key_place_ = std::move(*place);
    co_return std::nullopt;
}

// Turns and bounds go by his key.
void Visit::name_key() {
    if (!key_) return;
    caller_.key = key_->id;
    caller_.key_running = key_->settings.running;
    caller_.key_waiting = key_->settings.waiting;
}

}  // namespace proxy
