#include "proxy/control/events.hpp"

#include "proxy/log.hpp"

namespace proxy {

void Events::add(EventView event) {
    const auto whole = event.name_space.empty() ? event.name : event.name_space + "/" + event.name;
    log_of(log_of_event(event.kind, event.reason))
        .about({{"event", event.reason},
                {"kind", event.kind},
                {event.kind == "Pod" ? "pod" : "name", event.name},
                {"namespace", event.name_space}})
        .log(event.warning ? spdlog::level::warn : spdlog::level::info, "{} {}: {}", whole, event.reason,
             event.message);
    event.number = ++last_;
    event.time = std::chrono::system_clock::now();
    events_.push_back(std::move(event));
    if (events_.size() > kept) events_.pop_front();
}

void Events::normal(const std::string& name_space, const std::string& kind, const std::string& name,
                    std::string reason, std::string message) {
    add({0, {}, false, name_space, kind, name, std::move(reason), std::move(message)});
}

void Events::warning(const std::string& name_space, const std::string& kind, const std::string& name,
                     std::string reason, std::string message) {
    add({0, {}, true, name_space, kind, name, std::move(reason), std::move(message)});
}

}  // namespace proxy
