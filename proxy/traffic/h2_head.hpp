// A request's head as HTTP/2 says it, field by field. It becomes a RequestHead by being said as HTTP/1.1
// would say it, to the one judge of heads, so that nothing passes here that is refused there; what HTTP/2
// forbids beyond that is refused before (RFC 9113 sections 8.2 and 8.3, RFC 8441). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/traffic/head.hpp"

namespace proxy {

class H2Head {
public:
    H2Head(const HeadLimits& limits, std::size_t most_octets) : limits_(limits), most_octets_(most_octets) {}

    void add(std::string_view name, std::string_view value);  // what is wrong with it is said at the end
    // `ended`: no content follows. `websocket_key`: for the pod, if it asks for a WebSocket.
    bool asks_for_websocket() const { return protocol_.has_value(); }
    std::variant<RequestHead, HeadError> finish(bool ended, std::string_view websocket_key);
    // What may stand behind the content: no pseudo-header field, nor what a head may not have either (RFC
    // 9113 section 8.1).
    static bool is_trailer(std::string_view name, std::string_view value);

private:
    struct Span {  // of text_
        std::size_t at, size;
    };
    struct Line {
        Span name, value;
    };
    using Pseudo = std::optional<Span>;

    void add_pseudo(std::string_view name, std::string_view value);
    void add_field(std::string_view name, std::string_view value);
    void add_line(std::string_view name, std::string_view value);
    Span keep(std::string_view octets);
    std::string_view text(Span span) const { return std::string_view(text_).substr(span.at, span.size); }
    std::string_view text(Pseudo pseudo) const { return text(*pseudo); }
    void refuse(int status, std::string_view reason) {
        if (!error_) error_ = HeadError{status, reason};
    }
    void check_request();
    Span add_target();
    RequestParts parts(std::string_view method, Span target) const;

    HeadLimits limits_;
    std::size_t most_octets_, octets_ = 0, fields_ = 0;
    std::optional<HeadError> error_;
    Pseudo method_, scheme_, authority_, path_, protocol_, host_;
    std::string text_, cookie_;  // all that was said, but for cookies
    std::vector<Line> lines_;
    bool sized_ = false, any_field_ = false;
};

}  // namespace proxy
