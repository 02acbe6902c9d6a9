#include "admin/selector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace admin {
namespace {

constexpr std::array<std::string_view, 10> selectable{"metadata.name",
                                                      "metadata.namespace",
                                                      "involvedObject.apiVersion",
                                                      "involvedObject.kind",
                                                      "involvedObject.name",
                                                      "involvedObject.namespace",
                                                      "reason",
                                                      "reportingComponent",
                                                      "status.phase",
                                                      "type"};

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::invalid_argument not_understood(std::string_view text) {
    return std::invalid_argument(fmt::format("unable to parse selector \"{}\"", text.substr(0, 200)));
}

std::vector<std::string> dotted_path(std::string_view dotted) {
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

// "key in (a,b)", "key notin (a,b)".
Selector::Named Selector::set_term(std::string_view part) {
    const auto open = part.find('(');
    auto head = trimmed(part.substr(0, open)), inside = part.substr(open + 1);
    Term term;
    term.test = head.ends_with(" notin") ? Test::differs : Test::equal;
    const std::string_view word = term.test == Test::differs ? " notin" : " in";
    if (!head.ends_with(word) || !inside.ends_with(')')) throw not_understood(part);
    head.remove_suffix(word.size());
    inside.remove_suffix(1);
    if (inside.find_first_of("()") != std::string_view::npos) throw not_understood(part);
    for (std::size_t begin = 0; begin <= inside.size();) {
        const auto comma = std::min(inside.find(',', begin), inside.size());
        term.values.emplace_back(trimmed(inside.substr(begin, comma - begin)));
        begin = comma + 1;
    }
    return {std::string(trimmed(head)), std::move(term)};
}

Selector::Named Selector::one_term(std::string_view part) {
    if (part.find_first_of("()") != std::string_view::npos) return set_term(part);
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
        term.values.emplace_back(trimmed(value));
    }
    return {std::string(trimmed(name)), std::move(term)};
}

std::vector<Selector::Named> Selector::split(std::string_view text) {
    std::vector<Named> out;
    if (text.size() > 1024) throw not_understood(text);
    while (!text.empty()) {
        auto end = text.find(',');
        if (const auto open = text.find('('); open < end)
            end = text.find(',', std::min(text.find(')', open), text.size()));
        const auto part = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (!part.empty()) out.push_back(one_term(part));
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
    if (text.find_first_of("()") != std::string_view::npos) throw not_understood(text);
    for (auto& [name, term] : split(text)) {
        if (name == "involvedObject.uid") continue;  // kubectl describe adds it; our events know names only
        if (std::ranges::find(selectable, name) == selectable.end() || term.values.size() != 1)
            throw std::invalid_argument(fmt::format("field label not supported: {}", name));
        term.path = dotted_path(name);
        out.terms_.push_back(std::move(term));
    }
    return out;
}

bool Selector::matches(const boost::json::object& object) const {
    return std::ranges::all_of(terms_, [&](const Term& term) {
        const auto* value = look_up(object, term.path);
        const bool among = value != nullptr && std::ranges::any_of(term.values, [&](const std::string& one) {
                               return *value == one;
                           });
        switch (term.test) {
            case Test::equal:
                return among;
            case Test::differs:
                return !among;
            case Test::exists:
                return value != nullptr;
            case Test::missing:
                return value == nullptr;
        }
        return false;
    });
}

}  // namespace admin
