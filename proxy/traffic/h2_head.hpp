// A request's head as HTTP/2 says it, field by field. It becomes a RequestHead by being written as HTTP/1.1
// would say it and read by the one parser of heads, so that nothing passes here that is refused there; what
// HTTP/2 forbids beyond that is refused before (RFC 9113 sections 8.2 and 8.3, RFC 8441). Pure.
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
    using Pseudo = std::optional<std::string>;

    void add_pseudo(std::string_view name, std::string_view value);
    void add_field(std::string_view name, std::string_view value);
    void refuse(int status, std::string_view reason) {
        if (!error_) error_ = HeadError{status, reason};
    }
    void check_request();

    HeadLimits limits_;
    std::size_t most_octets_, octets_ = 0, fields_ = 0;
    std::optional<HeadError> error_;
    Pseudo method_, scheme_, authority_, path_, protocol_, host_;
    std::string lines_, cookie_;
    bool sized_ = false, any_field_ = false;
};

struct H2Field {
    std::string_view name, value;
};
// The head of an answer that is written as HTTP/1.1 would say it, by us: its status and the fields that
// HTTP/2 has too (RFC 9113 section 8.2.2), in lower case. A 101 is a 200 there (RFC 8441 section 5).
// Movable: the octets stay where they are.
class H2Fields {
public:
    H2Fields() = default;
    explicit H2Fields(std::string_view head);
    const std::vector<H2Field>& all() const { return all_; }
    bool interim() const { return !all_.empty() && all_.front().value.starts_with('1'); }

private:
    std::vector<char> octets_;
    std::vector<H2Field> all_;
};

}  // namespace proxy
