#include "simulator/faults.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace simulator {
namespace {

constexpr std::array<std::pair<std::string_view, FaultKind>, 12> names{{
    {"crash", FaultKind::crash},
    {"hang", FaultKind::hang},
    {"error", FaultKind::error},
    {"drip", FaultKind::drip},
    {"truncate", FaultKind::truncate},
    {"refuse", FaultKind::refuse},
    {"deaf", FaultKind::deaf},
    {"close", FaultKind::close},
    {"half-close", FaultKind::half_close},
    {"oom", FaultKind::oom},
    {"drop", FaultKind::drop},
    {"not-found", FaultKind::not_found},
}};

bool is_about(const Fault& fault, std::string_view path, bool generation) {
    if (fault.kind == FaultKind::deaf) return true;  // a connection has no path yet
    return fault.path.empty() ? generation : path.starts_with(fault.path);
}

struct Key {
    std::string_view name;
    double least, most;
    void (*set)(Fault&, double);
};

constexpr double many = 1e12;

const std::array<Key, 7> keys{{
    {"probability", 0, 1, [](Fault& f, double v) { f.probability = v; }},
    {"nth", 0, many, [](Fault& f, double v) { f.nth = static_cast<std::uint64_t>(v); }},
    {"times", 0, many, [](Fault& f, double v) { f.times = static_cast<std::uint64_t>(v); }},
    {"at", 0, 1, [](Fault& f, double v) { f.at = v; }},
    {"seconds", 0, 86400, [](Fault& f, double v) { f.seconds = v; }},
    {"rate", 1, many, [](Fault& f, double v) { f.rate = v; }},
    {"images", 1, many, [](Fault& f, double v) { f.images = static_cast<std::uint64_t>(v); }},
}};

}  // namespace

std::string_view to_string(FaultKind kind) {
    for (const auto& [name, its_kind] : names)
        if (its_kind == kind) return name;
    return "unknown";
}

std::variant<Fault, std::string> make_fault(
    std::string_view name, const std::vector<std::pair<std::string, std::string>>& settings) {
    Fault fault;
    bool known = false;
    for (const auto& [its_name, kind] : names)
        if (its_name == name) known = true, fault.kind = kind;
    if (!known) {
        std::string message = "there is no fault \"" + std::string(name) + "\"; there are";
        for (const auto& [its_name, kind] : names) message += " " + std::string(its_name);
        return message;
    }
    for (const auto& [key, text] : settings) {
        if (key == "path") {
            fault.path = text;
            continue;
        }
        const Key* found = nullptr;
        for (const Key& candidate : keys)
            if (candidate.name == key) found = &candidate;
        if (!found)
            return "a fault has no \"" + key + "\"; it has probability nth times at seconds rate images path";
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() ||
            !(value >= found->least && value <= found->most))
            return key + " of a fault is \"" + text + "\" but must be a number from " +
                   std::to_string(static_cast<long long>(found->least)) + " to " +
                   std::to_string(static_cast<long long>(found->most));
        found->set(fault, value);
    }
    return fault;
}

std::variant<Fault, std::string> parse_fault(std::string_view text) {
    const auto colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    std::vector<std::pair<std::string, std::string>> settings;
    std::string_view rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const std::string_view pair = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos)
            return "\"" + std::string(pair) + "\" of a fault is not key=value, as in crash:nth=3,at=0.5";
        settings.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return make_fault(name, settings);
}

void Faults::set(Fault fault) {
    for (Armed& armed : armed_)
        if (armed.fault.kind == fault.kind && armed.fault.path == fault.path) {
            armed = Armed{std::move(fault)};
            return;
        }
    constexpr std::size_t enough = 64;
    if (armed_.size() < enough) armed_.push_back(Armed{std::move(fault)});
}

void Faults::clear(FaultKind kind) {
    std::erase_if(armed_, [kind](const Armed& armed) { return armed.fault.kind == kind; });
}

bool Faults::has(FaultKind kind) const {
    for (const Armed& armed : armed_)
        if (armed.fault.kind == kind) return true;
    return false;
}

std::optional<Fault> Faults::strike(FaultKind kind, std::string_view path, bool generation) {
    for (Armed& armed : armed_) {
        const Fault& fault = armed.fault;
        if (fault.kind != kind || !is_about(fault, path, generation)) continue;
        if (fault.times != 0 && armed.struck >= fault.times) continue;
        ++armed.seen;
        if (fault.nth != 0 && armed.seen % fault.nth != 0) continue;
        if (std::uniform_real_distribution<>{}(random_) >= fault.probability) continue;
        ++armed.struck;
        return fault;
    }
    return std::nullopt;
}

}  // namespace simulator
