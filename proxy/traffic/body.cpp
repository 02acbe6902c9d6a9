#include "proxy/traffic/body.hpp"

namespace proxy {

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length)
    : framing_(framing),
      state_(framing == Framing::none || (framing == Framing::sized && content_length == 0) ? State::done
                                                                                            : State::more),
      left_(framing == Framing::sized ? content_length : 0) {}

// RFC 9112 section 7.1. Extensions are ignored and bounded, trailers dropped and bounded (7.1.2: never
// merged).
bool BodyDecoder::framing_octet(char c) {
    const auto u = static_cast<unsigned char>(c);
    switch (at_) {
        case At::size: {
            if (++line_ > max_line) return false;
            const int digit = c >= '0' && c <= '9'   ? c - '0'
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
            if (c == ';') return at_ = At::extension, true;
            if (c == '\r') return at_ = At::size_lf, true;
            return false;
        }
        case At::extension:
            if (++line_ > max_line || ++extensions_ > max_extensions) return false;
            if (c == '\r') return at_ = At::size_lf, true;
            return c == '\t' || (u >= 0x20 && u != 0x7f);
        case At::size_lf:
            if (c != '\n') return false;
            line_ = 0;
            any_digit_ = false;
            at_ = left_ > 0 ? At::data : At::trailer;
            return true;
        case At::data:
            return true;  // not framing
        case At::data_cr:
            at_ = At::data_lf;
            return c == '\r';
        case At::data_lf:
            at_ = At::size;
            return c == '\n';
        case At::trailer:
            if (++trailers_ > max_trailers) return false;
            if (c == '\r') return at_ = At::trailer_lf, true;
            ++trailer_line_;
            return c == '\t' || (u >= 0x20 && u != 0x7f);
        case At::trailer_lf:
            if (c != '\n') return false;
            if (trailer_line_ == 0) state_ = State::done;
            trailer_line_ = 0;
            at_ = At::trailer;
            return true;
    }
    return false;
}

}  // namespace proxy
