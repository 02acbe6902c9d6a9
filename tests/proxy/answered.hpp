// Our own answers, read with our own parser: what we write must pass it.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "tests/proxy/heads.hpp"

struct Answered {
    proxy::ResponseHead head;
    std::string body;
    std::string field(std::string_view name) const { return std::string(head.first(name)); }
    bool has(std::string_view text) const { return body.find(text) != std::string::npos; }
    boost::json::object json() const { return boost::json::parse(body).as_object(); }
};

inline Answered answered(const std::string& octets, bool to_head = false) {
    const auto length = proxy::head_length(octets);
    return {response(std::string_view(octets).substr(0, length), to_head), octets.substr(length)};
}
