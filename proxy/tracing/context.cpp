#include "proxy/tracing/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "proxy/traffic/forward.hpp"

namespace proxy {

namespace {

bool is_key_octet(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' || c == '/' ||
           c == '@';
}

bool is_member(std::string_view member) {
    const auto equals = member.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals > 256) return false;
    const auto key = member.substr(0, equals), value = member.substr(equals + 1);
    const bool begins_well = (key[0] >= 'a' && key[0] <= 'z') || (key[0] >= '0' && key[0] <= '9');
    return begins_well && std::ranges::all_of(key, is_key_octet) && !value.empty() && value.size() <= 256 &&
           std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
    if (!is_traceparent(text)) return std::nullopt;
    TraceContext out;
    out.trace_id = text.substr(3, 32);
    out.parent_id = text.substr(36, 16);
    std::from_chars(text.data() + 53, text.data() + 55, out.flags, 16);
    const auto known = text.starts_with("00-") ? TraceContext::sampled_flag | TraceContext::random_flag
                                               : TraceContext::sampled_flag;
    out.flags = static_cast<std::uint8_t>(out.flags & known);
    return out;
}

std::string write_traceparent(const TraceContext& context, std::uint64_t span_id) {
    return fmt::format("00-{}-{:016x}-{:02x}", context.trace_id, span_id, context.flags);
}

bool is_tracestate(std::string_view text) {
    constexpr std::size_t most_members = 32;
    std::vector<std::string_view> keys;
    if (text.empty() || text.size() > 512) return false;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const auto member = trimmed(text.substr(0, comma));
        if (!member.empty()) {
            if (!is_member(member) || keys.size() == most_members) return false;
            keys.push_back(member.substr(0, member.find('=')));
            if (std::ranges::find(keys, keys.back()) != keys.end() - 1) return false;
        }
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return true;
}

bool in_sample(std::string_view trace_id, double ratio) {
    if (ratio >= 1) return true;
    if (ratio <= 0) return false;
    std::uint64_t random = 0;
    const auto digits = trace_id.substr(trace_id.size() - std::min<std::size_t>(14, trace_id.size()));
    std::from_chars(digits.data(), digits.data() + digits.size(), random, 16);
    return static_cast<double>(random) >= (1 - ratio) * std::ldexp(1.0, 56);
}

std::optional<TraceContext> sample(const Sampling& rules, const std::optional<TraceContext>& given,
                                   bool trusted, std::uint64_t random_high, std::uint64_t random_low) {
    const bool heeds =
        rules.parent == manifest::Parent::follow || (rules.parent == manifest::Parent::trusted && trusted);
    if (given && heeds) return given->sampled() ? given : std::nullopt;
    TraceContext out;
    if (given)
        out = *given;
    else
        out.trace_id = fmt::format("{:016x}{:016x}", random_high, random_low),
        out.flags = TraceContext::random_flag;
    if (!in_sample(out.trace_id, rules.ratio)) return std::nullopt;
    out.flags |= TraceContext::sampled_flag;
    return out;
}

}  // namespace proxy
