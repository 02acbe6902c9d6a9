#include "router/rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "router/rule.hpp"

namespace router {
namespace {

// Aiohttp and others take a method in any case.
unsigned method_bit_in_any_case(std::string_view method) {
    std::array<char, 8> upper{};
    if (method.size() > upper.size()) return methods::other;
    std::ranges::transform(method, upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return method_bit({upper.data(), method.size()});
}

bool says(const Asked& asked, unsigned wanted) {
    const auto accepts = [&](std::string_view type) {
        return asked.accept.find(type) != std::string_view::npos;
    };
    return (!(wanted & condition::html) || accepts("text/html")) &&
           (!(wanted & condition::sse) || accepts("text/event-stream")) &&
           (!(wanted & condition::bearer) || asked.bearer);
}

}  // namespace

Classified with_task(Classified classified, bool is_task) {
    if (classified.task_only && !is_task) {
        classified.what = classified.what == Class::socket ? Class::stream : Class::light;
        classified.until = Until::answer;
    }
    classified.task_only = false;
    return classified;
}

void Rules::add(Rule rule) {
    const auto number = static_cast<std::uint16_t>(rules_.size());
    for (const auto& plain : expand(rule.pattern).patterns) index_.add(plain, number);
    rules_.push_back(std::move(rule));
}

Rules::Made Rules::make(Profile profile, std::span<const UserRule> user_rules) {
    Made made;
    auto rules = std::shared_ptr<Rules>(new Rules);
    const auto add = [&](std::string_view line, std::string origin) {
        auto [rule, wrong] = read_rule(line);
        if (!wrong.empty()) return made.errors.push_back(origin + ": " + wrong);
        rule.origin = std::move(origin);
        rules->add(std::move(rule));
    };
    if (user_rules.size() > most_user_rules) {
        made.errors.push_back(user_rules[most_user_rules].origin + ": more than 1000 rules");
        return made;
    }
    for (const auto& rule : user_rules) add(rule.text, rule.origin);
    for (const auto line : lines_of(profile))
        if (!line.starts_with('#')) add(line, "profile " + std::string(name_of(profile)));
    if (made.errors.empty()) made.rules = std::move(rules);
    return made;
}

// Between two readings of a path: what is denied, then what takes a slot.
int severity(const Rule& rule) {
    if (rule.what == Class::denied) return 2;
    return rule.what == Class::generation || rule.what == Class::job || rule.what == Class::socket ? 1 : 0;
}

Classified Rules::classify(const Asked& asked) const {
    const unsigned sent = method_bit(asked.method);
    const unsigned method = asked.websocket && sent == methods::get ? methods::websocket : sent;
    // A path could be spelt in many ways. It is looked at as the pod's framework will read it, so that no
    // spelling gets round its rule (uvicorn and others decode the path before they route).
    std::string decoded;
    auto path = asked.path;
    if (path.find('%') != std::string_view::npos) path = decoded = percent_decoded(path);
    std::array<std::byte, 1024> room;
    std::pmr::monotonic_buffer_resource memory(room.data(), room.size());
    Segments segments(&memory);
    segments.reserve(16);
    // Python's `$`, with which starlette ends its patterns, matches before a last line feed too.
    if (path.ends_with('\n')) path.remove_suffix(1);
    const bool files = (sent & (methods::get | methods::head)) != 0;
    const bool dots = split_path(path, files, segments);

    const auto allows = [&](std::uint16_t number) {
        const auto& rule = rules_[number];
        unsigned as = method;
        // An Upgrade that the pod may ignore gets round neither a slot nor a denial, nor does lower case.
        if (rule.what == Class::denied || rule.what == Class::generation) as |= sent;
        if (rule.what == Class::denied) as |= method_bit_in_any_case(asked.method);
        return (rule.methods & as) != 0 && (rule.condition == 0 || says(asked, rule.condition));
    };
    auto found = index_.first(segments, allows);
    if (dots) {
        segments.clear();
        split_path(path, files, segments, Dots::literal);
        const auto literal = index_.first(segments, allows);
        if (found && literal && severity(rules_[*literal]) > severity(rules_[*found])) found = literal;
    }
    if (!found) return {};  // a profile's last rule takes everything
    const auto& rule = rules_[*found];
    return {rule.what, rule.until, rule.towards, rule.task_only, rule.peek, rule.text, *found};
}

}  // namespace router
