// A message body's framing, read octet for octet as strictly as the head. Pure: the content is handed to a
// sink.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "proxy/traffic/head.hpp"

namespace proxy {

class BodyDecoder {
public:
    enum class State : unsigned char { more, done, malformed };

    BodyDecoder(Framing framing, std::uint64_t content_length);

    // Reads from the front of `octets`, gives content to `sink` and returns how many octets it took. It stops
    // at the end of the body: what follows belongs to the next message. Trailers are read, bounded and
    // dropped.
    template <class Sink>
    std::size_t feed(std::string_view octets, Sink&& sink);

    // The peer closed. True if that is a proper end (no length was given), false if the body is cut short.
    bool closed() {
        if (framing_ == Framing::until_close) state_ = State::done;
        return state_ == State::done;
    }

    State state() const { return state_; }

    // Octets of content that are announced and have not come: of this chunk, or of the whole body.
    std::uint64_t announced() const { return left_; }

private:
    enum class At : unsigned char {
        size,
        extension,  // after ';'
        extension_name,
        after_name,
        extension_value,  // after '='
        value_token,
        value_quoted,
        value_escaped,
        after_quoted,
        after_value,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer,  // at the beginning of a line
        trailer_name,
        trailer_value,
        trailer_lf,
        last_lf
    };

    // One octet of chunked framing outside chunk data; false if it is malformed.
    bool framing_octet(char);
    bool size_octet(char);
    bool extension_octet(char);
    bool trailer_octet(char);
    bool go(At at) {
        at_ = at;
        return true;
    }

    static constexpr std::uint32_t max_line = 256;           // a chunk-size line with its extensions
    static constexpr std::uint32_t max_extensions = 16'384;  // all of them
    static constexpr std::uint32_t max_trailers = 8'192;

    Framing framing_;
    State state_;
    At at_ = At::size;
    std::uint64_t left_;  // octets of this chunk, or of the whole body
    std::uint32_t line_ = 0, extensions_ = 0, trailers_ = 0;
    bool any_digit_ = false;
};

template <class Sink>
std::size_t BodyDecoder::feed(std::string_view octets, Sink&& sink) {
    std::size_t taken = 0;
    while (state_ == State::more && taken < octets.size()) {
        const bool content = framing_ != Framing::chunked || at_ == At::data;
        if (!content) {
            if (!framing_octet(octets[taken])) state_ = State::malformed;
            ++taken;
            continue;
        }
        auto piece = octets.substr(taken);
        if (framing_ != Framing::until_close && piece.size() > left_)
            piece = piece.substr(0, static_cast<std::size_t>(left_));
        sink(piece);
        taken += piece.size();
        if (framing_ == Framing::until_close) continue;
        left_ -= piece.size();
        if (left_ > 0) continue;
        if (framing_ == Framing::chunked)
            at_ = At::data_cr;
        else
            state_ = State::done;
    }
    return taken;
}

}  // namespace proxy
