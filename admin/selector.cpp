#include "admin/selector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace admin {
namespace {

// Only what an object keeps for life: so an object that a watch has told about never leaves it by a change.
constexpr std::array<std::string_view, 9> selectable{"metadata.name",
                                                     "metadata.namespace",
                                                     "involvedObject.apiVersion",
                                                     "involvedObject.kind",
                                                     "involvedObject.name",
                                                     "involvedObject.namespace",
                                                     "reason",
                                                     "reportingComponent",
                                                     "type"};

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::vector<std::string> path_of(std::string_view dotted) {
    std::vector<std::string> out;
    for (;;) {
        const auto dot = dotted.find('.');
        out.emplace_back(dotted.substr(0, dot));
        if (dot == std::string_view::npos) return out;
        dotted.remove_prefix(dot + 1);
    }
}

const boost::json::string* look_up(const boost::json::object& object, const std::vector<std::string>& path) {
    const boost::json::object* at = &object;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const auto* value = at->if_contains(path[i]);
        if (value == nullptr) return nullptr;
        if (i + 1 == path.size()) return value->if_string();
        at = value->if_object();
        if (at == nullptr) return nullptr;
    }
    return nullptr;
}

}  // namespace

std::vector<std::pair<std::string, Selector::Term>> Selector::split(std::string_view text) {
    std::vector<std::pair<std::string, Term>> out;
    if (text.find_first_of("()") != std::string_view::npos || text.size() > 1024)
        throw std::invalid_argument(
            fmt::format("unable to parse selector \"{}\": only =, ==, != and existence are understood",
                        text.substr(0, 200)));
    while (!text.empty()) {
        const auto comma = text.find(',');
        auto part = trimmed(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
        if (part.empty()) continue;
        Term term;
        const auto equals = part.find('=');
        auto name = part;
        if (equals == std::string_view::npos) {
            term.test = part.starts_with('!') ? Test::missing : Test::exists;
            if (term.test == Test::missing) name.remove_prefix(1);
        } else {
            term.test = equals > 0 && part[equals - 1] == '!' ? Test::differs : Test::equal;
            name = part.substr(0, term.test == Test::differs ? equals - 1 : equals);
            auto value = part.substr(equals + 1);
            if (value.starts_with('=')) value.remove_prefix(1);
            term.value = trimmed(value);
        }
        out.emplace_back(trimmed(name), std::move(term));
    }
    return out;
}

Selector Selector::labels(std::string_view text) {
    Selector out;
    for (auto& [name, term] : split(text)) {
        term.path = {"metadata", "labels", name};
        out.terms_.push_back(std::move(term));
    }
    return out;
}

Selector Selector::fields(std::string_view text) {
    Selector out;
    for (auto& [name, term] : split(text)) {
        if (name == "involvedObject.uid") continue;  // kubectl describe adds it; our events know names only
        if (std::ranges::find(selectable, name) == selectable.end() || term.test == Test::exists ||
            term.test == Test::missing)
            throw std::invalid_argument(fmt::format("field label not supported: {}", name));
        term.path = path_of(name);
        out.terms_.push_back(std::move(term));
    }
    return out;
}

bool Selector::matches(const boost::json::object& object) const {
    return std::ranges::all_of(terms_, [&](const Term& term) {
        const auto* value = look_up(object, term.path);
        switch (term.test) {
            case Test::equal:
                return value != nullptr && *value == term.value;
            case Test::differs:
                return value == nullptr || *value != term.value;
            case Test::exists:
                return value != nullptr;
            case Test::missing:
                return value == nullptr;
        }
        return false;
    });
}

}  // namespace admin
