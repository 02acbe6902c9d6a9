#include "proxy/traffic/h2_head.hpp"

#include <algorithm>

#include "proxy/traffic/h2_fields.hpp"
#include "proxy/traffic/octet.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {
namespace {

constexpr std::size_t size_of_a_field = 32;  // beside its octets, RFC 9113 section 10.5.1
constexpr std::size_t usual_octets = 1'000, usual_fields = 20;
constexpr std::size_t fields_of_ours = 5;  // Host, Cookie, Transfer-Encoding, or what a WebSocket needs

constexpr OctetTable name_table([](char c) { return is_token_octet(c) && !(c >= 'A' && c <= 'Z'); });
constexpr bool is_name_octet(char c) {
    return name_table[c];
}
bool is_lower_case_name(std::string_view name) {
    return !name.empty() && all_are<is_name_octet>(name);
}

// RFC 9113 section 8.2.1, and no control character at all.
bool is_clean_value(std::string_view value) {
    return are_field_octets(value) &&
           (value.empty() || (!is_blank(value.front()) && !is_blank(value.back())));
}

// All that could end the authority of a URL, or speak of a user, is refused; the rest is the parser's to
// judge.
constexpr OctetTable authority_table([](char c) {
    return is_digit(c) || is_alpha(c) || c == '.' || c == ':' || c == '-' || c == '_' || c == '[' || c == ']';
});
constexpr bool is_authority_octet(char c) {
    return authority_table[c];
}

}  // namespace

void H2Head::add(std::string_view name, std::string_view value) {
    octets_ += name.size() + value.size() + size_of_a_field;
    if (fields_ == 0) text_.reserve(usual_octets), lines_.reserve(usual_fields);
    if (octets_ > most_octets_ || ++fields_ > limits_.fields) refuse(431, "the head has too many fields");
    if (error_) return;
    if (!is_clean_value(value))
        return refuse(400, "a field value has a control character, or a blank at its ends");
    if (name.starts_with(':'))
        add_pseudo(name, value);
    else
        add_field(name, value);
}

H2Head::Span H2Head::keep(std::string_view octets) {
    const Span span{text_.size(), octets.size()};
    text_ += octets;
    return span;
}

// As HTTP/1.1 writes it, and as it goes to the pod.
void H2Head::add_line(std::string_view name, std::string_view value) {
    const auto begin = text_.size();
    append_line(text_, name, value);
    lines_.push_back({{begin, name.size()}, {begin + name.size() + 2, value.size()}});
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
    *slot = keep(value);
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
        host_ = keep(value);
        return;
    }
    if (name == "cookie") {  // RFC 9113 section 8.2.3
        if (!cookie_.empty()) cookie_ += "; ";
        cookie_ += value;
        return;
    }
    if (name == "sec-websocket-key" && protocol_) return;  // there is none: RFC 8441 section 5
    if (name == "content-length") sized_ = true;
    add_line(name, value);
}

void H2Head::check_request() {
    if (!method_) return refuse(400, "the method is missing");
    const bool connects = text(method_) == "CONNECT";
    if (protocol_ && !connects) return refuse(400, ":protocol is for CONNECT");
    if (!protocol_ && connects) return refuse(405, "CONNECT and TRACE are not served");
    if (protocol_ && text(protocol_) != "websocket")
        return refuse(501, "the only :protocol spoken here is websocket");
    if (!scheme_ || (text(scheme_) != "http" && text(scheme_) != "https"))
        return refuse(400, ":scheme is neither http nor https");
    if (!authority_) authority_ = host_;
    if (!authority_ || authority_->size == 0 || !all_are<is_authority_octet>(text(authority_)))
        return refuse(400, ":authority is missing or malformed");
    if (host_ && !same_name(text(host_), text(authority_))) return refuse(400, ":authority and Host differ");
    if (!path_ || path_->size == 0) return refuse(400, ":path is missing");
    if (text(path_).front() != '/' && (text(path_) != "*" || text(method_) != "OPTIONS"))
        return refuse(400, ":path is not a path");
    if (path_->size > limits_.target) return refuse(414, "the request target is too long");
}

// There is room for what is added to the text from here on: what is said again is of the text itself.
H2Head::Span H2Head::add_target() {
    const auto begin = text_.size();
    text_.reserve(begin + scheme_->size + 2 * authority_->size + path_->size + cookie_.size() + 160);
    if (text(path_) == "*") return *path_;
    ((text_ += text(scheme_)) += "://") += text(authority_);
    text_ += text(path_);
    return {begin, text_.size() - begin};
}

RequestParts H2Head::parts(std::string_view method, Span target) const {
    RequestParts out;
    out.octets = std::make_unique_for_overwrite<char[]>(text_.size());
    std::copy(text_.begin(), text_.end(), out.octets.get());
    const auto view = [&](Span span) { return std::string_view(out.octets.get() + span.at, span.size); };
    out.method = method.empty() ? view(*method_) : method;
    out.target = view(target);
    // Exactly as many as there are: a held request may wait long with thousands of others.
    out.fields.reserve(lines_.size());
    for (const auto& [name, value] : lines_) out.fields.push_back({view(name), view(value)});
    return out;
}

std::variant<RequestHead, HeadError> H2Head::finish(bool ended, std::string_view websocket_key) {
    if (!error_) check_request();
    if (error_) return *error_;
    if (protocol_ && (ended || sized_))
        return HeadError{400, "a WebSocket's stream has no content of its own"};

    const auto target = add_target();
    add_line("Host", text(authority_));
    if (!cookie_.empty()) add_line("Cookie", cookie_);
    if (protocol_) {
        add_line("Connection", "Upgrade");
        add_line("Upgrade", "websocket");
        add_line("Sec-WebSocket-Key", websocket_key);
    } else if (!ended && !sized_) {
        add_line("Transfer-Encoding", "chunked");  // its length is not known; the pod hears nothing of this
    }
    auto limits = limits_;
    limits.fields += fields_of_ours;
    limits.target += scheme_->size + 3 + authority_->size;
    auto judged = request_of(parts(protocol_ ? "GET" : "", target), limits);
    if (const auto* head = std::get_if<RequestHead>(&judged); head != nullptr && ended)
        if (head->content_length() > 0) return HeadError{400, "the announced content is missing"};
    return judged;
}

}  // namespace proxy
