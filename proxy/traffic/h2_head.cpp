#include "proxy/traffic/h2_head.hpp"

#include <algorithm>

#include "proxy/traffic/octet.hpp"

namespace proxy {
namespace {

constexpr std::size_t size_of_a_field = 32;  // beside its octets, RFC 9113 section 10.5.1
constexpr std::size_t fields_of_ours = 5;    // Host, Cookie, Transfer-Encoding, or what a WebSocket needs

bool is_lower_case_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(),
                                        [](char c) { return is_token_octet(c) && !(c >= 'A' && c <= 'Z'); });
}

// RFC 9113 section 8.2.1, and no control character at all.
bool is_clean_value(std::string_view value) {
    return are_field_octets(value) &&
           (value.empty() || (!is_blank(value.front()) && !is_blank(value.back())));
}

bool is_graphic(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// All that could end the authority of a URL, or speak of a user, is refused; the rest is the parser's to
// judge.
bool is_authority(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_digit(c) || is_alpha(c) || std::string_view(".:-_[]").find(c) != std::string_view::npos;
    });
}

// RFC 9113 section 8.2.2
bool is_connection_specific(std::string_view name) {
    return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
           name == "transfer-encoding" || name == "upgrade";
}

void line(std::string& out, std::string_view name, std::string_view value) {
    ((out += name) += ": ") += value;
    out += "\r\n";
}

}  // namespace

void H2Head::add(std::string_view name, std::string_view value) {
    octets_ += name.size() + value.size() + size_of_a_field;
    if (octets_ > most_octets_ || ++fields_ > limits_.fields) refuse(431, "the head has too many fields");
    if (error_) return;
    if (!is_clean_value(value))
        return refuse(400, "a field value has a control character, or a blank at its ends");
    if (name.starts_with(':'))
        add_pseudo(name, value);
    else
        add_field(name, value);
}

void H2Head::add_pseudo(std::string_view name, std::string_view value) {
    if (any_field_) return refuse(400, "a pseudo-header field comes after others");
    Pseudo* const slot = name == ":method"      ? &method_
                         : name == ":scheme"    ? &scheme_
                         : name == ":authority" ? &authority_
                         : name == ":path"      ? &path_
                         : name == ":protocol"  ? &protocol_
                                                : nullptr;
    if (slot == nullptr) return refuse(400, "there is an unknown pseudo-header field");
    if (*slot) return refuse(400, "a pseudo-header field is there twice");
    *slot = value;
}

bool H2Head::is_trailer(std::string_view name, std::string_view value) {
    return is_lower_case_name(name) && is_clean_value(value) && !is_connection_specific(name);
}

void H2Head::add_field(std::string_view name, std::string_view value) {
    any_field_ = true;
    if (!is_lower_case_name(name)) return refuse(400, "a field name is not a token in lower case");
    if (is_connection_specific(name)) return refuse(400, "a field is about a connection of HTTP/1.1");
    if (name == "te" && !same_name(value, "trailers")) return refuse(400, "TE is other than trailers");
    if (name == "host") {
        if (host_) return refuse(400, "there is more than one Host field");
        host_ = value;
        return;
    }
    if (name == "cookie") {  // RFC 9113 section 8.2.3
        if (!cookie_.empty()) cookie_ += "; ";
        cookie_ += value;
        return;
    }
    if (name == "sec-websocket-key" && protocol_) return;  // there is none: RFC 8441 section 5
    if (name == "content-length") sized_ = true;
    line(lines_, name, value);
}

void H2Head::check_request() {
    if (!method_ || !all_are<is_token_octet>(*method_))
        return refuse(400, "the method is missing or malformed");
    if (protocol_ && *method_ != "CONNECT") return refuse(400, ":protocol is for CONNECT");
    if (!protocol_ && *method_ == "CONNECT") return refuse(405, "CONNECT and TRACE are not served");
    if (protocol_ && *protocol_ != "websocket")
        return refuse(501, "the only :protocol spoken here is websocket");
    if (!scheme_ || (*scheme_ != "http" && *scheme_ != "https"))
        return refuse(400, ":scheme is neither http nor https");
    if (!authority_) authority_ = host_;
    if (!authority_ || !is_authority(*authority_)) return refuse(400, ":authority is missing or malformed");
    if (host_ && !same_name(*host_, *authority_)) return refuse(400, ":authority and Host differ");
    if (!path_ || !is_graphic(*path_)) return refuse(400, ":path is missing or malformed");
    if (path_->front() != '/' && (*path_ != "*" || *method_ != "OPTIONS"))
        return refuse(400, ":path is not a path");
    if (path_->size() > limits_.target) return refuse(414, "the request target is too long");
}

std::variant<RequestHead, HeadError> H2Head::finish(bool ended, std::string_view websocket_key) {
    if (!error_) check_request();
    if (error_) return *error_;
    if (protocol_ && (ended || sized_))
        return HeadError{400, "a WebSocket's stream has no content of its own"};

    std::string text;
    text.reserve(lines_.size() + cookie_.size() + path_->size() + 2 * authority_->size() + 160);
    text += protocol_ ? std::string_view("GET") : std::string_view(*method_);
    text += ' ';
    if (*path_ != "*") ((text += *scheme_) += "://") += *authority_;
    (text += *path_) += " HTTP/1.1\r\n";
    line(text, "Host", *authority_);
    text += lines_;
    if (!cookie_.empty()) line(text, "Cookie", cookie_);
    if (protocol_) {
        text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        line(text, "Sec-WebSocket-Key", websocket_key);
    } else if (!ended && !sized_) {
        text += "Transfer-Encoding: chunked\r\n";  // its length is not known; the pod hears nothing of this
    }
    text += "\r\n";

    auto limits = limits_;
    limits.fields += fields_of_ours;
    limits.target += scheme_->size() + 3 + authority_->size();
    auto parsed = parse_request(text, limits, Protocol::http2);
    if (const auto* head = std::get_if<RequestHead>(&parsed); head != nullptr && ended)
        if (head->content_length() > 0) return HeadError{400, "the announced content is missing"};
    return parsed;
}

H2Fields::H2Fields(std::string_view text) : octets_(text.begin(), text.end()) {
    const std::string_view head(octets_.data(), octets_.size());
    all_.reserve(head.size() / 32);  // more or less
    const auto status = head.substr(std::string_view("HTTP/1.1 ").size(), 3);
    const bool switches = status == "101";
    all_.push_back({":status", switches ? "200" : status});
    for (auto end = head.find('\n'); end != std::string_view::npos;) {
        const auto begin = end + 1;
        auto colon = begin;
        for (; colon < head.size() && octets_[colon] != ':'; ++colon) octets_[colon] = lower(octets_[colon]);
        end = head.find('\r', colon);
        if (end == std::string_view::npos) break;
        const auto name = head.substr(begin, colon - begin);
        auto value = head.substr(colon + 1, end - colon - 1);
        ++end;  // at the LF
        if (is_connection_specific(name) || (switches && name == "sec-websocket-accept")) continue;
        while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
        all_.push_back({name, value});
    }
}

}  // namespace proxy
