#include "proxy/traffic/head.hpp"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "proxy/traffic/octet.hpp"

namespace proxy {
namespace {

bool is_token(std::string_view text) {
    return !text.empty() && all_are<is_token_octet>(text);
}

// CR and LF cannot occur: they have ended the line.
bool is_field_value(std::string_view text) {
    return are_field_octets(text);
}

// The next element of a comma separated list, trimmed; advances `list`.
std::string_view next_element(std::string_view& list) {
    const auto comma = list.find(',');
    const auto element = trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    return element;
}

// RFC 3986 path, query and the few characters more that browsers leave unescaped in a query. No fragment, no
// backslash: both are read differently by different parsers.
constexpr OctetTable target_table([](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u < 0x7f && c != '#' && c != '\\' && c != '"' && c != '<' && c != '>';
});
constexpr bool is_target_char(char c) {
    return target_table[c];
}

constexpr OctetTable host_name_table([](char c) {
    return is_digit(c) || is_alpha(c) || c == '-' || c == '.' || c == '_';
});
constexpr bool is_host_name_char(char c) {
    return host_name_table[c];
}

bool is_port(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && text.size() <= 5 && all_are<is_digit>(text) && error == std::errc{} &&
           end == text.data() + text.size() && value >= 1 && value <= 65535;
}

// Host = reg-name, IPv4 or [IPv6], with an optional port. No userinfo, no percent-encoding: nobody needs it
// here.
bool is_host(std::string_view host) {
    if (host.size() > 260) return false;
    std::string_view name = host, port;
    bool has_port = false;
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        if (end == std::string_view::npos) return false;
        name = host.substr(1, end - 1);
        const auto rest = host.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') return false;
        has_port = !rest.empty();
        port = has_port ? rest.substr(1) : rest;
        in6_addr ignored{};
        if (name.size() > 45 || inet_pton(AF_INET6, std::string(name).c_str(), &ignored) != 1) return false;
    } else {
        if (const auto colon = host.find(':'); colon != std::string_view::npos) {
            name = host.substr(0, colon);
            port = host.substr(colon + 1);
            has_port = true;
        }
        if (name.empty() || name.size() > 253) return false;
        if (!all_are<is_host_name_char>(name)) return false;
    }
    return !has_port || is_port(port);
}

// RFC 6455 section 4.2.2: base64 of the SHA-1 of the key and a fixed text.
std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, 20> hash{};
    EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha1(), nullptr);
    std::array<unsigned char, 29> out{};
    EVP_EncodeBlock(out.data(), hash.data(), static_cast<int>(hash.size()));
    return std::string(out.begin(), out.end() - 1);
}

}  // namespace

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Head::first(std::string_view name) const {
    for (const auto& field : fields_)
        if (same_name(field.name, name)) return field.value;
    return {};
}

bool Head::has(std::string_view name) const {
    return std::any_of(fields_.begin(), fields_.end(),
                       [&](const Field& field) { return same_name(field.name, name); });
}

bool Head::has_one(std::string_view name) const {
    return std::count_if(fields_.begin(), fields_.end(),
                         [&](const Field& field) { return same_name(field.name, name); }) == 1;
}

template <class Test>
bool Head::any_element(std::string_view name, Test test) const {
    for (const auto& field : fields_) {
        if (!same_name(field.name, name)) continue;
        for (auto list = field.value; !list.empty();)
            if (test(next_element(list))) return true;
    }
    return false;
}

bool Head::lists(std::string_view name, std::string_view element) const {
    return any_element(name, [&](std::string_view other) { return same_name(other, element); });
}

bool Head::has_connection_option(std::string_view option) const {
    return lists("Connection", option);
}

bool Head::connection_names_websocket_fields() const {
    static constexpr std::string_view theirs = "Sec-WebSocket-";
    return connection_names_fields_ && any_element("Connection", [](std::string_view option) {
               return same_name(option.substr(0, theirs.size()), theirs);
           });
}

bool Head::upgrades_to(std::string_view protocol) const {
    return minor_version_ == 1 && has("Upgrade") && lists("Upgrade", protocol) &&
           has_connection_option("upgrade");
}

bool ResponseHead::switches_to_websocket(std::string_view key) const {
    return status_ == 101 && upgrades_to("websocket") && !connection_names_websocket_fields() &&
           has_one("Sec-WebSocket-Accept") && first("Sec-WebSocket-Accept") == websocket_accept(key);
}

std::size_t head_length(std::string_view octets, std::size_t searched) {
    const auto end = octets.find("\r\n\r\n", searched > 3 ? searched - 3 : 0);
    return end == std::string_view::npos ? 0 : end + 4;
}

constexpr std::string_view not_crlf = "a line does not end in CRLF";
constexpr std::string_view too_many_fields = "the head has too many fields";

// Reads lines of one head. All checks that requests and responses share are here.
class HeadParser {
public:
    HeadParser(std::string_view octets, const HeadLimits& limits) : limits_(limits), size_(octets.size()) {
        octets_ = std::make_unique<char[]>(octets.size());
        std::memcpy(octets_.get(), octets.data(), octets.size());
        rest_ = {octets_.get(), size_};
    }

    HeadParser(std::unique_ptr<char[]> octets, const HeadLimits& limits)
        : limits_(limits), octets_(std::move(octets)) {}

    std::variant<RequestHead, HeadError> request() {
        RequestHead head;
        if (auto error = request_line(head)) return *error;
        if (auto error = field_lines(head, 400)) return *error;
        if (auto error = whole_request(head)) return *error;
        return head;
    }

    // Of HTTP/2: what the lines would have held.
    std::variant<RequestHead, HeadError> request(std::string_view method, std::string_view target,
                                                 std::vector<Field> fields) {
        RequestHead head;
        head.http2_ = true;
        if (auto error = request_method(head, method)) return *error;
        if (auto error = served(head, target)) return *error;
        if (fields.size() > limits_.fields) return HeadError{431, too_many_fields};
        for (auto& one : fields) {
            one.value = trim(one.value);
            if (const auto wrong = what_is_wrong_with(one)) return HeadError{400, *wrong};
        }
        head.fields_ = std::move(fields);
        if (auto error = whole_request(head)) return *error;
        return head;
    }

    std::variant<ResponseHead, HeadError> response(bool to_head) {
        ResponseHead head;
        if (auto error = status_line(head)) return *error;
        if (auto error = field_lines(head, 502)) return *error;
        if (auto error = connection_options(head, 502)) return *error;
        if (auto error = response_framing(head, to_head)) return *error;
        persistence(head);
        head.octets_ = std::move(octets_);
        return head;
    }

    using Error = std::optional<HeadError>;

    // Of a head whose end has not come yet: its first line, if that is whole.
    Error first_line() {
        const auto end = rest_.find("\r\n");
        RequestHead head;
        if (end != std::string_view::npos) return request_line(head);
        if (rest_.size() > most_of_a_request_line()) return HeadError{414, "the request target is too long"};
        return {};
    }

    Error status_line_alone() {
        ResponseHead head;
        return status_line(head);
    }

private:
    // Method, target, version, and the spaces between them.
    std::size_t most_of_a_request_line() const { return 32 + 1 + limits_.target + 1 + 8; }

    // Up to CRLF. A CR may be in it: no part of a line may have one.
    std::optional<std::string_view> line() {
        const auto end = rest_.find('\n');
        if (end == std::string_view::npos || end == 0 || rest_[end - 1] != '\r') return std::nullopt;
        const auto out = rest_.substr(0, end - 1);
        rest_.remove_prefix(end + 1);
        return out;
    }

    // What is wrong with a line, or that it has two ends.
    static HeadError wrong(std::string_view line, int status, std::string_view what) {
        return {status, line.find('\r') == std::string_view::npos ? what : not_crlf};
    }

    Error version(Head& head, std::string_view text, int status) {
        if (text == "HTTP/1.1")
            head.minor_version_ = 1;
        else if (text == "HTTP/1.0")
            head.minor_version_ = 0;
        else if (text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
                 is_digit(text[7]))
            return HeadError{status == 400 ? 505 : status, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
        else
            return HeadError{status, "the HTTP version is malformed"};
        return {};
    }

    // What its fields say together.
    Error whole_request(RequestHead& head) {
        if (auto error = request_host(head)) return error;
        if (auto error = connection_options(head, 400)) return error;
        if (auto error = request_framing(head)) return error;
        if (auto error = expectation(head)) return error;
        if (auto error = max_forwards(head)) return error;
        if (auto error = websocket(head)) return error;
        persistence(head);
        // What comes behind it may be of another protocol, and is not read as HTTP whatever the pod says.
        if (head.minor_version_ == 1 && head.has("Upgrade") && head.has_connection_option("upgrade"))
            head.keep_alive_ = false;
        head.octets_ = std::move(octets_);
        return {};
    }

    Error request_line(RequestHead& head) {
        const auto text = line();
        if (!text || text->find('\r') != std::string_view::npos) return HeadError{400, not_crlf};
        const auto first = text->find(' '), last = text->rfind(' ');
        if (first == std::string_view::npos || first == last)
            return HeadError{400, "the request line is not 'method target version'"};
        if (auto error = request_method(head, text->substr(0, first))) return error;
        if (auto error = version(head, text->substr(last + 1), 400)) return error;
        return served(head, text->substr(first + 1, last - first - 1));
    }

    static Error request_method(RequestHead& head, std::string_view method) {
        if (!is_token(method) || method.size() > 32) return HeadError{400, "the method is malformed"};
        head.method_ = method;
        return {};
    }

    Error served(RequestHead& head, std::string_view target) {
        if (head.method_ == "CONNECT" || head.method_ == "TRACE")
            return HeadError{405, "CONNECT and TRACE are not served"};
        if (target.size() > limits_.target) return HeadError{414, "the request target is too long"};
        return request_target(head, target);
    }

    Error request_target(RequestHead& head, std::string_view target) {
        if (target.empty() || !all_are<is_target_char>(target))
            return HeadError{400, "the request target has a character that must be percent-encoded"};
        head.target_ = target;
        if (target.front() == '/') return {};
        if (target == "*") {
            if (head.method_ == "OPTIONS") return {};
            return HeadError{400, "only OPTIONS may have the target *"};
        }
        std::size_t scheme = 0;
        for (std::string_view known : {"http://", "https://"})
            if (same_name(target.substr(0, known.size()), known)) scheme = known.size();
        if (scheme == 0) return HeadError{400, "the request target is neither a path nor an http URL"};
        head.scheme_ = scheme == 7 ? RequestHead::Scheme::http : RequestHead::Scheme::https;
        const auto authority_end = std::min(target.find_first_of("/?", scheme), target.size());
        head.host_ = target.substr(scheme, authority_end - scheme);
        if (!is_host(head.host_)) return HeadError{400, "the authority of the request target is malformed"};
        head.target_ = target.substr(authority_end);
        if (head.target_.empty())
            head.target_ = head.method_ == "OPTIONS" ? "*" : "/";  // RFC 9112 section 3.2.4
        else if (head.target_.front() != '/')
            return HeadError{400, "the request target has a query but no path"};
        return {};
    }

    Error status_line(ResponseHead& head) {
        const auto text = line();
        if (!text || text->size() < 12 || (*text)[8] != ' ')
            return HeadError{502, "the status line is malformed"};
        if (auto error = version(head, text->substr(0, 8), 502)) return error;
        const auto code = text->substr(9, 3);
        if (!all_are<is_digit>(code)) return HeadError{502, "the status is not a number"};
        head.status_ = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
        if (head.status_ < 100 || head.status_ > 599) return HeadError{502, "the status is out of range"};
        if (text->size() > 12) {
            if ((*text)[12] != ' ' || !is_field_value(text->substr(13)))
                return HeadError{502, "the status line is malformed"};
            head.reason_ = text->substr(13);
        }
        return {};
    }

    static std::optional<std::string_view> what_is_wrong_with(const Field& field) {
        if (!is_token(field.name)) return "a field name is malformed";
        if (!is_field_value(field.value)) return "a field value has a control character";
        return std::nullopt;
    }

    Error field_lines(Head& head, int status) {
        thread_local std::vector<Field> fields;
        fields.clear();
        for (;;) {
            const auto text = line();
            if (!text) return HeadError{status, not_crlf};
            if (text->empty()) break;
            if (fields.size() >= limits_.fields)
                return wrong(*text, status == 400 ? 431 : status, too_many_fields);
            if (is_blank(text->front())) return wrong(*text, status, "a field is folded over lines");
            const auto colon = text->find(':');
            if (colon == std::string_view::npos) return wrong(*text, status, "a field line has no colon");
            const Field field{text->substr(0, colon), trim(text->substr(colon + 1))};
            if (const auto what = what_is_wrong_with(field)) return wrong(*text, status, *what);
            fields.push_back(field);
        }
        if (!rest_.empty()) return HeadError{status, "octets follow the head"};
        // Exactly as many as there are: a held request may wait long with thousands of others.
        head.fields_.assign(fields.begin(), fields.end());
        return {};
    }

    Error request_host(RequestHead& head) {
        std::size_t hosts = 0;
        std::string_view host;
        for (const auto& field : head.fields_)
            if (same_name(field.name, "Host")) ++hosts, host = field.value;
        if (hosts > 1) return HeadError{400, "there is more than one Host field"};
        if (hosts == 0 && head.minor_version_ == 1) return HeadError{400, "the Host field is missing"};
        const bool judged = !head.host_.empty() && host == head.host_;  // as the authority of the target
        if (hosts == 1 && !judged && !is_host(host)) return HeadError{400, "the Host field is malformed"};
        if (head.host_.empty()) head.host_ = host;  // the authority of an absolute-form wins, RFC 9112 3.2.2
        return {};
    }

    // Content-Length and Transfer-Encoding: at most one field of one of them, in its plainest form.
    Error framing_fields(Head& head, int status, bool& sized, bool& chunked) {
        const bool has_length = head.has("Content-Length"), has_coding = head.has("Transfer-Encoding");
        if (has_length && has_coding)
            return HeadError{status, "Content-Length and Transfer-Encoding contradict each other"};
        if (!has_length && !has_coding) return {};
        for (const auto& field : head.fields_) {
            if (same_name(field.name, "Content-Length")) {
                if (sized) return HeadError{status, "there is more than one Content-Length"};
                const auto text = field.value;
                const bool digits = !text.empty() && text.size() <= 18 && all_are<is_digit>(text);
                if (!digits || (text.size() > 1 && text.front() == '0'))
                    return HeadError{status, "Content-Length is not a plain decimal number"};
                std::from_chars(text.data(), text.data() + text.size(), head.content_length_);
                sized = true;
            } else if (same_name(field.name, "Transfer-Encoding")) {
                if (chunked) return HeadError{status, "there is more than one Transfer-Encoding"};
                if (auto error = transfer_coding(field.value, status)) return error;
                chunked = true;
            }
        }
        if (chunked && head.minor_version_ == 0)
            return HeadError{status, "HTTP/1.0 has no Transfer-Encoding"};
        return {};
    }

    // Exactly "chunked". RFC 9112 section 6.1: what ends in chunked after codings that we do not know could
    // be read by somebody, not by us (501); all else has no length that two would agree on (400).
    static Error transfer_coding(std::string_view value, int status) {
        if (same_name(value, "chunked")) return {};
        std::size_t chunkeds = 0;
        std::string_view last;
        bool plain = !value.ends_with(',');
        for (auto list = value; !list.empty();) {
            last = next_element(list);
            plain = plain && is_token(last);
            chunkeds += same_name(last, "chunked");
        }
        if (status == 400 && plain && chunkeds == 1 && same_name(last, "chunked")) status = 501;
        return HeadError{status, "the only transfer coding spoken here is chunked"};
    }

    // RFC 9110 section 7.6.1: a list of tokens. Who reads "close;x" as close and who does not part here.
    Error connection_options(Head& head, int status) {
        for (const auto& field : head.fields_) {
            if (!same_name(field.name, "Connection")) continue;
            for (auto list = field.value; !list.empty();) {
                const auto option = next_element(list);
                if (option.empty()) continue;
                if (!is_token(option)) return HeadError{status, "a Connection option is malformed"};
                if (same_name(option, "close"))
                    close_ = true;
                else if (same_name(option, "keep-alive"))
                    keep_alive_ = true;
                else
                    head.connection_names_fields_ = true;
            }
        }
        return {};
    }

    // RFC 9110 section 7.6.2; TRACE is refused, and with other methods it means nothing.
    static Error max_forwards(RequestHead& head) {
        if (head.method_ != "OPTIONS") return {};
        for (const auto& field : head.fields_) {
            if (!same_name(field.name, "Max-Forwards")) continue;
            const auto text = field.value;
            std::uint64_t value = 0;
            if (head.max_forwards_ || text.empty() || text.size() > 18 || !all_are<is_digit>(text))
                return HeadError{400, "Max-Forwards is not one decimal number"};
            std::from_chars(text.data(), text.data() + text.size(), value);
            head.max_forwards_ = value;
        }
        return {};
    }

    Error request_framing(RequestHead& head) {
        bool sized = false, chunked = false;
        if (auto error = framing_fields(head, 400, sized, chunked)) return error;
        head.framing_ = chunked ? Framing::chunked : sized ? Framing::sized : Framing::none;
        return {};
    }

    Error response_framing(ResponseHead& head, bool to_head) {
        bool sized = false, chunked = false;
        if (auto error = framing_fields(head, 502, sized, chunked)) return error;
        const int status = head.status_;
        if (to_head || status < 200 || status == 204 || status == 304)
            head.framing_ = Framing::none;
        else
            head.framing_ = chunked ? Framing::chunked : sized ? Framing::sized : Framing::until_close;
        return {};
    }

    Error expectation(RequestHead& head) {
        for (const auto& field : head.fields_) {
            if (!same_name(field.name, "Expect")) continue;
            if (!same_name(field.value, "100-continue"))
                return HeadError{417, "the only expectation met here is 100-continue"};
            head.expects_continue_ = head.minor_version_ == 1;
        }
        return {};
    }

    // RFC 6455 section 4.2.1. Whoever asks for a WebSocket asks for it properly: a pod that reads half a
    // handshake as one would speak frames to somebody who reads HTTP. Other protocols are not switched to:
    // their Upgrade is dropped (RFC 9110 section 7.8 lets us).
    static Error websocket(RequestHead& head) {
        if (!head.upgrades_to("websocket")) return {};
        if (head.method_ != "GET" || head.framing_ != Framing::none)
            return HeadError{400, "a WebSocket begins with a GET without a body"};
        std::size_t keys = 0;
        for (const auto& field : head.fields_) {
            if (!same_name(field.name, "Sec-WebSocket-Key")) continue;
            ++keys;
            if (!is_websocket_key(field.value)) return HeadError{400, "Sec-WebSocket-Key is malformed"};
        }
        if (keys != 1) return HeadError{400, "a WebSocket's handshake has one Sec-WebSocket-Key"};
        if (head.connection_names_websocket_fields())
            return HeadError{
                400, "a WebSocket's handshake is for its other end: its fields are no Connection options"};
        head.websocket_ = true;
        return {};
    }

    // 16 octets in base64.
    static bool is_websocket_key(std::string_view key) {
        return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, [](char c) {
                   return is_digit(c) || is_alpha(c) || c == '+' || c == '/';
               });
    }

    // RFC 9112 section 9.3; close wins over everything.
    void persistence(Head& head) const {
        head.keep_alive_ =
            !close_ && (head.minor_version_ == 1 || keep_alive_) && head.framing_ != Framing::until_close;
    }

    HeadLimits limits_;
    std::size_t size_;
    std::unique_ptr<char[]> octets_;
    std::string_view rest_;
    bool close_ = false, keep_alive_ = false;  // what Connection says
};

namespace {

// An octet that no head has, or a CR or LF that is not a line's end.
bool has_stray_octet(std::string_view octets, std::size_t searched) {
    for (auto at = searched > 0 ? searched - 1 : 0; at < octets.size(); ++at) {
        const char c = octets[at];
        if (is_field_octet(c)) continue;
        const bool line_ends = (c == '\r' && (at + 1 == octets.size() || octets[at + 1] == '\n')) ||
                               (c == '\n' && at > 0 && octets[at - 1] == '\r');
        if (!line_ends) return true;
    }
    return false;
}

constexpr std::string_view stray_octet = "a line does not end in CRLF, or has a control character";

bool has_a_line(std::string_view octets) {
    return octets.find("\r\n") != std::string_view::npos;
}

}  // namespace

std::optional<HeadError> refused_early(std::string_view octets, const HeadLimits& limits,
                                       std::size_t searched) {
    if (has_stray_octet(octets, searched)) return HeadError{400, stray_octet};
    if (has_a_line(octets.substr(0, searched))) return {};  // it was looked at when it was whole
    return HeadParser(octets, limits).first_line();
}

std::optional<HeadError> response_refused_early(std::string_view octets, std::size_t searched) {
    if (has_stray_octet(octets, searched)) return HeadError{502, stray_octet};
    if (has_a_line(octets.substr(0, searched))) return {};
    if (has_a_line(octets)) return HeadParser(octets, {}).status_line_alone();
    const std::string_view beginning = "HTTP/1.";
    if (octets.substr(0, beginning.size()) != beginning.substr(0, octets.size()))
        return HeadError{502, "it is not HTTP"};
    return {};
}

std::variant<RequestHead, HeadError> parse_request(std::string_view octets, const HeadLimits& limits) {
    return HeadParser(octets, limits).request();
}

std::variant<RequestHead, HeadError> request_of(RequestParts parts, const HeadLimits& limits) {
    return HeadParser(std::move(parts.octets), limits)
        .request(parts.method, parts.target, std::move(parts.fields));
}

std::variant<ResponseHead, HeadError> parse_response(std::string_view octets, const HeadLimits& limits,
                                                     bool to_head) {
    return HeadParser(octets, limits).response(to_head);
}

}  // namespace proxy
