#include "proxy/traffic/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <optional>
#include <stdexcept>

#include "proxy/traffic/refusal.hpp"

namespace proxy {

std::string_view http_date() {
    thread_local std::time_t made = 0;
    thread_local std::string text;
    if (const auto now = std::time(nullptr); now != made) {
        made = now;
        text = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
    }
    return text;
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)),
                       ms % 1000);
}

std::string rfc3339_now() {
    return rfc3339(std::chrono::system_clock::now());
}

// Drawn in batches: a draw costs much more than what is drawn, and a request has five.
std::uint64_t random64() {
    thread_local std::array<std::uint64_t, 512> drawn;
    thread_local std::size_t left = 0;
    if (left == 0) {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(drawn.data()), static_cast<int>(sizeof drawn)) != 1)
            throw std::runtime_error("the system's random generator failed");
        left = drawn.size();
    }
    return drawn[--left];
}

void append_hex(std::string& out, std::uint64_t value) {
    static constexpr auto pairs = [] {  // of two digits
        constexpr std::string_view digits = "0123456789abcdef";
        std::array<std::array<char, 2>, 256> all{};
        for (std::size_t octet = 0; octet < 256; ++octet)
            all[octet] = {digits[octet >> 4], digits[octet & 15]};
        return all;
    }();
    std::array<char, 16> text;
    for (auto at = text.end(); at != text.begin(); value >>= 8)
        std::copy_n(pairs[value & 255].begin(), 2, at -= 2);
    out.append(text.data(), text.size());
}

std::string hex(std::uint64_t value) {
    std::string out;
    out.reserve(16);
    append_hex(out, value);
    return out;
}

// In one step: a head has many lines.
void append_line(std::string& out, std::string_view name, std::string_view value) {
    const auto before = out.size();
    out.resize(before + name.size() + value.size() + 4);
    auto* at = std::copy(name.begin(), name.end(), out.data() + before);
    *at++ = ':', *at++ = ' ';
    at = std::copy(value.begin(), value.end(), at);
    *at++ = '\r', *at = '\n';
}

namespace {

// Length of the valid UTF-8 sequence at the front, 0 if there is none (overlong forms and surrogates are
// none).
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
    const auto c = at(0);
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c < 0xe0) return tail(1) ? 2 : 0;
    if (c >= 0xe0 && c < 0xf0) {
        const bool good = !(c == 0xe0 && at(1) < 0xa0) && !(c == 0xed && at(1) >= 0xa0);
        return good && tail(1) && tail(2) ? 3 : 0;
    }
    if (c >= 0xf0 && c < 0xf5) {
        const bool good = !(c == 0xf0 && at(1) < 0x90) && !(c == 0xf4 && at(1) >= 0x90);
        return good && tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

// Of what a terminal or a reader of lines would act upon: C0, DEL, and C1 (ISO 6429), which UTF-8 writes as
// C2 80 to C2 9F.
std::optional<unsigned> control(std::string_view text) {
    const auto c = static_cast<unsigned char>(text[0]);
    if (c < 0x20 || c == 0x7f) return c;
    if (c != 0xc2 || text.size() < 2) return std::nullopt;
    const auto next = static_cast<unsigned char>(text[1]);
    return next >= 0x80 && next < 0xa0 ? std::optional<unsigned>(next) : std::nullopt;
}

std::string escaped(std::string_view text, std::string_view with_backslash) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (with_backslash.find(text.front()) != std::string_view::npos)
            (out += '\\') += text.front();
        else if (length == 0)
            out += "\\ufffd";
        else if (const auto code = control(text))
            out += fmt::format("\\u{:04x}", *code);
        else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

}  // namespace

std::string json_escape(std::string_view text) {
    return escaped(text, "\"\\");
}

std::string escape_controls(std::string_view text) {
    return escaped(text, {});
}

std::string html_escape(std::string_view text) {
    std::string out;
    for (const char c : text) switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    return out;
}

}  // namespace proxy
