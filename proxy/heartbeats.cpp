#include "proxy/heartbeats.hpp"

#include "proxy/waiting/answer.hpp"

namespace proxy {

bool is_heartbeat(std::string_view method, std::string_view path) {
    constexpr std::string_view name = "/heartbeat/";
    const auto at = path.rfind(name);
    if (method != "GET" || at == std::string_view::npos) return false;
    const auto session = path.substr(at + name.size());
    return !session.empty() && session.find('/') == std::string_view::npos;
}

std::optional<Heartbeats::Held> Heartbeats::hold(std::uint64_t browser) {
    const std::lock_guard lock(mutex_);
    auto& count = held_[browser];
    if (count == most) return std::nullopt;
    ++count;
    return Held(shared_from_this(), browser);
}

void Heartbeats::release(std::uint64_t browser) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(browser);
    if (--found->second == 0) held_.erase(found);
}

std::string short_heartbeat(std::string_view request_id, bool close) {
    Answer answer;
    answer.type = "text/event-stream";
    answer.request_id = request_id;
    answer.close = close;
    return complete(answer, "retry: 15000\ndata: ALIVE\n\n");
}

}  // namespace proxy
