#include "proxy/traffic/body.hpp"

#include "proxy/traffic/octet.hpp"

namespace proxy {

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length)
    : framing_(framing),
      state_(framing == Framing::none || (framing == Framing::sized && content_length == 0) ? State::done
                                                                                            : State::more),
      left_(framing == Framing::sized ? content_length : 0) {}

// RFC 9112 section 7.1. Extensions are ignored and bounded, trailers dropped and bounded (7.1.2: never
// merged); both must be what the grammar says all the same, or somebody else may find another end of the
// line.
bool BodyDecoder::framing_octet(char c) {
    switch (at_) {
        case At::size:
            return ++line_ <= max_line && size_octet(c);
        case At::size_lf:
            if (c != '\n') return false;
            line_ = 0;
            any_digit_ = false;
            return go(left_ > 0 ? At::data : At::trailer);
        case At::data:
            return true;  // not framing
        case At::data_cr:
            at_ = At::data_lf;
            return c == '\r';
        case At::data_lf:
            at_ = At::size;
            return c == '\n';
        case At::trailer:
        case At::trailer_name:
        case At::trailer_value:
        case At::trailer_lf:
        case At::last_lf:
            return ++trailers_ <= max_trailers && trailer_octet(c);
        default:
            return ++line_ <= max_line && ++extensions_ <= max_extensions && extension_octet(c);
    }
}

bool BodyDecoder::size_octet(char c) {
    const int digit = is_digit(c)            ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit >= 0) {
        if (left_ >> 56) return false;  // no body is that long
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        any_digit_ = true;
        return true;
    }
    if (!any_digit_) return false;
    if (c == ';') return go(At::extension);
    return c == '\r' && go(At::size_lf);  // a blank behind the size is a space that RFC 9112 calls bad
}

// RFC 9112 section 7.1.1
bool BodyDecoder::extension_octet(char c) {
    switch (at_) {
        case At::extension:
            return is_blank(c) || (is_token_octet(c) && go(At::extension_name));
        case At::extension_name:
            if (is_token_octet(c)) return true;
            if (is_blank(c)) return go(At::after_name);
            [[fallthrough]];
        case At::after_name:
            if (c == '\r') return at_ == At::extension_name && go(At::size_lf);
            if (c == '=') return go(At::extension_value);
            return is_blank(c) || (c == ';' && go(At::extension));
        case At::extension_value:
            if (c == '"') return go(At::value_quoted);
            return is_blank(c) || (is_token_octet(c) && go(At::value_token));
        case At::value_quoted:
            if (c == '"') return go(At::after_quoted);
            if (c == '\\') return go(At::value_escaped);
            return is_field_octet(c);
        case At::value_escaped:
            return is_field_octet(c) && go(At::value_quoted);
        case At::value_token:
            if (is_token_octet(c)) return true;
            [[fallthrough]];
        case At::after_quoted:
            if (c == '\r') return go(At::size_lf);
            if (is_blank(c)) return go(At::after_value);
            [[fallthrough]];
        case At::after_value:
            return is_blank(c) || (c == ';' && go(At::extension));
        default:
            return false;
    }
}

bool BodyDecoder::trailer_octet(char c) {
    switch (at_) {
        case At::trailer:
            return c == '\r' ? go(At::last_lf) : is_token_octet(c) && go(At::trailer_name);
        case At::trailer_name:
            return c == ':' ? go(At::trailer_value) : is_token_octet(c);
        case At::trailer_value:
            return c == '\r' ? go(At::trailer_lf) : is_field_octet(c);
        case At::trailer_lf:
            return c == '\n' && go(At::trailer);
        case At::last_lf:
            state_ = State::done;
            return c == '\n';
        default:
            return false;
    }
}

}  // namespace proxy
