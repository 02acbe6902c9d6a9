// Validated message heads: the only form in which a head of either side reaches the forwarder, and only
// parse_request and parse_response can make one. One reading only: whatever two parsers could read
// differently is refused. Pure: octets in, a head or a refusal out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace proxy {

struct Field {
    std::string_view name;  // as sent; compare with same_name()
    std::string_view value;
};

bool same_letters(std::string_view a, std::string_view b);  // of the same size
// Field names and codings: ASCII case ignored. Nearly all that are compared differ in size.
inline bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && same_letters(a, b);
}

// Why a head is refused: the status to answer, and one sentence for people. A refused head always ends its
// connection.
struct HeadError {
    int status;
    std::string_view reason;
};

struct HeadLimits {
    std::size_t fields = 100;
    std::size_t target = 8'000;  // RFC 9112 section 3: at least 8000 octets SHOULD be supported
};

enum class Framing : unsigned char { none, sized, chunked, until_close };

// Octets of a head and views into them. Movable; the octets stay where they are.
class Head {
public:
    const std::vector<Field>& fields() const { return fields_; }
    std::string_view first(std::string_view name) const;  // value of the first such field, or empty
    bool has(std::string_view name) const;
    bool has_one(std::string_view name) const;                  // and no second one
    bool has_connection_option(std::string_view option) const;  // in any Connection field
    // Other ones than close and keep-alive: fields of their names may be there.
    bool connection_names_fields() const { return connection_names_fields_; }
    // Of a WebSocket's handshake: whoever passes it on drops them, and only half of it arrives.
    bool connection_names_websocket_fields() const;
    bool upgrades_to(std::string_view protocol) const;  // Upgrade names it, and Connection says so
    Framing framing() const { return framing_; }
    std::uint64_t content_length() const { return content_length_; }  // if sized
    bool keep_alive() const { return keep_alive_; }
    int minor_version() const { return minor_version_; }

protected:
    friend class HeadParser;
    bool lists(std::string_view name, std::string_view element) const;  // comma separated, over all fields
    template <class Test>
    bool any_element(std::string_view name, Test test) const;

    std::unique_ptr<char[]> octets_;
    std::vector<Field> fields_;
    std::uint64_t content_length_ = 0;
    Framing framing_ = Framing::none;
    bool keep_alive_ = true;
    bool connection_names_fields_ = false;
    int minor_version_ = 1;
};

class RequestHead : public Head {
public:
    std::string_view method() const { return method_; }
    std::string_view target() const { return target_; }  // origin-form, or "*"
    std::string_view path() const { return target_.substr(0, target_.find('?')); }
    std::string_view host() const {
        return host_;
    }  // of the absolute-form if there was one; may be empty in 1.0
    enum class Scheme : unsigned char { unsaid, http, https };
    Scheme scheme() const { return scheme_; }  // of the absolute-form
    std::string_view query() const {           // without its '?'; empty: none
        const auto mark = target_.find('?');
        return mark == std::string_view::npos ? std::string_view{} : target_.substr(mark + 1);
    }
    bool http2() const { return http2_; }
    bool expects_continue() const { return expects_continue_; }
    // Of an OPTIONS request: how many more may pass it on (RFC 9110 section 7.6.2).
    std::optional<std::uint64_t> max_forwards() const { return max_forwards_; }
    bool websocket() const { return websocket_; }  // a whole opening handshake, RFC 6455 section 4.2.1

private:
    friend class HeadParser;
    std::string_view method_, target_, host_;
    Scheme scheme_ = Scheme::unsaid;
    std::optional<std::uint64_t> max_forwards_;
    bool expects_continue_ = false;
    bool websocket_ = false;
    bool http2_ = false;
};

class ResponseHead : public Head {
public:
    int status() const { return status_; }
    std::string_view reason() const { return reason_; }
    // 101 of a WebSocket's opening handshake, RFC 6455 section 4.2.2, in answer to the client's key.
    bool switches_to_websocket(std::string_view key) const;

private:
    friend class HeadParser;
    std::string_view reason_;
    int status_ = 0;
};

// The length of the head at the front of `octets` with its empty line, or 0 if its end has not come yet.
// `searched`: how much of it an earlier call has seen already.
std::size_t head_length(std::string_view octets, std::size_t searched = 0);

// What is wrong already with a request's head whose end has not come yet: nobody waits for the rest of it.
// `searched`: how much of it an earlier call has seen already.
std::optional<HeadError> refused_early(std::string_view octets, const HeadLimits&, std::size_t searched = 0);
std::optional<HeadError> response_refused_early(std::string_view octets, std::size_t searched = 0);

std::variant<RequestHead, HeadError> parse_request(std::string_view octets, const HeadLimits&);

// What an HTTP/2 client said, as HTTP/1.1 would say it (h2_head.hpp), in parts that came apart: nothing of
// them is taken on trust but where they end.
struct RequestParts {
    std::unique_ptr<char[]> octets;  // that these are of
    std::string_view method, target;
    std::vector<Field> fields;
};
// All that parse_request() demands, by the same rules: only there are no lines to be taken apart.
std::variant<RequestHead, HeadError> request_of(RequestParts, const HeadLimits&);

// `to_head`: it answers a HEAD request and has no body whatever it says (RFC 9112 section 6.3).
// Anything wrong is 502: pods are not trusted either.
std::variant<ResponseHead, HeadError> parse_response(std::string_view octets, const HeadLimits&,
                                                     bool to_head);

}  // namespace proxy
