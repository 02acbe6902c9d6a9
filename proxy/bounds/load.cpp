#include "proxy/bounds/load.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace proxy {
namespace {

double share(double used, double limit) {
    return limit > 0 ? used / limit : 0;
}

Load level_at(double memory, double connections) {
    auto level = Load::normal;
    for (const auto one : {Load::no_keep_alive, Load::refuse_new, Load::shed_queue})
        if (memory >= LoadLevel::enter[static_cast<std::size_t>(one)]) level = one;
    return connections >= LoadLevel::many_connections ? std::max(level, Load::no_keep_alive) : level;
}

}  // namespace

std::string_view name_of(Load load) {
    switch (load) {
        case Load::normal:
            return "normal";
        case Load::no_keep_alive:
            return "no_keep_alive";
        case Load::refuse_new:
            return "refuse_new";
        case Load::shed_queue:
            return "shed_queue";
    }
    return "?";
}

double LoadSeen::memory_share() const {
    return share(static_cast<double>(memory), static_cast<double>(memory_limit));
}

double LoadSeen::connection_share() const {
    return share(static_cast<double>(connections), static_cast<double>(connection_limit));
}

Load LoadLevel::update(const LoadSeen& seen, pods::TimePoint now) {
    const auto memory = seen.memory_share(), connections = seen.connection_share();
    const auto wanted = level_at(memory, connections);
    if (wanted >= level_) {
        level_ = wanted;
        calm_since_ = pods::TimePoint::max();
        return level_;
    }
    const bool calmer_now = level_at(memory + calmer, connections + calmer) < level_;
    if (!calmer_now) {
        calm_since_ = pods::TimePoint::max();
    } else if (calm_since_ == pods::TimePoint::max()) {
        calm_since_ = now;
    } else if (now - calm_since_ >= calm) {
        level_ = static_cast<Load>(static_cast<int>(level_) - 1);
        calm_since_ = now;
    }
    return level_;
}

std::string in_words(const LoadSeen& seen) {
    constexpr std::uint64_t MiB = 1 << 20;
    return fmt::format("memory {} MiB of {} MiB, {} connections of {}", seen.memory / MiB,
                       seen.memory_limit / MiB, seen.connections, seen.connection_limit);
}

std::size_t to_shed(std::size_t waiting) {
    return (waiting + 3) / 4;
}

}  // namespace proxy
