// Heads for tests, written as lines.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <variant>

#include "proxy/traffic/head.hpp"

inline std::string lines(std::initializer_list<std::string_view> all) {
    std::string out;
    for (const auto line : all) (out += line) += "\r\n";
    return out + "\r\n";
}

inline proxy::RequestHead request(std::string_view octets) {
    auto parsed = proxy::parse_request(octets, {});
    if (auto* error = std::get_if<proxy::HeadError>(&parsed))
        FAIL("refused: " << error->reason << "\n" << octets);
    return std::move(std::get<proxy::RequestHead>(parsed));
}

inline proxy::ResponseHead response(std::string_view octets, bool to_head = false) {
    auto parsed = proxy::parse_response(octets, {}, to_head);
    if (auto* error = std::get_if<proxy::HeadError>(&parsed))
        FAIL("refused: " << error->reason << "\n" << octets);
    return std::move(std::get<proxy::ResponseHead>(parsed));
}

// An answer of ours, read with our own parser: what we write must pass it.
struct WholeAnswer {
    proxy::ResponseHead head;
    std::string body;
    std::string field(std::string_view name) const { return std::string(head.first(name)); }
    bool has(std::string_view text) const { return body.find(text) != std::string::npos; }
};

inline WholeAnswer whole_answer(std::string_view octets, bool to_head = false) {
    const auto length = proxy::head_length(octets);
    return {response(octets.substr(0, length), to_head), std::string(octets.substr(length))};
}

// The status a request is refused with; 0: it is taken.
inline int refused(std::string_view octets) {
    const auto parsed = proxy::parse_request(octets, {});
    const auto* error = std::get_if<proxy::HeadError>(&parsed);
    return error ? error->status : 0;
}

inline int response_refused(std::string_view octets, bool to_head = false) {
    const auto parsed = proxy::parse_response(octets, {}, to_head);
    const auto* error = std::get_if<proxy::HeadError>(&parsed);
    return error ? error->status : 0;
}
